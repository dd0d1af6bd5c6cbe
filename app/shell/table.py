"""The table of everything that can be done. Menus, keys, tooltips, the palette and the list of keys are made from it."""
# ruff: noqa: E501 - one line an entry, so that the table reads as a table

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.contents import PAGES, Stop, number_of
from app.shell.reading import PANEL
from app.stage.seeing import is_seen

if TYPE_CHECKING:
    from app.shell.window import Window


def _always(_window: Window) -> bool:
    return True


def _own(window: Window) -> bool:
    """A run of the user's own is in front."""
    return window.desk.card is not None and not window.desk.showing_examples


def _trainable(window: Window) -> bool:
    return window.desk.card is not None or window.deeds.can_train()


def _unfinished(window: Window) -> bool:
    card = window.desk.card
    return _own(window) and card is not None and card.step < card.steps and card.state != "training"


def _running(window: Window) -> bool:
    card = window.desk.card
    return _own(window) and card is not None and card.state in {"training", "paused"}


def _past(window: Window) -> bool:
    return window.desk.now is not None


def _own_past(window: Window) -> bool:
    return _own(window) and window.desk.now is not None


def _kept(window: Window) -> bool:
    view = window.desk.view
    return view is not None and bool(view.kept)


def _own_kept(window: Window) -> bool:
    return _own(window) and _kept(window)


def _poisoned(window: Window) -> bool:
    card = window.desk.card
    return _own(window) and card is not None and int(card.facts.get("good_step", -1)) >= 0


def _edited(window: Window) -> bool:
    view = window.desk.view
    return _own(window) and view is not None and bool(view.edits_now())


def _undone(window: Window) -> bool:
    view = window.desk.view
    return _own(window) and view is not None and bool(view.edits) and view.edits[-1].kind == "undo"


def _cues(window: Window) -> bool:
    return window.stage.has_cues


def _can_step(window: Window) -> bool:
    return window.stage.can_step


def _reads(window: Window) -> bool:
    return window.reader.on or is_seen(window.docks.all[PANEL])  # a page that was just opened is not seen yet


def _presents(window: Window) -> bool:
    return window.presenter.on


@dataclass(frozen=True)
class Entry:
    """One thing that can be done: its words, menu, keys, icon, what it does, and when it can be done."""

    name: str
    text: str
    menu: str
    do: Callable[[Window], Any]
    keys: tuple[str, ...] = ()
    icon: str = ""
    tip: str = ""
    when: Callable[[Window], bool] = _always
    checked: Callable[[Window], bool] | None = None


PAGES_IN_ORDER = sorted(PAGES, key=lambda stop: number_of(stop.page))


def _page(number: int, stop: Stop) -> Entry:
    def read(window: Window) -> None:
        window.reader.open(stop.page)

    return Entry(f"page-{stop.page}", f"{number}  {stop.title}", "Notes", read, (), "book", "A page of the notes.")


