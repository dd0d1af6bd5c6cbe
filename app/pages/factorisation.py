"""Autoregressive factorisation: graphs by clicking, teacher forcing, parallel scoring, and the effect of order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from PySide6.QtWidgets import QWidget

from app.page import Link, Page, PageState, Readout, Section
from app.pageparts import factorisation_pictures as pictures
from app.pageparts.counting_laid import beside, buttons, under
from app.pageparts.counting_sheet import Sheet
from app.pageparts.factorisation_graph import edge_at, node_at
from app.widgets.figure import Figure, Handle
from gm_core import api
from gm_core.concepts import factorisation_forcing as forcing
from gm_core.concepts import factorisation_graph as graphs
from gm_core.concepts import factorisation_order as orders
from gm_core.concepts import factorisation_parallel as parallel
from gm_core.concepts.base import ConceptFrame, Query

WORK = ("score", "sample", "by sums")
STARTS: dict[str, tuple[int, ...]] = {
    "Raster": (0, 1, 2, 3, 4, 5, 6, 7, 8),
    "Snake": (0, 1, 2, 5, 4, 3, 6, 7, 8),
    "To and fro": (0, 8, 1, 7, 2, 6, 3, 5, 4),
}


class FactorisationState(PageState):
    """A graph on five pixels, a chain learned from few sequences, a network at work, an order of nine pixels."""

    places: graphs.Places = api.param("cross", "Where the five pixels lie on the digit.")
    backwards: bool = api.param(False, "Visit the pixels in the opposite sequence.")
    graph: int = api.param(graphs.CHAIN, "The edges of the graph, as its number.", lo=0, hi=graphs.GRAPHS - 1)
    chosen: int = api.param(-1, "The pixel that was clicked first; -1: none.", lo=-1, hi=8)
    sequences: int = api.param(20, "Sequences that the model learns from.", lo=1, hi=300, log=True)
    smoothing: float = api.param(3.0, "How many examples the prior of each row is worth.", lo=0.1, hi=100.0, log=True)
    wobble: float = api.param(0.7, "Standard deviation of the true pen, in heights.", lo=0.3, hi=1.5)
    given: int = api.param(1, "True positions that are given before the model runs free.", lo=1, hi=forcing.LENGTH)
    order: parallel.Visits = api.param("raster", "In which sequence the pixels are visited.")
    block: int = api.param(1, "Pixels that are drawn in one call.", lo=1, hi=64, log=True)
    hidden: int = api.param(100, "Hidden units of the network.", lo=1, hi=300, log=True)
    call: int = api.param(24, "The call after which we look.", lo=0, hi=64)
    m: int = api.param(1, "Memory: how many pixels before it a pixel looks at.", lo=0, hi=8)
    own: tuple[int, ...] = api.param(STARTS["To and fro"], "The nine pixels in the order of visit.")


class FactorisationPage(Page):
    """Four sections: graphs, teacher forcing, parallel and sequential, order."""

    name = "factorisation"
    State = FactorisationState
    sections = (
        Section(
            "graph",
            "Who looks at whom",
            (
                r"q(x)=\prod_{i=1}^{5}p\left(x_i\,|\,x_{\mathrm{pa}(i)}\right)"
                r"\qquad\sum_i 2^{|\mathrm{pa}(i)|}=\slot{parameters}{00}\ \mathrm{parameters}"
                r"\qquad D_{\mathrm{KL}}(p\,\|\,q)=\sum_i I\left(x_i;x_{\mathrm{rest}(i)}\,|\,x_{\mathrm{pa}(i)}\right)"
                r"=\slot{lost}{0.0000}",
            ),
            "Click two pixels to join or to part them. The first one clicked shows what each of its edges takes in "
            "parameters and is worth in nats. Every dot is one of all 1,024 graphs; click one to have it. The chain "
            "is often far from the best graph of its size, and the last nats are bought dearly.",
            ("places", "backwards"),
            (
                Readout("parameters", "parameters, of 31", "00"),
                Readout("lost", "nats lost"),
                Readout("independent", "lost without any edge"),
                Readout("entropy", "H(p), nats"),
            ),
            (
                Link("Draw which pixels a chain looks at", "markov-digits", "sites"),
                Link("MADE: the graph as masks", "made-digits", "sites"),
            ),
        ),
        Section(
            "forcing",
            "Teacher forcing",
            (
                r"D_t=D_{\mathrm{KL}}\left(p(\cdot\,|\,x_{<t})\,\|\,q(\cdot\,|\,x_{<t})\right)"
                r"\qquad\frac{1}{60}\sum_t\mathbb{E}_{x\sim p}\left[D_t\right]=\slot{forced}{0.000}"
                r"\qquad\frac{1}{60}\sum_t\mathbb{E}_{x\sim q}\left[D_t\right]=\slot{free}{0.000}",
            ),
            "The model has counted a few strokes of a pen. Fed with true prefixes (teacher forcing) it errs little, "
            "everywhere alike. Fed with its own it strays to where it never saw the truth, does not know the way "
            "back, and errors pile up. Drag the dashed line to give more of the truth, or learn from more.",
            ("sequences", "smoothing", "wobble", "given", "seed"),
            (
                Readout("kl", "KL(p || q), all 60", "0.00"),
                Readout("ratio", "own prefixes : true ones", "0.0"),
                Readout("strayed", "time where nothing was seen", "0.000"),
            ),
            (Link("What a pixel model draws on its own", "markov-digits", "gallery"),),
        ),
        Section(
            "parallel",
            "Parallel and sequential",
            (
                r"\mathrm{score}:\;\log p(x)=\sum_{i=1}^{64}\log p(x_i\,|\,x_{<i})=-\slot{minus}{00.00}"
                r"\;\;\mathrm{from}\;1\;\mathrm{call}"
                r"\qquad\mathrm{sample}:\;x_i\sim p(\cdot\,|\,x_{<i})\;\;\mathrm{in}\;\lceil 64/k\rceil="
                r"\slot{calls}{00}\;\mathrm{calls}",
            ),
            "Play the calls: a pixel is drawn only when those before it are known; a digit that is there already is "
            "scored at once. Running sums (NADE) do the work of all calls for the price of one, but each call still "
            "waits for the one before. Draw a block at once: fewer calls, but pixels that do not see one another, "
            "and as a rule more nats.",
            ("order", "block", "call", "hidden", "seed"),
            (
                Readout("ratio", "operations, anew : score", "00"),
                Readout("nats", "nats a digit, held out", "00.00"),
            ),
            (
                Link("Watch pixels drawn one after another", "made-digits", "sites"),
                Link("PixelCNN: one call a pixel", "pixel_cnn-digits", "sites"),
            ),
            plays="call",
        ),
        Section(
            "order",
            "The effect of order",
            (
                r"\sum_{k=1}^{9}H\left(x_{o(k)}\,|\,x_{o(k-m)},\ldots,x_{o(k-1)}\right)=H(x_1,\ldots,x_9)"
                r"+\slot{lost}{0.0000}=\slot{cost}{0.0000}\ \mathrm{nats}",
            ),
            "Nine neighbouring pixels of the digits, their joint counted exactly. Click two pixels to swap their turns "
            "and watch the thick line. With no memory all orders cost the same, and with a full one again: the "
            "chain rule holds in any order. In between, whoever keeps neighbours close in the sequence loses least.",
            ("m", "seed"),
            (
                Readout("lost", "your order loses, nats"),
                Readout("best", "best of 1,000 random"),
                Readout("worst", "worst of 1,000 random"),
                Readout("full", "any order, full memory"),
            ),
            (
                Link("Orders of a Markov chain", "markov-digits", "experiment"),
                Link("NADE for any order", "nade-agnostic-digits", "sites"),
            ),
            plays="m",
        ),
    )

    # ---- making

    def build(self, section: str) -> QWidget:
        """The figures of a section."""
        builders = {
            "graph": self._build_graph, "forcing": self._build_forcing, "parallel": self._build_parallel,
            "order": self._build_order,
        }  # fmt: skip
        made = builders[section]()
        for figure in made.findChildren(Figure):
            figure.setMinimumSize(60, 60)  # up to three stand in a row
        return made

    def _build_graph(self) -> QWidget:
        self.graph, self.map, self.pixels = Figure("Graph"), Figure("Places on the digit"), Figure("Loss by pixel")
        self.cloud, self.joint = Figure("All graphs"), Figure("Joint distribution")
        self.graph.set_axes(x_range=(-1.25, 1.25), y_range=(-1.05, 1.2), equal=True, bare=True)
        self.graph.clicked.connect(self._click_graph)
        self.map.set_axes(x_range=(0.0, 8.0), y_range=(0.0, 8.0), equal=True, bare=True)
        self.pixels.set_axes("pixel", "nats lost", (-0.6, 5.0), (0.0, 0.25), names="12345")
        self.cloud.set_axes("parameters", "nats lost", (4.0, 32.0), (-0.01, 0.36))
        self.cloud.clicked.connect(self._click_cloud)
        self.joint.set_axes("state, 00000 to 11111", "probability", (-0.8, 31.8), (0.0, 0.25))
        row = buttons(
            ("None", lambda: self.set(graph=0, chosen=-1)),
            ("Chain", lambda: self.set(graph=graphs.CHAIN, chosen=-1)),
            ("Best parent", self._take_tree),
            ("All", lambda: self.set(graph=graphs.GRAPHS - 1, chosen=-1)),
        )
        low = beside((self.map, 1), (self.pixels, 2))
        left = under((self.graph, 5), (row, 0), (low, 2))
        return beside((left, 1), (under((self.cloud, 5), (self.joint, 3)), 1))

    def _build_forcing(self) -> QWidget:
        self.tracks = [Figure("The truth"), Figure("The model running free")]
        for figure in self.tracks:
            figure.set_axes("position", "height", (0.5, forcing.LENGTH + 0.5), (-0.5, forcing.LEVELS - 0.5))
        self.errors = Figure("Error by position")
        self.errors.set_axes("position", "nats", (0.5, forcing.LENGTH + 0.5), None)
        self.errors.moved.connect(lambda _key, x, _y: self.set(given=x - 0.5))
        self.errors.clicked.connect(lambda x, _y: self.set(given=x - 0.5))
        top = beside(*((figure, 1) for figure in self.tracks))
        return under((top, 1), (self.errors, 1))

    def _build_parallel(self) -> QWidget:
        self.known, self.drawn = Figure("Which call makes a pixel known"), Figure("Drawn so far")
        self.scored = Figure("Scored at once")
        self.calls, self.operations, self.nats = Figure("Calls"), Figure("Operations"), Figure("Nats by pixels at once")
        self.known.set_axes(x_range=(0.0, 8.0), y_range=(0.0, 8.0), equal=True, bare=True)
        for figure in (self.drawn, self.scored):
            figure.set_axes(x_range=(0.0, 17.0), y_range=(0.0, 17.0), equal=True, bare=True)
        self.scored.set_axes(x_range=(0.0, 17.0), y_range=(0.0, 8.0), equal=True, bare=True)
        self.known.set_title("Known after call")
        self.calls.set_axes("", "calls, one after another", (-0.6, 2.6), (0.5, 400.0), log_y=True, names=WORK)
        self.operations.set_axes("", "operations", (-0.6, 2.6), (100.0, 1e8), log_y=True, names=WORK)
        self.nats.set_axes("k", "nats by pixels at once, k", (0.9, 70.0), (18.0, 26.0), log_x=True)
        self.nats.clicked.connect(lambda x, _y: self.set(block=x))
        self.nats.moved.connect(lambda _key, x, _y: self.set(block=x))
        top = beside((self.known, 1), (self.drawn, 1), (self.scored, 1))
        bars = beside((self.calls, 1), (self.operations, 1), (self.nats, 1))
        return under((top, 1), (bars, 1))

    def _build_order(self) -> QWidget:
        self.route, self.ranks, self.memory = Figure("Order of visit"), Figure("Loss by turn"), Figure("Loss by memory")
        self.route.set_axes(x_range=(0.0, 3.0), y_range=(0.0, 3.0), equal=True, bare=True)
        self.route.clicked.connect(self._click_route)
        self.ranks.set_axes("turn", "nats lost", (-0.6, 9.2), (0.0, 0.4), names="123456789")
        self.memory.set_axes("m", "nats lost", (-0.15, 8.6), (0.0, 1.3), names="012345678")
        self.memory.clicked.connect(lambda x, _y: self.set(m=x))
        self.memory.moved.connect(lambda _key, x, _y: self.set(m=x))
        row = buttons(*((name, self._starter(own)) for name, own in STARTS.items()))
        left = under((self.route, 3), (row, 0), (self.ranks, 2))
        return beside((left, 2), (self.memory, 3))

    # ---- asking and drawing

    def queries(self) -> Mapping[str, Query]:
        """One query for the section that is open."""
        s = self._settings()
        if s.section == "graph":
            return {"graph": graphs.GraphQuery(0, s.places, s.backwards, s.graph)}
        if s.section == "forcing":
            return {"forcing": forcing.ForcingQuery(s.seed, s.sequences, s.smoothing, s.wobble, s.given)}
        if s.section == "parallel":
            return {"parallel": parallel.ParallelQuery(s.seed, s.order, s.block, s.hidden, s.call)}
        return {"order": orders.OrderQuery(s.seed, s.own, s.m)}

    def draw(self, purpose: str, frame: ConceptFrame) -> None:
        """The figures of the section."""
        s = self._settings()
        if isinstance(frame, graphs.GraphFrame):
            self.graph.set_marks(pictures.nodes(frame, s.graph, s.chosen))
            self.map.set_marks(pictures.where(frame))
            self.pixels.set_marks(pictures.by_pixel(frame))
            self.cloud.set_marks(pictures.cloud(frame, s.graph))
            self.joint.set_marks(pictures.states(frame))
        elif isinstance(frame, forcing.ForcingFrame):
            for figure, free in zip(self.tracks, (False, True), strict=True):
                figure.set_marks(pictures.tracks(frame, free, s.given))
            self.errors.set_marks(pictures.errors(frame, s.given))
            self.errors.set_handles([Handle("given", s.given + 0.5, 0.0, "text", "x", "True positions given")])
        elif isinstance(frame, parallel.ParallelFrame):
            self._draw_parallel(s, frame)
        elif isinstance(frame, orders.OrderFrame):
            self.route.set_marks(pictures.route(s.own, s.chosen))
            self.ranks.set_marks(pictures.by_rank(frame))
            self.memory.set_marks(pictures.by_memory(frame, s.m))
            self.memory.set_handles([Handle("m", float(s.m), frame.numbers["lost"], "accent", "x", "Memory")])

    def _draw_parallel(self, s: FactorisationState, frame: parallel.ParallelFrame) -> None:
        call = frame.numbers["call"]
        self.known.set_marks(pictures.known_when(frame, call))
        self.drawn.set_title(f"After call {call:.0f}: {frame.numbers['known']:.0f} of 64")
        self.drawn.set_marks([Sheet(frame.drawn, 2)])
        self.scored.set_title("A digit, and p(its pixel | before)")
        self.scored.set_marks([Sheet(np.stack((frame.digit, frame.chances)), 2)])
        self.calls.set_marks(pictures.work(frame.calls, 0.15))
        self.operations.set_marks(pictures.work(frame.operations, 0.35))
        self.nats.set_marks(pictures.at_once(frame, s.block))
        self.nats.set_handles([Handle("k", float(s.block), frame.numbers["nats"], 1, "x", "Pixels at once")])

    # ---- hands

    def _settings(self) -> FactorisationState:
        assert isinstance(self.settings, FactorisationState)
        return self.settings

    def _redraw(self) -> None:
        for purpose, frame in self.frames.items():
            if purpose in self.queries():
                self.draw(purpose, frame)

    def set(self, **changes: Any) -> None:
        """What is chosen asks for no new answer: the picture is drawn again from the one that is there."""
        if "section" in changes or {"places", "backwards"} & changes.keys():
            changes = {"chosen": -1, **changes}
        super().set(**changes)
        if "chosen" in changes:
            self._redraw()

    def _click_graph(self, x: float, y: float) -> None:
        s = self._settings()
        xs, ys = zip(*pictures.ROUND, strict=True)
        node = node_at(x, y, xs, ys, 0.24)
        if node < 0:
            edge = edge_at(x, y, xs, ys, graphs.edges_of(s.graph), 0.06)
            self.set(chosen=-1, **({} if edge is None else {"graph": s.graph ^ graphs.number_of((edge,))}))
        elif s.chosen in (-1, node) or s.chosen >= graphs.PIXELS:
            self.set(chosen=-1 if s.chosen == node else node)
        else:
            pair = (min(node, s.chosen), max(node, s.chosen))
            self.set(graph=s.graph ^ graphs.number_of((pair,)))

    def _click_cloud(self, x: float, y: float) -> None:
        frame = self.frames.get("graph")
        if isinstance(frame, graphs.GraphFrame):
            far = ((frame.all_parameters - x) / 28) ** 2 + ((frame.all_lost - y) / 0.36) ** 2
            self.set(graph=int(far.argmin()), chosen=-1)

    def _take_tree(self) -> None:
        frame = self.frames.get("graph")
        if isinstance(frame, graphs.GraphFrame):
            self.set(graph=frame.tree, chosen=-1)

    def _click_route(self, x: float, y: float) -> None:
        s = self._settings()
        site = min(int(3 - y), 2) * 3 + min(int(x), 2)
        if s.chosen in (-1, site):
            self.set(chosen=-1 if s.chosen == site else site)
            return
        swapped = {s.chosen: site, site: s.chosen}
        self.set(own=tuple(swapped.get(at, at) for at in s.own), chosen=-1)

    def _starter(self, own: tuple[int, ...]) -> Callable[[], None]:
        return lambda: self.set(own=own, chosen=-1)
