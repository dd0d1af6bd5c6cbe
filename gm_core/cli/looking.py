"""`sample`, `trajectory`, `interpolate`, `evaluate` and `logprob`: what a trained model can do, without an engine."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from gm_core.capabilities import Density, Latent, Samples, Stepwise
from gm_core.capabilities.base import to_picture
from gm_core.capabilities.stepwise import StepState
from gm_core.cli.output import CommandError, print_json, print_table, say
from gm_core.cli.pictures import Pixels, ending, sheet, square, tiles, write_gif, write_npy, write_npz, write_png
from gm_core.data.base import DataError
from gm_core.maths.paths import polyline
from gm_core.model import GenerativeModel
from gm_core.protocol.cards import DataCard
from gm_core.scripting import Loaded, evaluate_density, load_run, rng
from gm_core.scripting import evaluate as evaluate_split

STRIP, FILM = 10, 60
PORTION = 100


def sample(arguments: argparse.Namespace) -> int:
    """Draw examples and write them as a sheet or as numbers."""
    kind = ending(arguments.out, (".png", ".npy"))
    loaded = _load(arguments)
    model = _able(loaded, Samples.word, "sample")
    assert isinstance(model, Samples)
    with torch.no_grad():
        x = model.sample(_some(arguments.n), _source(arguments, loaded))
    if kind == ".npy":
        write_npy(arguments.out, _numbers(x))
    else:
        card = loaded.model.card
        write_png(arguments.out, square(tiles(to_picture(x, card), card)), _settings(arguments, loaded))
    return _done(arguments)


def trajectory(arguments: argparse.Namespace) -> int:
    """Draw examples step by step: a strip (one row an example, noise at the left), a film, or the numbers."""
    kind = ending(arguments.out, (".png", ".gif", ".npz"))
    loaded = _load(arguments)
    model, card = _able(loaded, Stepwise.word, "trajectory"), loaded.model.card
    assert isinstance(model, Stepwise)
    if arguments.sampler and arguments.sampler not in model.samplers():
        raise CommandError(f"--sampler is {arguments.sampler!r}; expected one of: {', '.join(model.samplers())}")
    source, n = _source(arguments, loaded), _some(arguments.n)
    with torch.no_grad():
        states = list(model.trajectory(n, source, None, arguments.sampler, arguments.steps))
    wanted = arguments.frames or {".png": STRIP, ".gif": FILM, ".npz": len(states)}[kind]
    states = _spread(states, wanted)
    if kind == ".npz":
        write_npz(
            arguments.out,
            x=np.stack([_numbers(state.x) for state in states]),
            x0=np.stack([_numbers(_view(state, "x0")) for state in states]),
            t=np.array([state.numbers.get("t", 1.0 - state.progress) for state in states], np.float32),
        )
        return _done(arguments)
    rows = [tiles(to_picture(state.x, card), card) for state in states]
    if kind == ".png":
        across = [row[i] for i in range(len(rows[0])) for row in rows]
        write_png(arguments.out, sheet(across, len(rows)), _settings(arguments, loaded))
    else:
        write_gif(arguments.out, [square(row) for row in rows], _settings(arguments, loaded))
    return _done(arguments)


def interpolate(arguments: argparse.Namespace) -> int:
    """Walk between two codes drawn from the prior: a strip, a film, or the numbers."""
    kind = ending(arguments.out, (".png", ".gif", ".npy"))
    loaded = _load(arguments)
    model, card = _able(loaded, Latent.word, "interpolate"), loaded.model.card
    assert isinstance(model, Latent)
    n = arguments.n or (FILM if kind == ".gif" else STRIP)
    with torch.no_grad():
        x = model.decode(polyline(model.prior(2, _source(arguments, loaded)), n, arguments.path))
    if kind == ".npy":
        write_npy(arguments.out, _numbers(x))
        return _done(arguments)
    pictures = to_picture(x, card)
    if kind == ".png":
        drawn = tiles(pictures, card)
        write_png(arguments.out, sheet(drawn, len(drawn)), _settings(arguments, loaded))
    else:
        pages: list[Pixels] = [sheet(tiles(pictures[i : i + 1], card), 1) for i in range(n)]
        write_gif(arguments.out, pages, _settings(arguments, loaded))
    return _done(arguments)


def evaluate(arguments: argparse.Namespace) -> int:
    """Score a split as validation does; with --density, log p(x) of it too."""
    loaded = _load(arguments)
    count, scores = evaluate_split(loaded, arguments.split, arguments.seed)
    result: dict[str, Any] = {
        "run": loaded.run,
        "step": loaded.step,
        "split": arguments.split,
        "examples": count,
        "scores": scores,
    }
    if arguments.density:
        _able(loaded, Density.word, "evaluate --density")
        result["density"] = evaluate_density(loaded, arguments.split, arguments.seed, arguments.samples)
    if arguments.json:
        print_json(result)
        return 0
    print(f"{loaded.run} at step {loaded.step}, {count} examples of {arguments.split}")
    units = {chart.name: chart.unit for chart in loaded.model.charts}
    print_table([(name, f"{value:.4f}", units.get(name, "")) for name, value in scores.items()])
    if arguments.density:
        found = result["density"]
        words = f"{found['mean']:.4f} +- {found['error']:.4f} nats per example ({found['kind']})"
        print(f"log p(x)  {words}, {found['bits']:.4f} bits per dimension")
    return 0


def logprob(arguments: argparse.Namespace) -> int:
    """Write log p(x) of the examples in a file."""
    ending(arguments.out, (".npy",))
    loaded = _load(arguments)
    model = _able(loaded, Density.word, "logprob")
    assert isinstance(model, Density)
    x = read_examples(arguments.data, loaded.model.card)
    source, device = _source(arguments, loaded), _device(loaded.model)
    with torch.no_grad():
        parts = [model.log_prob(part.to(device), source, None, arguments.samples) for part in x.split(PORTION)]
    values = torch.cat(parts).float().cpu().numpy()
    write_npy(arguments.out, values)
    say(f"log p(x) of {len(values)} examples: mean {values.mean():.4f} nats ({model.density_kind})")
    return _done(arguments)


def read_examples(path: Path, card: DataCard) -> torch.Tensor:
    """Examples (n, *card.shape) in the card's range from a .npy file; never unpickled. Raises DataError."""
    try:
        numbers = np.load(path, allow_pickle=False)
    except OSError as error:
        why = (error.strerror or "not a .npy file").lower()
        raise DataError(f"{path} cannot be read ({why}); give a .npy file") from None
    except (ValueError, EOFError):
        raise DataError(f"{path} is not a plain .npy array; expected float32 of shape (n, {_shape(card)})") from None
    if not isinstance(numbers, np.ndarray) or numbers.dtype.kind != "f":
        found = str(numbers.dtype) if isinstance(numbers, np.ndarray) else "an archive of arrays"
        raise DataError(f"{path} holds {found}; expected float32 in the range {card.range[0]:g} to {card.range[1]:g}")
    if numbers.shape[1:] != card.shape or not len(numbers):
        raise DataError(f"{path} has shape {numbers.shape}; expected (n, {_shape(card)}) with n at least 1")
    if not np.isfinite(numbers).all():
        raise DataError(f"{path} holds NaN or infinite numbers; expected finite ones")
    low, high = float(numbers.min()), float(numbers.max())
    # Points live on the whole plane: their range is only the box worth drawing.
    if card.kind == "images" and (low < card.range[0] - 1e-4 or high > card.range[1] + 1e-4):
        raise DataError(
            f"{path} holds numbers from {low:g} to {high:g}; expected {card.range[0]:g} to {card.range[1]:g}: "
            "rescale them"
        )
    return torch.from_numpy(np.ascontiguousarray(numbers, np.float32))


