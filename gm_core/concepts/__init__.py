"""The notes' mathematics as small interactive computations: one file a page, each a query, a frame and an answer.

They need no run, no model and no training. A file can be imported without torch, so that a page may name its query
and read its frame; `answer()` imports torch inside, on the worker's thread.
"""
