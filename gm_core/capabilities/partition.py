"""Partition: a model of energies that can say by what its density was divided: Z = integral exp(-E(x)) dx."""

from __future__ import annotations

from abc import abstractmethod

from gm_core.capabilities.base import Capability


class Partition(Capability):
    """Knows ln Z where the plane can be summed. Law: the density of the model is exp(-E(x) - ln Z)."""

    word = "partition"
    refines = "density"

    @abstractmethod
    def log_z(self) -> tuple[float, float]:
        """ln Z in the model's own range, in nats, and by how much a finer grid still changed it."""
