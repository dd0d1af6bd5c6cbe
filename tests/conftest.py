"""What every test stands on: no display, quiet threads, and the real MNIST where it lies."""

from __future__ import annotations

import os

# Before Qt and torch are imported anywhere.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")

from pathlib import Path

import pytest

FIRST = "train-images-idx3-ubyte"


def find_mnist() -> Path | None:
    """The folder of the real MNIST: below or in GM_DATA, or ../shared/data/mnist beside the repository."""
    roots = [Path(place) for place in os.environ.get("GM_DATA", "").split(os.pathsep) if place]
    roots.append(Path(__file__).resolve().parent.parent.parent / "shared" / "data")
    for root in roots:
        for folder in (root, root / "mnist", root / "MNIST" / "raw"):
            if any((folder / name).is_file() for name in (FIRST, f"{FIRST}.gz")):
                return folder
    return None


@pytest.fixture(scope="session")
def mnist_folder() -> Path:
    """The folder with the four IDX files of MNIST; the test is skipped, visibly, where there is none."""
    folder = find_mnist()
    if folder is None:
        pytest.skip("the real MNIST is neither in GM_DATA nor in ../shared/data/mnist")
    return folder
