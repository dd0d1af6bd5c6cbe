"""What the step viewer remembers and asks for: the ways of its lanes, and where a trajectory begins. Without Qt."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from app.panel import PanelState
from gm_core import api

LANES = ("a", "b", "c", "d")
OWN_GUIDANCE = -1.0
"""Stands for the model's own guidance where a number must stand."""


class StepsState(PanelState):
    """What the viewer remembers; a sampler '' and 0 steps are the model's own. Pictures are never among it."""

    count: int = api.param(9, "How many samples are drawn together.", lo=1, hi=400)
    lanes: tuple[str, ...] = api.param((), "How each lane goes: sampler, steps, guidance and kept step, as JSON.")
    views: tuple[str, ...] = api.param((), "What is shown beside the sample; empty: the first ones that there are.")
    lower: str = api.param("schedule", "What is drawn under the pictures.")
    y: int = api.param(-1, "The class that is drawn; -1 is none.", lo=-1, hi=100_000)
    guidance: float = api.param(OWN_GUIDANCE, "Guidance towards the class; -1 is the model's own.", lo=-1.0, hi=20.0)
    mix: tuple[float, ...] = api.param((), "Weights of the classes, the last for none; empty: no mix.")
    origin: str = api.param("", "The picture to begin from: 'train 17', 'test 3' or a small picture as text.")
    noise: float = api.param(0.5, "How much noise is laid on the picture to begin from.", lo=0.0, hi=1.0)
    branches: tuple[str, ...] = api.param((), "The branches of the tree, as JSON.")
    front: int = api.param(0, "The branch in front.", lo=0, hi=1_000_000)
    sample: int = api.param(0, "The sample whose branches have thumbnails.", lo=0, hi=400)


@dataclass(frozen=True)
class Way:
    """How one lane goes. `step` is a kept step of the run, None the shared one; `guidance` None that of all lanes."""

    sampler: str = ""
    steps: int = 0
    guidance: float | None = None
    step: int | None = None

    def text(self) -> str:
        """As JSON."""
        return json.dumps({k: v for k, v in asdict(self).items() if v is not None})

    def words(self) -> str:
        """In words."""
        parts = [self.sampler or "own sampler", f"{self.steps or 'own'} steps"]
        if self.guidance is not None:
            parts.append(f"guidance {self.guidance:g}")
        if self.step is not None:
            parts.append(f"step {self.step:,}")
        return ", ".join(parts)


def read_way(text: str) -> Way:
    """The way that a text tells; the model's own where it tells none."""
    try:
        found: dict[str, Any] = json.loads(text)
        guidance, step = found.get("guidance"), found.get("step")
        return Way(
            str(found.get("sampler", "")),
            max(0, int(found.get("steps", 0))),
            None if guidance is None else float(guidance),
            None if step is None else int(step),
        )
    except (ValueError, TypeError, AttributeError):
        return Way()


@dataclass(frozen=True)
class Origin:
    """The picture to begin from: an example of a split by its index, or a picture of one's own; else noise."""

    split: str = ""
    index: int = 0
    own: np.ndarray | None = None

    @property
    def given(self) -> bool:
        """Whether the way begins at a picture at all."""
        return bool(self.split) or self.own is not None

    def text(self) -> str:
        """In a word: 'test 3', or 'own 28x28x1 ...'."""
        if self.own is not None:
            shape = "x".join(map(str, self.own.shape))
            return f"own {shape} {base64.b64encode(self.own.tobytes()).decode()}"
        return f"{self.split} {self.index}" if self.split else ""


def read_origin(text: str) -> Origin:
    """The origin that a text tells; noise where it tells none."""
    kind, _, rest = text.partition(" ")
    if kind in ("train", "test") and rest.isdigit():
        return Origin(kind, int(rest))
    if kind == "own":
        shape, _, packed = rest.partition(" ")
        try:
            size = tuple(map(int, shape.split("x")))
            pixels = np.frombuffer(base64.b64decode(packed, validate=True), np.uint8)
            return Origin(own=pixels.reshape(size).copy()) if len(size) == 3 else Origin()
        except (ValueError, binascii.Error):
            return Origin()
    return Origin()
