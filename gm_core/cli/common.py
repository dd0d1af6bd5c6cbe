"""What the commands that look at a trained model share: which run is meant, examples from files, where results go."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from gm_core.cli.output import CommandError, say
from gm_core.data.base import DataError
from gm_core.model import GenerativeModel
from gm_core.protocol.cards import DataCard
from gm_core.scripting import Loaded, device_of, load_run, rng


def read_examples(path: Path, card: DataCard) -> torch.Tensor:
    """Examples (n, *card.shape) in the card's range from a .npy file; never unpickled. Raises DataError."""
    try:
        found = np.load(path, allow_pickle=False)
    except OSError as error:
        why = (error.strerror or "not a .npy file").lower()
        raise DataError(f"{path} cannot be read ({why}); give a .npy file") from None
    except (ValueError, EOFError):
        raise DataError(f"{path} is not a plain .npy array; expected float32 of shape (n, {_shape(card)})") from None
    if not isinstance(found, np.ndarray) or found.dtype.kind != "f":
        kind = str(found.dtype) if isinstance(found, np.ndarray) else "an archive of arrays"
        raise DataError(f"{path} holds {kind}; expected float32 in the range {card.range[0]:g} to {card.range[1]:g}")
    if found.shape[1:] != card.shape or not len(found):
        raise DataError(f"{path} has shape {found.shape}; expected (n, {_shape(card)}) with n at least 1")
    if not np.isfinite(found).all():
        raise DataError(f"{path} holds NaN or infinite numbers; expected finite ones")
    low, high = float(found.min()), float(found.max())
    # Points live on the whole plane: their range is only the box worth drawing.
    if card.kind == "images" and (low < card.range[0] - 1e-4 or high > card.range[1] + 1e-4):
        raise DataError(
            f"{path} holds numbers from {low:g} to {high:g}; expected {card.range[0]:g} to {card.range[1]:g}: "
            "rescale them"
        )
    if card.levels and card.values != "continuous":
        place = (found - card.range[0]) * ((card.levels - 1) / (card.range[1] - card.range[0]))
        off = np.abs(place - place.round()) > 1e-3
        if off.any():
            raise DataError(
                f"{path} holds {float(found[off][0]):g}, which is none of the {card.levels} levels from "
                f"{card.range[0]:g} to {card.range[1]:g}: round the pixels to levels"
            )
    return torch.from_numpy(np.ascontiguousarray(found, np.float32))


def load(arguments: argparse.Namespace) -> Loaded:
    """The run that is meant, at the step that is meant."""
    loaded = load_run(arguments.run, arguments.step, arguments.runs, arguments.device)
    if arguments.step is not None:
        exact = "" if loaded.step == arguments.step else f", the kept step nearest to {arguments.step}"
        say(f"using step {loaded.step}{exact}")
    return loaded


def able(loaded: Loaded, word: str, command: str) -> GenerativeModel:
    """The model, which has the capability; raises CommandError that says what it offers instead."""
    model = loaded.model
    if word not in model.offers():
        offered = ", ".join(sorted(model.offers())) or "nothing"
        raise CommandError(
            f"{command} needs a model with {word}; {model.title} on {model.card.title} offers {offered}: "
            "choose another run"
        )
    return model


def source_of(arguments: argparse.Namespace, loaded: Loaded) -> torch.Generator:
    """Random numbers by the seed, on the model's device."""
    return rng(arguments.seed, device_of(loaded.model).type)


def count_of(n: int) -> int:
    """A number of examples that is at least 1."""
    if n < 1:
        raise CommandError(f"--n is {n}; expected at least 1")
    return n


def numbers(x: torch.Tensor) -> npt.NDArray[np.float32]:
    """A tensor as float32 numbers for a file."""
    return x.detach().float().cpu().numpy()


def settings(arguments: argparse.Namespace, loaded: Loaded) -> dict[str, Any]:
    """How a picture was made: enough to make it again."""
    given = {k: v for k, v in vars(arguments).items() if isinstance(v, int | str | None) and k != "run"}
    return {**given, "run": loaded.run, "step": loaded.step, "spec": loaded.spec.plain()}


def done(arguments: argparse.Namespace) -> int:
    """Say where the file is; the exit status of success."""
    print(arguments.out)
    return 0


def _shape(card: DataCard) -> str:
    return ", ".join(map(str, card.shape))
