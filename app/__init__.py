"""The window of the Generative Models Playground: everything that needs Qt, and nothing that needs torch."""
