"""Colour scales that grow evenly in lightness, so that equal differences look equal, also to colour-blind readers."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

# Seventeen samples of each scale; between them the colours are interpolated to 256.
_ANCHORS: dict[str, str] = {
    "viridis": "440154 481a6c 472f7d 414487 39568c 31688e 2a788e 23888e 1f988b 22a884 35b779 54c568 7ad151 a5db36 "
    "d2e21b eae51a fde725",
    "cividis": "00224e 00306f 2a3f6d 3b496c 4a546c 575d6d 666870 707173 7d7c78 8a8678 9a9377 a59c74 b8ab6e c8b866 "
    "d9c55c ecd34a fee838",
    "blue": "202227 22304a 244066 255182 27639c 2f76b3 4189c6 569bd4 6eaede 86bfe6 9dceed b3dbf2 c7e6f6 d8eff9 "
    "e6f5fb f1fafd ffffff",
    "diverging": "2166ac 3a7cb8 5493c4 77aed3 9ac9e0 b9daea d8e9f1 eaf0f4 f7f7f7 f9ece4 fbdfcc f8c3a7 f4a582 e58368 "
    "d6604d c43a40 b2182b",
}


def names() -> list[str]:
    """The scales there are."""
    return list(_ANCHORS)


@lru_cache(maxsize=16)
def table(name: str = "viridis") -> np.ndarray:
    """One scale as uint8 (256, 3)."""
    if name not in _ANCHORS:
        raise ValueError(f"there is no colour scale {name!r}; there are {', '.join(_ANCHORS)}")
    rows = np.array([[int(h[i : i + 2], 16) for i in (0, 2, 4)] for h in _ANCHORS[name].split()], float)
    at = np.linspace(0, len(rows) - 1, 256)
    return (
        np.stack([np.interp(at, np.arange(len(rows)), rows[:, c]) for c in range(3)], axis=1).round().astype(np.uint8)
    )


def colorize(
    values: np.ndarray,
    scale: str | np.ndarray = "viridis",
    lo: float | None = None,
    hi: float | None = None,
    fade: bool = False,
) -> np.ndarray:
    """Numbers (h, w) as a picture uint8 (h, w, 4); not-a-number is transparent, `fade` makes low values transparent.

    The scale is a name or a table uint8 (256, 3).
    """
    v = np.asarray(values, float)
    good = np.isfinite(v)
    if lo is None:
        lo = float(v[good].min()) if good.any() else 0.0
    if hi is None:
        hi = float(v[good].max()) if good.any() else 1.0
    unit = np.clip((np.where(good, v, lo) - lo) / max(hi - lo, 1e-12), 0, 1)
    out = np.empty((*v.shape, 4), np.uint8)
    out[..., :3] = (table(scale) if isinstance(scale, str) else scale)[(unit * 255).astype(np.uint8)]
    out[..., 3] = np.where(good, np.clip(unit * 4, 0, 1) * 255 if fade else 255, 0)
    return out
