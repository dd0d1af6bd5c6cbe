"""The steward of a race: lets all start together, measures them on the way, calls in those whose budget is spent."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from app.bridge.desk import Desk
from app.panels.race.entrants import Entrant, spec_of
from app.panels.race.lanes import COSTS, UNENDING, BudgetUnit, Measured, Runner, due
from gm_core import api

PREFIX = "racing/"
"""Topics do not begin with the panel's name, so that measuring goes on while nobody looks at the panel."""
DATA = f"{PREFIX}data"
POINTS, PICTURES = 1000, 300
"""So many examples are drawn for a measurement, of points and of pictures."""
SHOWN_POINTS, SHOWN_PICTURES = 400, 16
REST = 1.0
"""After a measurement a runner rests from being measured for as long as that took: no more than half the time."""


class Steward:
    """Starts ordinary recorded runs, none of which comes to the front, and keeps what is measured of them.

    `news` is called when anything has changed; `say` shows a message. Only what belongs to the runners is heard.
    """

    def __init__(self, desk: Desk, news: Callable[[], None], say: Callable[[str, str], None]) -> None:
        self.desk, self._news, self._say = desk, news, say
        self.runners: list[Runner] = []
        self.budget, self.unit = 1000, "steps"
        self.floors: dict[str, float] = {}
        self.notes: dict[str, str] = {}
        self.data: api.DataCard | None = None
        self.examples: np.ndarray | None = None
        self._specs: list[tuple[Runner, dict[str, object]]] = []
        self._known: set[str] = set()
        self._by_cost = False
        desk.run_changed.connect(self._card)
        desk.scalars.connect(self._grown)
        desk.answered.connect(self._answered)
        desk.refused.connect(self._refused)
        desk.trouble.connect(self._trouble)
        desk.run_closed.connect(self._closed)
        desk.ticked.connect(self._tick)

    # ---- what a hand wishes -------------------------------------------------------------------------------------

    def start(self, entrants: Sequence[Entrant], budget: int, unit: BudgetUnit, batch: int, seed: int) -> None:
        """End the race before this one, then let these start; other runs that train give way."""
        self.stop()
        for runner in self.runners:
            self.desk.cancel(f"{PREFIX}{runner.name}")
        for view in self.desk.views.values():
            if view.card.state == "training" and self.runner_of(view.run) is None:
                self.desk.send(api.Pause(view.run))
        self.budget, self.unit = budget, unit
        self.floors, self.notes, self.data, self.examples = {}, {}, None, None
        names = self._names(entrants)
        self.runners = [Runner(one, name, i) for i, (one, name) in enumerate(zip(entrants, names, strict=True))]
        self._known = set(self.desk.views)
        steps = budget if unit == "steps" else UNENDING
        self._specs = [(runner, spec_of(runner.entrant, runner.name, steps, batch, seed)) for runner in self.runners]
        self._next_start()
        self._news()

    def pause(self) -> None:
        """Rest, all of them."""
        self._to_all(api.Pause, ("training",))

    def resume(self) -> None:
        """Go on, all that have something left to spend."""
        self._to_all(api.Resume, ("paused",))

    def stop(self) -> None:
        """End, all of them; their runs stay open for viewing."""
        self._specs = []
        self._to_all(api.Stop, ("training", "paused"), spent=True)

    def try_costs(self, on: bool) -> None:
        """Measure those that draw step by step with fewer steps too, now and once more when all are in."""
        self._by_cost = on
        for runner in self.runners:
            several = on and self._draws_stepwise(runner)
            runner.untried = list(COSTS) if several else []
            runner.by_cost = runner.record[-1:] if several else []

    # ---- what is known ------------------------------------------------------------------------------------------

    @property
    def starting(self) -> bool:
        """Whether some are still on their way."""
        return bool(self._specs)

    @property
    def running(self) -> bool:
        """Whether any trains."""
        return any(runner.state == "training" for runner in self.runners)

    @property
    def can_resume(self) -> bool:
        """Whether any rests that has something left to spend."""
        return any(r.state == "paused" and not r.spent and not r.trouble for r in self.runners) and not self.starting

    def metrics(self) -> list[api.Metric]:
        """What was measured, in the usual order."""
        return [metric for metric in api.METRICS if metric.name in self.floors]

    def runner_of(self, run: str) -> Runner | None:
        """The runner whose run this is."""
        return next((runner for runner in self.runners if runner.run == run and run), None)

    # ---- the start ----------------------------------------------------------------------------------------------

    def _names(self, entrants: Sequence[Entrant]) -> list[str]:
        """Names that no run has yet, with the number of the race."""
        taken = {*self.desk.views, *(row.run for row in self.desk.rows), *(runner.name for runner in self.runners)}
        number = 1
        while any(name.startswith(f"race{number}-") for name in taken):
            number += 1
        return [f"race{number}-{entrant.key.replace(' ', '-')}" for entrant in entrants]

    def _next_start(self) -> None:
        """One at a time, so that a refusal is known to be the next one's; all wait until the last is there."""
        if self._specs:
            self.desk.send(api.Start(self._specs[0][1], paused=True))
            return
        for runner in self.runners:
            if runner.run and not runner.trouble:
                self.desk.send(api.Resume(runner.run))
        first = next((runner for runner in self.runners if runner.run), None)
        if first is not None and self.data is not None:
            n = SHOWN_PICTURES if self.data.kind == "images" else SHOWN_POINTS
            self.desk.ask(DATA, api.ExamplesQuery(n=n, split="test"), run=first.run, step=None)

    def _card(self, card: api.RunCard) -> None:
        if self._specs and card.run not in self._known and card.spec.get("name") == self._specs[0][0].name:
            runner, _ = self._specs.pop(0)
            runner.run = card.run
            if "samples" not in card.offers:
                runner.trouble = "draws no examples of such data"
            elif self.data is None:
                self.data = card.data
            self._follow(card.run)
            self._next_start()
        elif self.runner_of(card.run) is not None:
            self._follow(card.run)

    def _trouble(self, trouble: api.Trouble) -> None:
        if self._specs and trouble.topic == "Start":
            runner, _ = self._specs.pop(0)
            runner.trouble, runner.state = trouble.words, "failed"
            self._next_start()
            self._news()

    # ---- on the way ---------------------------------------------------------------------------------------------

    def _grown(self, run: str) -> None:
        if self.runner_of(run) is not None:
            self._follow(run)

    def _follow(self, run: str) -> None:
        runner, view = self.runner_of(run), self.desk.views.get(run)
        if runner is None or view is None:
            return
        runner.follow(view)
        if self.unit == "seconds" and not runner.spent and runner.seconds >= self.budget:
            runner.spent = True
            if runner.state == "training":
                self.desk.send(api.Pause(run))
        self._news()

    def _tick(self) -> None:
        """Ask those that have come to a mark; those that wait for an answer, or were just asked, are left alone."""
        if not self.runners or self.starting:
            return
        now = self.desk.clock()
        for runner in self.runners:
            if not runner.run or runner.words or runner.waiting or now < runner.rest_until:
                continue
            if due(runner, self.budget, "seconds" if self.unit == "seconds" else "steps"):
                self._ask(runner, 0)
            elif runner.untried and runner.last is not None:
                steps = runner.untried.pop(0)
                if steps < runner.last.cost:
                    self._ask(runner, steps)
            elif runner.state != "training" and not self.running:
                kept = [step for step in self.desk.views[runner.run].kept if step not in runner.asked]
                missed = runner.missed(kept, self.budget, "seconds" if self.unit == "seconds" else "steps")
                if missed is not None:
                    self._ask(runner, 0, missed)

    def _ask(self, runner: Runner, steps: int, past: int | None = None) -> None:
        pictures = self.data is not None and self.data.kind == "images"
        shown = 0 if steps else SHOWN_PICTURES if pictures else SHOWN_POINTS
        query = api.QualityQuery(n=PICTURES if pictures else POINTS, steps=steps, shown=shown)
        runner.waiting, runner.trying, runner.past = True, steps, past
        if not steps and past is None:
            runner.tried = (runner.step, runner.seconds)
        self.desk.ask(f"{PREFIX}{runner.name}", query, run=runner.run, step=past)

    def _asked(self, topic: str) -> Runner | None:
        return next((runner for runner in self.runners if topic == f"{PREFIX}{runner.name}"), None)

    def _answered(self, answer: api.Answered) -> None:
        if answer.topic == DATA and isinstance(answer.frame, api.ExamplesFrame):
            self.examples = answer.frame.items
            self._news()
            return
        runner = self._asked(answer.topic)
        if runner is None:
            return
        if isinstance(answer.frame, api.Quality) and runner.left is None:
            seconds = self._seconds_at(runner, answer.step)
            if runner.trying:
                runner.take(answer.step, seconds, answer.frame, runner.trying)
            elif runner.past is not None:
                runner.asked.add(runner.past)  # it is not asked for again, wherever the nearest kept step was
                runner.take(answer.step, seconds, answer.frame)
            else:
                runner.tried = (max(answer.step, runner.tried[0]), max(seconds, runner.tried[1]))
                runner.take(answer.step, seconds, answer.frame)
                runner.note = ""
                if self._by_cost:
                    self._again(runner)
            self.floors = dict(zip(answer.frame.names, answer.frame.floors.tolist(), strict=True))
            self.notes = dict(answer.frame.notes)
        if answer.last:
            runner.waiting = False
            runner.rest_until = self.desk.clock() + REST * answer.seconds
        self._news()

    def _again(self, runner: Runner) -> None:
        """The whole way was measured: it ends the curve over costs. Shorter ways are tried once, and anew at rest."""
        last = runner.last
        if last is not None and self._draws_stepwise(runner):
            kept = [measured for measured in runner.by_cost if measured.cost < last.cost]
            if runner.state != "training" or not kept:
                runner.untried = list(COSTS)
            runner.by_cost = sorted([*kept, last], key=_cost)

    def _refused(self, trouble: api.Trouble) -> None:
        runner = self._asked(trouble.topic)
        if runner is not None:
            runner.waiting = False
            if runner.past is not None:
                runner.asked.add(runner.past)
            elif not runner.trying:
                runner.note = trouble.words
            runner.rest_until = self.desk.clock() + REST
            self._news()

    def _closed(self, run: str) -> None:
        runner = self.runner_of(run)
        if runner is not None:
            runner.state, runner.run, runner.waiting = "closed", "", False
            self._news()

    def _seconds_at(self, runner: Runner, step: int) -> float:
        """Seconds of training when a step was done."""
        view = self.desk.views.get(runner.run)
        steps, seconds = view.record() if view is not None else (np.empty(0), np.empty(0))
        if step <= 0 or not len(steps):
            return 0.0
        return float(seconds[min(int(np.searchsorted(steps, step)), len(seconds) - 1)])

    def _draws_stepwise(self, runner: Runner) -> bool:
        view = self.desk.views.get(runner.run)
        return view is not None and "stepwise" in view.card.offers

    def _to_all(self, make: Callable[[str], api.Command], states: tuple[str, ...], spent: bool = False) -> None:
        for runner in self.runners:
            if runner.run and runner.state in states and (spent or not runner.spent) and not runner.trouble:
                self.desk.send(make(runner.run))


def _cost(measured: Measured) -> float:
    return measured.cost
