"""What hands do in the pixel-by-pixel viewer: pointing, overwriting, rolling anew, playing, training another order."""

from __future__ import annotations

import re

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu

from app.panels.sites.controls import ORDERS
from app.panels.sites.filling import level, pixel_value
from app.panels.sites.showing import Showing
from app.shell import theme


class Touching(Showing):
    """Connects the widgets; the panel below says what is shown."""

    def connect_parts(self) -> None:
        """Once, after everything is built."""
        c = self.controls
        c.changed.connect(self.draw_anew)
        c.new_noise.connect(lambda: self.desk.new_noise())
        c.again.connect(self.draw_anew)
        c.seeded.connect(self._take_seed)
        c.real_toggled.connect(self.ask_real)
        c.order_wished.connect(self.train_order)
        c.overlay_changed.connect(lambda _: self._overlay())
        self.canvas.hovered.connect(self._point)
        self.canvas.clicked.connect(self.open_popover)
        self.canvas.menu_wished.connect(self._open_menu)
        self.bars.picked.connect(self._pick_level)
        self.sheet.clicked.connect(self.choose)
        self.player.index_changed.connect(self._played)
        self.player.playing_changed.connect(self._played_on)
        self.player.row_wished.connect(self.step_row)
        self.slider.valueChanged.connect(self._scrubbed)
        self.status.cancelled.connect(self._stop)
        self.undo_button.clicked.connect(lambda: self.rolling.undo())
        self.roll_button.clicked.connect(lambda: self.reroll(self.inquiry.site))
        self.popover.chosen.connect(self._overwrite)
        self.popover.channel_changed.connect(self._popover_channel)
        for number, button in enumerate(self.channels):
            button.clicked.connect(lambda _=False, channel=number: self.look_channel(channel))

    # ---- pointing ---------------------------------------------------------------------------------------------

    def _point(self, pixel: int) -> None:
        """The pointer (or Shift with an arrow) is at a pixel; when it leaves, the last one stays."""
        if pixel >= 0 and self.film is not None:
            self._following, self.pointed = False, True
            self.inquiry.look_at(self.site_of(pixel))

    def look_channel(self, channel: int) -> None:
        """Another colour of the same pixel."""
        film = self.film
        self.channel = channel
        self.channels[channel].setChecked(True)
        if film is not None and self.inquiry.site >= 0:
            self.inquiry.look_at(self.site_of(self.inquiry.site % film.pixels))

    def choose(self, row: int) -> None:
        """Bring another example to the front."""
        if row != self.row:
            self.row = row
            self.inquiry.renew()

    def _overlay(self) -> None:
        if self.controls.shown_overlay() == "field" and self.inquiry.site < 0 and self.head() >= 0:
            self.inquiry.look_at(self.head())
        self.touch()

    # ---- overwriting and rolling ------------------------------------------------------------------------------

    def open_popover(self, pixel: int) -> None:
        """The small window that gives a pixel another value."""
        film = self.film
        site = self.site_of(pixel)
        if film is None or site < 0:
            return
        self._following, self.pointed = False, True
        self.inquiry.look_at(site)
        if int(film.ranks[site]) >= film.reached:
            self.say("This pixel is not drawn yet; it can be overwritten as soon as it is.", "info")
            return
        self.player.set_playing(False)
        row, column = divmod(pixel, film.shape[2])
        where = self.canvas.mapToGlobal(self.canvas.rect_of(pixel).bottomRight().toPoint() + QPoint(6, 4))
        was = int(film.values[self.row, site])
        if self.levels() == 2:  # of two values, the other one is what can be meant
            words, wished = f"was {'white' if was > 127 else 'black'}", 0 if was > 127 else 255
        else:
            words, wished = f"was {level(was, self.levels())} of 0 to {self.levels() - 1}", was
        self.popover.open_at(
            f"Row {row + 1}, column {column + 1}: {words}", wished, self.levels(),
            where, self.channel if film.channels > 1 else -1, self.controls.examples(),
        )  # fmt: skip
        self._keep_on_screen()

    def _keep_on_screen(self) -> None:
        screen = self.screen().availableGeometry()
        box = self.popover.frameGeometry()
        self.popover.move(
            max(screen.left(), min(box.left(), screen.right() - box.width())),
            max(screen.top(), min(box.top(), screen.bottom() - box.height())),
        )

    def _popover_channel(self, channel: int) -> None:
        film = self.film
        if film is not None:
            pixel = self.inquiry.site % film.pixels
            self.look_channel(channel)
            self.open_popover(pixel)

    def _overwrite(self, value: int, everywhere: bool) -> None:
        self.overwrite(self.inquiry.site, value, everywhere)

    def overwrite(self, site: int, value: int, everywhere: bool = False) -> None:
        """Give a site another value (0 to 255) and draw what comes after it anew."""
        self._roll(site, value, everywhere)

    def _pick_level(self, number: int) -> None:
        if self.inquiry.site >= 0:
            self.overwrite(self.inquiry.site, pixel_value(number, self.levels()))

    def reroll(self, site: int, everywhere: bool = False) -> None:
        """Draw a site and all that come after it anew, from other noise."""
        if site < 0:
            self.say("Point at a pixel first: from there on the example is drawn anew.", "info")
            return
        self._roll(site, None, everywhere)

    def _roll(self, site: int, value: int | None, everywhere: bool) -> None:
        self._following = False
        self.controls.set_real(False)
        if not self.rolling.roll(site, value, everywhere):
            self.say("What comes before this pixel is not drawn yet; wait until it is.", "info")

    def _open_menu(self, pixel: int, where: QPoint) -> None:
        menu = self.menu_of(pixel)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(where)

    def menu_of(self, pixel: int) -> QMenu:
        """What can be done with a pixel."""
        film, site = self.film, self.site_of(pixel)
        self.inquiry.look_at(site)
        menu = QMenu(self)
        n = self.controls.examples()
        can = film is not None and site >= 0 and int(film.ranks[site]) <= film.reached
        drawn = film is not None and site >= 0 and int(film.ranks[site]) < film.reached
        for words, icon, act, able in (
            ("Re-roll from here", "dice", lambda: self.reroll(site), can),
            (f"Re-roll from here in {n} ways", "branch", lambda: self.reroll(site, True), can and n > 1),
            ("Overwrite...", "palette", lambda: self.open_popover(pixel), drawn),
            ("Go to the moment when it is drawn", "step-forward", lambda: self._go_to(site), drawn),
            ("Take the last re-roll back", "undo", lambda: self.rolling.undo(), bool(self.rolling.past)),
        ):
            action = QAction(theme.icon(icon), words, menu)
            action.setEnabled(able)
            action.triggered.connect(lambda _=False, do=act: do())
            menu.addAction(action)
        return menu

    def _go_to(self, site: int) -> None:
        film = self.film
        if film is not None:
            self.player.set_playing(False)
            self.stand(int(film.ranks[site]) // film.channels * film.channels + film.channels)

    # ---- playing ----------------------------------------------------------------------------------------------

    def _played(self, unit: int) -> None:
        if not self.player.playing():
            self._following = False
        self.go(unit)

    def _played_on(self, playing: bool) -> None:
        """When playing rests, the newest pixel is looked at, unless a person looks at another."""
        if not playing and not self.pointed and self.head() >= 0:
            self.inquiry.look_at(self.head())

    def _scrubbed(self, unit: int) -> None:
        self.player.set_playing(False)
        self._following = False
        self.go(unit)

    def step_row(self, direction: int) -> None:
        """As many pixels on or back as a row has."""
        film = self.film
        if film is not None:
            self.player.set_playing(False)
            self._following = False
            self.go(max(0, self.place // film.channels + direction * film.shape[2]))

    def play_key(self, key: Qt.Key) -> bool:
        """Do what a key means to a player; whether it means anything."""
        film = self.film
        if film is None:
            return False
        unit = self.place // film.channels
        targets = {Qt.Key.Key_Left: unit - 1, Qt.Key.Key_Right: unit + 1, Qt.Key.Key_Home: 0,
                   Qt.Key.Key_End: film.units()}  # fmt: skip
        if key == Qt.Key.Key_Space:
            self.player.set_playing(not self.player.playing())
        elif key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self.step_row(1 if key == Qt.Key.Key_Down else -1)
        elif key in targets:
            self.player.set_playing(False)
            self._following = False
            self.go(max(0, targets[key]))
        else:
            return False
        return True

    def _stop(self) -> None:
        """Draw no more; what came stays."""
        self.rolling.cancel()
        self.film_ended()

    def _take_seed(self, value: int) -> None:
        self.desk.seed = value
        self.desk.same_noise()

    # ---- other orders -----------------------------------------------------------------------------------------

    def train_order(self, order: str) -> None:
        """Start a run like this one but for the order of its pixels; its curve is drawn over this one's."""
        card = self.card
        if card is None:
            return
        bare = re.sub(f", ({'|'.join(ORDERS)}) order$", "", card.title)
        model = {**dict(card.spec["model"]), "order": order}
        spec = {**card.spec, "model": model, "title": f"{bare}, {order} order"}
        if not self.desk.is_example(card.run):
            self.desk.set_overlays(dict.fromkeys([*self.desk.overlays, card.run]))
        self.say(f"Training the same model, pixels {ORDERS[order]}; both curves are drawn together.")
        self.desk.start(spec)
