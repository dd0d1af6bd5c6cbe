"""Maximum likelihood as minimum KL, Monte Carlo estimates with error bars, and importance sampling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from PySide6.QtWidgets import QWidget

from app.page import Link, Page, PageState, Readout, Section
from app.pageparts.monte_carlo_estimate import EstimatePicture
from app.pageparts.monte_carlo_likelihood import LikelihoodPicture
from app.pageparts.monte_carlo_weights import WeightsPicture
from gm_core import api
from gm_core.concepts import monte_carlo, monte_carlo_estimate, monte_carlo_importance
from gm_core.concepts.base import ConceptFrame, Query

WIDTH_LO, WIDTH_HI = monte_carlo_importance.WIDTHS
TERMS = (
    Readout("spread", "sd of a term / its mean", "0.000"),
    Readout("needed", "draws from q for 1 %", "0"),
    Readout("plain_needed", "draws from p for 1 %", "0"),
    Readout("largest", "largest weight, % of all", "0.0"),
)


class MonteCarloState(PageState):
    """A model and its data, a function to average, and a proposal for each of two integrals."""

    separation: float = api.param(1.5, "Half the distance of the two peaks of the truth.", lo=0.0, hi=3.0)
    theta: float = api.param(1.0, "Mean of the model.", lo=-monte_carlo.THETA, hi=monte_carlo.THETA)
    sigma: float = api.param(1.2, "Standard deviation of the model; it is not learned.", lo=0.5, hi=4.0, log=True)
    examples: int = api.param(20, "Examples in a data set.", lo=2, hi=monte_carlo.MOST, log=True)
    function: Literal["x²", "exp(x)", "x > 1.5", "exp(x²/3)"] = api.param(
        "x²", "What is averaged over x ~ N(0, 1); the last has a mean and no variance."
    )
    draws: int = api.param(100, "Draws in one estimate.", lo=2, hi=monte_carlo_estimate.MOST, log=True)
    threshold: float = api.param(3.0, "Where the rare event begins.", lo=0.0, hi=4.0)
    mu_q: float = api.param(3.2, "Mean of the proposal.", lo=-4.0, hi=7.0)
    sigma_q: float = api.param(1.0, "Standard deviation of the proposal.", lo=WIDTH_LO, hi=WIDTH_HI, log=True)
    observed: float = api.param(2.0, "What was observed.", lo=-4.0, hi=4.0)
    noise: float = api.param(0.5, "Standard deviation of x given z.", lo=0.1, hi=2.0, log=True)
    mean: float = api.param(1.0, "Mean of the proposal.", lo=-5.5, hi=5.5)
    width: float = api.param(0.8, "Standard deviation of the proposal.", lo=WIDTH_LO, hi=WIDTH_HI, log=True)
    samples: int = api.param(1000, "Draws from the proposal.", lo=2, hi=monte_carlo_importance.MOST, log=True)


class MonteCarloPage(Page):
    """Four sections: likelihood, error bars, a rare event, evidence."""

    name = "monte_carlo"
    State = MonteCarloState
    sections = (
        Section(
            "likelihood",
            "Maximum likelihood",
            (
                r"D_{\mathrm{KL}}(p\,\|\,p_\theta)=-\mathbb{E}_{p}[\log p_\theta(x)]-h(p)"
                r"=\slot{cross}{0.000}-\slot{h}{0.000}=\slot{kl}{0.000}",
                r"\mathbb{E}_{p}[\log p_\theta(x)]=\slot{exact_log}{-0.000}\;\approx\;"
                r"\frac{1}{N}\sum_{i=1}^{N}\log p_\theta(x_i)=\slot{mean_log}{-0.000}\qquad x_i\sim p",
            ),
            "Drag the model, or θ along the curves. Both are one curve, h(p) apart: where the likelihood is highest "
            "the divergence is lowest, yet zero only if the model can be the truth (no separation, σ = 1). A data set "
            "has its minimum elsewhere, half as far off with four times the examples.",
            ("separation", "theta", "sigma", "examples", "seed"),
            (
                Readout("lowest", "lowest KL of any θ, nats", "0.000"),
                Readout("found", "best θ by the examples", "0.000"),
                Readout("error", "its standard error", "0.000"),
                Readout("spread", "sd of 200 best θ", "0.000"),
            ),
            (Link("Maximum likelihood by gradient", "realnvp-moons", "curves"),),
        ),
        Section(
            "estimate",
            "Error bars",
            (
                r"I=\mathbb{E}_{p}[f(x)]=\slot{exact}{0.0000}\;\approx\;\hat I=\frac{1}{N}\sum_{i=1}^{N}f(x_i)"
                r"=\slot{estimate}{0.0000}\pm\slot{error}{0.0000}\qquad x_i\sim p=\mathcal N(0,1)",
                r"\mathbb{E}[\hat I]=I\qquad\mathrm{sd}[\hat I]=\frac{\sigma_f}{\sqrt N}"
                r"=\frac{\slot{sigma}{0.000}}{\sqrt{\slot{n}{0000}}}=\slot{law}{0.0000}",
            ),
            "Press Play. Four hundred times the draws buy a twentieth of the error, whatever f is: on both logarithmic "
            "axes a line of slope −½. About 95 % of all bars of two standard errors hold the truth, if σ is finite. "
            "That of exp(x²/3) is not: its runs sit too low, jump now and then, and their bars do not know.",
            ("function", "draws", "seed"),
            (
                Readout("inside", "bars of ± 2 errors that hold I, %", "0.0"),
                Readout("rms", "error of 200 runs", "0.0000"),
                Readout("mean", "mean of 200 runs", "0.0000"),
            ),
            (Link("A bound estimated by few draws", "vae-digits", "curves"),),
            plays="draws",
        ),
        Section(
            "rare",
            "Rare events",
            (
                r"P(x>c)=\mathbb{E}_q\!\left[1_{x>c}\,\frac{p(x)}{q(x)}\right]\approx\frac{1}{N}\sum_{i=1}^{N}"
                r"1_{x_i>c}\,w_i=\slot{estimate}{0.000000}\pm\slot{error}{0.000000}\qquad"
                r"\mathrm{truth}\;\slot{exact}{0.000000}",
                r"w_i=p(x_i)/q(x_i)\qquad N_{\mathrm{eff}}=(\Sigma_i w_i)^2/\,\Sigma_i w_i^2=\slot{ess}{0000.0}"
                r"\qquad\Sigma_i\, 1_{x_i>c}\,w_i\,/\,\Sigma_i w_i=\slot{own}{0.000000}",
            ),
            "Drag q. Around c nearly every draw counts, and thousands do what p needs millions for. Now make it "
            "narrow: below the line on the map the variance is infinite, for terms grow without end where q never "
            "comes; what lies there is missing, and no error bar knows. Dividing by Σw instead of N spoils a good q "
            "here, for it hardly visits where p has its mass.",
            ("threshold", "mu_q", "sigma_q", "samples", "seed"),
            TERMS,
            (Link("Weights of an importance-weighted bound", "vae-iwae-mnist", "curves"),),
        ),
        Section(
            "evidence",
            "Evidence",
            (
                r"p(x)=\int p(z)\,p(x\,|\,z)\,dz\approx\frac{1}{N}\sum_{i=1}^{N}\frac{p(z_i)\,p(x\,|\,z_i)}{q(z_i)}"
                r"=\slot{estimate}{0.00000}\pm\slot{error}{0.00000}\qquad\mathrm{truth}\;\slot{exact}{0.00000}",
                r"N_{\mathrm{eff}}=(\Sigma_i w_i)^2/\,\Sigma_i w_i^2=\slot{ess}{0000.0}\qquad"
                r"\mathbb{E}[z\,|\,x]\approx\Sigma_i w_i z_i\,/\,\Sigma_i w_i=\slot{own}{-0.000}\qquad"
                r"\mathrm{truth}\;\slot{own_exact}{-0.000}",
            ),
            "Drag q onto the posterior: all weights become alike and N_eff rises to N. Too wide costs draws, too "
            "narrow costs the truth. The notes sum p(x|z) p(z) over draws from p(z); it must be the mean of p(x|z) "
            "alone, and even that mostly misses what explains x. Divided by Σw, weights give posterior means.",
            ("observed", "noise", "mean", "width", "samples", "seed"),
            TERMS,
            (Link("An encoder learns the proposal", "vae-digits-2d", "latent"),),
        ),
    )

    def build(self, section: str) -> QWidget:
        """The pictures of a section, whose handles change the settings."""
        if section == "likelihood":
            self.likelihood = LikelihoodPicture()
            self.likelihood.shaped.connect(lambda theta, sigma: self.set(theta=theta, sigma=sigma))
            self.likelihood.chosen.connect(lambda theta: self.set(theta=theta))
            return self.likelihood
        if section == "estimate":
            self.estimate = EstimatePicture()
            self.estimate.counted.connect(lambda count: self.set(draws=count))
            return self.estimate
        if section == "rare":
            self.rare = WeightsPicture(monte_carlo_importance.RARE_RANGE, "x")
            self.rare.shaped.connect(lambda mu, sigma: self.set(mu_q=mu, sigma_q=sigma))
            return self.rare
        self.evidence = WeightsPicture(monte_carlo_importance.EVIDENCE_RANGE, "z")
        self.evidence.shaped.connect(lambda mu, sigma: self.set(mean=mu, width=sigma))
        return self.evidence

    def queries(self) -> Mapping[str, Query]:
        """What the section that is open asks for."""
        s = self._state()
        if s.section == "likelihood":
            query = monte_carlo.LikelihoodQuery(s.seed, s.separation, s.theta, s.sigma, s.examples)
            return {"likelihood": query}
        if s.section == "estimate":
            return {"estimate": monte_carlo_estimate.EstimateQuery(s.seed, s.function, s.draws)}
        if s.section == "rare":
            return {
                "map": monte_carlo_importance.RareMapQuery(0, s.threshold),
                "rare": monte_carlo_importance.RareQuery(s.seed, s.threshold, s.mu_q, s.sigma_q, s.samples),
            }
        asked = monte_carlo_importance.EvidenceQuery(s.seed, s.observed, s.noise, s.mean, s.width, s.samples)
        return {"map": monte_carlo_importance.EvidenceMapQuery(0, s.observed, s.noise), "evidence": asked}

    def draw(self, purpose: str, frame: ConceptFrame) -> None:
        """The pictures of the section."""
        s = self._state()
        if isinstance(frame, monte_carlo.LikelihoodFrame):
            self.likelihood.draw(frame, s.sigma)
        elif isinstance(frame, monte_carlo_estimate.EstimateFrame):
            self.estimate.draw(frame, s.function)
        elif isinstance(frame, monte_carlo_importance.MapFrame):
            (self.rare if s.section == "rare" else self.evidence).draw_map(frame)
        elif isinstance(frame, monte_carlo_importance.WeightsFrame):
            if s.section == "rare":
                self.rare.draw(frame, ("p", "best q: p where x > c"), s.mu_q, s.sigma_q)
            else:
                self.evidence.draw(frame, ("prior p(z)", "best q: the posterior"), s.mean, s.width)

    def _state(self) -> MonteCarloState:
        assert isinstance(self.settings, MonteCarloState)
        return self.settings
