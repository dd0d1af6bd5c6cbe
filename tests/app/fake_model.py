"""A linear 'model' of scikit-learn's digits and a ring on the plane: what the stand-in core knows."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from gm_core import api

CHARTS = (
    api.Chart("reconstruction", "Reconstruction", tip="What an example costs once its code is known."),
    api.Chart("kl", "KL", better="neither"),
    api.Chart("elbo", "ELBO", better="higher"),
    api.Chart("kl_dimensions", "KL of each dimension", better="neither", vector=True),
)
LATENT = 10
IMAGES = frozenset(
    {
        "samples", "reconstructs", "latent", "encodes", "features", "density", "stepwise", "sitewise", "complete",
        "classes", "denoises",
    }
)  # fmt: skip
POINTS = frozenset({"samples", "density", "field", "stepwise", "renoise"})


@lru_cache(maxsize=1)
def digits() -> tuple[np.ndarray, np.ndarray]:
    """The 8x8 digits as uint8 (n, 8, 8, 1) and their labels."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    return (x.reshape(-1, 8, 8, 1) * (255 / 16)).astype(np.uint8), y.astype(np.int64)


@lru_cache(maxsize=1)
def components() -> tuple[np.ndarray, np.ndarray]:
    """Mean and scaled axes (LATENT, 64) of a linear decoder; the last three axes do nothing."""
    x = digits()[0].reshape(-1, 64).astype(np.float32)
    mean = x.mean(0)
    _, size, axes = np.linalg.svd(x - mean, full_matrices=False)
    used = axes[:LATENT] * (size[:LATENT] / np.sqrt(len(x)))[:, None]
    used[LATENT - 3 :] = 0.0
    return mean, used


def decode(z: np.ndarray) -> np.ndarray:
    """Codes (n, LATENT) as pictures."""
    mean, axes = components()
    return np.clip(mean + z @ axes, 0, 255).astype(np.uint8).reshape(-1, 8, 8, 1)


def encode(x: np.ndarray) -> np.ndarray:
    """Pictures as codes."""
    mean, axes = components()
    scale = (axes**2).sum(1)
    flat = x.reshape(len(x), -1).astype(np.float32) - mean
    return (flat @ axes.T / np.where(scale > 0, scale, 1.0)).astype(np.float32)


def ring(n: int, rng: np.random.Generator, spread: float = 0.12) -> np.ndarray:
    """Points near eight places on a circle."""
    turn = rng.integers(0, 8, n) / 8 * 2 * np.pi
    return (np.stack([np.cos(turn), np.sin(turn)], 1) * 2 + rng.normal(0, spread, (n, 2))).astype(np.float32)


def ring_density(size: int, lo: float, hi: float, spread: float = 0.2) -> np.ndarray:
    """log p of the ring on a grid, row 0 lowest."""
    g = np.linspace(lo, hi, size)
    centres = np.stack([np.cos(np.arange(8) / 4 * np.pi), np.sin(np.arange(8) / 4 * np.pi)], 1) * 2
    d = sum(np.exp(-((g[None] - cx) ** 2 + (g[:, None] - cy) ** 2) / (2 * spread**2)) for cx, cy in centres)
    return np.log(d / (8 * 2 * np.pi * spread**2) + 1e-30).astype(np.float32)


def data_card(points: bool = False) -> api.DataCard:
    """The digits, or a ring on the plane."""
    if points:
        return api.DataCard(
            "ring", "Ring of eight", (2,), "continuous", (-3.0, 3.0), exact=True, splits={"train": 2000}
        )
    names = tuple(str(i) for i in range(10))
    return api.DataCard("digits", "Digits", (1, 8, 8), "binary", (0.0, 1.0), classes=names, splits={"train": 1500})


def run_card(run: str = "vae-digits", points: bool = False, **changes: Any) -> api.RunCard:
    """A run in training."""
    offers = changes.pop("offers", POINTS if points else IMAGES)
    base: dict[str, Any] = {
        "run": run, "title": run, "spec": {"model": {"kind": "vae"}, "train": {"batch": 100}},
        "data": data_card(points), "offers": offers, "charts": CHARTS, "parameters": 12345, "step": 2400,
        "steps": 5000, "state": "training", "kept": (0, 100, 400, 800, 1600, 2400),
    }  # fmt: skip
    return api.RunCard(**{**base, **changes})
