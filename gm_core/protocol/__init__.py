"""What crosses between the window and the worker: frozen, picklable, numpy and builtins only. No torch, no Qt."""
