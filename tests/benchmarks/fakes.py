"""A run card for measurements that need no model."""

from __future__ import annotations

from gm_core import api


def card() -> api.RunCard:
    """The card of a VAE on digits that has been training for a while."""
    spec = api.RunSpec()
    data = api.DataCard("digits", "Digits", (1, 8, 8), "levels", (0.0, 1.0), levels=17)
    charts = tuple(api.Chart(name, name) for name in ("reconstruction", "kl", "elbo"))
    return api.RunCard("run", "Run", spec.plain(), data, frozenset({"samples"}), charts, 1000, 0, 10**6, "training")
