"""The reparameterisation trick against the score function: noise, dimension, coins, and where each applies."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtWidgets import QWidget

from app.page import Link, Page, PageState, Readout, Section
from app.pageparts.gradients_dims import DimsPicture
from app.pageparts.gradients_switch import SwitchPicture
from app.pageparts.gradients_two import SCORE, THROUGH, TwoPicture
from app.pageparts.gradients_where import WherePicture
from app.shell import theme
from gm_core import api
from gm_core.concepts import gradients, gradients_dims, gradients_switch, gradients_where
from gm_core.concepts.base import ConceptFrame, Query
from gm_core.concepts.gradients_functions import Baseline, Function, Parameter


class GradientsState(PageState):
    """A function under a Gaussian; many coordinates of it; a coin."""

    function: Function = api.param("square", "f: (z − 1)², sin 2z, a sigmoid of kz, or a step at 0.")
    steepness: float = api.param(10.0, "How steep the sigmoid is, k.", lo=1.0, hi=40.0, log=True)
    offset: float = api.param(0.0, "A constant added to f; it moves no gradient.", lo=-5.0, hi=5.0)
    mu: float = api.param(0.0, "Mean of the draws.", lo=-3.0, hi=3.0)
    sigma: float = api.param(0.8, "Standard deviation of the draws.", lo=0.1, hi=3.0, log=True)
    by: Parameter = api.param("mu", "Whose gradient is wanted.")
    baseline: Baseline = api.param("none", "What the score function takes from f: nothing, E f, or the best constant.")
    draws: int = api.param(1000, "Draws that the gradients are averaged over.", lo=10, hi=10_000, log=True)
    start: float = api.param(-1.0, "Where every coordinate of μ begins.", lo=-2.0, hi=2.0)
    dims: int = api.param(16, "Coordinates.", lo=1, hi=gradients_dims.MOST, log=True)
    batch: int = api.param(4, "Draws that one step averages over.", lo=1, hi=8, log=True)
    rate: float = api.param(0.05, "Size of a step of the descent.", lo=0.005, hi=0.5, log=True)
    theta: float = api.param(0.4, "Probability that the coin is 1.", lo=0.02, hi=0.98)
    target: float = api.param(0.45, "What z should come close to: f(z) is the squared distance.", lo=0.0, hi=1.0)
    tau: float = api.param(
        0.5, "Temperature of the relaxed coin.", lo=gradients_switch.LEAST, hi=gradients_switch.MOST, log=True
    )


class GradientsPage(Page):
    """Four sections: two estimates, dimension, a coin, where each applies."""

    name = "gradients"
    State = GradientsState
    sections = (
        Section(
            "two",
            "Two estimates",
            (
                r"\nabla\,\mathbb{E}_{q}[f(z)]=\slot{exact}{-0.0000}\qquad z\sim\mathcal{N}(\mu,\sigma^2)\qquad"
                r"\mathrm{sd\;of\;one\;draw}:\;\slot{through_deviation}{0.000}\;\;\mathrm{against}\;\;"
                r"\slot{score_deviation}{00.000}",
                r"z=\mu+\sigma\epsilon:\;\;\mathbb{E}\left[f'(z)\,\nabla z\right]\approx\slot{through}{-0.0000}"
                r"\pm\slot{through_error}{0.0000}\qquad"
                r"\mathbb{E}\left[(f(z)-b)\,\nabla\log q(z)\right]\approx\slot{score}{-0.0000}"
                r"\pm\slot{score_error}{0.0000}",
            ),
            "Drag the top of q. The score function knows only how high each draw lies, the reparameterised gradient "
            "knows the slope there; both means are right, but look at the widths. Add an offset: only the score "
            "function suffers, and a baseline heals it. Now choose the step: every slope is 0, so the reparameterised "
            "gradient is exactly 0, without any noise, and wrong; under a steep sigmoid it is right, but noisier.",
            ("function", "steepness", "offset", "mu", "sigma", "by", "baseline", "draws", "seed"),
            (
                Readout("through_deviation", "deviation, reparameterised", "0.000"),
                Readout("score_deviation", "deviation, score function", "0.000"),
                Readout("ratio", "ratio of variances", "0.00"),
                Readout("bias", "bias, reparameterised", "0.000"),
            ),
            (
                Link("A VAE by reparameterised gradients", "vae-digits", "curves"),
                Link("The same VAE by the score function", "vae-score-digits", "curves"),
            ),
        ),
        Section(
            "dims",
            "Dimension",
            (
                r"F(z)=\sum_{i=1}^{D}f(z_i):\quad\mathrm{sd}\left[f'(z_1)\right]=\slot{through}{0.00}\qquad"
                r"\mathrm{sd}\left[F(z)\,\frac{z_1-\mu}{\sigma^2}\right]=\slot{bare}{000.0}\qquad"
                r"\mathrm{sd}\left[(F(z)-\mathbb{E}F)\,\frac{z_1-\mu}{\sigma^2}\right]=\slot{based}{00.00}",
            ),
            "Lines are exact, dots are measured. The reward of all coordinates is noise for each single one, so the "
            "score function's deviation grows as D, with a baseline as the root of D; the other does not know D. "
            "Below, all descend with the same steps: raise D and see who still arrives. Where a reward splits into "
            "terms, leaving out those that a coordinate cannot reach (dashed) takes the growth away.",
            ("function", "offset", "start", "sigma", "dims", "batch", "rate", "seed"),
            (
                Readout("start", "E f at the start", "0.000"),
                Readout("through_end", "end, reparameterised", "0.000"),
                Readout("based_end", "end, score with baseline", "0.000"),
                Readout("bare_end", "end, score without", "0.000"),
            ),
            (Link("REINFORCE with eight codes", "vae-score-digits", "curves"),),
            plays="dims",
        ),
        Section(
            "switch",
            "A coin",
            (
                r"\frac{d}{d\ell}\,\mathbb{E}_{z\sim\mathrm{Bern}(\theta)}[f(z)]=\theta(1-\theta)\left(f(1)-f(0)\right)"
                r"=\slot{exact}{-0.0000}\qquad\frac{1}{N}\sum(f(z)-b)(z-\theta)=\slot{score}{-0.0000}",
                r"y=\mathrm{sigmoid}\left(\frac{\ell+L}{\tau}\right):\quad\mathbb{E}\left[f'(y)\,\frac{y(1-y)}{\tau}\right]"
                r"=\slot{relaxed}{-0.0000}\qquad\mathrm{bias}=\slot{bias}{-0.0000}\qquad"
                r"\mathrm{sd}=\slot{gumbel_deviation}{0.0000}",
            ),
            "A coin cannot be moved a little, so there is nothing to reparameterise; the score function needs f at 0 "
            "and 1 alone. Gumbel-softmax moves a softened coin instead: play the temperature. Hot, it is calm and "
            "biased, perhaps even in sign; cold, it is nearly unbiased and wild. With the best baseline the score "
            "function of a single coin has no noise at all, but whoever knows that baseline knows the answer.",
            ("theta", "target", "tau", "baseline", "draws", "seed"),
            (
                Readout("gumbel_error", "error of N, Gumbel", "0.0000"),
                Readout("score_error", "error of N, score", "0.0000"),
                Readout("best_tau", "best temperature for N", "0.00"),
            ),
            (Link("Discrete codes: a VQ-VAE copies gradients", "vqvae-digits", "codebook"),),
            plays="tau",
        ),
        Section(
            "where",
            "Where each applies",
            (
                r"\nabla_\theta\,\mathbb{E}_{q_\theta}[f(z)]=\mathbb{E}_{\epsilon}"
                r"\left[\nabla_\theta f(g(\epsilon,\theta))\right]"
                r"\;\;\mathrm{if}\;g,f\;\mathrm{have\;slopes}\qquad=\mathbb{E}_{q_\theta}\left[f(z)\,\nabla_\theta"
                r"\log q_\theta(z)\right]\;\;\mathrm{if\;the\;support\;stays}",
            ),
            "Six cases whose gradient is known; raise the draws and the bars close in, on the truth or beside it. A "
            "kink does no harm, a step does, and a coin or the switch of a mixture lets no slope through. The score "
            "function fails too: where the draw's range ends at the parameter itself, the moving edge is missed, and "
            "even the sign is wrong.",
            ("mu", "sigma", "draws", "seed"),
            (),
            (Link("A prior that is a mixture", "vae-mog-digits", "latent"),),
        ),
    )

    def build(self, section: str) -> QWidget:
        """The pictures of a section."""
        if section == "two":
            self.two = TwoPicture()
            self.two.placed.connect(lambda mu, sigma: self.set(mu=mu, sigma=sigma))
            self.two.moved.connect(self._move_parameter)
            return self.two
        if section == "dims":
            self.dims = DimsPicture()
            self.dims.counted.connect(lambda dims: self.set(dims=dims))
            return self.dims
        if section == "switch":
            self.switch = SwitchPicture()
            self.switch.heated.connect(lambda tau: self.set(tau=tau))
            return self.switch
        self.where = WherePicture()
        return self.where

    def queries(self) -> Mapping[str, Query]:
        """One query for the section that is open."""
        s = self.settings
        assert isinstance(s, GradientsState)
        at = (s.function, s.steepness, s.offset)
        if s.section == "two":
            return {"two": gradients.TwoQuery(s.seed, *at, s.mu, s.sigma, s.by, s.baseline, s.draws)}
        if s.section == "dims":
            return {"dims": gradients_dims.DimsQuery(s.seed, *at, s.start, s.sigma, s.dims, s.batch, s.rate)}
        if s.section == "switch":
            return {"switch": gradients_switch.SwitchQuery(s.seed, s.theta, s.target, s.tau, s.baseline, s.draws)}
        return {"where": gradients_where.WhereQuery(s.seed, s.mu, s.sigma, s.draws)}

    def draw(self, purpose: str, frame: ConceptFrame) -> None:
        """The pictures of the section."""
        s = self.settings
        assert isinstance(s, GradientsState)
        if isinstance(frame, gradients.TwoFrame):
            self.two.draw(frame, s.function, s.offset, s.mu, s.sigma, s.by)
        elif isinstance(frame, gradients_dims.DimsFrame):
            self.dims.draw(frame, s.function)
        elif isinstance(frame, gradients_switch.SwitchFrame):
            self.switch.draw(frame)
        elif isinstance(frame, gradients_where.WhereFrame):
            self.where.draw(frame)

    def colours(self) -> Mapping[str, str]:
        """Both estimates in the colours of their bars."""
        series = theme.current().series
        names = {"through": THROUGH, "through_error": THROUGH, "score": SCORE, "score_error": SCORE, "bare": SCORE}
        names |= {"through_deviation": THROUGH, "score_deviation": SCORE}
        return {name: series[at] for name, at in names.items()}

    def _move_parameter(self, value: float) -> None:
        s = self.settings
        assert isinstance(s, GradientsState)
        self.set(**{s.by: value})
