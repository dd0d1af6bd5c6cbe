"""The capabilities: what a model can do and what a window can ask, one a module. Importable without torch."""
