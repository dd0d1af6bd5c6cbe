"""Quality: how good drawn examples are, in numbers that need nothing downloaded, beside what real examples reach.

Examples of the model are held against as many real ones of a split. Each number is an estimate from n examples, so it
comes with its standard error and with a floor: the same number for other real examples (of the training split). A
model that reaches the floor is as good as can be told. Points are compared as they are; pictures by 64 whitened
principal components of the training examples, and by a small classifier of our own where there are labels.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gm_core.capabilities.base import Scene, answers, labels, to_picture
from gm_core.capabilities.metrics import KEYS, LEAST, OF_MODES
from gm_core.capabilities.references import Against, reference_of
from gm_core.capabilities.samples import Samples
from gm_core.protocol.commands import Query
from gm_core.protocol.events import Array, Frame
from gm_core.spec import SpecError

if TYPE_CHECKING:
    from torch import Tensor

AT_ONCE = 2**15
"""Numbers drawn side by side: 16 thousand points, or 41 pictures of 28x28."""


@dataclass(frozen=True, slots=True)
class QualityQuery(Query):
    """Draw `n` examples and measure how far they are from as many real ones of a split.

    `metrics` by name, or all that fit. `y` draws and compares one class only; with `labelled` each example is drawn
    for the label of a real one, so that the right class is known. sampler, steps and guidance are for models that draw
    step by step. `shown` of the drawn examples are sent along as pictures. Fewer are used where a split has fewer.
    """

    n: int = 1000
    metrics: tuple[str, ...] = ()
    split: str = "test"
    y: int | None = None
    labelled: bool = False
    sampler: str = ""
    steps: int = 0
    guidance: float | None = None
    shown: int = 0


@dataclass(frozen=True, slots=True)
class Quality(Frame):
    """Numbers of quality, float64 (k,) in the order of `names`.

    `errors` are standard errors of `values` (nan where none is known), `floors` the same numbers of real examples
    against real ones. `notes` say by name what must be known of a number, and at "" of all of them. `n` examples were
    drawn and as many real ones used; `cost` is how many network evaluations (or numbers drawn one after another) an
    example took. `items` holds those that are shown, uint8 (m, h, w, c) or float32 (m, d).
    """

    names: tuple[str, ...]
    values: Array
    errors: Array
    floors: Array
    notes: Mapping[str, str]
    n: int
    cost: int
    items: Array | None = None


@answers(Samples.word, QualityQuery)
def measure(query: QualityQuery, scene: Scene) -> Iterator[Quality | None]:
    """Draw, compare with real examples, and say how real ones compare; gives way every few milliseconds."""
    import numpy as np

    if query.n < LEAST:
        raise SpecError("n", f"n is {query.n}; expected at least {LEAST} examples, better 1000")
    labels(query.y, 1, scene)  # a class that there is not should be told before anything is computed
    reference = yield from reference_of(query.split, query.n, query.y, scene)
    wanted = _wanted(query, reference.fitting, scene)
    drawn, asked, cost = yield from _drawn(query, reference.n, reference.classes, scene)
    compared, found = Against(reference, drawn, asked), []
    for name in wanted:
        found.append((yield from compared.measure(name)))
    floors = yield from reference.floor(wanted)
    notes = dict(reference.notes)
    if reference.modes is not None:
        notes["modes"] = f"Of {len(reference.modes[0])} known modes."
    notes[""] = (
        f"Estimates from {reference.n} drawn and {reference.n} real examples ({query.split}); the floor is that of "
        f"{reference.n} training examples against the same real ones. {reference.words}"
    )
    yield Quality(
        wanted,
        np.array([measure.value for measure in found]),
        np.array([measure.error for measure in found]),
        np.array(floors),
        notes,
        reference.n,
        cost,
        to_picture(drawn[: query.shown], scene.model.card) if query.shown else None,
    )


def _wanted(query: QualityQuery, fitting: tuple[str, ...], scene: Scene) -> tuple[str, ...]:
    """The metrics that are measured; raises SpecError for one that there is not, or that needs other data."""
    conditional = query.labelled or query.y is not None
    able = tuple(name for name in fitting if name != "accuracy" or conditional)
    for name in query.metrics:
        if name not in KEYS:
            raise SpecError("metrics", f"metrics has {name!r}; expected some of: {', '.join(KEYS)}")
        if name in able:
            continue
        title = scene.data.card.title
        if name in OF_MODES:
            why = f"needs data whose modes are known and apart; {title} has none such: choose ring or grid"
        elif name in fitting:
            why = "needs examples drawn for a label: choose a class, or draw for the labels of real examples"
        else:
            why = f"needs pictures with labels; {title} is not that: choose another metric"
        raise SpecError("metrics", f"{name} {why}")
    return tuple(name for name in able if not query.metrics or name in query.metrics)


def _drawn(
    query: QualityQuery, n: int, classes: Tensor | None, scene: Scene
) -> Generator[None, None, tuple[Tensor, Tensor | None, int]]:
    """Draw n examples in portions: (n, *card.shape), the labels (n,) that they were drawn for or None, and the cost."""
    import torch

    from gm_core.capabilities.sitewise import Sitewise
    from gm_core.capabilities.stepwise import Conditional, Route, Stepwise

    model = scene.model
    y = labels(query.y, n, scene)
    if query.labelled and y is None:
        if classes is None or Conditional.word not in model.offers():
            raise SpecError(
                "labelled", f"{model.title} on {scene.data.card.title} draws for no label; leave labelled out"
            )
        y = classes.to(scene.device)
    if not isinstance(model, Stepwise) and (query.sampler or query.steps or query.guidance is not None):
        raise SpecError(
            "steps", f"{model.title} does not draw step by step; leave sampler, steps and guidance out for it"
        )
    made, cost = [], 1
    for part in torch.arange(n).split(max(1, AT_ONCE // model.card.size)):
        some = None if y is None else y[part.to(y.device)]
        x = None
        if isinstance(model, Stepwise):
            route = Route(query.sampler, query.steps, query.guidance)
            for state in model.trajectory(len(part), scene.rng, some, route):
                x, cost = state.x, state.cost
                yield None
        elif isinstance(model, Sitewise):
            for drawing in model.drawing(len(part), scene.rng, some):
                cost = drawing.total
                if drawing.number == drawing.total:
                    x = model.to_example(drawing.values)
                yield None
        made.append(model.sample(len(part), scene.rng, some) if x is None else x)
        yield None
    together = torch.cat(made)
    broken = int((~together.flatten(1).isfinite().all(1)).sum())
    if broken:
        raise SpecError(
            "", f"{broken} of {n} drawn examples are not finite numbers; go back to a good step before measuring"
        )
    return together, y, cost
