"""What the viewer asks about one pixel or one picture: its distribution, its heat maps, its class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QTimer

from app.panels.sites.filling import Filling
from gm_core import api

if TYPE_CHECKING:
    from app.panels.sites import SitesPanel

PATIENCE_MS = 45
"""A pointer that crosses pixels asks only where it rests this long; of what is asked meanwhile, the latest wins."""


class Inquiry:
    """Keeps `bars`, the distribution of the site looked at, in step with what is shown.

    `site` is the site that is wished, -1 for none. `unread` are words where its distribution cannot be told.
    """

    def __init__(self, panel: SitesPanel) -> None:
        self._panel = panel
        self.site = -1
        self.bars: api.SiteBars | None = None
        self.guesses: dict[int, int] = {}
        self._asked: tuple[object, ...] = ()
        self._maps_of: tuple[Filling, int] | None = None
        self._class_of: tuple[Filling, int] | None = None
        self._timer = QTimer(panel)
        self._timer.setSingleShot(True)
        self._timer.setInterval(PATIENCE_MS)
        self._timer.timeout.connect(self._ask)

    def look_at(self, site: int) -> None:
        """Ask for this site soon; -1 looks at none."""
        self.site = site
        film = self._panel.film
        if site < 0 or film is None or not self.tellable(film, site):
            self._timer.stop()
            self.bars = None
            self._asked = ()
        elif self._key() != self._asked:
            self._timer.start()
        self._panel.touch()

    def tellable(self, film: Filling, site: int) -> bool:
        """Whether all that comes before a site is there."""
        return 0 <= site < film.sites and int(film.ranks[site]) <= film.reached

    def renew(self) -> None:
        """The picture changed, though the site did not: ask again."""
        self._asked = ()
        self.look_at(self.site)

    def forget(self) -> None:
        """Another run."""
        self.site, self.bars, self._asked = -1, None, ()
        self.guesses.clear()
        self._maps_of = self._class_of = None
        self._timer.stop()

    def _key(self) -> tuple[object, ...]:
        panel = self._panel
        return (id(panel.film), panel.row, self.site, self.y(), panel.controls.temperature())

    def _ask(self) -> None:
        panel, film = self._panel, self._panel.film
        if panel.card is None or film is None or self.site < 0 or not self.tellable(film, self.site):
            return
        self._asked = self._key()
        query = api.ConditionalQuery(
            given=film.picture(panel.row), site=self.site, y=self.y(), temperature=panel.controls.temperature(),
            order=panel.controls.order_name(),
        )  # fmt: skip
        panel.ask("site", query)

    # classes

    def y(self) -> int | None:
        """The class under which a picture is looked at, where the model wants one."""
        panel, film = self._panel, self._panel.film
        if panel.card is None or "classes" not in panel.card.offers:
            return None
        chosen = panel.controls.y()
        if film is not None and film.real and panel.row < len(film.labels):
            return film.labels[panel.row]
        return chosen if chosen is not None else self.guesses.get(panel.row, 0)

    def guess_class(self) -> None:
        """A model of classes that drew any of them: ask which one this example most probably is."""
        panel, film = self._panel, self._panel.film
        if panel.card is None or film is None or "classes" not in panel.card.offers or film.real:
            return
        wished = panel.controls.y() is None and film.reached == film.sites and panel.row not in self.guesses
        if wished and self._class_of != (film, panel.row):
            self._class_of = (film, panel.row)
            panel.ask("class", api.PosteriorQuery(given=film.picture(panel.row)))

    # maps

    def complete_maps(self) -> None:
        """Ask for the log-probabilities of what was not drawn but given, if any are to be shown."""
        panel, film = self._panel, self._panel.film
        if panel.card is None or film is None or not film.reached:
            return
        there = film.order[: film.reached]
        if not np.isnan(film.log_probs[panel.row, there]).any() or self._maps_of == (film, panel.row):
            return
        if film.done or film.real:
            self._maps_of = (film, panel.row)
            query = api.SiteMapsQuery(
                given=film.picture(panel.row), y=self.y(), order=panel.controls.order_name(),
            )  # fmt: skip
            panel.ask("maps", query)

    def new_weights(self) -> None:
        """The step moved under real examples: their maps are those of other weights now."""
        film = self._panel.film
        if film is not None and film.real:
            film.log_probs[:] = film.entropies[:] = np.nan
            self._maps_of = None

    # answers

    def hear(self, purpose: str, frame: api.Frame | None) -> None:
        """An answer to one of the three."""
        panel = self._panel
        if isinstance(frame, api.SiteBars) and purpose == "site":
            self.bars = frame
        elif isinstance(frame, api.SiteMaps) and purpose == "maps" and self._maps_of is not None:
            film, row = self._maps_of
            there = film.order[: film.reached]
            film.log_probs[row, there] = frame.log_probs[0, there]
            film.entropies[row, there] = frame.entropies[0, there]
        elif isinstance(frame, api.Posterior) and purpose == "class" and self._class_of is not None:
            film, row = self._class_of
            if film is panel.film:
                self.guesses[row] = int(frame.probabilities.argmax())
                self.renew()
        panel.touch()
