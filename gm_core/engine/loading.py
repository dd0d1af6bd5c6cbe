"""Torch's shared libraries, loaded before `import torch` and without the interpreter.

`import` holds the interpreter while the system loads a library, and torch's measure gigabytes: from a cold disk that
took up to 2.9 s, 0.3 s from a warm one, for which no other thread ran and the window stood still. A foreign call
lets go of the interpreter meanwhile; the import afterwards finds what it needs and takes no time over it.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

OWN_PATHS = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LD_PRELOAD")
"""Where one of these is set, which of several CUDA libraries is found depends on torch's own order of loading."""


def load_torch_libraries() -> bool:
    """Load what `import torch` will ask for. False, and nothing done, where that is torch's own matter.

    That is so on Windows (torch lets go of the interpreter there), where the user names folders of libraries, and where
    torch is not found or does not load: then the import says why.
    """
    if os.name != "posix" or "torch" in sys.modules or any(os.environ.get(name) for name in OWN_PATHS):
        return False
    found = importlib.util.find_spec("torch")
    if found is None or found.origin is None:
        return False
    return _load(Path(found.origin).parent)


def _load(folder: Path) -> bool:
    # In torch's order and with its flags: what its libraries share is seen by all, the rest by torch alone.
    shared = "dylib" if sys.platform == "darwin" else "so"
    common = folder / "lib" / f"libtorch_global_deps.{shared}"
    module = next((path for end in EXTENSION_SUFFIXES if (path := folder / f"_C{end}").is_file()), None)
    if module is None:
        return False
    if common.is_file() and not _open(common, os.RTLD_NOW | os.RTLD_GLOBAL):
        return False
    return _open(module, sys.getdlopenflags())


def _open(path: Path, flags: int) -> bool:
    try:
        dlopen = ctypes.CDLL(None).dlopen  # not ctypes.CDLL(path), which holds the interpreter as the import does
    except (AttributeError, OSError):
        return False
    dlopen.argtypes, dlopen.restype = [ctypes.c_char_p, ctypes.c_int], ctypes.c_void_p
    return bool(dlopen(os.fsencode(path), flags))
