"""What the actions do, one verb each; the table in `table.py` gives them words, keys and conditions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from app.shell import dialogs, theme
from app.shell import settings as habits
from app.shell.docks import Dock
from app.shell.reading import PANEL
from gm_core import api

if TYPE_CHECKING:
    from app.shell.window import Window


class Deeds:
    """The verbs of a window."""

    def __init__(self, window: Window) -> None:
        self.window = window

    def can_train(self) -> bool:
        """Whether the form holds something that could be trained."""
        return self.window.experiment.can_train()

    def train(self) -> None:
        """Pause or resume the user's run; without one that can go on, train the form."""
        card, desk = self.window.desk.card, self.window.desk
        own = card is not None and not desk.showing_examples
        if own and card is not None and card.state == "training":
            self.window.controls.stopping("pausing...")
            desk.pause()
        elif own and card is not None and card.step < card.steps and not self.window.experiment.planning:
            desk.resume()
        else:
            self.train_new()

    def train_new(self) -> None:
        """Train what the form says, as a new run."""
        self.window.experiment.train()

    def stop(self) -> None:
        """End the run in front; it says so at once."""
        self.window.controls.stopping("stopping...")
        self.window.desk.stop()

    def branch(self) -> None:
        """A second run from the step shown, with the changes that wait in the form."""
        self.window.desk.branch(edits=self.window.experiment.waiting_changes())

    def back_to_good(self) -> None:
        """Return to the step before the numbers went wrong."""
        card = self.window.desk.card
        if card is not None and int(card.facts.get("good_step", -1)) >= 0:
            self.window.desk.rollback(int(card.facts["good_step"]))

    def share(self, by: float) -> None:
        """Give views more or less of the time."""
        share = min(1.0, max(0.0, round(self.window.settings.view_share + by, 2)))
        self.window.settings = habits.changed(self.window.settings, {"view_share": share})
        self.window.desk.send(api.SetPace(share))
        self.window.say("info", f"Views may take {share:.0%} of the time while training wants to run.")

    def set_theme(self, mode: str) -> None:
        """System, light or dark."""
        self.window.settings = habits.changed(self.window.settings, {"theme": mode})
        theme.apply(theme.application(), mode)  # type: ignore[arg-type]

    def scale_text(self, factor: float) -> None:
        """Larger or smaller text; 0 is the usual size."""
        size = theme.set_scale(theme.application(), theme.scale() * factor if factor else 1.0)
        if not self.window.presenter.on:
            self.window.settings = habits.changed(self.window.settings, {"text_size": round(size, 3)})
        self.window.controls.resize_digits()

    def full_screen(self) -> None:
        """The whole screen, with everything that the window has."""
        self.window.showNormal() if self.window.isFullScreen() else self.window.showFullScreen()

    def leave_full(self) -> None:
        """Out of a black screen, presenting, the full screen or the notes, in this order; the window stays."""
        window = self.window
        if window.stage.curtain.down:
            window.stage.blank()
        elif window.presenter.on:
            window.presenter.stop()
        elif window.isFullScreen():
            window.showNormal()
        else:
            window.reader.stop()

    def toggle_sides(self) -> None:
        """Only the middle, or everything."""
        self.window.docks.side(any(d.isHidden() for d in self.window.docks.all.values()))

    def usual_layout(self) -> None:
        """All docks where they were at first."""
        self.window.reader.forget()
        self.window.docks.lay_out()

    def copy_view(self) -> None:
        """A picture of the panel in use, on the clipboard."""
        self._with_panel(dialogs.copy_panel)

    def export_view(self) -> None:
        """Ask what of the panel in use to save, and where."""
        self._with_panel(dialogs.export_panel)

    def _with_panel(self, do: Callable[[Window, Dock], None]) -> None:
        dock = self.window.docks.focused()
        if dock is not None and dock.panel is not None and dock.fit.fits:
            do(self.window, dock)
        else:
            self.window.say("warn", "No panel is in use; click into the one that you mean first.")

    def copy_settings(self) -> None:
        """The form as YAML on the clipboard."""
        dialogs.copy_settings(self.window)

    def open_file(self) -> None:
        """Read a settings file into the form."""
        dialogs.open_spec(self.window)

    def save_file(self) -> None:
        """Write the form to a settings file."""
        dialogs.save_spec(self.window)

    def help_panel(self, name: str = "") -> None:
        """The help on a panel, else on the one in use."""
        dock = self.window.docks.focused()
        wanted = name or (dock.kind.name if dock is not None else "latent")
        page = self.window.reader.page_name() if wanted == PANEL else ""
        self._help(f"pages/{page}" if page else f"panels/{wanted}")

    def help_model(self) -> None:
        """The help on the model of the form, or of the run in front."""
        spec = self.window.experiment.form.spec()
        self._help(f"models/{spec.get('model', {}).get('kind', '')}")

    def _help(self, key: str) -> None:
        from app.shell.help import HelpWindow  # its search need not be there at the start

        shown = self.window.findChild(HelpWindow) or HelpWindow(self.window)
        shown.open_topic(key)

    def show_keys(self) -> None:
        """The list of all keys."""
        dialogs.show_keys(self.window)
