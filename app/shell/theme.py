"""Colours, fonts and icons of the whole program, in a light and a dark version that can be switched while it runs.

The two themes live in resources/theme/*.json, the style sheet beside them. Widgets that paint themselves read
`current()` each time they paint, so that a change of theme needs no call: Qt repaints on every palette change.
Series colours are those of Okabe and Ito, which remain distinct for colour-blind readers; on dark ground the blue
#0072B2 is too weak and the sky blue #56B4E9 takes its place.
"""

from __future__ import annotations

import atexit
import json
import shutil
import string
import sys
import tempfile
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from PySide6.QtCore import QByteArray, QObject, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontDatabase,
    QGuiApplication,
    QIcon,
    QPainter,
    QPalette,
    QPixmap,
    QPixmapCache,
)
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication

Mode = Literal["system", "light", "dark"]
FAMILIES = ["Inter", "DejaVu Sans"]
BASE_POINTS = 10.0
SMALLEST_SCALE, LARGEST_SCALE = 0.7, 3.0
INK = "#000"
"""The colour in which icons are stored; each is dyed in that of the theme."""
ICON_SIZES = (16, 18, 24)
"""Sides of icons in the design; they are drawn as large as text scale and screen make these, so that each is sharp."""


@dataclass(frozen=True)
class Theme:
    """Every colour of the program by its role, as #rrggbb."""

    name: str
    dark: bool
    window: str
    base: str
    surface: str
    raised: str
    hover: str
    border: str
    edge: str
    text: str
    muted: str
    accent: str
    on_accent: str
    accent_soft: str
    good: str
    warn: str
    bad: str
    series: tuple[str, ...]
    labels: tuple[str, ...]


class Notifier(QObject):
    """Tells those who cannot simply repaint that the theme or the text size has changed."""

    changed = Signal(object)


@dataclass
class _State:
    theme: Theme | None = None
    scale: float = 1.0
    mode: Mode = "system"
    images: Path | None = None


_state = _State()


def resources() -> Path:
    """The folder with fonts, icons, themes and presets, also inside a frozen program."""
    frozen = getattr(sys, "_MEIPASS", None)
    return Path(frozen) / "resources" if frozen else Path(__file__).resolve().parents[2] / "resources"


@lru_cache(maxsize=4)
def load_theme(name: str) -> Theme:
    """Read one theme from its JSON file."""
    raw: dict[str, Any] = json.loads((resources() / "theme" / f"{name}.json").read_text(encoding="utf-8"))
    wanted = {f.name for f in fields(Theme)}
    if set(raw) != wanted:
        raise ValueError(f"theme {name!r} has the wrong set of colours: {sorted(wanted ^ set(raw))}")
    return Theme(**{k: tuple(v) if isinstance(v, list) else v for k, v in raw.items()})


def current() -> Theme:
    """The theme in use; the dark one until `apply` has been called."""
    return _state.theme or load_theme("dark")


def scale() -> float:
    """How much larger than usual the text is (1.0 is usual)."""
    return _state.scale


def px(n: float) -> int:
    """A length of the design in logical pixels at the present text scale; never below 1 for a positive length."""
    return max(1, round(n * _state.scale)) if n > 0 else 0


def color(value: str, alpha: int = 255) -> QColor:
    """A Qt colour from #rrggbb, with an opacity from 0 to 255."""
    c = QColor(value)
    c.setAlpha(alpha)
    return c


def mix(a: str, b: str, amount: float) -> str:
    """The colour that lies `amount` (0 to 1) of the way from a to b."""
    ca, cb = QColor(a), QColor(b)
    parts = [round(x + (y - x) * amount) for x, y in zip(ca.getRgb()[:3], cb.getRgb()[:3], strict=True)]
    return "#{:02x}{:02x}{:02x}".format(*parts)


def contrast(a: str, b: str) -> float:
    """Contrast ratio of two colours as WCAG 2 defines it: 1 for equal colours, 21 for black on white."""

    def luminance(value: str) -> float:
        channels = QColor(value).getRgbF()[:3]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def label_color(label: int) -> str:
    """The colour of class number `label`."""
    palette = current().labels
    return palette[int(label) % len(palette)]


# fonts ---------------------------------------------------------------------------------------------------------------


def load_fonts() -> list[str]:
    """Make the fonts that we ship known to Qt and return their family names; Qt itself brings none."""
    families: list[str] = []
    for path in sorted((resources() / "fonts").glob("*.[ot]tf")):
        number = QFontDatabase.addApplicationFont(str(path))
        families += (
            [f for f in QFontDatabase.applicationFontFamilies(number) if f not in families] if number >= 0 else []
        )
    return families


