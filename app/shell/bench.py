"""The bench: which panels fit the run in front, and in plain words why the others do not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from app.faces import Face
from gm_core import api

WORDS = {
    "samples": "a model that draws samples",
    "reconstructs": "a model that reconstructs what it is shown",
    "latent": "a model with a latent space",
    "encodes": "a model that encodes examples",
    "denoises": "a model that repairs spoilt examples",
    "codebook": "a model with a codebook, such as VQ-VAE",
    "features": "a model whose filters can be looked at",
    "stepwise": "a model that draws step by step, such as diffusion",
    "sitewise": "a model that draws one pixel after another",
    "complete": "a model that completes a picture",
    "classes": "a model that knows classes",
    "density": "a model that scores examples",
    "field": "a model with a vector field",
    "critic": "a model with a discriminator, such as a GAN",
    "conditional": "a model that draws the class one asks for",
    "guided": "a model with classifier-free guidance",
    "renoise": "a model that can begin from an example",
    "points": "data on the plane, such as two moons",
    "vectors": "data made of vectors",
    "images": "images",
    "labels": "data with labels",
    "binary": "binary data",
    "levels": "data with a few levels",
    "continuous": "continuous data",
    "exact": "data whose true density is known",
}


@dataclass(frozen=True)
class Fit:
    """Whether a panel opens for a run; `reason` is empty where it does."""

    name: str
    reason: str

    @property
    def fits(self) -> bool:
        """Whether it opens."""
        return not self.reason


def why_not(needs: frozenset[str], card: api.RunCard | None) -> str:
    """One sentence that says what is missing; empty where everything needed is there."""
    if not needs:
        return ""
    traits = card.traits if card is not None else frozenset()
    lacking = sorted(needs - traits)
    if not lacking:
        return ""
    wanted = " and ".join(WORDS.get(word, word) for word in lacking)
    if card is None:
        return f"Needs {wanted}; choose a preset and train it."
    return f"Needs {wanted}; {card.title or card.run} is not that."


def fits(panels: Iterable[Face], find: object) -> dict[str, Fit]:
    """For each panel whether it opens; `find` is a Desk."""
    made = {}
    for panel in panels:
        shown = find.card_for(panel.needs, panel.alive_at_start)  # type: ignore[attr-defined]
        reason = "" if shown is not None or not panel.needs else why_not(panel.needs, find.card)  # type: ignore[attr-defined]
        made[panel.name] = Fit(panel.name, reason)
    return made
