"""What each command does, one function a command; errors become Troubles in the worker."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import singledispatch
from typing import TYPE_CHECKING, Any

from gm_core.engine.births import TOPIC, Birth
from gm_core.engine.fetching import Fetch
from gm_core.engine.lane import NONE, PHASES, Change, Lane
from gm_core.engine.saving import header, open_run
from gm_core.engine.viewing import View
from gm_core.protocol import commands as c
from gm_core.protocol.events import Edited, RolledBack, RunClosed, RunList
from gm_core.resources import resource
from gm_core.runs.folders import resolve
from gm_core.runs.store import pinned_steps
from gm_core.spec import RunSpec, SpecError
from gm_core.spec.base import put
from gm_core.train.loop import Validated

if TYPE_CHECKING:
    from gm_core.engine.worker import Worker


@singledispatch
def obey(command: c.Command, worker: Worker) -> None:
    """Do what a command wishes."""
    raise SpecError("", f"the worker does not know the command {type(command).__name__}")


def lane_of(worker: Worker, run: str) -> Lane:
    """The lane of a run, or a sentence."""
    if run not in worker.lanes:
        open_now = ", ".join(worker.lanes) or "none"
        raise SpecError("", f"no run called {run!r} is open; open runs: {open_now}")
    return worker.lanes[run]


def with_lane(worker: Worker, make: Callable[[Validated], Lane]) -> Lane:
    """A lane whose validations are reported under its own name."""
    holder: list[Lane] = []

    def validated(step: int, seconds: float, scores: Mapping[str, float]) -> None:
        worker.validated(holder[0], step, seconds, scores)

    holder.append(make(validated))
    return holder[0]


def birth(worker: Worker, spec: RunSpec) -> Lane:
    """A new recorded run with its own folder; its data and model are made first, so that a fault leaves no folder."""
    lane = with_lane(worker, lambda validated: Lane(spec.name, spec, validated))
    lane.run, lane.folder = worker.recorder.store.create_run(spec.plain(), lane.card)
    worker.lanes[lane.run] = lane
    return lane


@obey.register(c.Start)
def _(command: c.Start, worker: Worker) -> None:
    wished = Birth(RunSpec.read(command.spec), command.paused)
    if wished.advance():  # data that take long to read: the worker goes on with it between other things
        worker.births.add(wished)
    else:
        born(worker, wished)


def born(worker: Worker, wished: Birth) -> None:
    """The data of a run are read: make it, and train."""
    lane = birth(worker, wished.spec)
    worker.keep(lane)
    worker.set_state(lane, "paused" if wished.paused else "training")


@obey.register(c.OpenRun)
def _(command: c.OpenRun, worker: Worker) -> None:
    folder = resolve(command.source, worker.recorder.store.folder)
    shipped = folder.is_relative_to(resource(""))
    name = f"example:{folder.name}" if shipped else folder.name  # so that a run of one's own may have the plain name
    own = None if shipped else folder
    already = next((lane for lane in worker.lanes.values() if lane.run == name and lane.folder == own), None)
    if already is not None:
        worker.set_state(already, already.state)
        return
    stored = open_run(folder)
    lane = with_lane(worker, lambda validated: Lane(name, stored.spec, validated, own, stored.card))
    lane.parent, lane.parent_step = stored.parent, stored.parent_step
    for snapshot in stored.past():
        lane.timeline.add(snapshot)
    lane.put_back(stored.last)
    lane.timeline.add(stored.last)
    for step in pinned_steps(folder):
        lane.timeline.pin(step, True)
    lane.saved_step = stored.last.step
    worker.lanes[lane.run] = lane
    worker.set_state(lane, "viewed")
    worker.kept(lane)


@obey.register(c.CloseRun)
def _(command: c.CloseRun, worker: Worker) -> None:
    lane = lane_of(worker, command.run)
    if lane.state in {"training", "paused"}:
        worker.finish(lane, "stopped")
    for topic, view in list(worker.views.items()):
        if view.lane is lane:
            worker.drop_view(topic)
    lane.halt()
    del worker.lanes[command.run]
    worker.outbox.append(RunClosed(command.run))


@obey.register(c.Pause)
def _(command: c.Pause, worker: Worker) -> None:
    lane = lane_of(worker, command.run)
    if lane.state == "training":
        lane.left = None
        worker.finish(lane, "paused")


@obey.register(c.Resume)
def _(command: c.Resume, worker: Worker) -> None:
    lane = lane_of(worker, command.run)
    may_train(lane)
    lane.left = None
    worker.set_state(lane, "training")


@obey.register(c.Advance)
def _(command: c.Advance, worker: Worker) -> None:
    lane = lane_of(worker, command.run)
    may_train(lane)
    lane.check_phases(command.only, "only")
    lane.left, lane.only = command.steps, frozenset(command.only)
    worker.set_state(lane, "training")


def may_train(lane: Lane) -> None:
    """Raise SpecError with the reason where a run cannot go on."""
    if lane.poisoned:
        raise SpecError("", lane.facts.get("trouble", "the weights are not numbers any more; roll back first"))
    if lane.folder is None:
        raise SpecError(
            "", f"{lane.run} is an example that came with the program; press Train to begin a run of your own"
        )
    if lane.no_data:
        raise SpecError("data.kind", lane.no_data)
    if lane.training.step >= lane.spec.train.steps:
        raise SpecError(
            "train.steps", f"{lane.run} has finished its {lane.spec.train.steps} steps; raise train.steps to go on"
        )


@obey.register(c.Stop)
def _(command: c.Stop, worker: Worker) -> None:
    lane = lane_of(worker, command.run)
    if lane.state in {"training", "paused"}:
        lane.left = None
        lane.halt()
        worker.finish(lane, "stopped")


@obey.register(c.Edit)
def _(command: c.Edit, worker: Worker) -> None:
    lane = lane_of(worker, command.run)
    edited(worker, lane, lane.edit(command.path, command.value))
    worker.set_state(lane, lane.state)


def edited(worker: Worker, lane: Lane, change: Change) -> None:
    """Remember a change, so that it can be taken back, and report it."""
    lane.done.append(change)
    lane.undone.clear()
    worker.emit(Edited(lane.run, lane.training.step, change.path, change.old, change.new))


@obey.register(c.ChangeData)
def _(command: c.ChangeData, worker: Worker) -> None:
    lane = lane_of(worker, command.run)
    if not lane.learns_from(command.data):
        edited(worker, lane, lane.change_data(command.data))
        worker.set_state(lane, lane.state)


@obey.register(c.SwitchPhases)
def _(command: c.SwitchPhases, worker: Worker) -> None:
    lane = lane_of(worker, command.run)
    change = lane.switch(command.off)
    if change.old != change.new:
        edited(worker, lane, change)
        worker.set_state(lane, lane.state)


@obey.register(c.Undo)
def _(command: c.Undo, worker: Worker) -> None:
    lane = lane_of(worker, command.run)
    if not lane.done:
        raise SpecError("", "there is no edit to take back")
    change = lane.done[-1]
    lane.edit(change.path, change.old)
    lane.undone.append(lane.done.pop())
    worker.emit(Edited(lane.run, lane.training.step, change.path, change.new, change.old, "undo"))
    worker.set_state(lane, lane.state)


@obey.register(c.Redo)
def _(command: c.Redo, worker: Worker) -> None:
    lane = lane_of(worker, command.run)
    if not lane.undone:
        raise SpecError("", "there is no edit to make again")
    change = lane.undone[-1]
    lane.edit(change.path, change.new)
    lane.done.append(lane.undone.pop())
    worker.emit(Edited(lane.run, lane.training.step, change.path, change.old, change.new, "redo"))
    worker.set_state(lane, lane.state)


@obey.register(c.Rollback)
def _(command: c.Rollback, worker: Worker) -> None:
    lane = lane_of(worker, command.run)
    worker.flush(lane)
    snapshot = kept_with_state(lane, command.step)
    before, off = lane.training.step, lane.off
    change = lane.restore(snapshot)
    worker.emit(RolledBack(lane.run, before, snapshot.step))
    if change is not None:  # the data of then, which can be undone too: back at that step with the later ones
        edited(worker, lane, change)
    if lane.off != off:  # and the phases that rested then
        edited(worker, lane, Change(PHASES, ", ".join(off) or NONE, ", ".join(lane.off) or NONE))
    worker.set_state(lane, "paused")
    worker.kept(lane)


def kept_with_state(lane: Lane, step: int) -> Any:
    """The kept snapshot of exactly this step, able to train on; raises SpecError with the kept steps otherwise."""
    if step not in lane.timeline.steps:
        kept = ", ".join(map(str, lane.timeline.steps))
        raise SpecError("", f"step {step} of {lane.run} is not kept; kept steps are {kept}")
    snapshot = lane.timeline[step]
    if "rng.training" not in snapshot.tensors:
        raise SpecError("", f"step {step} of {lane.run} was saved for viewing only; roll back to a checkpoint instead")
    return snapshot


@obey.register(c.Branch)
def _(command: c.Branch, worker: Worker) -> None:
    parent = lane_of(worker, command.run)
    snapshot = kept_with_state(parent, command.step)
    plain = parent.spec.plain()
    plain["data"] = dict(snapshot.facts.get("data", plain["data"]))  # those that it learned from at that step
    for path, value in command.edits.items():
        put(plain, path, value)
    plain["name"] = command.edits.get("name", f"{parent.spec.name}-at-{snapshot.step}")
    spec = RunSpec.read(plain)
    lane = birth(worker, spec)
    lane.training.restore(snapshot)
    lane.parent, lane.parent_step = parent.run, snapshot.step
    worker.keep(lane)
    worker.set_state(lane, "training")


@obey.register(c.Pin)
def _(command: c.Pin, worker: Worker) -> None:
    lane = lane_of(worker, command.run)
    lane.timeline.pin(command.step, command.pinned)
    if command.pinned and lane.folder is not None and command.step in lane.timeline.steps:
        worker.recorder.checkpoint(lane.run, lane.timeline[command.step], header(lane), kind="pinned")
    worker.kept(lane)


@obey.register(c.Ask)
def _(command: c.Ask, worker: Worker) -> None:
    lane = None if command.run == c.ALONE else lane_of(worker, command.run)
    worker.drop_view(command.topic)
    worker.views[command.topic] = View(command, lane)


@obey.register(c.Cancel)
def _(command: c.Cancel, worker: Worker) -> None:
    worker.drop_view(command.topic)
    if command.topic == TOPIC:
        worker.births.drop()
    if command.topic in worker.fetches:
        worker.fetches.pop(command.topic).cancel()


@obey.register(c.SetPace)
def _(command: c.SetPace, worker: Worker) -> None:
    worker.pace.views = min(1.0, max(0.0, command.views))


@obey.register(c.Download)
def _(command: c.Download, worker: Worker) -> None:
    topic = f"download:{command.data.get('kind')}"
    running = worker.fetches.get(topic)
    if running is None or not running.alive:
        worker.fetches[topic] = Fetch(command.data, worker.outbox)


@obey.register(c.ListRuns)
def _(command: c.ListRuns, worker: Worker) -> None:
    worker.recorder.flush(force=True)
    worker.outbox.append(RunList(worker.recorder.store.rows()))


@obey.register(c.ReadHistory)
def _(command: c.ReadHistory, worker: Worker) -> None:
    worker.recorder.flush(force=True)
    worker.outbox.append(worker.recorder.store.history(command.run))


@obey.register(c.DeleteRun)
def _(command: c.DeleteRun, worker: Worker) -> None:
    lane = worker.lanes.get(command.run)
    if lane is not None and lane.state == "training":
        raise SpecError("", f"{command.run} is training; stop it before deleting it")
    if lane is not None:
        obey(c.CloseRun(command.run), worker)
    worker.recorder.store.delete(command.run)
    worker.outbox.append(RunList(worker.recorder.store.rows()))


@obey.register(c.Shutdown)
def _(command: c.Shutdown, worker: Worker) -> None:
    worker.end()
