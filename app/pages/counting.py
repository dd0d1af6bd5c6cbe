"""Counting parameters: one coloured pixel, n binary pixels, what each assumption draws, and what an edge is worth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from PySide6.QtWidgets import QWidget

from app.page import Link, Page, PageState, Readout, Section
from app.pageparts import counting_pictures as pictures
from app.pageparts.counting_laid import beside, under
from app.pageparts.counting_rows import CountRows
from app.pageparts.factorisation_graph import edge_at
from app.widgets.figure import Figure, Handle
from app.widgets.figuremarks import Image
from gm_core import api
from gm_core.concepts import counting as concept
from gm_core.concepts import counting_digits as digits
from gm_core.concepts import counting_edges as edges
from gm_core.concepts.base import ConceptFrame, Query

FACTORS = ("p(r)", "p(g|r)", "p(b|r,g)", "chain rule", "table", "order 1", "order 0")
CONTEXTS = ("z", "y|0", "y|1", "x|00", "x|01", "x|10", "x|11")
SAID = ("z", "y given z=0", "y given z=1", *(f"x given y={y}, z={z}" for y in (0, 1) for z in (0, 1)))
STATES = tuple(f"{state:03b}" for state in range(8))


class CountingState(PageState):
    """A pixel, a number of pixels, tables counted on digits, and three bits with their edges."""

    bits: int = api.param(8, "Bits of each colour: 2 to this power levels.", lo=1, hi=8)
    red: int = api.param(90, "Red of the pixel.", lo=0, hi=255)
    green: int = api.param(140, "Green of the pixel.", lo=0, hi=255)
    blue: int = api.param(200, "Blue of the pixel.", lo=0, hi=255)
    n: int = api.param(64, "Pixels, each black or white: 64 are a small digit, 784 are MNIST.", lo=1, hi=784, log=True)
    m: int = api.param(3, "Memory: how many pixels before it a pixel looks at.", lo=0, hi=10)
    hidden: int = api.param(100, "Hidden units of a network whose weights are shared.", lo=1, hi=1000, log=True)
    smoothing: float = api.param(1.0, "Added to each count, so that nothing is impossible.", lo=0.001, hi=10, log=True)
    examples: Literal["1347", "300", "100", "30"] = api.param("1347", "How many digits are counted.")
    order: digits.Visits = api.param("raster", "In which sequence the pixels are visited.")
    chances: tuple[float, ...] = api.param(
        (0.5, 0.15, 0.85, 0.1, 0.7, 0.25, 0.9), "The true p(z=1), p(y=1|z) and p(x=1|y,z), edited by hand."
    )
    keep_z_to_y: bool = api.param(True, "Keep the edge from z to y.")
    keep_z_to_x: bool = api.param(True, "Keep the edge from z to x.")
    keep_y_to_x: bool = api.param(True, "Keep the edge from y to x.")


class CountingPage(Page):
    """Four sections: a pixel, n pixels, digits, edges."""

    name = "counting"
    State = CountingState
    sections = (
        Section(
            "pixel",
            "A coloured pixel",
            (
                r"\mathrm{table}:\; K^3-1=\slot{table}{00,000,000}\qquad K=\slot{levels}{000}",
                r"p(r)\,p(g\,|\,r)\,p(b\,|\,r,g):\;(K-1)+K(K-1)+K^2(K-1)"
                r"=\slot{first}{000}+\slot{second}{00,000}+\slot{third}{00,000,000}",
            ),
            "Drag over the colours: each of them is one entry of the table, and only the last follows from the others. "
            "The chain rule splits the table into three factors, and they add up to exactly as many numbers. Fewer "
            "numbers come from assumptions alone: let blue look at green only, or let no colour look at any other.",
            ("bits", "red", "green", "blue"),
            (
                Readout("entry", "entry of the table", "00,000,000"),
                Readout("markov", "order 1, look one back", "000,000"),
                Readout("independent", "order 0, independent", "000"),
            ),
            (Link("Colours one after another in a PixelCNN", "pixel_cnn-digits", "sites"),),
        ),
        Section(
            "pixels",
            "n binary pixels",
            (
                r"\mathrm{table}:\;2^n-1\qquad\mathrm{chain\ rule}:\;1+2+4+\cdots+2^{n-1}=2^n-1"
                r"\qquad n=\slot{n}{000}",
                r"\mathrm{order}\ m:\;2^m(n-m+1)-1=\slot{order}{000,000}"
                r"\qquad m=1:\;2n-1=\slot{markov}{0,000}\qquad m=0:\;n=\slot{independent}{000}",
            ),
            "Drag n. The notes say that the chain rule achieves an exponential reduction; it achieves none. Its last "
            "factor alone fills half of the table, and the two lines lie on one another. What bends the line is to "
            "forget: of all that came before keep m pixels, or keep everything but share the weights, as NADE and "
            "MADE do with 2nH + n + H numbers.",
            ("n", "m", "hidden"),
            (Readout("digits", "digits of 2ⁿ − 1", "000"),),
            (
                Link("NADE: weights shared by all pixels", "nade-digits", "experiment"),
                Link("MADE: the same count, one pass", "made-digits", "sites"),
            ),
            plays="n",
        ),
        Section(
            "digits",
            "What they draw",
            (
                r"\log p(x)=\sum_{i=1}^{64}\log p\left(x_i\,|\,x_{i-m},\ldots,x_{i-1}\right)"
                r"\approx-\slot{nats}{00.00}\;\mathrm{nats\ (held\ out)}"
                r"\qquad 2^m(65-m)-1=\slot{parameters}{00,000}\ \mathrm{parameters}",
            ),
            "Drag the memory. Row by row the leap comes at m = 8: the pixel above is eight pixels back. Take fewer "
            "examples, and the digits counted get cheaper while those held out get dearer. The full table repeats "
            "what it has seen and holds all else for nearly impossible: it costs more than coin flips.",
            ("m", "smoothing", "examples", "order", "seed"),
            (
                Readout("learned", "nats, digits counted", "00.00"),
                Readout("nats", "nats, held out", "00.00"),
                Readout("repeated", "of 450 held out, seen before", "0"),
            ),
            (
                Link("The Markov model, pixel by pixel", "markov-digits", "sites"),
                Link("Independent pixels", "independent-digits", "gallery"),
            ),
        ),
        Section(
            "edges",
            "What an edge is worth",
            (
                r"p(z,y,x)=p(z)\,p(y\,|\,z)\,p(x\,|\,y,z):\;1+2+4=7\ \mathrm{parameters}"
                r"\qquad\mathrm{kept}:\;\slot{parameters}{0}",
                r"p(x\,|\,y,z)=p(x\,|\,z)\;\Leftrightarrow\;I(x;y\,|\,z)=0,\quad\mathrm{here}\;\slot{alone}{0.0000}"
                r"\qquad D_{\mathrm{KL}}(p\,\|\,q)=\slot{lost}{0.0000}\ \mathrm{nats}",
            ),
            "Click an edge to take it away or bring it back, and drag the bars to change the truth. The words say what "
            "each edge's absence saves in parameters and costs in nats. Without y → x, the bars of x can differ by z "
            "only: where they did so already, nothing is lost. Hollow bars are the best that is left.",
            ("keep_z_to_y", "keep_z_to_x", "keep_y_to_x"),
            (
                Readout("saved", "parameters saved", "0"),
                Readout("lost", "KL(p || q), nats lost"),
                Readout("alone", "I(x; y | z), nats"),
                Readout("entropy", "H(p), nats"),
            ),
            (Link("Which pixels a pixel looks at", "markov-digits", "sites"),),
        ),
    )

    def build(self, section: str) -> QWidget:
        """The figures of a section."""
        if section == "pixel":
            self.plane, self.factors = Figure("Colours with this blue"), Figure("Numbers that each factor takes")
            self.plane.set_axes("red", "green", (0.0, 256.0), (0.0, 256.0))
            for signal in (self.plane.clicked, self.plane.painted_over):
                signal.connect(self._pick)
            self.plane.moved.connect(lambda _key, x, y: self._pick(x, y))
            self.factors.set_axes("", "parameters", (-0.6, 7.1), (1.0, 1e10), log_y=True, names=FACTORS)
            return beside((self.plane, 3), (self.factors, 5))
        if section == "pixels":
            self.growth, self.rows = Figure("Parameters by the number of pixels"), CountRows()
            self.growth.set_axes("n", "parameters", (1.0, 784.0), (1.0, 1e12), log_x=True, log_y=True)
            self.growth.moved.connect(lambda _key, x, _y: self.set(n=x))
            self.growth.clicked.connect(lambda x, _y: self.set(n=x))
            return under((self.growth, 1), (self.rows, 0))
        if section == "digits":
            self.sheets = [Figure(f"Digits drawn by assumption {number}") for number in range(5)]
            for figure in self.sheets:
                figure.set_axes(x_range=(0.0, 35.0), y_range=(0.0, 35.0), equal=True, bare=True)
                figure.setMinimumSize(48, 48)  # five stand in a row
            self.curve = Figure("Nats by memory")
            memories = [str(memory) for memory in range(digits.MEMORIES)]
            self.curve.set_axes("m", "nats a digit", (-0.2, 10.6), (0.0, 56.0), names=memories)
            self.curve.moved.connect(lambda _key, x, _y: self.set(m=x))
            self.curve.clicked.connect(lambda x, _y: self.set(m=x))
            row = beside(*((figure, 1) for figure in self.sheets))
            return under((row, 5), (self.curve, 6))
        self.graph, self.chances, self.joint = Figure("Graph"), Figure("Conditionals"), Figure("Joint distribution")
        self.graph.set_axes(x_range=(-1.2, 1.2), y_range=(-0.9, 1.35), equal=True, bare=True)
        self.graph.clicked.connect(self._toggle)
        self.chances.set_axes("", "probability of 1, given y and z", (-0.6, 6.6), (0.0, 1.0), names=CONTEXTS)
        self.chances.moved.connect(self._drag_chance)
        self.joint.set_axes("", "p(z, y, x)", (-0.6, 7.6), (0.0, 0.6), names=STATES)
        stack = under((self.chances, 1), (self.joint, 1))
        return beside((self.graph, 5), (stack, 6))

    def queries(self) -> Mapping[str, Query]:
        """One query for the section that is open."""
        s = self.settings
        assert isinstance(s, CountingState)
        if s.section == "pixel":
            return {"pixel": concept.PixelQuery(0, s.bits, s.red, s.green, s.blue)}
        if s.section == "pixels":
            return {"pixels": concept.CountQuery(0, s.n, s.m, s.hidden)}
        if s.section == "digits":
            return {"digits": digits.DigitsQuery(s.seed, s.m, s.smoothing, int(s.examples), s.order)}
        return {"edges": edges.EdgesQuery(0, s.chances, self._kept())}

    def draw(self, purpose: str, frame: ConceptFrame) -> None:
        """The figures of the section."""
        s = self.settings
        assert isinstance(s, CountingState)
        if isinstance(frame, concept.PixelFrame):
            self._draw_pixel(s, frame)
        elif isinstance(frame, concept.CountFrame):
            self._draw_counts(s, frame)
        elif isinstance(frame, digits.DigitsFrame):
            self._draw_digits(s, frame)
        elif isinstance(frame, edges.EdgesFrame):
            self._draw_edges(s, frame)

    # ---- drawing

    def _draw_pixel(self, s: CountingState, frame: concept.PixelFrame) -> None:
        self.plane.set_marks([Image(frame.plane, (0.0, 256.0, 0.0, 256.0), smooth=False)])
        colour = "#{:02x}{:02x}{:02x}".format(*frame.colour)
        self.plane.set_handles([Handle("colour", s.red + 0.5, s.green + 0.5, colour, "xy", "Red and green")])
        self.factors.set_marks(pictures.factors(frame))

    def _draw_counts(self, s: CountingState, frame: concept.CountFrame) -> None:
        self.growth.set_marks(pictures.growth(frame, s.n))
        self.growth.set_handles([Handle("n", float(s.n), 1.0, "accent", "x", "Number of pixels")])
        self.rows.set_rows(pictures.rows(frame))

    def _draw_digits(self, s: CountingState, frame: digits.DigitsFrame) -> None:
        for at, figure in enumerate(self.sheets):
            figure.set_title(frame.names[at])
            figure.set_marks(pictures.drawn(frame, at))
        self.curve.set_marks(pictures.by_memory(frame, s.m))
        colour = pictures.DRAWN[2]
        self.curve.set_handles([Handle("m", float(s.m), float(frame.held_out[s.m]), colour, "x", "Memory")])

    def _draw_edges(self, s: CountingState, frame: edges.EdgesFrame) -> None:
        self.graph.set_marks(pictures.triangle(frame, self._kept()))
        self.chances.set_marks(pictures.chances(frame))
        self.chances.set_handles(
            [
                Handle(str(at), float(at), float(frame.truth[at]), pictures.VARIABLE[at], "y", SAID[at])
                for at in range(7)
            ]
        )
        self.joint.set_marks(pictures.states(frame))

    # ---- hands

    def _pick(self, red: float, green: float) -> None:
        self.set(red=min(int(red), 255), green=min(int(green), 255))

    def _kept(self) -> tuple[str, ...]:
        s = self.settings
        assert isinstance(s, CountingState)
        there = {"zy": s.keep_z_to_y, "zx": s.keep_z_to_x, "yx": s.keep_y_to_x}
        return tuple(edge for edge in edges.EDGES if there[edge])

    def _toggle(self, x: float, y: float) -> None:
        xs, ys = zip(*pictures.NODES, strict=True)
        found = edge_at(x, y, xs, ys, edges.ENDS.values(), 0.3)
        name = next((f"keep_{edge[0]}_to_{edge[1]}" for edge, ends in edges.ENDS.items() if ends == found), None)
        if name is not None:
            self.set(**{name: not getattr(self.settings, name)})

    def _drag_chance(self, key: str, _x: float, y: float) -> None:
        s = self.settings
        assert isinstance(s, CountingState)
        new = list(s.chances)
        new[int(key)] = min(max(round(y, 3), 0.01), 0.99)
        self.set(chances=tuple(new))
