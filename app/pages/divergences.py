"""Entropy, cross-entropy, both KL divergences and Jensen-Shannon: on outcomes, on a line, as losses, and in cells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from PySide6.QtWidgets import QWidget

from app.page import Link, Page, PageState, Readout, Section
from app.pageparts.divergences_bars import BarsPicture
from app.pageparts.divergences_cells import CellsPicture
from app.pageparts.divergences_fit import FitPicture
from app.pageparts.divergences_line import LinePicture, width_for
from gm_core import api
from gm_core.concepts import divergences, divergences_cells, divergences_fit, divergences_line
from gm_core.concepts.base import ConceptFrame, Query
from gm_core.concepts.divergences_line import Mixture

BY_HAND = "by hand"
EXAMPLES: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "opposite slopes": (divergences.BarsQuery().p, divergences.BarsQuery().q),
    "equal": ((0.3, 0.25, 0.2, 0.12, 0.08, 0.05),) * 2,
    "q misses one": ((0.25, 0.25, 0.2, 0.15, 0.1, 0.05), (0.25, 0.25, 0.2, 0.15, 0.15, 0.0)),
    "nothing shared": ((0.5, 0.3, 0.2, 0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 0.2, 0.3, 0.5)),
    "certain and even": ((1.0, 0.0, 0.0, 0.0, 0.0, 0.0), (1 / 6,) * 6),
}
P, Q = divergences_line.P, divergences_line.Q
WIDEST, NARROWEST, FARTHEST = 3.0, 0.25, 6.0


class DivergencesState(PageState):
    """Bars, two mixtures, a fit and a width of cells; the unit is that of the whole page."""

    unit: Literal["nats", "bits"] = api.param("nats", "Natural logarithms, or those to base 2; 1 nat is 1.4427 bits.")
    example: Literal["by hand", "opposite slopes", "equal", "q misses one", "nothing shared", "certain and even"] = (
        api.param("opposite slopes", "Distributions to begin with; dragging a bar makes it your own.")
    )
    p: tuple[float, ...] = api.param(EXAMPLES["opposite slopes"][0], "Probabilities under p.", lo=0.0, hi=1.0)
    q: tuple[float, ...] = api.param(EXAMPLES["opposite slopes"][1], "Probabilities under q.", lo=0.0, hi=1.0)
    weight_p: float = api.param(P.weight, "Share of the first peak of p.", lo=0.0, hi=1.0)
    mu_p1: float = api.param(P.mu_1, "Mean of the first peak of p.", lo=-FARTHEST, hi=FARTHEST)
    sigma_p1: float = api.param(P.sigma_1, "Width of the first peak of p.", lo=NARROWEST, hi=WIDEST, log=True)
    mu_p2: float = api.param(P.mu_2, "Mean of the second peak of p.", lo=-FARTHEST, hi=FARTHEST)
    sigma_p2: float = api.param(P.sigma_2, "Width of the second peak of p.", lo=NARROWEST, hi=WIDEST, log=True)
    weight_q: float = api.param(Q.weight, "Share of the first peak of q.", lo=0.0, hi=1.0)
    mu_q1: float = api.param(Q.mu_1, "Mean of the first peak of q.", lo=-FARTHEST, hi=FARTHEST)
    sigma_q1: float = api.param(Q.sigma_1, "Width of the first peak of q.", lo=NARROWEST, hi=WIDEST, log=True)
    mu_q2: float = api.param(Q.mu_2, "Mean of the second peak of q.", lo=-FARTHEST, hi=FARTHEST)
    sigma_q2: float = api.param(Q.sigma_2, "Width of the second peak of q.", lo=NARROWEST, hi=WIDEST, log=True)
    minimise: Literal["KL(p || q)", "KL(q || p)", "JS"] = api.param(
        "KL(q || p)", "What the gradient lowers: the first covers p, the second seeks one of its modes."
    )
    start_mu: float = api.param(1.0, "Mean at which q begins.", lo=-FARTHEST, hi=FARTHEST)
    start_sigma: float = api.param(0.8, "Standard deviation at which q begins.", lo=0.2, hi=4.0, log=True)
    step: int = api.param(divergences_fit.STEPS, "Steps of the gradient so far.", lo=0, hi=divergences_fit.STEPS)
    shape: Literal["gaussian", "uniform", "two peaks"] = api.param("gaussian", "What kind of density it is.")
    sigma: float = api.param(1.0, "Standard deviation of the density.", lo=0.05, hi=1.5, log=True)
    delta: float = api.param(
        0.5, "Width of a cell.", lo=divergences_cells.FINEST, hi=divergences_cells.COARSEST, log=True
    )


class DivergencesPage(Page):
    """Four sections: bars, mixtures on a line, one Gaussian fitted to a mixture, a density cut into cells."""

    name = "divergences"
    State = DivergencesState
    sections = (
        Section(
            "bars",
            "Outcomes",
            (
                r"D_{\mathrm{KL}}(p\,\|\,q)=H(p,q)-H(p)=\slot{cross}{0.000}-\slot{h_p}{0.000}=\slot{kl}{0.000}"
                r"\qquad D_{\mathrm{KL}}(q\,\|\,p)=\slot{cross_back}{0.000}-\slot{h_q}{0.000}=\slot{back}{0.000}",
                r"\mathrm{JS}(p,q)=\frac{1}{2}D_{\mathrm{KL}}\!\left(p\,\|\,\frac{p+q}{2}\right)"
                r"+\frac{1}{2}D_{\mathrm{KL}}\!\left(q\,\|\,\frac{p+q}{2}\right)=\slot{js}{0.000}"
                r"\;\leq\;\log 2=\slot{most}{0.000}",
            ),
            "Drag the bars; the others give way in proportion. Pull one bar of q down to nothing: KL(p || q) becomes "
            "infinite, for q calls impossible what p does, while KL(q || p) remains finite and Jensen-Shannon stays "
            "below ln 2. Single terms may be negative, sums never are. The notes count in bits: that needs logarithms "
            "to base 2, so choose the unit here.",
            ("unit", "example"),
            (
                Readout("h_p", "H(p)", "0.0000"),
                Readout("h_q", "H(q)", "0.0000"),
                Readout("kl", "KL(p || q)", "0.0000"),
                Readout("back", "KL(q || p)", "0.0000"),
                Readout("js", "JS", "0.0000"),
                Readout("tv", "total variation", "0.0000"),
            ),
            (Link("Cross-entropy as a loss of pixels", "independent-digits", "curves"),),
        ),
        Section(
            "line",
            "On a line",
            (
                r"D_{\mathrm{KL}}(p\,\|\,q)=\int p(x)\,\log\frac{p(x)}{q(x)}\,dx=\slot{kl}{00.000}"
                r"\qquad D_{\mathrm{KL}}(q\,\|\,p)=\slot{back}{00.000}\qquad\mathrm{JS}=\slot{js}{0.000}",
                r"h(p)=-\int p(x)\,\log p(x)\,dx=\slot{h_p}{-0.000}\qquad h(p,q)=h(p)+D_{\mathrm{KL}}(p\,\|\,q)"
                r"=\slot{cross}{00.000}",
            ),
            "Drag the peaks: along for a mean, up for a narrower one. Areas below are the divergences. Take away the "
            "second peak of q with its weight, and p pays dearly for what q misses; the other way round costs little. "
            "Make all peaks narrow and the entropies, and cross-entropies with them, fall below zero: densities are no "
            "probabilities.",
            ("unit", "weight_p", "weight_q"),
            (
                Readout("h_p", "h(p)", "0.0000"),
                Readout("h_q", "h(q)", "0.0000"),
                Readout("kl", "KL(p || q)", "0.0000"),
                Readout("back", "KL(q || p)", "0.0000"),
                Readout("js", "JS", "0.0000"),
            ),
            (Link("A learned density beside the true one", "realnvp-moons", "plane"),),
        ),
        Section(
            "fit",
            "Covering and seeking",
            (
                r"q=\mathcal N(\mu,\sigma^2):\;\mu=\slot{mu}{-0.00},\;\sigma=\slot{sigma}{0.00}\qquad"
                r" D_{\mathrm{KL}}(p\,\|\,q)=\slot{kl}{00.000}\qquad D_{\mathrm{KL}}(q\,\|\,p)=\slot{back}{00.000}"
                r"\qquad\mathrm{JS}=\slot{js}{0.000}",
                r"\mathrm{argmin}_q\, D_{\mathrm{KL}}(p\,\|\,q):\;\;\mu=\mathbb{E}_p[x]=\slot{mean}{-0.00},\;\;"
                r"\sigma=\sqrt{\mathrm{Var}_p[x]}=\slot{width}{0.00}",
            ),
            "Press Play, then change what is minimised. KL(p || q), maximum likelihood, has one answer: mean and "
            "variance of p, covering what lies between the modes too. KL(q || p) settles on one mode; which one "
            "depends on where the handle on the map begins. JS knows both kinds of rest, and hardly any slope where q "
            "and p do not meet.",
            ("minimise", "step", "weight_p", "unit"),
            (
                Readout("best", "lowest of all starts", "0.000"),
                Readout("optima", "places of rest found", "0"),
            ),
            (
                Link("Where KL(q || p) is minimised: a VAE", "vae-digits-2d", "latent"),
                Link("Where JS is minimised: a GAN that collapses", "gan-ring-collapse", "plane"),
            ),
            plays="step",
        ),
        Section(
            "cells",
            "Discrete or differential",
            (
                r"H(P_\delta)+\log\delta=\slot{discrete}{0.000}+(\slot{log_width}{-0.000})=\slot{moved}{-0.000}"
                r"\;\rightarrow\;h(p)=-\int p(x)\,\log p(x)\,dx=\slot{h}{-0.000}",
            ),
            "Shrink the cells: their entropy grows by one bit with each halving, and is never negative; with log δ "
            "added it comes to rest at h. Now narrow the density: h falls below zero. The notes exclude that, rightly "
            "for outcomes, wrongly for densities.",
            ("shape", "sigma", "delta", "unit"),
            (
                Readout("discrete", "H of the cells", "0.0000"),
                Readout("h", "h of the density", "0.0000"),
                Readout("off", "H + log δ − h", "0.0000"),
                Readout("cells", "cells in use", "0"),
            ),
            (Link("A density of pixels, reported per dimension", "realnvp-digits", "density"),),
            plays="delta",
        ),
    )

    def build(self, section: str) -> QWidget:
        """The pictures of a section, whose handles change the settings."""
        if section == "bars":
            self.bars = BarsPicture()
            self.bars.dragged.connect(self._drag_bar)
            return self.bars
        if section == "line":
            self.line = LinePicture()
            self.line.dragged.connect(self._drag_peak)
            return self.line
        if section == "fit":
            self.fit = FitPicture()
            self.fit.dragged.connect(self._drag_peak)
            self.fit.begun.connect(lambda mu, sigma: self.set(start_mu=mu, start_sigma=sigma))
            return self.fit
        self.cells = CellsPicture()
        self.cells.run.clicked.connect(lambda width, _value: self.set(delta=width))
        return self.cells

    def set(self, **changes: Any) -> None:
        """Change settings; an example brings its bars, and bars that are dragged are no example any more."""
        chosen = EXAMPLES.get(changes.get("example", ""))
        if chosen is not None:
            changes |= {"p": chosen[0], "q": chosen[1]}
        elif {"p", "q"} & changes.keys():
            changes.setdefault("example", BY_HAND)
        super().set(**changes)

    def queries(self) -> Mapping[str, Query]:
        """What the section that is open asks for."""
        s = self._state()
        if s.section == "bars":
            return {"bars": divergences.BarsQuery(0, s.p, s.q, s.unit)}
        if s.section == "line":
            return {"line": divergences_line.LineQuery(0, self._mixture("p"), self._mixture("q"), s.unit)}
        if s.section == "fit":
            p, start = self._mixture("p"), (s.start_mu, s.start_sigma)
            return {
                "landscape": divergences_fit.LandscapeQuery(0, p, s.minimise, s.unit),
                "fit": divergences_fit.FitQuery(0, p, s.minimise, start, s.step, s.unit),
            }
        return {"cells": divergences_cells.CellsQuery(0, s.shape, s.sigma, s.delta, s.unit)}

    def draw(self, purpose: str, frame: ConceptFrame) -> None:
        """The pictures of the section."""
        s = self._state()
        if isinstance(frame, divergences.BarsFrame):
            self.bars.draw(frame, s.unit)
        elif isinstance(frame, divergences_line.LineFrame):
            self.line.draw(frame, self._mixture("p"), self._mixture("q"), s.unit)
        elif isinstance(frame, divergences_fit.LandscapeFrame):
            self.fit.draw_landscape(frame)
        elif isinstance(frame, divergences_fit.FitFrame):
            self.fit.draw(frame, self._mixture("p"), s.minimise, (s.start_mu, s.start_sigma), s.unit)
        elif isinstance(frame, divergences_cells.CellsFrame):
            self.cells.draw(frame, s.unit)

    def _state(self) -> DivergencesState:
        assert isinstance(self.settings, DivergencesState)
        return self.settings

    def _mixture(self, name: str) -> Mixture:
        s = self.settings.plain()
        names = (f"weight_{name}", *(f"{what}_{name}{at}" for at in (1, 2) for what in ("mu", "sigma")))
        return Mixture(*(float(s[n]) for n in names))

    def _drag_bar(self, name: str, at: int, height: float) -> None:
        bars = self._state().p if name == "p" else self._state().q
        self.set(**{name: divergences.with_bar(bars, at, height)})

    def _drag_peak(self, key: str, x: float, y: float) -> None:
        share = self._mixture(key[0]).weight
        share = share if key[1] == "1" else 1.0 - share
        width = {f"sigma_{key}": width_for(share, y)} if share > 0.02 else {}
        self.set(**{f"mu_{key}": x}, **width)