TABLE: tuple[Entry, ...] = (
    Entry("train", "Train or pause", "Run", lambda w: w.deeds.train(), ("Space",), "play", "Train the settings on the left, pause, or go on.", _trainable),
    Entry("train-new", "Train a new run", "Run", lambda w: w.deeds.train_new(), ("Ctrl+Return",), "plus", "Train what the form says, as a new run.", lambda w: w.deeds.can_train()),
    Entry("step", "One step", "Run", lambda w: w.desk.advance(1), (".",), "step-forward", "Take one training step, then rest.", _unfinished),
    Entry("ten-steps", "Ten steps", "Run", lambda w: w.desk.advance(10), ("Shift+.", ">"), "", "Take ten training steps, then rest.", _unfinished),
    Entry("stop", "Stop and save", "Run", lambda w: w.deeds.stop(), ("Ctrl+.",), "stop", "End this run; it is saved and stays open.", _running),
    Entry("branch", "Branch here", "Run", lambda w: w.deeds.branch(), ("Ctrl+B",), "branch", "Start a second run from the step shown.", _own_kept),
    Entry("rollback", "Go back to the step shown", "Run", lambda w: w.desk.rollback(), ("Ctrl+Shift+B",), "reset", "Weights, optimiser and random state return to the step shown; training rests there.", _own_past),
    Entry("good-step", "Go back to the last good step", "Run", lambda w: w.deeds.back_to_good(), (), "reset", "Return to the step before the numbers went wrong.", _poisoned),
    Entry("undo", "Undo the last live edit", "Edit", lambda w: w.desk.undo(), ("Ctrl+Z",), "undo", "", _edited),
    Entry("redo", "Redo the live edit", "Edit", lambda w: w.desk.redo(), ("Ctrl+Y", "Ctrl+Shift+Z"), "redo", "", _undone),
    Entry("copy-view", "Copy the view", "Edit", lambda w: w.deeds.copy_view(), ("Ctrl+Shift+C",), "copy", "Put a picture of the panel in use on the clipboard."),
    Entry("copy-settings", "Copy the settings as YAML", "Edit", lambda w: w.deeds.copy_settings(), (), "copy", "The run in front as a file that gm-core train takes."),
    Entry("back-to-live", "Back to the present", "Time", lambda w: w.desk.seek(None), ("End",), "skip-end", "All panels show the newest step again.", _past),
    Entry("time-back", "Kept step before", "Time", lambda w: w.timebar.move_by(-1), ("Left", ","), "step-back", "", _kept),
    Entry("time-forward", "Next kept step", "Time", lambda w: w.timebar.move_by(1), ("Right",), "step-forward", "", _past),
    Entry("time-first", "First kept step", "Time", lambda w: w.timebar.first(), ("Home",), "skip-start", "", _kept),
    Entry("pin", "Keep this step for ever", "Time", lambda w: w.timebar.toggle_pin(), ("P",), "pin", "Keep the snapshot whatever the memory budget says.", _own_kept),
    Entry("new-noise", "New noise", "View", lambda w: w.desk.new_noise(), ("R",), "dice", "Draw everything from other noise."),
    Entry("same-noise", "Same noise again", "View", lambda w: w.desk.same_noise(), ("Shift+R",), "loop", "Draw again from the noise that is on screen."),
    Entry("lock-noise", "Keep the noise while training", "View", lambda w: w.desk.lock_noise(not w.desk.noise_locked), ("N",), "lock", "Sheets from two steps can then be compared.", checked=lambda w: w.desk.noise_locked),
    Entry("more-views", "More time for views", "View", lambda w: w.deeds.share(+0.1), ("]",), "", "Views are fresher and training is slower."),
    Entry("less-views", "More time for training", "View", lambda w: w.deeds.share(-0.1), ("[",), "", "Training is faster and views are refreshed less often."),
    Entry("sides", "Hide or show the side panels", "View", lambda w: w.deeds.toggle_sides(), ("F9",), "layers"),
    Entry("lay-out", "Usual layout", "View", lambda w: w.deeds.usual_layout(), (), "grid", "All panels where they were at first."),
    Entry("larger", "Larger text", "View", lambda w: w.deeds.scale_text(1.1), ("Ctrl++", "Ctrl+="), "zoom-in"),
    Entry("smaller", "Smaller text", "View", lambda w: w.deeds.scale_text(1 / 1.1), ("Ctrl+-",), "zoom-out"),
    Entry("usual-text", "Usual text size", "View", lambda w: w.deeds.scale_text(0), ("Ctrl+0",), "zoom-fit"),
    Entry("theme-system", "Colours of the desktop", "View", lambda w: w.deeds.set_theme("system"), (), "settings", checked=lambda w: w.settings.theme == "system"),
    Entry("theme-light", "Light colours", "View", lambda w: w.deeds.set_theme("light"), (), "sun", checked=lambda w: w.settings.theme == "light"),
    Entry("theme-dark", "Dark colours", "View", lambda w: w.deeds.set_theme("dark"), (), "moon", checked=lambda w: w.settings.theme == "dark"),
    Entry("present", "Present", "View", lambda w: w.presenter.toggle(), ("F5",), "present", "The panel in use on the whole screen; Esc returns.", checked=lambda w: w.presenter.on),
    Entry("leave", "Leave presenting, full screen or the notes", "View", lambda w: w.deeds.leave_full(), ("Esc",), "close", "Esc never quits.", lambda w: w.presenter.on or w.isFullScreen() or w.reader.on),
    Entry("next-cue", "Next cue", "Talk", lambda w: w.stage.next(), ("PgDown",), "step-forward", "The window as the next cue of the talk has it; the first opens the talk that ships.", _can_step),
    Entry("previous-cue", "Cue before", "Talk", lambda w: w.stage.previous(), ("PgUp",), "step-back", "", _cues),
    Entry("blank", "Black screen", "Talk", lambda w: w.stage.blank(), ("B",), "eye-off", "Nothing to see while presenting, until B, Esc or a key for cues.", _presents, checked=lambda w: w.stage.curtain.down),
    Entry("pointer", "Red dot", "Talk", lambda w: w.stage.pointer.toggle(), ("L",), "point", "The mouse points with a red dot while presenting.", _presents, checked=lambda w: w.stage.pointer.on),
    Entry("add-cue", "Add cue", "Talk", lambda w: w.stage.add(), ("Ctrl+T",), "plus", "The window as it is becomes a cue of the talk."),
    Entry("talk", "Cues", "Talk", lambda w: w.docks.show("talk"), ("Ctrl+Shift+T",), "present", "The cues of the talk and what the speaker wants to say."),
    Entry("open-talk", "Open talk...", "Talk", lambda w: w.stage.open_talk(), (), "folder", "A list of cues, shipped or your own."),
    Entry("new-talk", "New talk", "Talk", lambda w: w.stage.new(), (), "plus", "An empty list of cues in your folder."),
    Entry("leave-talk", "The window as before the talk", "Talk", lambda w: w.stage.leave(), (), "reset", "Layout, settings and run as they were before the first cue.", lambda w: w.stage.in_talk),
    Entry("full-screen", "Full screen", "View", lambda w: w.deeds.full_screen(), ("F11",), "expand", checked=lambda w: w.isFullScreen()),
    Entry("runs", "Saved runs", "File", lambda w: w.docks.show("runs"), ("Ctrl+R",), "folder", "Open, compare and delete what was trained before."),
    Entry("open-file", "Open a settings file...", "File", lambda w: w.deeds.open_file(), ("Ctrl+O",), "folder", "A YAML file as gm-core train takes it."),
    Entry("save-file", "Save the settings as...", "File", lambda w: w.deeds.save_file(), ("Ctrl+S",), "save", "The form as a YAML file that gm-core train takes."),
    Entry("export", "Export the view...", "File", lambda w: w.deeds.export_view(), ("Ctrl+E",), "export", "Save what the panel in use shows."),
    Entry("quit", "Quit", "File", lambda w: w.close(), ("Ctrl+Q",), "close", "Save everything and leave."),
    Entry("start-here", "Start here: the path of the notes", "Notes", lambda w: w.reader.start_here(), ("Ctrl+J",), "book", "Pages and models in the order of the notes; it goes on where you left it."),
    Entry("notes", "The notes", "Notes", lambda w: w.reader.open(""), ("F2",), "book", "The page that was open last, with the room of all panels; Esc brings the panels back."),
    Entry("next-section", "Next section", "Notes", lambda w: w.reader.walk(1), ("Ctrl+PgDown",), "step-forward", "From the last of a page to the first of the next page.", _reads),
    Entry("previous-section", "Section before", "Notes", lambda w: w.reader.walk(-1), ("Ctrl+PgUp",), "step-back", "", _reads),
    Entry("talk-size", "Talk size", "Notes", lambda w: w.reader.toggle_size(), ("T",), "zoom-in", "Text that reads from the last row.", checked=lambda w: w.reader.large),
    Entry("leave-notes", "Back to the models", "Notes", lambda w: w.reader.stop(), (), "grid", "The panels as they were before.", lambda w: w.reader.on),
    *(_page(at, stop) for at, stop in enumerate(PAGES_IN_ORDER, 1)),
    Entry("palette", "Find a command", "Help", lambda w: w.palette_box.open_palette(), ("Ctrl+K",), "command"),
    Entry("help", "Help on the panel in use", "Help", lambda w: w.deeds.help_panel(), ("F1",), "help", "What it shows, what to do first, where it misleads."),
    Entry("help-model", "Help on the model", "Help", lambda w: w.deeds.help_model(), ("Shift+F1",), "help", "The model in front: its equation, its settings, what to look for."),
    Entry("keys", "Keys", "Help", lambda w: w.deeds.show_keys(), ("?",), "command", "All keys in one list."),
    Entry("log", "Messages", "Help", lambda w: w.docks.show("log"), (), "info", "What was reported, in plain words."),
)  # fmt: skip

MENUS = ("File", "Edit", "Run", "Time", "View", "Notes", "Talk", "Help")
