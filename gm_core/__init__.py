"""The engine of the Generative Models Playground: models, data, training and runs, without any window.

The names below are what a script needs; everything is imported on first use, so `import gm_core` costs nothing.

    import gm_core
    model = gm_core.load("vae-digits-1")        # a run's folder or its name
    images = model.sample(16, gm_core.rng(0))   # float tensor (16, c, h, w) in the range of model.card
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gm_core.scripting import Route, build, load, rng

__version__ = "0.1.0"
__all__ = ["Route", "__version__", "build", "load", "rng"]


def __getattr__(name: str) -> Any:
    if name in {"Route", "build", "load", "rng"}:
        from gm_core import scripting

        return getattr(scripting, name)
    raise AttributeError(f"gm_core has no attribute {name!r}; it offers {', '.join(__all__)}")
