"""What the panel of paths asks for and remembers, read from its controls and brought back to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from app.panel import PanelState
from app.panels.interpolation.controls import PathControls
from app.panels.interpolation.looks import TIPS
from app.panels.interpolation.stops import Place, place_of, why_no_examples
from app.widgets import kit
from gm_core import api

ITERATIONS = 30
AMONG = 1000
"""Examples that are encoded to say where the data lie."""


class InterpolationState(PanelState):
    """What the panel remembers; pictures that were drawn are not among it."""

    stops: tuple[str, ...] = api.param((), "The stops, such as 'prior 3' or 'example 17'.")
    frames: int = api.param(24, "Pictures on each way.", lo=4, hi=128)
    easing: Literal["linear", "smooth", "ease in", "ease out"] = api.param("linear", "How each leg is eased.")
    order: Literal["once", "loop", "ping-pong"] = api.param("once", "In which order the film runs.")
    even: bool = api.param(False, "Walk each leg so that the picture changes evenly.")
    meter: Literal["examples", "code length"] = api.param("examples", "What says how far a code is off the data.")
    ways: tuple[str, ...] = api.param((), "The ways that are compared; empty: all.")


def query(controls: PathControls, places: Sequence[Place], card: api.RunCard | None) -> api.ComparePathsQuery:
    """What is asked at present."""
    closed = controls.round.currentText() == "loop"
    legs = len(places) - 1 + int(closed)
    by_examples = controls.meter() == "nearest" and not why_no_examples(card)
    return api.ComparePathsQuery(
        stops=tuple(place.stop() for place in places),
        n=legs * max(2, round((controls.frames() - 1) / legs)) + 1,  # so that each stop is a frame
        ways=controls.ways(),  # type: ignore[arg-type]
        easing=controls.ease.currentText(),  # type: ignore[arg-type]
        closed=closed,
        even=controls.steady.isChecked(),
        iterations=ITERATIONS,
        among=AMONG if by_examples else 0,
        y=controls.label(),
    )


def read(controls: PathControls, places: Sequence[Place]) -> InterpolationState:
    """The settings as they are now."""
    names = controls.ways()
    return InterpolationState(
        stops=tuple(place.text() for place in places if place.text()),
        frames=controls.frames(),
        easing=controls.ease.currentText(),  # type: ignore[arg-type]
        order=controls.round.currentText(),  # type: ignore[arg-type]
        even=controls.steady.isChecked(),
        meter=controls.by.currentText(),  # type: ignore[arg-type]
        ways=() if len(names) == len(TIPS) else names,
    )


def apply(state: InterpolationState, controls: PathControls) -> list[Place]:
    """Bring the controls to a state, without signals; returns its stops."""
    for box, text in (
        (controls.count, str(state.frames)), (controls.ease, state.easing), (controls.round, state.order),
        (controls.by, state.meter),
    ):  # fmt: skip
        kit.choose(box, text)
    controls.steady.blockSignals(True)
    controls.steady.setChecked(state.even)
    controls.steady.blockSignals(False)
    controls.set_ways(state.ways)
    return [place for place in map(place_of, state.stops) if place is not None]
