"""Cards with a living thumbnail: presets to choose from, and the runs of the past."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence

import numpy as np
from PySide6.QtCore import QEvent, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.shell import theme
from app.widgets import images, kit
from app.widgets.flow import FlowLayout

Film = np.ndarray | Callable[[], np.ndarray | None] | None
"""Frames uint8 (t, h, w, c) or (h, w, c), or how to get them: then they are fetched just after the first paint."""
Card = tuple[str, str, str, Film]
"""What a card needs: its key, title, line of explanation and film."""


class PresetCard(kit.Painted):
    """A picture that plays its frames under the pointer (or always), a title and a line of explanation.

    Constructor: title, subtitle='', frames=None (a Film). Setters: set_frames,
    set_title(title, subtitle), set_selected(bool), set_enabled_reason(text; '' enables),
    set_frame(i).
    Signals: clicked(), activated() on a double click or Return.
    """

    clicked = Signal()
    activated = Signal()

    def __init__(self, title: str, subtitle: str = "", frames: Film = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title, self.subtitle = title, subtitle
        self._frames: list[QImage] = []
        self._waiting: Callable[[], np.ndarray | None] | None = None
        self._at, self._hover, self._selected, self._reason = 0, False, False, ""
        self._timer: QTimer | None = None
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.set_title(title, subtitle)
        self.set_frames(frames)

    def set_title(self, title: str, subtitle: str = "") -> None:
        """The words of the card."""
        self.title, self.subtitle = title, subtitle
        self.setAccessibleName(title)
        self.setAccessibleDescription(subtitle)
        self._tip()

    def set_frames(self, frames: Film) -> None:
        """The film; the last frame is shown at rest."""
        self._waiting = frames if callable(frames) else None
        a = None if frames is None or callable(frames) else np.asarray(frames)
        if a is not None and a.ndim == 3:
            a = a[None]
        self._frames = [] if a is None else [images.to_qimage(f) for f in a]
        self._at = max(0, len(self._frames) - 1)
        self._run()
        self.update()

    def _fetch(self) -> None:
        if self._waiting is not None:
            self.set_frames(self._waiting())

    def set_frame(self, index: int) -> None:
        """Show one frame."""
        self._at = min(max(0, len(self._frames) - 1), max(0, index))
        self.update()

    def set_selected(self, selected: bool) -> None:
        """Mark the card as chosen."""
        self._selected = selected
        self.update()

    def set_enabled_reason(self, reason: str) -> None:
        """Grey the card and say why; empty makes it usable again."""
        self._reason = reason
        self._tip()
        self.update()

    def _tip(self) -> None:
        self.setToolTip(self._reason or (f"{self.title}\n{self.subtitle}" if self.subtitle else self.title))

    def _run(self) -> None:
        play = len(self._frames) > 1 and self._hover and self.isVisible()
        if not play:
            self._rest()
            return
        if self._timer is None:  # of the many cards only few are ever pointed at
            self._timer = QTimer(self)
            self._timer.setInterval(100)
            self._timer.timeout.connect(self._next)
        if not self._timer.isActive():
            self._timer.start()

    def _rest(self) -> None:
        if self._timer is not None:
            self._timer.stop()

    def _next(self) -> None:
        # Negative frames are a rest on the last picture before the film begins again.
        self._at = self._at + 1 if self._at + 1 < len(self._frames) else -8
        self.update()

    def sizeHint(self) -> QSize:
        """A picture over two lines."""
        return QSize(theme.px(132), theme.px(150))

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Ground, picture, words."""
        if self._waiting is not None:
            QTimer.singleShot(0, self, self._fetch)
        t = theme.current()
        p = QPainter(self)
        p.setRenderHint(QPainter.RenderHint.Antialiasing)
        frame = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        p.setPen(QPen(QColor(t.accent if self._selected else t.border), 2 if self._selected else 1))
        ground = t.hover if self._hover and not self._reason else (t.accent_soft if self._selected else t.surface)
        p.setBrush(QColor(ground))
        p.drawRoundedRect(frame, 6, 6)
        if self._reason:
            p.setOpacity(0.45)
        pad = theme.px(8)
        art = QRectF(pad, pad, self.width() - 2 * pad, self.height() - theme.px(48) - pad)
        p.fillRect(art, QColor(t.base))
        if self._frames:
            picture = self._frames[self._at if self._at >= 0 else -1]
            zoom = min(art.width() / picture.width(), art.height() / picture.height())
            zoom = float(int(zoom)) if zoom >= 1 else zoom
            box = QRectF(0, 0, picture.width() * zoom, picture.height() * zoom)
            box.moveCenter(art.center())
            p.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, zoom < 1)
            p.drawImage(box, picture)
        else:
            side = theme.px(24)
            empty = theme.pixmap("film", side, t.edge, self.devicePixelRatioF())
            p.drawPixmap(int(art.center().x() - side / 2), int(art.center().y() - side / 2), empty)
        room = self.width() - 2 * pad
        line = QRectF(pad, art.bottom() + theme.px(6), room, theme.px(18))
        for text, font, ink in (
            (self.title, theme.ui_font(-0.5, bold=True), t.text), (self.subtitle, theme.ui_font(-1.5), t.muted)
        ):  # fmt: skip
            p.setFont(font)
            p.setPen(QColor(ink))
            words = p.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, int(room))
            p.drawText(line, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, words)
            line.translate(0, theme.px(17))
        p.setOpacity(1.0)
        if self.show_ring:
            kit.paint_focus(p, QRectF(self.rect()), 6)

    def enterEvent(self, event: object) -> None:
        """Begin to play."""
        self._hover, self._at = True, 0
        self._run()
        self.update()
        super().enterEvent(event)  # type: ignore[arg-type]

    def leaveEvent(self, event: object) -> None:
        """Rest on the last frame."""
        self._hover = False
        self._at = max(0, len(self._frames) - 1)
        self._run()
        self.update()
        super().leaveEvent(event)  # type: ignore[arg-type]

    def showEvent(self, event: object) -> None:
        """Films run only while they can be seen."""
        self._run()
        super().showEvent(event)  # type: ignore[arg-type]

    def hideEvent(self, event: object) -> None:
        """Films rest while they cannot be seen."""
        self._rest()
        super().hideEvent(event)  # type: ignore[arg-type]

    def changeEvent(self, event: QEvent) -> None:
        """A new text size asks for a new card size."""
        if event.type() in kit.RESTYLE:
            self.updateGeometry()
        super().changeEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """A click chooses."""
        inside = self.rect().contains(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and inside and not self._reason:
            self.clicked.emit()

    def mouseDoubleClickEvent(self, _event: QMouseEvent) -> None:
        """A double click opens."""
        if not self._reason:
            self.activated.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Space chooses, Return opens."""
        if self._reason:
            super().keyPressEvent(event)
        elif event.key() == Qt.Key.Key_Space:
            self.clicked.emit()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.activated.emit()
        else:
            super().keyPressEvent(event)


class CardGrid(QWidget):
    """Cards in rows, one of them chosen. Setters: set_cards([(key, title, subtitle, film)]), select(key) (silent).
    Getters: selected() -> key | None, cards: dict. Signals: selected_key(str), activated(str).
    """

    selected_key = Signal(str)
    activated = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.cards: dict[str, PresetCard] = {}
        self._chosen: str | None = None
        self._flow = FlowLayout(self, spacing=8)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setAccessibleName("Cards")

    def set_cards(self, cards: Sequence[Card]) -> None:
        """Replace the cards."""
        for card in self.cards.values():
            self._flow.removeWidget(card)
            card.deleteLater()
        self.cards = {}
        for key, title, subtitle, frames in cards:
            card = self.cards[key] = PresetCard(title, subtitle, frames, self)
            card.clicked.connect(lambda k=key: self._choose(k))
            card.activated.connect(lambda k=key: self.activated.emit(k))
            self._flow.addWidget(card)
            card.show()
        self.select(self._chosen)

    def show_only(self, keys: Container[str]) -> None:
        """Hide all cards but these."""
        for key, card in self.cards.items():
            kit.show(card, key in keys)

    def select(self, key: str | None) -> None:
        """Choose a card without a signal."""
        self._chosen = key if key in self.cards else None
        for k, card in self.cards.items():
            card.set_selected(k == self._chosen)

    def selected(self) -> str | None:
        """The key of the chosen card."""
        return self._chosen

    def _choose(self, key: str) -> None:
        self.select(key)
        self.selected_key.emit(key)


def _demo() -> QWidget:
    from app.widgets.demo import digits

    d = digits(30)
    fade = np.stack([(d[4] * (i / 9)).astype(np.uint8) for i in range(10)])
    g = CardGrid()
    g.set_cards([
        ("vae-digits", "VAE on digits", "latent 2, 8x8, 20 s", fade),
        ("ddpm-moons", "DDPM on moons", "100 steps, MLP", d[7]),
        ("vae-mnist", "VAE on MNIST", "latent 20, 28x28", d[2]), ("none", "Later", "no picture yet", None),
    ])  # fmt: skip
    g.select("ddpm-moons")
    g.cards["vae-mnist"].set_enabled_reason("MNIST is not on this computer yet.")
    return g


if __name__ == "__main__":
    import sys

    from app.widgets.demo import run

    sys.exit(run(_demo, (460, 360)))
