"""How far a sheet is that is drawn one number after another."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Drawn:
    """How far a sheet is that is drawn one number after another: `done` of `total`, and about how long it will last."""

    done: int = 0
    total: int = 0
    began: float = 0.0
    first: int = 0
    now: float = 0.0

    @property
    def busy(self) -> bool:
        """Whether a sheet is on its way."""
        return 0 < self.done < self.total

    def moved(self, done: int, total: int, now: float) -> Drawn:
        """Further than before; fewer than before is another sheet."""
        if not self.busy or done <= self.done:
            return Drawn(done, total, now, done, now)
        return Drawn(done, total, self.began, self.first, now)

    def words(self) -> str:
        """How far, and how long it will last once that can be told."""
        told = f"pixel {self.done:,} of {self.total:,}"
        if self.done <= self.first:
            return told
        left = (self.now - self.began) / (self.done - self.first) * (self.total - self.done)
        return f"{told}, about {left:,.0f} s left" if left >= 0.5 else told
