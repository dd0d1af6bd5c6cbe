"""The bridge between the window and the engine: a timer that drains, a desk that asks, numpy that remembers."""