def ui_font(delta: float = 0.0, bold: bool = False) -> QFont:
    """The font of the interface at the present scale, `delta` points larger or smaller."""
    font = QFont(FAMILIES)
    font.setPointSizeF((BASE_POINTS + delta) * _state.scale)
    font.setWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
    return font


def number_font(delta: float = 0.0, bold: bool = False) -> QFont:
    """The interface font with figures of equal width, so that changing numbers do not jitter."""
    font = ui_font(delta, bold)
    font.setFeature(QFont.Tag("tnum"), 1)
    return font


def mono_font(delta: float = 0.0) -> QFont:
    """The font for code and paths."""
    font = QFont(["DejaVu Sans Mono", "monospace"])
    font.setPointSizeF((BASE_POINTS - 0.5 + delta) * _state.scale)
    return font


# icons ---------------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=256)
def _svg(name: str) -> str:
    path = resources() / "icons" / f"{name}.svg"
    if not path.is_file():
        raise ValueError(f"there is no icon named {name!r} in resources/icons")
    return path.read_text(encoding="utf-8")


def pixmap(name: str, size: int, colour: str, dpr: float = 1.0) -> QPixmap:
    """One icon drawn at `size` logical pixels in one colour; drawings are cached by name, colour and size."""
    side = max(1, round(size * dpr))
    key = f"gm/{name}/{colour}/{side}/{dpr}"
    image = QPixmap()
    if not QPixmapCache.find(key, image):
        image = QPixmap(_shape(name, side))
        if INK in _svg(name):  # the program's own icon has colours of its own
            painter = QPainter(image)
            painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceIn)
            painter.fillRect(image.rect(), QColor(colour))
            painter.end()
        image.setDevicePixelRatio(dpr)
        QPixmapCache.insert(key, image)
    return image


def _shape(name: str, side: int) -> QPixmap:
    """An icon in black, `side` pixels wide: drawn once, to be dyed in every colour that it is needed in."""
    key = f"gm/{name}/{side}"
    image = QPixmap()
    if not QPixmapCache.find(key, image):
        image = QPixmap(QSize(side, side))
        image.fill(Qt.GlobalColor.transparent)
        painter = QPainter(image)
        QSvgRenderer(QByteArray(_svg(name).encode())).render(painter, QRectF(0, 0, side, side))
        painter.end()
        QPixmapCache.insert(key, image)
    return image


def icon(name: str, theme: Theme | None = None, side: float = 0.0) -> QIcon:
    """An icon in the theme's text colour; accent when checked, faint when disabled.

    `side` is the one size of the design at which it will be seen; 0 draws all of ICON_SIZES. Drawing hundreds that
    nobody will see takes a good part of the program's start.
    """
    app = QGuiApplication.instance()
    ratio = app.devicePixelRatio() if isinstance(app, QGuiApplication) else 1.0
    sides = {px(side)} if side else {16, *(px(s) for s in ICON_SIZES)}
    return _icon(name, theme or current(), tuple(sorted({max(1, round(s * ratio)) for s in sides})))


@lru_cache(maxsize=512)
def _icon(name: str, t: Theme, sizes: tuple[int, ...]) -> QIcon:
    # Every button asks again on each change of palette, style and font, so an icon is drawn once a theme and scale.
    result = QIcon()
    faint = disabled(t)
    for size in sizes:
        result.addPixmap(pixmap(name, size, t.text), QIcon.Mode.Normal, QIcon.State.Off)
        result.addPixmap(pixmap(name, size, t.accent), QIcon.Mode.Normal, QIcon.State.On)
        result.addPixmap(pixmap(name, size, faint), QIcon.Mode.Disabled, QIcon.State.Off)
        result.addPixmap(pixmap(name, size, faint), QIcon.Mode.Disabled, QIcon.State.On)
    return result


atexit.register(_icon.cache_clear)  # pictures must not outlive the application


def disabled(theme: Theme | None = None) -> str:
    """The colour of what cannot be used at the moment."""
    t = theme or current()
    return mix(t.window, t.text, 0.42)


# applying ------------------------------------------------------------------------------------------------------------


