"""What a talk is: a list of cues, each the whole window as it should be at one moment. Without Qt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from gm_core import api

PRESENT = -1
"""The step of a cue that shows the newest weights."""


class Front(api.Spec):
    """The run in front: as it is, a shipped example, a saved run, or a preset (its newest run; else it is planned)."""

    kind: Literal["same", "example", "preset", "run"] = api.param("same", "What `name` names.")
    name: str = api.param("", "The example, preset or run.")


class Cue(api.Spec):
    """One moment of a talk.

    The layout is told by the names of panels, so that it suits any screen: `shown` are all that are open (empty: as it
    is), `top` those on top of their tabs, `stage` those that are seen while presenting (empty: the ones on top in the
    middle and at the right). `layout` is Qt's own, kept only where panels were moved away from their usual places.
    """

    title: str = api.param("", "What the cue is called.")
    notes: str = api.param("", "What the speaker wants to remember; the audience does not see it.")
    front: Front = api.param(Front(), "The run in front.")
    top: tuple[str, ...] = api.param((), "The panels on top of their tabs.")
    stage: tuple[str, ...] = api.param((), "The panels seen while presenting; empty: those on top that show results.")
    shown: tuple[str, ...] = api.param((), "All open panels; empty: those that are open already.")
    room: dict[str, float] = api.param({}, "Share of the window's width (bottom: height) that each place has.")
    layout: str = api.param("", "Where the docks are, as Qt writes it.")
    panels: dict[str, dict[str, Any]] = api.param({}, "Settings of panels by name.")
    step: int = api.param(PRESENT, "The shared step; -1 is the present.", lo=PRESENT, hi=2**53)
    seed: int = api.param(0, "Number of the noise.", lo=0, hi=2**31 - 1)
    theme: Literal["", "light", "dark"] = api.param("", "Colours while presenting; empty: the user's.")

    def brief(self) -> dict[str, Any]:
        """The cue in plain values, without what is as it is anyway: so a person can read and write it."""
        bare = Cue().plain()
        return {name: value for name, value in self.plain().items() if name == "title" or value != bare[name]}


class Talk(api.Spec):
    """A title and its cues."""

    title: str = api.param("A talk", "What the talk is called.")
    cues: tuple[Cue, ...] = api.param((), "The cues in their order.")

    @classmethod
    def read(cls, mapping: Mapping[str, Any], path: str = "") -> Self:
        """Build a talk from plain values; raises SpecError with one sentence that names the cue at fault."""
        cues = mapping.get("cues", [])
        if not isinstance(cues, list | tuple):
            raise api.SpecError("cues", f"cues is {cues!r}; expected a list of cues")
        for i, cue in enumerate(cues, 1):
            if not isinstance(cue, Mapping):
                raise api.SpecError(f"cue {i}", f"cue {i} is {cue!r}; expected a mapping with a title")
            Cue.read(cue, f"cue {i}")
        return super().read({**mapping, "cues": list(cues)}, path)

    def brief(self) -> dict[str, Any]:
        """The talk in plain values, as its file has it."""
        return {"title": self.title, "cues": [cue.brief() for cue in self.cues]}

    def with_cues(self, cues: tuple[Cue, ...]) -> Talk:
        """The same talk with other cues."""
        return self.model_copy(update={"cues": cues})


def placed(number: int, count: int) -> str:
    """Where one is in a talk, as people read it: '3 / 20'."""
    return f"{number + 1} / {count}" if 0 <= number < count else f"{count} cues" if count != 1 else "1 cue"
