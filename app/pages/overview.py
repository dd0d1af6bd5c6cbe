"""What a generative model is: sampling, density and representation on one toy and one set of digits; the families."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from app.page import Link, Page, PageState, Readout, Section
from app.pageparts.arranging import ink
from app.shell import theme
from app.widgets import images, kit
from app.widgets.figure import Figure, Handle
from app.widgets.figuremarks import Bars, Contours, Dots, Image, Rule
from gm_core import api
from gm_core.concepts import overview as concept
from gm_core.concepts.base import ConceptFrame, Query

BOX = (-concept.SIDE, concept.SIDE, -concept.SIDE, concept.SIDE)
SCORES = (-200.0, 0.0)
HEADS = ("Family", "Density", "ln p(x)", "Latent", "Steps to draw", "Learns by", "")
LOOK_UP = {True: "explicit", False: "implicit"}


class OverviewState(PageState):
    """The mixture, a point on the plane, and a digit."""

    parts: int = api.param(8, "Parts of the mixture: how rich the model is.", lo=1, hi=concept.MOST)
    x: float = api.param(0.0, "Where the point is.", lo=-2.4, hi=2.4)
    y: float = api.param(0.5, "Where the point is.", lo=-2.4, hi=2.4)
    example: int = api.param(3, "Which of the test digits.", lo=0, hi=449)
    inverted: bool = api.param(False, "Swap black and white: the same strokes, another kind of picture.")


class OverviewPage(Page):
    """Three things that one model does, and what the families can do."""

    name = "overview"
    State = OverviewState
    sections = (
        Section(
            "sampling",
            "Draw",
            (
                r"x\sim p_\theta(x)=\sum_{k=1}^{K}\pi_k\,p_\theta(x\,|\,k)\approx p(x)\qquad K=\slot{parts}{00}",
                r"\theta^\ast=\arg\max_\theta\frac{1}{N}\sum_{n=1}^{N}\log p_\theta(x_n)\qquad"
                r"\mathrm{held\;out:}\;\slot{held_out}{0.000}\;\mathrm{nats\;a\;point,}\;\slot{digits_held_out}{00.00}"
                r"\;\mathrm{nats\;a\;digit}",
            ),
            "A generative model is a distribution p(x) learned from examples. It can be drawn from: a mixture for "
            "points and one for digits make new moons and new digits. One part gives one blob and the same blurred "
            "average for all digits. More parts follow the data, and the likelihood of data held out rises; for the "
            "moons it stops rising near twenty parts, for then new parts only follow single points.",
            ("parts", "seed"),
            (),
            (Link("Draw digits from a VAE", "vae-digits", "gallery"),),
        ),
        Section(
            "density",
            "Score",
            (
                r"\log p_\theta(x)=\log\sum_{k}\pi_k\,p_\theta(x\,|\,k)=\slot{log_p}{0.000}"
                r"\qquad\log p_\theta(\mathrm{digit})=\slot{log_digit}{000.00}",
            ),
            "The same model scores what it is shown. Drag the point off the moons and its log-density falls without a "
            "floor. A density is no probability: it may be above 1. Invert a digit: its score lies far below all real "
            "digits, so it is found to be foreign without any label.",
            ("parts", "x", "y", "example", "inverted"),
            (Readout("density", "p(point)", "0.000"), Readout("rank", "share of test digits below", "0.000")),
            (Link("Scores of a trained model", "made-digits", "density"),),
        ),
        Section(
            "representation",
            "Explain",
            (
                r"p_\theta(k\,|\,x)=\frac{\pi_k\,p_\theta(x\,|\,k)}{\sum_j\pi_j\,p_\theta(x\,|\,j)}"
                r"\qquad\max_k p_\theta(k\,|\,\mathrm{digit})=\slot{best}{0.000}",
            ),
            "A latent variable says where an example comes from: here, which part. By Bayes' rule the model turns "
            "round "
            "and represents each example by its posterior over the parts, found without labels. Drag the point from "
            "one end of a moon to the other and watch the parts hand it on; walk through the digits and see prototypes "
            "answer.",
            ("parts", "x", "y", "example", "inverted"),
            (Readout("part", "part of the digit", "0"), Readout("point_best", "surest part of the point", "0.000")),
            (Link("The latent space of a VAE", "vae-digits", "latent"),),
        ),
        Section(
            "families",
            "Families",
            (
                r"\slot{explicit}{0}\;\mathrm{of}\;\slot{families}{0}\;\mathrm{families\;write\;}p_\theta(x)"
                r"\mathrm{\;down,}\;\slot{exact}{0}\;\mathrm{know\;it\;exactly,}\;\slot{latent}{0}\;\mathrm{have\;a\;latent,}"
                r"\;\slot{many}{0}\;\mathrm{draw\;in\;many\;steps}",
            ),
            "No family does everything well. An exact likelihood costs one step a pixel or an invertible network; one "
            "step from a latent gives a bound or no likelihood at all; the best pictures take many steps. Open a model "
            "of each family and hold it against this table.",
        ),
    )

    def build(self, section: str) -> QWidget:
        """Points on the left, digits on the right; or the table."""
        if section == "families":
            return self._table()
        points, digits = Figure("Points on the plane"), Figure("Digits")
        points.set_axes("", "", BOX[:2], BOX[2:], equal=True)
        points.set_empty("Fitting the mixture", "It takes a moment.")
        digits.set_empty("Fitting the mixture", "It takes a moment.")
        if section != "sampling":
            points.moved.connect(lambda _key, x, y: self.set(x=x, y=y))
            points.clicked.connect(lambda x, y: self.set(x=x, y=y))
        made = QWidget()
        box = QHBoxLayout(made)
        box.setContentsMargins(0, 0, 0, 0)
        box.addWidget(points, 1)
        if section == "density":
            digits.set_axes("ln p(x), nats", "digits", SCORES, None)
        elif section == "representation":
            digits.set_axes(bare=True, equal=True, y_range=(0.0, 1.0))
        else:
            digits.set_axes(bare=True, equal=True)
        if section == "density":
            self.scored_picture = Figure("The digit that is scored")
            self.scored_picture.set_axes(bare=True, equal=True)
            kit.Room(self.scored_picture, height=130)
            column = QVBoxLayout()
            column.addWidget(self.scored_picture)
            column.addWidget(digits, 1)
            box.addLayout(column, 1)
        else:
            box.addWidget(digits, 1)
        if section == "sampling":
            self.drawn_points, self.drawn_digits = points, digits
        elif section == "density":
            self.scored_points, self.scored_digits = points, digits
        else:
            self.explained_points, self.explained_digits = points, digits
        return made

    def _table(self) -> QWidget:
        inner = QWidget()
        grid = QGridLayout(inner)
        grid.setContentsMargins(theme.px(12), theme.px(8), theme.px(12), theme.px(8))
        grid.setHorizontalSpacing(theme.px(18))
        grid.setVerticalSpacing(theme.px(10))
        for column, head in enumerate(HEADS):
            grid.addWidget(kit.label(head, "muted"), 0, column)
        for row, family in enumerate(concept.FAMILIES, 1):
            facts = (
                LOOK_UP[family.explicit],
                family.density,
                "yes" if family.latent else "no",
                family.steps,
                family.learns,
            )
            name = kit.label(family.name, "heading")
            name.setWordWrap(True)
            grid.addWidget(name, row, 0)
            for column, fact in enumerate(facts, 1):
                grid.addWidget(kit.label(fact, _role(fact)), row, column)
            way = kit.label('<a href="#">Open&nbsp;→</a>')
            way.setTextInteractionFlags(
                Qt.TextInteractionFlag.LinksAccessibleByMouse | Qt.TextInteractionFlag.LinksAccessibleByKeyboard
            )
            link = Link(family.name, family.preset, family.panel)
            way.setAccessibleName(f"Open {family.name}")
            way.linkActivated.connect(lambda _href, link=link: self.link_wished.emit(link))
            grid.addWidget(way, row, len(HEADS) - 1)
        grid.setColumnStretch(0, 1)
        grid.setRowStretch(len(concept.FAMILIES) + 1, 1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setWidget(inner)
        return area

    def queries(self) -> Mapping[str, Query]:
        """The mixture, or the table."""
        s = self.settings
        assert isinstance(s, OverviewState)
        if s.section == "families":
            return {"families": concept.FamiliesQuery()}
        return {"mixture": concept.OverviewQuery(s.seed, s.parts, s.x, s.y, s.example, s.inverted)}

    def draw(self, purpose: str, frame: ConceptFrame) -> None:
        """The pictures of the section that is open."""
        s = self.settings
        assert isinstance(s, OverviewState)
        if not isinstance(frame, concept.OverviewFrame):
            return
        if s.section == "sampling":
            self.drawn_points.set_marks(
                [
                    Dots(frame.data[:, 0], frame.data[:, 1], 1.6, name="data", colour="muted"),
                    Dots(frame.samples[:, 0], frame.samples[:, 1], 1.8, name="samples", colour=0),
                ]
            )
            self.drawn_digits.set_marks([_sheet(frame.drawn, 8)])
        elif s.section == "density":
            self._draw_density(s, frame)
        else:
            self._draw_posterior(s, frame)

    def _draw_density(self, s: OverviewState, frame: concept.OverviewFrame) -> None:
        density = np.exp(frame.log_density)
        self.scored_points.set_marks(
            [
                Image(density, BOX, "density", (0.0, float(density.max())), name="p(x)", colour="accent"),
                Dots(frame.data[:, 0], frame.data[:, 1], 1.2, name="data", colour="muted", alpha=120),
            ]
        )
        self.scored_points.set_handles([Handle("point", s.x, s.y, "text", "xy", "Point that is scored")])
        edges = np.linspace(*SCORES, 51)
        marks = []
        for name, scores, colour in (
            ("test digits", frame.test_scores, 0),
            ("inverted", frame.inverted_scores, 1),
        ):
            counts, _ = np.histogram(scores, edges)
            marks.append(Bars((edges[1:] + edges[:-1]) / 2, counts, 4.0, name=name, colour=colour))
        here = Rule(max(frame.numbers["log_digit"], SCORES[0] + 1), name="this digit", colour="text", width=2.0)
        self.scored_digits.set_marks([*marks, here])
        self.scored_picture.set_marks([Image(ink(frame.example), (0.0, 1.0, 0.0, 1.0), smooth=False)])

    def _draw_posterior(self, s: OverviewState, frame: concept.OverviewFrame) -> None:
        parts = len(frame.prototypes)  # the settings may have moved on
        levels = [np.log(0.02), np.log(0.1), np.log(0.3)]
        colours = np.array([images_colour(k) for k in range(parts)], np.uint8)
        ground = colours[frame.owner].astype(float)
        weight = np.clip(np.exp(frame.log_density) / 0.4, 0.08, 0.85)[..., None]
        base = np.array(kit.rgb(theme.current().base), float)
        shown = (ground * weight + base * (1 - weight)).astype(np.uint8)
        self.explained_points.set_marks([Image(shown, BOX), Contours(frame.log_density, BOX, levels, colour="edge")])
        self.explained_points.set_handles([Handle("point", s.x, s.y, "text", "xy", "Point that is explained")])
        k = np.arange(parts)
        side = min(0.09, 0.9 / parts)
        x = (k + 0.5) / parts * 1.6
        marks = [Image(ink(frame.example), (0.62, 0.98, 0.64, 1.0), smooth=False)]
        marks += [
            Image(ink(p), (at - side * 0.8, at + side * 0.8, 0.02, 0.02 + side * 1.6), smooth=False)
            for at, p in zip(x, frame.prototypes, strict=True)
        ]
        bars = Bars(x, 0.42 * frame.example_posterior, 0.7 * 1.6 / parts, 0.19, name="p(part | digit)", colour=0)
        self.explained_digits.set_marks([*marks, bars])


def images_colour(k: int) -> tuple[int, int, int]:
    """The colour of a part; neighbours differ."""
    return kit.rgb(theme.label_color((3 * k) % 10))


def _role(fact: str) -> str:
    return "good" if fact in {"exact", "yes"} else "muted" if fact in {"none", "no", "implicit"} else ""


def _sheet(pictures: np.ndarray, columns: int) -> Image:
    grey = (255 * pictures[..., None]).astype(np.uint8)
    tiled = images.tile(grey, columns, 1, 96)
    h, w = tiled.shape[:2]
    return Image(tiled[::-1], (0.0, float(w), 0.0, float(h)), smooth=False)
