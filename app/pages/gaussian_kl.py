"""The KL divergence of Gaussians: closed form against Monte Carlo, its terms, and squared error as a special case."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PySide6.QtWidgets import QWidget

from app.page import Link, Page, PageState, Readout, Section
from app.pageparts.arranging import arrange
from app.widgets.figure import Figure, Handle
from app.widgets.figuremarks import Band, Bars, Dots, Line, Rule
from gm_core import api
from gm_core.concepts import gaussian_kl as concept
from gm_core.concepts.base import ConceptFrame, Query

TERMS = ("½Σμ²", "½Σσ²", "−½Σ ln σ²", "−D/2")


class GaussianKLState(PageState):
    """Two Gaussians on a line, one in many dimensions, and a prediction with a fixed variance."""

    mu_q: float = api.param(1.0, "Mean of q.", lo=-4.0, hi=4.0)
    sigma_q: float = api.param(0.8, "Standard deviation of q.", lo=0.1, hi=4.0, log=True)
    mu_p: float = api.param(0.0, "Mean of p.", lo=-4.0, hi=4.0)
    sigma_p: float = api.param(1.0, "Standard deviation of p.", lo=0.1, hi=4.0, log=True)
    samples: int = api.param(1000, "Draws from q that the estimate is made of.", lo=10, hi=100_000, log=True)
    mu: float = api.param(1.0, "Mean in every dimension.", lo=-3.0, hi=3.0)
    sigma: float = api.param(0.6, "Standard deviation in every dimension.", lo=0.1, hi=3.0, log=True)
    dims: int = api.param(4, "Dimensions.", lo=1, hi=10)
    x: float = api.param(1.0, "What was observed.", lo=-3.0, hi=3.0)
    prediction: float = api.param(0.0, "What the model predicts as mean.", lo=-3.0, hi=3.0)
    spread: float = api.param(0.5, "Standard deviation of the model; it is not learned.", lo=0.1, hi=3.0, log=True)


class GaussianKLPage(Page):
    """Three sections: on a line, term by term, squared error."""

    name = "gaussian_kl"
    State = GaussianKLState
    sections = (
        Section(
            "line",
            "On a line",
            (
                r"D_{\mathrm{KL}}(q\,\|\,p)=\log\frac{\sigma_p}{\sigma_q}+\frac{\sigma_q^2}{2\sigma_p^2}"
                r"+\frac{(\mu_q-\mu_p)^2}{2\sigma_p^2}-\frac{1}{2}"
                r"=\slot{log_ratio}{-0.000}+\slot{spread}{0.000}+\slot{shift}{0.000}-0.5=\slot{kl}{0.0000}",
                r"\hat D=\frac{1}{N}\sum_{i=1}^{N}\log\frac{q(x_i)}{p(x_i)}=\slot{estimate}{0.0000}"
                r"\pm\slot{error}{0.0000}\qquad x_i\sim q",
            ),
            "Drag the two tops. The area under the dotted curve is the divergence: it may dip below zero, the whole "
            "never does. Make q wider than p and watch the second term explode; swap the two and the number changes, "
            "for KL is no distance. Below, the estimate closes in on the closed form as one over the square root of N.",
            ("mu_q", "sigma_q", "mu_p", "sigma_p", "samples", "seed"),
            (Readout("kl", "KL(q || p), nats"), Readout("reverse", "KL(p || q), nats")),
            (Link("The KL of a VAE, dimension by dimension", "vae-digits", "curves"),),
        ),
        Section(
            "terms",
            "Term by term",
            (
                r"D_{\mathrm{KL}}\!\left(\mathcal N(\mu,\sigma^2 I)\,\|\,\mathcal N(0,I)\right)"
                r"=\frac{1}{2}\sum_{i=1}^{D}\left(\mu_i^2+\sigma_i^2-\log\sigma_i^2\right)-\frac{D}{2}"
                r"=\slot{kl}{00.000}",
            ),
            "The first three terms alone, as the notes print them, are D/2 too large: set μ to 0 and σ to 1, where "
            "both distributions are the same, and only the line with the constant reaches zero. Gradients do not "
            "notice the constant; reported values of an ELBO do.",
            ("mu", "sigma", "dims"),
            (
                Readout("means", "½Σμ²", "0.000"),
                Readout("variances", "½Σσ²", "0.000"),
                Readout("logs", "−½Σ ln σ²", "0.000"),
                Readout("constant", "−D/2", "0.000"),
                Readout("printed", "without −D/2", "0.000"),
                Readout("kl", "KL, nats", "0.000"),
            ),
            (Link("Where an ELBO is reported", "vae-digits", "curves"),),
        ),
        Section(
            "squared",
            "Squared error",
            (
                r"-\log\mathcal N(x;\mu,\sigma^2)=\frac{(x-\mu)^2}{2\sigma^2}+\log\sigma+\frac{1}{2}\log 2\pi"
                r"=\slot{squared}{00.000}+\slot{constant}{-0.000}=\slot{nll}{00.000}",
            ),
            "With σ fixed, the likelihood is squared error scaled by 1/2σ² and moved by a constant: the same "
            "minimum, another slope. σ is a weight between this term and any other in the loss. Below 0.4 the constant "
            "is negative, and so may be a negative log-likelihood of a density.",
            ("x", "prediction", "spread"),
            (Readout("gradient", "slope in μ", "0.000"),),
            (Link("A VAE with a Gaussian likelihood", "vae-moons", "plane"),),
        ),
    )

    def build(self, section: str) -> QWidget:
        """The figures of a section, under one another."""
        made = QWidget()
        if section == "line":
            self.densities, self.run = Figure("Densities of q and p"), Figure("Run of the estimate")
            self.densities.set_axes("x", "density", (-6.0, 6.0), (-0.8, 1.6))
            self.run.set_axes("N", "nats", None, None, log_x=True)
            self.densities.moved.connect(self._drag_top)
            arrange([([(self.densities, 1)], 1), ([(self.run, 1)], 1)], made)
            return made
        if section == "terms":
            self.bars, self.lines = Figure("Terms of the divergence"), Figure("Divergence by dimension")
            self.bars.set_axes("", "nats", (-0.6, 3.6), None, names=TERMS)
            self.lines.set_axes("D", "nats", (0.5, 10.5), None)
            arrange([([(self.bars, 1)], 1), ([(self.lines, 1)], 1)], made)
            return made
        self.losses = Figure("Loss over predictions")
        self.losses.set_axes("μ", "nats", (-3.0, 3.0), (-3.0, 12.0))
        self.losses.moved.connect(lambda key, x, _y: self.set(**{key: x}))
        return self.losses

    def queries(self) -> Mapping[str, Query]:
        """One query for the section that is open."""
        s = self.settings
        assert isinstance(s, GaussianKLState)
        if s.section == "line":
            return {"line": concept.LineQuery(s.seed, s.mu_q, s.sigma_q, s.mu_p, s.sigma_p, s.samples)}
        if s.section == "terms":
            return {"terms": concept.TermsQuery(0, s.mu, s.sigma, s.dims)}
        return {"squared": concept.SquaredQuery(0, s.x, s.prediction, s.spread)}

    def draw(self, purpose: str, frame: ConceptFrame) -> None:
        """The figures of the section."""
        s = self.settings
        assert isinstance(s, GaussianKLState)
        if isinstance(frame, concept.LineFrame):
            self._draw_line(s, frame)
        elif isinstance(frame, concept.TermsFrame):
            self.bars.set_marks([Bars(np.arange(4), frame.terms, 0.6, colour="accent"), Rule(0.0, "y", colour="edge")])
            self.lines.set_marks(
                [
                    Line(frame.dims, frame.right, name="KL", colour=0),
                    Line(frame.dims, frame.printed, dashed=True, name="without −D/2", colour=1),
                    Dots(np.array([s.dims]), np.array([frame.numbers["kl"]]), 4.0, colour=0),
                    Dots(np.array([s.dims]), np.array([frame.numbers["printed"]]), 4.0, colour=1),
                    Rule(0.0, "y", colour="edge"),
                ]
            )
        elif isinstance(frame, concept.SquaredFrame):
            self.losses.set_marks(
                [
                    Line(frame.mu, frame.plain, dashed=True, name="(x−μ)²/2", colour="muted"),
                    Line(frame.mu, frame.squared, name="(x−μ)²/2σ²", colour=1),
                    Line(frame.mu, frame.nll, width=2.4, name="−ln p(x)", colour=0),
                    Rule(0.0, "y", colour="edge"),
                    Rule(s.x, name="x", colour="text", dashed=True),
                ]
            )
            self.losses.set_handles([Handle("prediction", s.prediction, frame.numbers["nll"], 0, "x", "Prediction")])

    def _draw_line(self, s: GaussianKLState, frame: concept.LineFrame) -> None:
        self.densities.set_marks(
            [
                Line(frame.x, frame.q, fill=True, name="q", colour=0),
                Line(frame.x, frame.p, fill=True, name="p", colour=1),
                Line(frame.x, frame.integrand, dashed=True, name="q ln(q/p)", colour="text"),
                Rule(0.0, "y", colour="edge"),
            ]
        )
        tops = [(1 / (sigma * np.sqrt(2 * np.pi))) for sigma in (s.sigma_q, s.sigma_p)]
        self.densities.set_handles(
            [
                Handle("q", s.mu_q, min(tops[0], 1.55), 0, "xy", "Top of q: mean and height"),
                Handle("p", s.mu_p, min(tops[1], 1.55), 1, "xy", "Top of p: mean and height"),
            ]
        )
        low, high = frame.estimate - 2 * frame.error, frame.estimate + 2 * frame.error
        some = frame.n > 4
        self.run.set_marks(
            [
                Band(frame.n[some], low[some], high[some], name="± 2 standard errors", colour=0),
                Line(frame.n, frame.estimate, name="estimate", colour=0),
                Rule(frame.numbers["kl"], "y", name="closed form", colour="text", dashed=True),
            ]
        )

    def _drag_top(self, key: str, x: float, y: float) -> None:
        self.set(**{f"mu_{key}": x, f"sigma_{key}": 1 / (max(y, 0.05) * np.sqrt(2 * np.pi))})
