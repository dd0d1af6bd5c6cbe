"""The adversarial game on a line: the best discriminator and the value, what the generator feels, two players."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
from PySide6.QtWidgets import QWidget

from app.page import Link, Page, PageState, Readout, Section
from app.pageparts.game_dynamics import DynamicsPicture
from app.pageparts.game_players import width_for
from app.pageparts.game_saturation import SaturationPicture
from app.pageparts.game_value import ValuePicture
from gm_core import api
from gm_core.concepts import game, game_dynamics, game_saturation
from gm_core.concepts.base import ConceptFrame, Query

FARTHEST, NARROWEST, WIDEST = game.FARTHEST, game.NARROWEST, game.WIDEST
FIRST = game.Data()


class GameState(PageState):
    """Data and generator on a line, a discriminator, and two players on the plane."""

    data: Literal["one peak", "two peaks"] = api.param("one peak", "What the data are.")
    mu_p1: float = api.param(FIRST.mu_1, "Mean of the data, or of their first peak.", lo=-FARTHEST, hi=FARTHEST)
    mu_p2: float = api.param(FIRST.mu_2, "Mean of the second peak.", lo=-FARTHEST, hi=FARTHEST)
    sigma_p: float = api.param(FIRST.sigma, "Standard deviation of a peak.", lo=NARROWEST, hi=WIDEST, log=True)
    mu_q: float = api.param(1.5, "Mean of the generator.", lo=-FARTHEST, hi=FARTHEST)
    sigma_q: float = api.param(1.0, "Standard deviation of the generator.", lo=NARROWEST, hi=WIDEST, log=True)
    critic: Literal["by hand", "best parabola"] = api.param(
        "by hand", "The logit of D is a parabola: drawn by hand, or the best one that there is."
    )
    logits: tuple[float, ...] = api.param((1.0, 0.0, -1.0), "Logits of D at x = −3, 0, 3.", lo=-game.SURE, hi=game.SURE)
    learned: float = api.param(0.0, "Share of the way from the parabola to the best D that is gone.", lo=0.0, hi=1.0)
    sure: float = api.param(
        1.0, "How sure D is: its logit, as a share of that of the best one. At 1 it is the best D.", lo=0.0, hi=1.0
    )
    logarithmic: bool = api.param(False, "Show the sizes of the gradients on a logarithmic axis.")
    game: Literal["x · y", "Dirac-GAN", "Dirac-GAN, non-saturating"] = api.param(
        "x · y", "What is played for: a product, or a GAN whose data are one point and whose D is a straight line."
    )
    rule: Literal["simultaneous", "alternating", "extragradient", "penalty"] = api.param(
        "simultaneous", "Both step at once; the generator first; both look one step ahead; the critic's slope is taxed."
    )
    step_size: float = api.param(0.2, "Size of a step.", lo=0.02, hi=2.5, log=True)
    penalty: float = api.param(0.5, "Strength of the penalty, for the rule of that name.", lo=0.0, hi=3.0)
    start_x: float = api.param(1.0, "Where the generator starts.", lo=-game_dynamics.ROOM, hi=game_dynamics.ROOM)
    start_y: float = api.param(0.0, "Where the critic starts.", lo=-game_dynamics.ROOM, hi=game_dynamics.ROOM)
    steps: int = api.param(60, "Steps of both players.", lo=0, hi=game_dynamics.MOST)


class GamePage(Page):
    """Three sections: discriminator, saturation, two players."""

    name = "game"
    State = GameState
    sections = (
        Section(
            "value",
            "Discriminator",
            (
                r"V(D,G)=\mathbb{E}_{p}\left[\log D(x)\right]+\mathbb{E}_{q}\left[\log(1-D(x))\right]"
                r"=\slot{v}{-0.0000}\;\leq\;\slot{most}{-0.0000}=V(D^*,G)"
                r"\qquad D^*(x)=\frac{p(x)}{p(x)+q(x)}",
                r"V(D^*,G)=2\,\mathrm{JS}(p,q)-\log 4=\slot{twice_js}{0.0000}-1.3863=\slot{from_js}{-0.0000}",
            ),
            "Pull the three handles of D and try to reach D*: you cannot pass it, whatever you draw. The red area is "
            "what your D misses. For two Gaussians the best parabola is D* itself; with two peaks of data a little is "
            "left over. Then drag q onto p: D* flattens to ½ and the best value falls to −ln 4. That is all the "
            "generator wants.",
            ("data", "mu_q", "sigma_q", "critic", "learned"),
            (
                Readout("lost", "V(D*) − V(D), nats"),
                Readout("js", "JS(p, q), nats"),
                Readout("on_data", "mean D on data", "0.000"),
                Readout("on_fakes", "mean D on fakes", "0.000"),
                Readout("right", "told apart by D", "0.000"),
            ),
            (Link("D and generator on the plane", "gan-ring", "duel"),),
            plays="learned",
        ),
        Section(
            "saturation",
            "Saturation",
            (
                r"\nabla_{\mu}\,\mathbb{E}_q\left[\log(1-D)\right]=-\mathbb{E}_q\left[D\,l'\right]"
                r"=\slot{minimax}{-0.00000}\qquad"
                r"\nabla_{\mu}\,\mathbb{E}_q\left[-\log D\right]=-\mathbb{E}_q\left[(1-D)\,l'\right]"
                r"=\slot{non_saturating}{-0.00000}\qquad l=\log\frac{D}{1-D}",
            ),
            "Drag q away from p. D knows every fake, and the loss of the notes, ln(1 − D), hardly pulls any more: the "
            "worse the generator, the less it learns. The other loss, −ln D, pulls the harder the farther q is. With "
            "one peak of data both rest at the same place. A D that is less sure leaves the first one alive: that is "
            "why D must not be trained too well there.",
            ("data", "mu_q", "sigma_q", "sure", "logarithmic"),
            (
                Readout("fakes", "mean D on fakes", "0.00000"),
                Readout("minimax_loss", "E ln(1 − D), nats"),
                Readout("non_saturating_loss", "E[−ln D], nats"),
                Readout("ratio", "first gradient : second", "0.00000"),
            ),
            (Link("A generator that learns by −ln D", "gan-ring", "curves"),),
            plays="mu_q",
        ),
        Section(
            "dynamics",
            "Two players",
            (
                r"z_{k+1}\approx M z_k\qquad \lambda(M)=\slot{middle}{-0.0000}\pm\sqrt{\slot{square}{-0.0000}}"
                r"\qquad \max|\lambda|=\slot{modulus}{0.0000}\qquad"
                r"|z_k|\sim\max|\lambda|^{k}|z_0|",
            ),
            "Drag the start. Each player goes downhill for itself, and together they turn around the rest. Stepping at "
            "once they wind outwards at any step size; in turns they stay on a closed line; looking ahead, or with a "
            "penalty, they come in. The two dots on the right decide: inside the circle of modulus 1 or not. Large "
            "steps throw out even those that came in.",
            ("game", "rule", "step_size", "penalty", "steps"),
            (
                Readout("modulus", "largest modulus"),
                Readout("growth", "growth in a step, measured"),
                Readout("turn", "turn in a step, degrees", "0.0"),
                Readout("distance", "distance at the end"),
            ),
            (
                Link("Two players that do not settle", "gan-ring-collapse", "duel"),
                Link("A critic with a penalty", "gan-wgan-moons", "duel"),
            ),
            plays="steps",
        ),
    )

    def build(self, section: str) -> QWidget:
        """The pictures of a section."""
        if section == "value":
            self.value = ValuePicture()
            self.value.placed.connect(self._place)
            self.value.held.connect(self._hold)
            self.value.went.connect(lambda share: self.set(learned=share))
            return self.value
        if section == "saturation":
            self.saturation = SaturationPicture()
            self.saturation.placed.connect(self._place)
            self.saturation.moved_to.connect(lambda mean: self.set(mu_q=mean))
            return self.saturation
        self.dynamics = DynamicsPicture()
        self.dynamics.started.connect(lambda x, y: self.set(start_x=x, start_y=y))
        self.dynamics.counted.connect(lambda steps: self.set(steps=steps))
        return self.dynamics

    def queries(self) -> Mapping[str, Query]:
        """One query for the section that is open."""
        s = self._state()
        data = game.Data(1 if s.data == "one peak" else 2, s.mu_p1, s.mu_p2, s.sigma_p)
        if s.section == "value":
            return {"value": game.ValueQuery(0, data, s.mu_q, s.sigma_q, s.critic, s.logits, s.learned)}
        if s.section == "saturation":
            return {"saturation": game_saturation.SaturationQuery(0, data, s.mu_q, s.sigma_q, s.sure)}
        start = (s.start_x, s.start_y)
        return {
            "dynamics": game_dynamics.DynamicsQuery(0, s.game, s.rule, s.step_size, s.penalty, *start, s.steps)
        }  # fmt: skip

    def draw(self, purpose: str, frame: ConceptFrame) -> None:
        """The pictures of the section."""
        query = self.queries()[purpose]
        if isinstance(frame, game.ValueFrame) and isinstance(query, game.ValueQuery):
            self.value.draw(frame, query)
        elif isinstance(frame, game_saturation.SaturationFrame) and isinstance(query, game_saturation.SaturationQuery):
            self.saturation.draw(frame, query, self._state().logarithmic)
        elif isinstance(frame, game_dynamics.DynamicsFrame) and isinstance(query, game_dynamics.DynamicsQuery):
            self.dynamics.draw(frame, query)

    def _state(self) -> GameState:
        assert isinstance(self.settings, GameState)
        return self.settings

    def _place(self, key: str, mean: float, height: float) -> None:
        if key == "q":
            self.set(mu_q=mean, sigma_q=width_for(1.0, height))
            return
        share = 1.0 if self._state().data == "one peak" else 0.5
        self.set(**{f"mu_{key}": mean}, sigma_p=width_for(share, height))

    def _hold(self, at: int, d: float) -> None:
        least = 1.0 / (1.0 + np.exp(game.SURE))
        d = min(max(d, least), 1.0 - least)
        logits = self._state().logits
        self.set(logits=(*logits[:at], round(float(np.log(d / (1.0 - d))), 4), *logits[at + 1 :]))
