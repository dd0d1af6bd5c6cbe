"""What makes the program open sooner: measures that hold from its first line until the engine is ready.

The collector of reference cycles runs hundreds of times over the thousands of modules that Qt and torch bring, finds
nothing and takes a third of their loading time. PySide6 wraps `import` to learn which modules speak of `__feature__`,
and for that reads the source of every module that anyone loads; nothing here uses `__feature__`.
"""

from __future__ import annotations

import builtins
import gc
import os


def rest_idle_threads() -> None:
    """Let threads of torch and numpy sleep as soon as they have nothing to do; called before either is imported.

    They would wait busily for more, those of numpy's OpenBLAS for 2^26 cycles after each product of larger matrices:
    on a small machine that is the processor which training or the window needs. What the user has set stays.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")  # 2^4 cycles, the least it takes


def hold() -> None:
    """Let the collector rest; `release` wakes it."""
    gc.disable()


def plain_import() -> None:
    """Give `import` back its own meaning, once PySide6 is loaded; its wrapper keeps the original under this name."""
    original = getattr(builtins, "__orig_import__", None)
    if original is not None:
        builtins.__import__ = original


def release() -> None:
    """Wake the collector. What lives now lives until the end, so it is not looked through again."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


def load_readers() -> None:
    """Load what the window's first moments need, before torch: the system loads one library at a time, and a window
    that asks for another while torch's come from a cold disk would wait for seconds."""
    import PIL._webp
    import PIL.Image  # noqa: F401
