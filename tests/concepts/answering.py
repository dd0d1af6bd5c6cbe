"""Concepts asked as the worker asks them."""

from __future__ import annotations

import torch

from gm_core.capabilities.base import ALONE_ANSWERS
from gm_core.concepts.base import ConceptFrame, Query


def answer(query: Query) -> ConceptFrame:
    """The last frame of a concept's answer."""
    frames = [f for f in ALONE_ANSWERS[type(query)](query, torch.Generator().manual_seed(query.seed)) if f is not None]
    last = frames[-1]
    assert isinstance(last, ConceptFrame)
    return last
