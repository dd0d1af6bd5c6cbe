"""Control signals: a latent switch, a latent number, and the causes behind a picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from PySide6.QtWidgets import QWidget

from app.page import Link, Page, PageState, Readout, Section
from app.pageparts.control_factors import FactorsPicture
from app.pageparts.control_integral import IntegralPicture
from app.pageparts.control_switch import SwitchPicture
from gm_core import api
from gm_core.concepts import control_factors, control_integral, control_switch
from gm_core.concepts.base import ConceptFrame, Query

HELD = ("drawn as well", "1", "2", "3")


class ControlState(PageState):
    """A mixture of three Gaussians and a place, a line in the plane and a point, and a code of four numbers."""

    weight_1: float = api.param(0.3, "How often the switch is 1; weights are divided by their sum.", lo=0.01, hi=1.0)
    weight_2: float = api.param(0.5, "How often the switch is 2.", lo=0.01, hi=1.0)
    weight_3: float = api.param(0.2, "How often the switch is 3.", lo=0.01, hi=1.0)
    mu_1: float = api.param(-2.5, "Mean of x where the switch is 1.", lo=-5.0, hi=5.0)
    mu_2: float = api.param(0.5, "Mean of x where the switch is 2.", lo=-5.0, hi=5.0)
    mu_3: float = api.param(2.5, "Mean of x where the switch is 3.", lo=-5.0, hi=5.0)
    sigma_1: float = api.param(0.7, "Standard deviation where the switch is 1.", lo=0.2, hi=2.5, log=True)
    sigma_2: float = api.param(1.0, "Standard deviation where the switch is 2.", lo=0.2, hi=2.5, log=True)
    sigma_3: float = api.param(0.5, "Standard deviation where the switch is 3.", lo=0.2, hi=2.5, log=True)
    x: float = api.param(1.4, "The place that is looked at.", lo=-6.0, hi=6.0)
    switch: Literal["drawn as well", "1", "2", "3"] = api.param(
        "drawn as well", "Draw the switch before each x, or hold it and draw x alone."
    )
    bend: float = api.param(1.5, "How far the line swings.", lo=0.0, hi=2.5)
    noise: float = api.param(0.4, "Standard deviation of x around the line.", lo=0.1, hi=1.0, log=True)
    points: int = api.param(8, "Values of z in the sum.", lo=1, hi=control_integral.MOST, log=True)
    z: float = api.param(-1.0, "A z that is chosen.", lo=-3.5, hi=3.5)
    x_1: float = api.param(1.3, "The point, across.", lo=-8.0, hi=8.0)
    x_2: float = api.param(0.2, "The point, upward.", lo=-3.0, hi=3.0)
    shape: Literal["square", "ellipse", "heart", "triangle", "cross"] = api.param("heart", "What is drawn.")
    angle: float = api.param(45.0, "By how much the mixed code is rotated.", lo=0.0, hi=90.0, unit="°")
    c_1: float = api.param(0.0, "First number of the code.", lo=-2.0, hi=2.0)
    c_2: float = api.param(0.0, "Second number of the code.", lo=-2.0, hi=2.0)
    c_3: float = api.param(0.0, "Third number of the code.", lo=-2.0, hi=2.0)
    c_4: float = api.param(0.0, "Fourth number of the code.", lo=-2.0, hi=2.0)


class ControlPage(Page):
    """Three sections: a switch, a number, causes."""

    name = "control"
    State = ControlState
    sections = (
        Section(
            "switch",
            "A switch",
            (
                r"p(x)=\sum_{z=1}^{3}p(z)\,p(x|z)=\slot{joint_1}{0.000}+\slot{joint_2}{0.000}+\slot{joint_3}{0.000}"
                r"=\slot{p_x}{0.000}\qquad p(z|x)=\frac{p(z)\,p(x|z)}{p(x)}"
                r"=\left(\slot{posterior_1}{0.000},\,\slot{posterior_2}{0.000},\,\slot{posterior_3}{0.000}\right)",
            ),
            "First throw the switch z, then draw x from the Gaussian that it chose: three simple pieces make a shape "
            "that none of them has. Drag the line through x and read which setting lies behind it; drag the tops to "
            "move and widen the pieces. Pull them over one another: p(x) may look the same as before, but x no longer "
            "tells anything about z. Hold the switch, and generation is under control.",
            ("weight_1", "weight_2", "weight_3", "x", "switch", "seed"),
            (
                Readout("h_z", "H(z), nats", "0.000"),
                Readout("information", "I(x; z), nats", "0.000"),
                Readout("share", "share of H(z) that x tells", "0.000"),
            ),
            (
                Link("A VAE whose prior is a mixture", "vae-mog-digits", "latent"),
                Link("Digits by their class", "vae-conditional-digits", "gallery"),
            ),
        ),
        Section(
            "integral",
            "A number",
            (
                r"p(x)=\int p(x|z)\,p(z)\,dz=\slot{integral}{0.0000}\qquad"
                r"\frac{1}{K}\sum_{k=1}^{K}p(x|z_k)=\slot{sum}{0.0000}\qquad"
                r"\mathbb E[z|x]=\slot{z_mean}{0.00}\pm\slot{z_spread}{0.00}",
            ),
            "A switch with ever more settings becomes a number, and the sum an integral. Raise the points one by one: "
            "beads of a string melt into a density that no longer changes. Choose a z below and see where it leads; "
            "drag the point and see which z may have led there. Between two arms of the line the posterior has "
            "two tops, which no single Gaussian fits. That is what an encoder has to live with.",
            ("points", "bend", "noise", "z", "seed"),
            (Readout("off", "the sum is off by, %", "0.00"),),
            (
                Link("A line in the plane, learned", "vae-moons", "plane"),
                Link("The latent space of digits", "vae-digits-2d", "latent"),
            ),
            "points",
        ),
        Section(
            "factors",
            "Causes",
            (
                r"p(x)=\int p(x|z)\,p(z)\,dz=\int p(x|Rc)\,p(c)\,dc\qquad z=Rc,\quad p=\mathcal N(0,I)",
                r"\mathrm{MIG}=\frac{1}{4}\sum_{j=1}^{4}\frac{I(z_j;c_{(1)})-I(z_j;c_{(2)})}{H(z_j)}"
                r"=\slot{mig}{0.000}\qquad\mathrm{causes\ alone:}\ \slot{mig_causes}{0.000}",
            ),
            "Each row walks along one number while the others stay. On the left a number is one cause; on the right "
            "the same four causes are mixed by a rotation. Turn it: at 45° each number moves everything, at 90° they "
            "are causes again in another order. A round Gaussian looks the same from all sides, so both codes give "
            "every picture the same probability: the likelihood alone cannot ask for causes. Click a picture to go on "
            "from there.",
            ("angle", "shape", "c_1", "c_2", "c_3", "c_4", "seed"),
            (),
            (
                Link("A VAE that is asked to keep causes apart", "vae-tc-sprites", "representation"),
                Link("Its latent numbers, one by one", "vae-beta-sprites", "latent"),
            ),
            "angle",
        ),
    )

    def build(self, section: str) -> QWidget:
        """The picture of a section."""
        if section == "switch":
            self.switch = SwitchPicture()
            self.switch.shaped.connect(
                lambda k, mean, deviation: self.set(**{f"mu_{k + 1}": mean, f"sigma_{k + 1}": deviation})
            )
            self.switch.looked.connect(lambda x: self.set(x=x))
            return self.switch
        if section == "integral":
            self.integral = IntegralPicture()
            self.integral.placed.connect(lambda x, y: self.set(x_1=x, x_2=y))
            self.integral.chose.connect(lambda z: self.set(z=z))
            return self.integral
        self.factors = FactorsPicture()
        self.factors.walked.connect(lambda number, value: self.set(**{f"c_{number + 1}": value}))
        return self.factors

    def queries(self) -> Mapping[str, Query]:
        """One query for the section that is open; for causes a second, which only the rotation asks anew."""
        s = self.settings
        assert isinstance(s, ControlState)
        if s.section == "switch":
            mu, sigma = (s.mu_1, s.mu_2, s.mu_3), (s.sigma_1, s.sigma_2, s.sigma_3)
            weights, held = (s.weight_1, s.weight_2, s.weight_3), HELD.index(s.switch)
            return {"switch": control_switch.SwitchQuery(s.seed, mu, sigma, weights, s.x, held=held)}
        if s.section == "integral":
            asked = (s.bend, s.noise, s.points, s.x_1, s.x_2, s.z)
            return {"integral": control_integral.IntegralQuery(s.seed, *asked)}
        shape = control_factors.SHAPES.index(s.shape)
        return {
            "factors": control_factors.FactorsQuery(0, _code(s), shape, s.angle),
            "information": control_factors.InformationQuery(s.seed, s.angle),
        }

    def draw(self, purpose: str, frame: ConceptFrame) -> None:
        """The picture of the section."""
        s = self.settings
        assert isinstance(s, ControlState)
        if isinstance(frame, control_switch.SwitchFrame):
            self.switch.draw(frame, (s.mu_1, s.mu_2, s.mu_3), (s.sigma_1, s.sigma_2, s.sigma_3))
        elif isinstance(frame, control_integral.IntegralFrame):
            self.integral.draw(frame, (s.x_1, s.x_2), s.noise)
        elif isinstance(frame, control_factors.FactorsFrame):
            self.factors.draw(frame, _code(s))
        elif isinstance(frame, control_factors.InformationFrame):
            self.factors.draw_tables(frame)


def _code(s: ControlState) -> tuple[float, float, float, float]:
    return s.c_1, s.c_2, s.c_3, s.c_4
