"""Errors as sentences: what people are told, with the full story beside it for those who want it."""

from __future__ import annotations

import gc
import traceback

import torch

from gm_core.data.base import DataError
from gm_core.protocol.events import Trouble
from gm_core.runs.store import RunsError
from gm_core.spec import SpecError
from gm_core.weights.checkpoint import CheckpointError

Told = (SpecError, DataError, RunsError, CheckpointError)
"""Errors whose message is already the sentence for people."""


def sentence(error: Exception, topic: str, run: str, ticket: int, during: str, paused: bool) -> Trouble:
    """An error, while it is being handled, as a Trouble; memory that it holds is freed where memory has run out."""
    details = traceback.format_exc()
    what = during or topic or "the worker"
    if isinstance(error, Told):
        words = str(error)
    elif isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error):
        error.__traceback__ = None  # its frames hold the tensors that filled the memory
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        rest = "; training is paused and nothing is lost" if paused else ""
        words = f"out of memory during {what}{rest}: use a smaller batch or model, or close other programs"
    else:
        first = (str(error).strip().splitlines() or ["no message"])[0]
        rest = "; training is paused" if paused else ""
        words = f"{what} failed with {type(error).__name__}: {first}{rest}"
    path = error.path if isinstance(error, SpecError) else ""
    return Trouble(words, topic=topic, run=run, path=path, ticket=ticket, details=details)
