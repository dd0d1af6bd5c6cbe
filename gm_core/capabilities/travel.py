"""How a trajectory is travelled: from noise or from an example, with turns on the way that are told by their seeds.

Nothing is kept between two questions. A branch of a branch is the same query with more turns, and whoever asks it
again, on another machine or another day, gets the same pictures.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gm_core.capabilities.base import Scene, from_picture, labels
from gm_core.capabilities.stepwise import Conditional, Guided, Renoises, Route, StepState, TrajectoryQuery, Turn
from gm_core.spec import SpecError

if TYPE_CHECKING:
    import torch
    from torch import Tensor


def travel(query: TrajectoryQuery, scene: Scene) -> Iterator[tuple[int, StepState]]:
    """The states of a whole trajectory with its turns, each beside the number of turns taken before it.

    The state at which a turn is made belongs to the way before it, as it was, and once more to the way after it.
    What the model does not have is refused before the first step, in one sentence (SpecError).
    """
    check_way(query, scene)
    turns = query.in_order()
    label, weights, rng = query.y, query.mix, scene.rng
    route = Route(query.sampler, query.steps, query.guidance)
    if query.given is not None:
        route = _begun(query, route, scene)
    spent = 0
    for segment in range(len(turns) + 1):
        until = turns[segment].progress if segment < len(turns) else math.inf
        route = replace(route, mix=mixed(weights, query.n, scene))
        reached: StepState | None = None
        states = scene.model.trajectory(query.n, rng, labels(label, query.n, scene), route)
        try:
            for state in states:
                reached = replace(state, cost=state.cost + spent)
                yield segment, reached
                if state.progress >= until - 1e-9:
                    break
        finally:
            states.close()
        if segment == len(turns) or reached is None:
            return
        turn, spent = turns[segment], reached.cost
        rng = _seeded(turn.seed, scene)
        if turn.y is not None or turn.mix:
            label, weights = turn.y, turn.mix
        route = Route(
            turn.sampler or route.sampler,
            turn.steps or route.steps,
            route.guidance if turn.guidance is None else turn.guidance,
            None,
            _painted(turn, reached.x, scene),
            reached.at,
            reached.progress,
            reached.memory if _goes_on(turn) else None,
        )


def _goes_on(turn: Turn) -> bool:
    """Whether a turn brings nothing but new noise, so that what a sampler remembers still holds after it."""
    changes = (turn.sampler, turn.steps, turn.mix, turn.guidance is not None, turn.y is not None)
    return turn.paint is None and not any(changes)


def check_way(query: TrajectoryQuery, scene: Scene) -> None:
    """Refuse what the model does not have, at the beginning or at a turn; raises SpecError with one sentence."""
    model = scene.model
    if query.n < 1:
        raise SpecError("n", f"n is {query.n}; expected at least 1")
    for name, progress in [("begin", query.begin), *(("progress", turn.progress) for turn in query.turns)]:
        if not 0.0 <= progress <= 1.0:
            raise SpecError(name, f"{name} is {progress:g}; the range is 0 (noise) to 1 (data)")
    parts: tuple[TrajectoryQuery | Turn, ...] = (query, *query.turns)
    for part in parts:
        if part.steps < 0:
            raise SpecError("steps", f"steps is {part.steps}; expected 1 or more, or 0 for the model's own number")
        if part.sampler and part.sampler not in model.samplers():
            names = ", ".join(model.samplers())
            raise SpecError("sampler", f"sampler is {part.sampler!r}; expected one of: {names}")
        check_classes(model, part.y, part.guidance, part.mix)
        labels(part.y, 1, scene)
        mixed(part.mix, 1, scene)


def check_classes(model: Any, y: int | None, guidance: float | None, mix: tuple[float, ...] = ()) -> None:
    """Refuse a label, a guidance or a mix where the model knows no p(x|y); raises SpecError with one sentence."""
    offered = model.offers()
    if guidance is not None and not math.isfinite(guidance):
        raise SpecError("guidance", f"guidance is {guidance}; expected a finite number, such as 1 for p(x|y)")
    asked = {"guidance": guidance, "mix": mix or None}
    for name, value in asked.items():
        if value is not None and Guided.word not in offered:
            said = f"{value:g}" if isinstance(value, float | int) else value
            raise SpecError(
                name, f"{name} is {said}, but {model.title} learned no classes; "
                f"train it with labels on, or leave {name} out"
            )  # fmt: skip
    if y is not None and not {Conditional.word, "classes"} & offered:
        raise SpecError("y", f"y is {y}, but {model.title} learned no classes; train it with labels on, or leave y out")


def _begun(query: TrajectoryQuery, route: Route, scene: Scene) -> Route:
    """A way that begins at given pictures, put back to a moment; or at given points as they are."""
    model = scene.model
    x = from_picture(query.given, model.card, scene.device)
    if len(x) not in (1, query.n) or x.shape[1:] != model.card.shape:
        found, wanted = tuple(x.shape), (query.n, *model.card.shape)
        raise SpecError("given", f"given has the shape {found}; expected {wanted}, or one example of it")
    if not bool(x.isfinite().all()):
        raise SpecError("given", "given holds numbers that are not finite; give finite ones")
    x = x.expand(query.n, *x.shape[1:])
    if Renoises.word not in model.offers():
        raise SpecError("given", f"{model.title} cannot begin from an example: leave given out")
    found, at = model.renoise(x, query.begin, scene.rng)
    return replace(route, start=x if query.raw else found, at=at, begin=query.begin)


def _painted(turn: Turn, x: Tensor, scene: Scene) -> Tensor:
    """x with what was painted over it."""
    import torch

    if turn.paint is None or turn.mask is None:
        return x
    over = from_picture(turn.paint, scene.model.card, scene.device).to(x)
    mask = torch.as_tensor(turn.mask, dtype=torch.bool, device=x.device)
    mask = mask[:, None] if x.ndim == 4 and mask.ndim == 3 else mask
    for name, found in (("paint", over), ("mask", mask)):
        if found.ndim != x.ndim or any(a not in (1, b) for a, b in zip(found.shape, x.shape)):
            raise SpecError(name, f"{name} has the shape {tuple(found.shape)}; expected {tuple(x.shape)}, or 1 for n")
    return torch.where(mask, over, x)


def mixed(weights: tuple[float, ...], n: int, scene: Scene) -> Tensor | None:
    """The weights of the classes, repeated for n examples, or None; raises SpecError where there are not as many."""
    import torch

    if not weights:
        return None
    expected = len(scene.model.card.classes) + 1
    if len(weights) != expected or not min(weights) >= 0 or not 0 < sum(weights) < math.inf:
        raise SpecError(
            "mix", f"mix has {len(weights)} weights, {weights}; expected {expected}, one a class and one for none, "
            "none negative and not all 0"
        )  # fmt: skip
    shares = torch.tensor(weights, device=scene.device)
    return (shares / shares.sum()).expand(n, expected)


def _seeded(seed: int, scene: Scene) -> torch.Generator:
    import torch

    return torch.Generator(scene.rng.device).manual_seed(seed)
