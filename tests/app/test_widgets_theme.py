"""The looks of the program: contrast, icons, fonts, text scale."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QLabel

from app.shell import theme
from app.widgets.kit import IconButton

pytestmark = pytest.mark.usefixtures("dressed")

TEXTS = ("text", "muted", "good", "warn", "bad", "accent")
GROUNDS = ("window", "base", "surface", "raised")


@pytest.mark.parametrize("name", ["light", "dark"])
def test_every_text_colour_is_readable_on_every_ground(name: str) -> None:
    t = theme.load_theme(name)
    weak = {
        (ink, ground): round(theme.contrast(getattr(t, ink), getattr(t, ground)), 2)
        for ink in TEXTS
        for ground in GROUNDS
        if theme.contrast(getattr(t, ink), getattr(t, ground)) < 4.5
    }
    assert not weak
    assert theme.contrast(t.on_accent, t.accent) >= 4.5
    assert theme.contrast(t.text, t.accent_soft) >= 4.5
    assert theme.contrast(t.text, t.hover) >= 4.5


@pytest.mark.parametrize("name", ["light", "dark"])
def test_edges_of_fields_are_visible(name: str) -> None:
    t = theme.load_theme(name)
    assert theme.contrast(t.edge, t.base) >= 3.0
    assert theme.contrast(t.edge, t.window) >= 2.9


def test_contrast_of_black_on_white_is_21() -> None:
    assert theme.contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert theme.contrast("#777777", "#777777") == pytest.approx(1.0)


def test_the_sky_blue_replaces_the_blue_on_dark_ground() -> None:
    assert theme.load_theme("dark").series[0] == "#56B4E9"
    assert theme.load_theme("light").series[0] == "#0072B2"


def icon_names() -> list[str]:
    return sorted(p.stem for p in (theme.resources() / "icons").glob("*.svg") if p.stem != "app")


@pytest.mark.parametrize("name", icon_names())
def test_every_icon_draws_something_in_the_colour_asked_for(qapp: QApplication, name: str) -> None:
    image: QImage = theme.pixmap(name, 24, "#ff0000", 2.0).toImage()
    assert (image.width(), image.devicePixelRatio()) == (48, 2.0)
    inked = [image.pixelColor(x, y) for x in range(48) for y in range(48) if image.pixelColor(x, y).alpha() > 200]
    assert 20 < len(inked) < 48 * 48 * 0.6
    assert all(c.red() > 200 and c.green() < 40 for c in inked)


def test_an_unknown_icon_is_named_in_the_error() -> None:
    with pytest.raises(ValueError, match="no-such-icon"):
        theme.pixmap("no-such-icon", 16, "#000000")


def test_the_shipped_fonts_load() -> None:
    families = theme.load_fonts()
    assert any(f.startswith("Inter") for f in families)
    assert {"DejaVu Sans", "DejaVu Sans Mono"} <= set(families)


def test_switching_the_theme_changes_palette_and_notifies(qapp: QApplication) -> None:
    seen = []
    theme.notifier().changed.connect(seen.append)
    theme.apply(qapp, "light")
    assert qapp.palette().window().color().name() == theme.load_theme("light").window
    assert seen and seen[-1].name == "light"
    theme.notifier().changed.disconnect(seen.append)


def test_text_scale_is_live_and_bounded(qapp: QApplication, qtbot) -> None:
    label = QLabel("x")
    qtbot.addWidget(label)
    label.show()
    before = label.fontMetrics().height()
    assert theme.set_scale(qapp, 2.0) == 2.0
    assert label.fontMetrics().height() > 1.6 * before
    assert theme.set_scale(qapp, 99) == theme.LARGEST_SCALE
    assert theme.set_scale(qapp, 0.01) == theme.SMALLEST_SCALE


def test_an_icon_button_says_what_it_does(qtbot) -> None:
    b = IconButton("play", "Play", "Space")
    qtbot.addWidget(b)
    assert b.accessibleName() == "Play" and "Space" in b.toolTip()
    assert not b.icon().isNull()
