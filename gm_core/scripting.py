"""What a script needs: build an untrained model, load a trained one, make its data and its random numbers.

    import gm_core
    model = gm_core.load("vae-digits")             # a run's name or folder, a checkpoint or a shipped model
    images = model.sample(16, gm_core.rng(0))      # (16, c, h, w), float32 in the range model.card.range

Models offer what their class line says: sample, log_prob, encode, decode, reconstruct, trajectory, field.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from gm_core.capabilities.base import Scene, answer
from gm_core.capabilities.classes import ConfusionQuery
from gm_core.capabilities.features import BaselineQuery, RepresentationQuery
from gm_core.capabilities.metrics import METRICS
from gm_core.capabilities.quality import QualityQuery
from gm_core.capabilities.stepwise import Route as Route
from gm_core.data.base import Data, DataError
from gm_core.data.feed import Feed
from gm_core.data.registry import make_data
from gm_core.engine.saving import card_from
from gm_core.evaluate.likelihood import log_likelihood
from gm_core.model import GenerativeModel
from gm_core.model import build as build_model
from gm_core.presets import find_preset
from gm_core.protocol.cards import DataCard
from gm_core.runs.folders import RunsError, resolve
from gm_core.runs.shelf import checkpoints, last_checkpoint
from gm_core.spec import RunSpec, SpecError, load_yaml
from gm_core.train.device import choose_device
from gm_core.train.loop import portion_of
from gm_core.train.meter import Mean
from gm_core.weights.checkpoint import CheckpointError, check, read

PORTION = 500
"""The batch of a feed that is only read."""
PROBED = 5000
"""Examples that probes of codes learn from, and as many that they are scored on, where there are so many."""
CODE_NUMBERS = (
    "examples", "held", "probe", "probe_error", "neighbours", "neighbours_error", "information", "marginal", "kl",
    "ceiling", "gap",
)  # fmt: skip
BASELINE_NUMBERS = ("majority", "probe", "probe_error", "neighbours", "neighbours_error")

Wish = RunSpec | Mapping[str, Any] | str | Path
"""A run as a script names it: a RunSpec, the same as a mapping, the name of a preset, or the path of a YAML file."""


@dataclass(frozen=True)
class Loaded:
    """A trained model with what is known of it: the step that it shows, its run's spec, and where it came from."""

    model: GenerativeModel
    step: int
    spec: RunSpec
    run: str
    path: Path


def rng(seed: int, device: str = "cpu") -> torch.Generator:
    """A source of random numbers that all follow from the seed; models take it for whatever is random."""
    return torch.Generator(device).manual_seed(seed)


def device_of(model: GenerativeModel) -> torch.device:
    """Where a model lives; one that only counts has no parameters, but buffers."""
    return next((t.device for t in (*model.parameters(), *model.buffers())), torch.device("cpu"))


def read_spec(wish: Wish) -> RunSpec:
    """The RunSpec that is meant; raises SpecError with one sentence."""
    if isinstance(wish, RunSpec):
        return wish
    if isinstance(wish, Mapping):
        return RunSpec.read(wish)
    if Path(wish).suffix in {".yaml", ".yml"}:
        return load_yaml(Path(wish))
    return RunSpec.read(find_preset(str(wish)).spec)


def data(wish: Wish) -> Data:
    """The data set of a run, in memory; raises SpecError or DataError."""
    return make_data(read_spec(wish).data)


def build(wish: Wish, card: DataCard | None = None, device: str = "cpu") -> GenerativeModel:
    """An untrained model whose weights follow from `train.seed`, in eval mode.

    Its data is made to learn the data card, unless `card` is given. Raises SpecError or DataError.
    """
    spec = read_spec(wish)
    if card is None:
        card = make_data(spec.data).card
    return build_model(spec.model, card, spec.train.seed).to(choose_device(device)).eval()


def load(source: str | Path, step: int | None = None, runs: Path | None = None, device: str = "cpu") -> GenerativeModel:
    """A trained model in eval mode, with averaged weights where they were kept; `model.card` is its data's card.

    `source` is a run's name or folder, or a .safetensors file; `step` takes the nearest kept one (None: the last).
    Raises RunsError, CheckpointError or SpecError with one sentence.
    """
    return load_run(source, step, runs, device).model


def load_run(source: str | Path, step: int | None = None, runs: Path | None = None, device: str = "cpu") -> Loaded:
    """As `load`, but says which step was found and what the run was made from."""
    where = choose_device(device)
    path = _checkpoint(str(source), step, runs)
    snapshot, header = read(path)
    try:
        spec, card = RunSpec.read(header["spec"]), card_from(header["card"])
    except (KeyError, TypeError):
        raise CheckpointError(f"{path} does not say how it was made; expected a run's spec and data card") from None
    model = build_model(spec.model, card, spec.train.seed)
    check(snapshot, {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()})
    model.load_state_dict(snapshot.weights())
    model.at(snapshot.step)
    return Loaded(
        model.to(where).eval().requires_grad_(False), snapshot.step, spec, str(header.get("run", path.stem)), path
    )