def _load(arguments: argparse.Namespace) -> Loaded:
    loaded = load_run(arguments.run, arguments.step, arguments.runs, arguments.device)
    if arguments.step is not None:
        exact = "" if loaded.step == arguments.step else f", the kept step nearest to {arguments.step}"
        say(f"using step {loaded.step}{exact}")
    return loaded


def _able(loaded: Loaded, word: str, command: str) -> GenerativeModel:
    """The model, which has the capability; raises CommandError that says what it offers instead."""
    model = loaded.model
    if word not in model.offers():
        offered = ", ".join(sorted(model.offers())) or "nothing"
        raise CommandError(
            f"{command} needs a model with {word}; {model.title} on {model.card.title} offers {offered}: "
            "choose another run"
        )
    return model


def _source(arguments: argparse.Namespace, loaded: Loaded) -> torch.Generator:
    return rng(arguments.seed, _device(loaded.model).type)


def _device(model: GenerativeModel) -> torch.device:
    return next((p.device for p in model.parameters()), torch.device("cpu"))


def _some(n: int) -> int:
    if n < 1:
        raise CommandError(f"--n is {n}; expected at least 1")
    return n


def _numbers(x: torch.Tensor) -> npt.NDArray[np.float32]:
    return x.detach().float().cpu().numpy()


def _view(state: StepState, name: str) -> torch.Tensor:
    return state.views.get(name, state.x)


def _spread(states: Sequence[StepState], wanted: int) -> list[StepState]:
    """At most so many states, evenly, the first and the last among them."""
    if wanted >= len(states):
        return list(states)
    chosen = np.linspace(0, len(states) - 1, max(wanted, 2)).round().astype(int)
    return [states[i] for i in dict.fromkeys(chosen.tolist())]


def _shape(card: DataCard) -> str:
    return ", ".join(map(str, card.shape))


def _settings(arguments: argparse.Namespace, loaded: Loaded) -> dict[str, Any]:
    """How a picture was made: enough to make it again."""
    given = {k: v for k, v in vars(arguments).items() if isinstance(v, int | str | None) and k != "run"}
    return {**given, "run": loaded.run, "step": loaded.step, "spec": loaded.spec.plain()}


def _done(arguments: argparse.Namespace) -> int:
    print(arguments.out)
    return 0
