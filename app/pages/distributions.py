"""Bernoulli, categorical and Gaussian: samples, likelihood, and its maximum by counting and by gradient."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from PySide6.QtWidgets import QWidget

from app.page import Link, Page, PageState, Readout, Section
from app.pageparts import distributions_marks as marks
from app.pageparts.arranging import arrange
from app.widgets.figure import Figure, Handle
from gm_core import api
from gm_core.concepts import distributions as discrete
from gm_core.concepts import distributions_gaussian as gaussian
from gm_core.concepts.base import ConceptFrame, Query

MU, LOG_SIGMA = gaussian.MU_RANGE, gaussian.LOG_SIGMA_RANGE
SCORES = Readout("each", "ln p a draw, here", "0.000"), Readout("best", "at the maximum", "0.000")


class DistributionsState(PageState):
    """What is true, what the model says, and a point."""

    truth: float = api.param(0.7, "Probability of a 1.", lo=0.0, hi=1.0)
    samples: int = api.param(20, "Draws that one learns from.", lo=1, hi=1000, log=True)
    p: float = api.param(0.3, "What the model says; the gradient begins here.", lo=0.01, hi=0.99)
    rate: float = api.param(0.5, "Step size of the gradient.", lo=0.02, hi=5.0, log=True)
    weight_1: float = api.param(0.5, "Weight of outcome 1; weights are divided by their sum.", lo=0.01, hi=1.0)
    weight_2: float = api.param(0.3, "Weight of outcome 2.", lo=0.01, hi=1.0)
    weight_3: float = api.param(0.2, "Weight of outcome 3.", lo=0.01, hi=1.0)
    p_1: float = api.param(0.2, "What the model gives outcome 1.", lo=0.005, hi=0.99)
    p_2: float = api.param(0.2, "What the model gives outcome 2.", lo=0.005, hi=0.99)
    mu: float = api.param(-1.5, "Mean of the model.", lo=MU[0], hi=MU[1])
    sigma: float = api.param(2.0, "Standard deviation of the model.", lo=0.2, hi=4.0, log=True)
    mu_true: float = api.param(0.5, "Mean of what draws are made by.", lo=-2.0, hi=2.0)
    sigma_true: float = api.param(1.0, "Standard deviation of what draws are made by.", lo=0.3, hi=3.0, log=True)
    x: float = api.param(0.5, "A grey value from black (0) to white (1).", lo=0.0, hi=1.0)
    grey: float = api.param(0.8, "The grey value that the model predicts, taken for a probability.", lo=0.01, hi=0.99)
    example: int = api.param(3, "Which digit.", lo=0, hi=1796)
    mu_x: float = api.param(0.3, "Mean along x.", lo=-3.0, hi=3.0)
    mu_y: float = api.param(-0.2, "Mean along y.", lo=-3.0, hi=3.0)
    long: float = api.param(1.6, "Standard deviation along the first axis.", lo=0.1, hi=3.0, log=True)
    short: float = api.param(0.6, "Standard deviation along the second axis.", lo=0.1, hi=3.0, log=True)
    angle: float = api.param(30.0, "How far the axes are turned.", lo=-180.0, hi=180.0, unit="°")
    point_x: float = api.param(1.5, "Where the point is.", lo=-4.0, hi=4.0)
    point_y: float = api.param(1.2, "Where the point is.", lo=-4.0, hi=4.0)


class DistributionsPage(Page):
    """Five sections, from a coin to the plane."""

    name = "distributions"
    State = DistributionsState
    sections = (
        Section(
            "bernoulli",
            "Bernoulli",
            (
                r"\log p(x_1,\dots,x_N)=\sum_n\log p^{x_n}(1-p)^{1-x_n}=\slot{log_likelihood}{000.00}"
                r"\qquad\hat p=\frac{1}{N}\sum_n x_n=\frac{\slot{ones}{00}}{\slot{n}{00}}=\slot{mle}{0.000}",
            ),
            "One parameter, and counting finds its best value: the share of ones. Drag the dot on the curve: the "
            "gradient in the logit, share minus p, climbs to the same place. With few draws the top lies off the "
            "truth, and a coin that never showed a 0 is given no chance of one. Too large a step leaps over the top "
            "and back.",
            ("truth", "samples", "p", "rate", "seed"),
            (
                *SCORES,
                Readout("gradient", "gradient in the logit", "0.000"),
                Readout("spread", "error of the count", "0.000"),
            ),
            (Link("Every pixel a coin", "independent-digits", "gallery"),),
        ),
        Section(
            "categorical",
            "Categorical",
            (
                r"\log p(x_1,\dots,x_N)=\sum_{k=1}^{3}n_k\log p_k=\slot{log_likelihood}{000.00}"
                r"\qquad\hat p=\left(\slot{mle_1}{0.00},\slot{mle_2}{0.00},\slot{mle_3}{0.00}\right)",
            ),
            "Three probabilities that sum to one are a point of this triangle; each corner is an outcome that is "
            "certain. Drag the point and watch the likelihood, or follow the gradient in the logits to the shares "
            "that were counted. Toward an edge the likelihood falls without a floor, as soon as the missing outcome "
            "was seen once.",
            ("weight_1", "weight_2", "weight_3", "samples", "rate", "seed"),
            SCORES,
            (Link("Pixels of many grey levels", "pixel_cnn-digits", "sites"),),
        ),
        Section(
            "gaussian",
            "Gaussian",
            (
                r"\log p(x_1,\dots,x_N)=-\frac{N}{2}\log 2\pi\sigma^2-\sum_n\frac{(x_n-\mu)^2}{2\sigma^2}"
                r"=\slot{log_likelihood}{000.00}\qquad\hat\mu=\slot{mle_mu}{0.000}\quad\hat\sigma=\slot{mle_sigma}{0.000}",
            ),
            "The picture is the likelihood over both parameters; drag the dot and see the bell. The top is at the "
            "mean and at the mean squared distance from it, divided by N: with few draws too narrow on average, which"
            " the number divided by N − 1 mends. Begin far off with a small σ: the slope is steep there, and flat "
            "where σ is large.",
            ("mu", "sigma", "mu_true", "sigma_true", "samples", "rate", "seed"),
            (*SCORES, Readout("unbiased", "σ with N − 1", "0.000")),
            (Link("A mixture of such bells, learned", "rnade-moons", "plane"),),
        ),
        Section(
            "grey",
            "Grey values",
            (
                r"p^{x}(1-p)^{1-x}=\slot{value}{0.000}\qquad\int_0^1 p^{x}(1-p)^{1-x}\,dx"
                r"=\frac{2p-1}{\log\frac{p}{1-p}}=\slot{integral}{0.000}\neq 1",
            ),
            "A grey value may be taken for the probability of white: toss a coin for each pixel, as below, and"
            " every picture of ones and zeros has a probability. To put the grey value itself in place of x gives a "
            "number, but no density: it integrates to less than one. Divided by that it is the continuous Bernoulli, "
            "whose mean is not p. What is left out is another number for every p, so likelihoods cannot be compared.",
            ("grey", "x", "example", "seed"),
            (
                Readout("density", "density at x", "0.000"),
                Readout("mean", "mean of that density", "0.000"),
                Readout("lost", "nats left out, this p", "0.000"),
                Readout("lost_image", "nats left out, this digit", "0.0"),
            ),
            (Link("A VAE with a Bernoulli likelihood", "vae-digits", "density"),),
        ),
        Section(
            "plane",
            "On the plane",
            (
                r"\log\mathcal N(x;\mu,\Sigma)=-\frac{D}{2}\log 2\pi-\frac{1}{2}\log\det\Sigma"
                r"-\frac{1}{2}(x-\mu)^{\top}\Sigma^{-1}(x-\mu)"
                r"=\slot{constant}{0.000}+\left[\slot{volume}{0.000}\right]+\left[\slot{distance}{00.000}\right]"
                r"=\slot{log_p}{00.000}",
            ),
            "Drag the centre, the ends of both axes, and the point. The first term is fixed; the second falls "
            "as the ellipse grows, for probability is spread thinner; the third falls with the squared distance in "
            "units of the ellipse. A narrow ellipse gains in the second and pays in the third. The rings lie at 1, 2 "
            "and 3 deviations; 39 % of all draws are within the first, not 68 %.",
            ("long", "short", "angle", "seed"),
            (
                Readout("mahalanobis", "distance in deviations", "0.000"),
                Readout("inside", "share of draws nearer", "0.000"),
                Readout("correlation", "correlation", "0.000"),
                Readout("entropy", "entropy, nats", "0.000"),
            ),
            (Link("Probabilistic PCA", "ppca-moons", "plane"),),
        ),
    )  # fmt: skip

    def build(self, section: str) -> QWidget:
        """The figures of a section."""
        made = QWidget()
        if section == "bernoulli":
            self.coin, self.coin_score = Figure("Draws and model"), Figure("Log-likelihood over p")
            self.coin.set_axes("", "share", (-0.6, 1.6), (0.0, 1.0), names=("0", "1"))
            self.coin_score.set_axes("p", "ln p(x) a draw, nats", (0.0, 1.0), (-3.0, 0.2))
            self.coin_score.moved.connect(lambda _key, x, _y: self.set(p=x))
            arrange([([(self.coin, 1), (self.coin_score, 2)], 1)], made)
        elif section == "categorical":
            self.triangle, self.shares = Figure("Log-likelihood over the triangle"), Figure("Shares")
            self.triangle.set_axes(x_range=(-0.08, 1.08), y_range=(-0.1, 1.0), equal=True, bare=True)
            self.triangle.moved.connect(lambda _key, x, y: self._drag_triangle(x, y))
            self.shares.set_axes("", "share", (-0.6, 2.6), (0.0, 1.0), names=marks.CORNERS)
            arrange([([(self.triangle, 3), (self.shares, 2)], 1)], made)
        elif section == "gaussian":
            self.bell, self.surface = Figure("Draws and model"), Figure("Log-likelihood over mean and deviation")
            self.bell.set_axes("x", "density", (-6.0, 6.0), (0.0, 1.0))
            self.surface.set_axes("μ", "ln σ", MU, LOG_SIGMA)
            self.surface.moved.connect(lambda _key, x, y: self.set(mu=x, sigma=math.exp(y)))
            arrange([([(self.bell, 1)], 2), ([(self.surface, 1)], 3)], made)
        elif section == "grey":
            self.greys, self.wholes = Figure("Formula and density over x"), Figure("What the formula integrates to")
            self.digit = Figure("A digit in grey and tossed three times")
            self.greys.set_axes("x", "", (0.0, 1.0), (0.0, 3.0))
            self.greys.moved.connect(lambda _key, x, _y: self.set(x=x))
            self.wholes.set_axes("p", "", (0.0, 1.0), (0.0, 1.05))
            self.wholes.moved.connect(lambda _key, x, _y: self.set(grey=x))
            self.digit.set_axes(x_range=(-0.1, 4.4), y_range=(-0.08, 1.04), bare=True, equal=True)
            self.digit.set_title("A digit in grey, and a coin tossed for each pixel, three times")
            arrange([([(self.greys, 1), (self.wholes, 1)], 3), ([(self.digit, 1)], 2)], made)
        else:
            self.plane, self.terms = Figure("The Gaussian and the point"), Figure("The three terms")
            box = (-gaussian.PLANE, gaussian.PLANE)
            self.plane.set_axes("x", "y", box, box, equal=True)
            self.plane.moved.connect(self._drag_plane)
            self.terms.set_axes("", "nats", (-0.6, 3.6), (-8.0, 4.0), names=("constant", "volume", "distance", "sum"))
            arrange([([(self.plane, 3), (self.terms, 2)], 1)], made)
        return made

    def queries(self) -> Mapping[str, Query]:
        """One query for the section that is open."""
        s = self.settings
        assert isinstance(s, DistributionsState)
        if s.section == "bernoulli":
            return {"bernoulli": discrete.BernoulliQuery(s.seed, s.truth, s.samples, s.p, s.rate)}
        if s.section == "categorical":
            truth = (s.weight_1, s.weight_2, s.weight_3)
            return {"categorical": discrete.CategoricalQuery(s.seed, truth, s.samples, s.p_1, s.p_2, s.rate)}
        if s.section == "gaussian":
            drawn = (s.mu_true, s.sigma_true, s.samples, s.mu, s.sigma, s.rate)
            return {"gaussian": gaussian.GaussianQuery(s.seed, *drawn)}
        if s.section == "grey":
            return {"grey": gaussian.GreyQuery(s.seed, s.grey, s.x, s.example)}
        shape = (s.mu_x, s.mu_y, s.long, s.short, s.angle, s.point_x, s.point_y)
        return {"plane": gaussian.PlaneQuery(s.seed, *shape)}

    def draw(self, purpose: str, frame: ConceptFrame) -> None:
        """The figures of the section."""
        s = self.settings
        assert isinstance(s, DistributionsState)
        n = frame.numbers
        if isinstance(frame, discrete.BernoulliFrame):
            share = n["mle"]
            self.coin.set_marks(marks.bars_beside(np.array([1 - share, share]), np.array([1 - s.p, s.p])))
            self.coin_score.set_marks(marks.coin_curve(frame, s.truth))
            self.coin_score.set_handles([Handle("p", s.p, n["each"], 0, "x", "Probability of the model")])
        elif isinstance(frame, discrete.CategoricalFrame):
            model = np.array([n["p_1"], n["p_2"], n["p_3"]])
            x, y = discrete.place(model).tolist()
            self.triangle.set_marks(marks.triangle(frame))
            self.triangle.set_handles([Handle("p", x, y, 0, "xy", "Probabilities of the model")])
            self.shares.set_marks(marks.bars_beside(frame.counts / frame.counts.sum(), model))
        elif isinstance(frame, gaussian.GaussianFrame):
            self.bell.set_marks(marks.bell(frame))
            self.surface.set_marks(marks.gaussian_surface(frame))
            at = s.mu, math.log(s.sigma)
            self.surface.set_handles([Handle("model", *at, 0, "xy", "Mean and deviation of the model")])
        elif isinstance(frame, gaussian.GreyFrame):
            self.greys.set_marks(marks.grey_curves(frame))
            self.greys.set_handles([Handle("x", s.x, n["density"], "text", "x", "Grey value")])
            self.wholes.set_marks(marks.grey_integral(frame))
            self.wholes.set_handles([Handle("p", s.grey, n["integral"], 1, "x", "Probability")])
            self.digit.set_marks(marks.tossed(frame))
        elif isinstance(frame, gaussian.PlaneFrame):
            mean, point = (s.mu_x, s.mu_y), (s.point_x, s.point_y)
            self.plane.set_marks(marks.plane(frame, mean, point))
            self.plane.set_handles(marks.plane_handles(frame, mean, point))
            self.terms.set_marks(marks.three_terms(frame))

    def _drag_triangle(self, x: float, y: float) -> None:
        third = y / discrete.HIGH
        second = x - 0.5 * third
        p = np.clip([1 - second - third, second, third], 0.005, None)
        p /= p.sum()
        self.set(p_1=float(p[0]), p_2=float(p[1]))

    def _drag_plane(self, key: str, x: float, y: float) -> None:
        s = self.settings
        assert isinstance(s, DistributionsState)
        if key == "mean":
            self.set(mu_x=x, mu_y=y)
        elif key == "point":
            self.set(point_x=x, point_y=y)
        else:
            dx, dy = x - s.mu_x, y - s.mu_y
            turn = math.degrees(math.atan2(dy, dx)) - (0.0 if key == "long" else 90.0)
            self.set(**{key: math.hypot(dx, dy)}, angle=(turn + 180.0) % 360.0 - 180.0)