def evaluate(loaded: Loaded, split: str = "test", seed: int = 0) -> tuple[int, dict[str, float]]:
    """Score a whole split as validation does: how many examples, and the mean of each score over them.

    Raises DataError where the data are not there, SpecError for an unknown split.
    """
    made = make_data(loaded.spec.data)
    if split not in made.card.splits:
        known = ", ".join(made.card.splits)
        raise SpecError("split", f"split is {split!r}; {made.card.title} has: {known}")
    device = device_of(loaded.model)
    feed = Feed(made, batch=PORTION, device=device)
    if made.card.shape != loaded.model.card.shape:
        raise DataError(
            f"the data have shape {made.card.shape} now; the model learned {loaded.model.card.shape}: restore the files"
        )
    scores, source, count = Mean(), rng(seed, device.type), feed.count(split)
    with torch.no_grad():
        for batch in feed.fixed(split, count, seed, portion_of(loaded.model)):
            scores.add(loaded.model.scores(batch, source), len(batch.x))
    return count, scores.result()


def evaluate_density(loaded: Loaded, split: str = "test", seed: int = 0, samples: int = 0) -> dict[str, Any]:
    """log p(x) over a whole split: mean and standard error in nats per example, bits per dimension, and of which kind.

    Raises NoDensity where the model gives none for such data.
    """
    device = device_of(loaded.model)
    feed = Feed(make_data(loaded.spec.data), batch=PORTION, device=device)
    *_, last = log_likelihood(loaded.model, feed, split, rng(seed, device.type), samples)
    return {
        "mean": float(last.mean),
        "error": float(last.error),
        "bits": float(last.bits),
        "kind": last.kind,
        "examples": last.total,
    }


def evaluate_classes(loaded: Loaded, split: str = "test", seed: int = 0) -> dict[str, Any]:
    """Bayes' rule over a whole split: the share that is right, the log loss in nats, how often i was taken for j."""
    device = device_of(loaded.model)
    feed = Feed(make_data(loaded.spec.data), batch=PORTION, device=device)
    scene = Scene(loaded.model, feed, rng(seed, device.type), device)
    with torch.no_grad():
        last: Any = deque(answer(ConfusionQuery(n=feed.count(split), split=split), scene), maxlen=1).pop()
    return {"accuracy": last.accuracy, "log_loss": last.log_loss, "counts": last.counts.tolist()}


def evaluate_representation(loaded: Loaded, split: str = "test", seed: int = 0) -> dict[str, Any]:
    """What the codes know: probes scored on a split, nats, active units, and MIG where the causes are known.

    Numbers that are not defined for such a model or data are None, and `why` says why. Raises SpecError where the model
    has no codes to offer, or the split is the one that the probes learn from.
    """
    device = device_of(loaded.model)
    feed = Feed(make_data(loaded.spec.data), batch=PORTION, device=device)
    scene = Scene(loaded.model, feed, rng(seed, device.type), device)
    with torch.no_grad():
        codes: Any = deque(answer(RepresentationQuery(n=PROBED, held=PROBED, split=split), scene), maxlen=1).pop()
        result: dict[str, Any] = {
            **{name: _known(getattr(codes, name)) for name in CODE_NUMBERS},
            "active": int(codes.active.sum()),
            "units": len(codes.active),
            "variances": codes.variances.tolist(),
            "causes": list(codes.causes),
            "table": codes.table.tolist(),
            "entropies": codes.entropies.tolist(),
            "gaps": [_known(gap) for gap in codes.gaps.tolist()],
            "why": dict(codes.why),
        }
        if "probe" not in codes.why:
            scene = Scene(loaded.model, feed, rng(seed, device.type), device)
            plain: Any = deque(answer(BaselineQuery(n=PROBED, held=PROBED, split=split), scene), maxlen=1).pop()
            result["pixels"] = {name: getattr(plain, name) for name in BASELINE_NUMBERS}
    return result


def evaluate_quality(
    loaded: Loaded, split: str = "test", seed: int = 0, n: int = 1000, metrics: tuple[str, ...] = ()
) -> dict[str, Any]:
    """How good n drawn examples are beside as many real ones of a split: every metric that fits, or those named.

    Each has its standard error and the floor that other real examples reach; None where there is none. Raises
    SpecError where the model draws nothing, or a metric does not fit the data.
    """
    device = device_of(loaded.model)
    feed = Feed(make_data(loaded.spec.data), batch=PORTION, device=device)
    scene = Scene(loaded.model, feed, rng(seed, device.type), device)
    with torch.no_grad():
        last: Any = deque(answer(QualityQuery(seed, n, metrics, split), scene), maxlen=1).pop()
    titles = {metric.name: metric.title for metric in METRICS}
    rows = [
        {
            "name": name,
            "title": titles[name],
            "value": _known(float(value)),
            "error": _known(float(error)),
            "floor": _known(float(floor)),
            "note": last.notes.get(name, ""),
        }
        for name, value, error, floor in zip(last.names, last.values, last.errors, last.floors)
    ]
    return {"n": last.n, "cost": last.cost, "metrics": rows, "note": last.notes[""]}


def _known(value: float) -> float | None:
    """A number that JSON can hold."""
    return None if math.isnan(value) else value


def _checkpoint(source: str, step: int | None, runs: Path | None) -> Path:
    """The file that is meant: the last checkpoint, or the kept one nearest to the step."""
    if Path(source).is_file() and not Path(source).name.endswith((".yaml", ".yml")):
        return Path(source)
    folder = resolve(source, runs)
    kept = checkpoints(folder)
    if not kept:
        raise RunsError(f"{folder} holds no checkpoint yet; resume the run, or choose another")
    if step is not None:
        return kept[min(kept, key=lambda k: (abs(k - step), k))]
    return last_checkpoint(folder) or kept[max(kept)]
