"""Mirrors: twins of a training model in eval mode, lent to views, so that looking never touches what trains."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass
class _Twin:
    model: nn.Module
    version: object = None
    lent: bool = False


class Mirrors:
    """A small pool of eval twins of one model. A lease holds one set of weights until it is returned."""

    def __init__(self, model: nn.Module) -> None:
        self._source = model
        self._twins: list[_Twin] = []

    @torch.no_grad()
    def take(self, weights: Mapping[str, Tensor], version: object) -> nn.Module:
        """Borrow a twin that holds these weights; `version` names them, so that equal ones are not copied again."""
        free = [twin for twin in self._twins if not twin.lent]
        twin = next((t for t in free if t.version == version), free[0] if free else None)
        if twin is None:
            twin = _Twin(copy.deepcopy(self._source).eval().requires_grad_(False))
            self._twins.append(twin)
        if twin.version != version or version is None:
            twin.model.load_state_dict(dict(weights), strict=False)
            twin.version = version
        twin.lent = True
        return twin.model

    def give_back(self, model: nn.Module) -> None:
        """Return a borrowed twin."""
        for twin in self._twins:
            if twin.model is model:
                twin.lent = False

    @contextmanager
    def lease(self, weights: Mapping[str, Tensor], version: object) -> Iterator[nn.Module]:
        """Borrow a twin for a block."""
        model = self.take(weights, version)
        try:
            yield model
        finally:
            self.give_back(model)

    @property
    def lent(self) -> int:
        """Twins that are out now; 0 when every view has ended."""
        return sum(twin.lent for twin in self._twins)