def palette(theme: Theme) -> QPalette:
    """The Qt palette of a theme, for everything that the style sheet does not name."""
    role, group = QPalette.ColorRole, QPalette.ColorGroup
    p = QPalette()
    for r, value in (
        (role.Window, theme.window), (role.WindowText, theme.text), (role.Base, theme.base),
        (role.AlternateBase, theme.surface), (role.Text, theme.text), (role.Button, theme.raised),
        (role.ButtonText, theme.text), (role.BrightText, theme.bad), (role.ToolTipBase, theme.raised),
        (role.ToolTipText, theme.text), (role.PlaceholderText, theme.muted), (role.Highlight, theme.accent),
        (role.HighlightedText, theme.on_accent), (role.Link, theme.accent), (role.LinkVisited, theme.accent),
        (role.Light, theme.hover), (role.Midlight, theme.raised), (role.Mid, theme.border), (role.Dark, theme.border),
        (role.Shadow, "#000000"), (role.Accent, theme.accent),
    ):  # fmt: skip
        p.setColor(r, QColor(value))
    for r in (role.WindowText, role.Text, role.ButtonText):
        p.setColor(group.Disabled, r, QColor(disabled(theme)))
    return p


def style_sheet(theme: Theme) -> str:
    """The style sheet with the theme's colours and the present text scale filled in."""
    images = _sheet_images(theme)
    words: dict[str, str] = {k: v for k, v in asdict(theme).items() if isinstance(v, str)}
    words |= {f"p{n}": str(px(n)) for n in (2, 3, 4, 5, 6, 8, 10, 11, 12, 14, 16, 18, 20, 24)}
    words |= {f"img_{k}": v for k, v in images.items()}
    words |= {
        "one": "1",
        "disabled": disabled(theme),
        "accent_hover": mix(theme.accent, theme.text if theme.dark else "#000000", 0.15),
        "pt_title": f"{(BASE_POINTS + 3) * _state.scale:.2f}",
        "pt_small": f"{(BASE_POINTS - 1) * _state.scale:.2f}",
    }
    return string.Template((resources() / "theme" / "sheet.qss").read_text(encoding="utf-8")).substitute(words)


def _sheet_images(theme: Theme) -> dict[str, str]:
    # Style sheets can only name image files, so the few recoloured icons that they use are written out once.
    if _state.images is None or not _state.images.is_dir():
        _state.images = Path(tempfile.mkdtemp(prefix="gm-theme-"))
        atexit.register(shutil.rmtree, _state.images, True)
    result = {}
    for key, name, colour in (
        ("down", "chevron-down", theme.text), ("up", "chevron-up", theme.text), ("check", "check", theme.on_accent),
        ("close", "close", theme.muted), ("expand", "expand", theme.muted),
    ):  # fmt: skip
        path = _state.images / f"{theme.name}-{key}.svg"
        if not path.exists():
            path.write_text(_svg(name).replace("#000", colour).replace('"1.75"', '"2.4"'), encoding="utf-8")
        result[key] = path.as_posix()
    return result


def notifier() -> Notifier:
    """The object whose signal `changed(theme)` follows each change of theme or text size."""
    app = QApplication.instance()
    found = app.findChild(Notifier, "gm-theme-notifier") if app else None
    if found is None:
        found = Notifier(app)
        found.setObjectName("gm-theme-notifier")
    return found


def application() -> QApplication:
    """The one application."""
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    return app


def apply(app: QApplication, mode: Mode = "system") -> Theme:
    """Dress the whole program: style, palette, style sheet and fonts; 'system' follows the desktop from now on."""
    hints = app.styleHints()
    if app.property("gm_follows") is None:
        app.setProperty("gm_follows", True)
        hints.colorSchemeChanged.connect(lambda _scheme: _state.mode == "system" and _dress(app))
    _state.mode = mode
    if mode == "system":
        hints.unsetColorScheme()
    else:  # our palette does the drawing; this asks the window system for a matching title bar
        hints.setColorScheme(Qt.ColorScheme.Dark if mode == "dark" else Qt.ColorScheme.Light)
    return _dress(app)


def set_scale(app: QApplication, factor: float) -> float:
    """Set the size of all text and spacing relative to the usual (0.7 to 3); returns what was set."""
    _state.scale = min(LARGEST_SCALE, max(SMALLEST_SCALE, float(factor)))
    _dress(app)
    return _state.scale


def _dress(app: QApplication) -> Theme:
    wanted: str = _state.mode
    if wanted == "system":
        wanted = "light" if app.styleHints().colorScheme() == Qt.ColorScheme.Light else "dark"
    theme = _state.theme = load_theme(wanted)
    dress = f"{wanted} {_state.scale}"
    if app.property("gm_dress") == dress:  # dressing every widget again takes long, and nothing would change
        return theme
    app.setProperty("gm_dress", dress)
    if not app.property("gm_fusion"):  # a style sheet wraps the style, which cannot be asked for its name then
        app.setProperty("gm_fusion", True)
        app.setStyle("Fusion")
    app.setFont(ui_font())
    app.setPalette(palette(theme))
    app.setStyleSheet(style_sheet(theme))
    notifier().changed.emit(theme)
    return theme
