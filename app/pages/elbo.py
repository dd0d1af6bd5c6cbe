"""Jensen's inequality, the evidence of a model with one code, its lower bound, and bounds from many draws."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtWidgets import QWidget

from app.page import Link, Page, PageState, Readout, Section
from app.pageparts.elbo_bound import BoundPicture
from app.pageparts.elbo_draws import LogPicture, ManyPicture
from app.pageparts.elbo_evidence import EvidencePicture
from app.pageparts.elbo_jensen import JensenPicture
from gm_core import api
from gm_core.concepts import elbo, elbo_bound, elbo_draws, elbo_evidence
from gm_core.concepts.base import ConceptFrame, Query
from gm_core.concepts.elbo_model import Decoder

POINTS = (0.5, 6.0, 2.0, 3.5, 1.2)


class ElboState(PageState):
    """A curve with points; one model and one x for all other parts; one q for the bounds."""

    curve: elbo.Curve = api.param("ln x", "The function; ln and the root are concave, the square is convex.")
    count: int = api.param(2, "Points among which X is drawn.", lo=2, hi=5)
    points: tuple[float, ...] = api.param(POINTS, "Where the points lie.", lo=elbo.LEAST, hi=elbo.MOST)
    weight: float = api.param(0.5, "Probability of the first point; the others share the rest.", lo=0.05, hi=0.95)
    decoder: Decoder = api.param("line", "What the decoder makes of a code: w z, w (z² − 1), or w (z + sin 2z).")
    w: float = api.param(1.0, "How far the decoder goes with the code.", lo=0.2, hi=2.0)
    s: float = api.param(0.5, "Noise of the decoder: standard deviation of x given z.", lo=0.15, hi=2.0, log=True)
    x: float = api.param(1.5, "What was observed.", lo=-4.0, hi=4.0)
    draws: int = api.param(100, "Codes drawn from the prior.", lo=10, hi=elbo_evidence.MOST, log=True)
    mu: float = api.param(0.6, "Mean of q.", lo=-elbo_bound.MU_REACH, hi=elbo_bound.MU_REACH)
    sigma: float = api.param(0.6, "Standard deviation of q.", lo=elbo_bound.LEAST, hi=elbo_bound.MOST, log=True)
    k: int = api.param(8, "Draws in one estimate.", lo=1, hi=1000, log=True)


class ElboPage(Page):
    """Five sections: Jensen, evidence, the bound, many draws, the log of an estimate."""

    name = "elbo"
    State = ElboState
    sections = (
        Section(
            "jensen",
            "Jensen",
            (
                r"f\left(\mathbb{E}[X]\right)-\mathbb{E}\left[f(X)\right]=\slot{outside}{0.000}-\slot{inside}{0.000}"
                r"=\slot{gap}{0.000}\;\approx\;-\frac{1}{2}f''(\mathbb{E}[X])\,\mathrm{Var}[X]=\slot{second_order}{0.000}"
                r"\qquad(\geq 0\;\mathrm{where}\;f\;\mathrm{is\;concave})",
            ),
            "Drag the points along the axis. The mean of their heights always lies below a concave curve, on the "
            "chord if there are two of them; the red gap is what a bound loses. Draw the points together and it "
            "shrinks as their variance. The square is convex and turns it round; a straight line has no gap at all.",
            ("curve", "count", "weight"),
            (Readout("mean", "E X", "0.000"), Readout("variance", "Var X", "0.000"), Readout("gap", "gap", "0.0000")),
            (Link("The bound that this makes, while a VAE learns", "vae-digits", "curves"),),
        ),
        Section(
            "evidence",
            "Evidence",
            (
                r"p(x)=\int p(x\,|\,z)\,p(z)\,dz=\slot{evidence}{0.00000}\qquad"
                r"\hat p(x)=\frac{1}{N}\sum_{i=1}^{N}p(x\,|\,z_i)=\slot{estimate}{0.00000}\quad z_i\sim p(z)\qquad"
                r"\frac{\mathrm{sd}[\hat p]}{p(x)}=\slot{error}{0.000}",
            ),
            "Drag the level of x away from 0, then make the decoder sharp. The posterior leaves the prior's middle and "
            "grows narrow: few draws land in it, and a handful of weights makes the whole estimate. It stays right on "
            "average, but look at the draws that an error of 10 % would take. The notes weigh each draw with p(z) once "
            "more; the prior is already in the draws.",
            ("decoder", "w", "s", "x", "draws", "seed"),
            (
                Readout("log_evidence", "ln p(x), exact", "0.000"),
                Readout("log_estimate", "ln of the estimate", "0.000"),
                Readout("width", "posterior deviation", "0.000"),
                Readout("effective", "draws that count", "0.0"),
                Readout("needed", "draws for ± 10 %", "0"),
            ),
            (Link("Density of a VAE on the plane", "vae-moons", "density"),),
            plays="x",
        ),
        Section(
            "bound",
            "The ELBO",
            (
                r"\log p(x)=\mathrm{ELBO}+D_{\mathrm{KL}}\left(q\,\|\,p(z|x)\right)=\slot{elbo}{-0.0000}"
                r"+\slot{kl}{0.0000}=\slot{evidence}{-0.0000}",
                r"\mathrm{ELBO}=\mathbb{E}_{q}\left[\log p(x|z)\right]-D_{\mathrm{KL}}\left(q\,\|\,p(z)\right)"
                r"=\slot{reconstruction}{-0.0000}-\slot{cost}{0.0000}",
            ),
            "Drag q by its top, or on the map below. Blue and red change places, but always add up to ln p(x), which q "
            "cannot move. On the line q can be the posterior itself, and red is gone; a parabola gives the posterior "
            "two hills, and the best Gaussian takes one of them. All this is for one x: of a data set one sums the "
            "logs, and does not take the log of the sum, as the notes print it.",
            ("decoder", "w", "s", "x", "mu", "sigma"),
            (
                Readout("kl", "KL(q || p(z|x)), nats"),
                Readout("least", "least KL on the map", "0.000"),
                Readout("mean", "posterior mean", "0.000"),
                Readout("width", "posterior deviation", "0.000"),
            ),
            (
                Link("Both parts while a VAE learns", "vae-digits", "curves"),
                Link("q beside the prior, code by code", "vae-digits-2d", "encode"),
            ),
        ),
        Section(
            "many",
            "Many draws",
            (
                r"\mathcal{L}_k=\mathbb{E}\left[\log\frac{1}{k}\sum_{i=1}^{k}\frac{p(x,z_i)}{q(z_i)}\right]"
                r"=\slot{bound}{-0.0000}\pm\slot{error}{0.0000}\;\leq\;\log p(x)=\slot{evidence}{-0.0000}"
                r"\qquad\mathrm{ELBO}=\mathcal{L}_1=\slot{elbo}{-0.0000}",
            ),
            "Play k. The bound climbs from the ELBO to ln p(x), and a draw that is chosen by its weight looks more "
            "and more like one of the posterior. Lay q on the posterior: every k is exact. Then make q narrower than "
            "0.7 times the posterior: the variance of the weights is infinite, the dashed law is gone, and more "
            "draws help slowly. On one of a parabola's two hills, q stays about ln 2 short for long.",
            ("decoder", "w", "s", "x", "mu", "sigma", "k", "seed"),
            (
                Readout("gap", "ln p(x) − L_k", "0.0000"),
                Readout("delta", "Var(w) / 2k p(x)²", "0.0000"),
                Readout("effective", "draws that count", "0.0"),
            ),
            (Link("A VAE trained with five draws", "vae-iwae-mnist", "curves"),),
            plays="k",
        ),
        Section(
            "log",
            "Log of an estimate",
            (
                r"\mathbb{E}\left[\frac{\hat p}{p(x)}\right]=1\quad(\slot{mean}{0.0000})\qquad"
                r"\mathbb{E}\left[\log\hat p\right]-\log p(x)=\slot{bias}{-0.0000}\pm\slot{error}{0.0000}"
                r"\;\approx\;-\frac{\mathrm{Var}[p(x|z)]}{2K\,p(x)^2}=\slot{delta}{-0.0000}",
            ),
            "Each estimate is a mean of K draws from the prior. On the left the mean of all estimates is p(x); on the "
            "right the same estimates as logs, with a long tail to the left that pulls their mean down. Raise K: both "
            "heaps become narrow and even, and the bias falls as 1/K. With few draws, or x far out, "
            "the law is off by far: it is the second order alone.",
            ("decoder", "w", "s", "x", "k", "seed"),
            (
                Readout("bias", "bias of the log, nats"),
                Readout("delta", "by the law"),
                Readout("below", "estimates below p(x)", "0.00"),
                Readout("beyond", "logs left of the picture", "0.00"),
            ),
            (Link("Bounds on test data by number of draws", "vae-iwae-mnist", "curves"),),
            plays="k",
        ),
    )

    def build(self, section: str) -> QWidget:
        """The pictures of a section."""
        if section == "jensen":
            self.jensen = JensenPicture()
            self.jensen.dragged.connect(self._drag_point)
            return self.jensen
        if section == "evidence":
            self.evidence = EvidencePicture()
            self.evidence.observed.connect(lambda x: self.set(x=x))
            return self.evidence
        if section == "bound":
            self.bound = BoundPicture()
            self.bound.placed.connect(lambda mu, sigma: self.set(mu=mu, sigma=sigma))
            return self.bound
        if section == "many":
            self.many = ManyPicture()
            self.many.placed.connect(lambda mu, sigma: self.set(mu=mu, sigma=sigma))
            self.many.counted.connect(lambda k: self.set(k=k))
            return self.many
        self.log = LogPicture()
        self.log.counted.connect(lambda k: self.set(k=k))
        return self.log

    def queries(self) -> Mapping[str, Query]:
        """One query for the section that is open."""
        s = self.settings
        assert isinstance(s, ElboState)
        model = (s.decoder, s.w, s.s, s.x)
        if s.section == "jensen":
            return {"jensen": elbo.JensenQuery(0, s.curve, s.points[: s.count], s.weight)}
        if s.section == "evidence":
            return {"evidence": elbo_evidence.EvidenceQuery(s.seed, *model, s.draws)}
        if s.section == "bound":
            return {"bound": elbo_bound.BoundQuery(0, *model, s.mu, s.sigma)}
        if s.section == "many":
            return {"many": elbo_draws.ManyQuery(s.seed, *model, s.mu, s.sigma, s.k)}
        return {"log": elbo_draws.LogQuery(s.seed, *model, s.k)}

    def draw(self, purpose: str, frame: ConceptFrame) -> None:
        """The pictures of the section."""
        s = self.settings
        assert isinstance(s, ElboState)
        if isinstance(frame, elbo.JensenFrame):
            self.jensen.draw(frame, s.curve)
        elif isinstance(frame, elbo_evidence.EvidenceFrame):
            self.evidence.draw(frame, s.x, s.s, s.draws)
        elif isinstance(frame, elbo_bound.BoundFrame):
            self.bound.draw(frame, s.mu, s.sigma, s.s)
        elif isinstance(frame, elbo_draws.ManyFrame):
            self.many.draw(frame, s.mu, s.sigma)
        elif isinstance(frame, elbo_draws.LogFrame):
            self.log.draw(frame)

    def _drag_point(self, at: int, x: float) -> None:
        s = self.settings
        assert isinstance(s, ElboState)
        moved = round(min(max(x, elbo.LEAST), elbo.MOST), 3)
        self.set(points=(*s.points[:at], moved, *s.points[at + 1 :]))
