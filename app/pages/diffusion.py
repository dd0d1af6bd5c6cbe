"""Diffusion: what a schedule keeps, one step back, two misprints at work, the score, and walks that follow it."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtWidgets import QWidget

from app.page import Page, PageState
from app.pageparts.diffusion_forward import PosteriorPicture, SchedulePicture
from app.pageparts.diffusion_scores import IN_THETA, IN_X, GradientsPicture, TweediePicture
from app.pageparts.diffusion_steps import HO, NOTES, LangevinPicture, MisprintsPicture
from app.pageparts.diffusion_words import SECTIONS
from app.shell import theme
from gm_core import api
from gm_core.concepts import diffusion as forward
from gm_core.concepts import diffusion_langevin as langevin
from gm_core.concepts import diffusion_misprints as misprints
from gm_core.concepts import diffusion_score as score
from gm_core.concepts.base import ConceptFrame, Query


class DiffusionState(PageState):
    """A schedule and a time, data on a line, points that are dragged, and three sizes of step."""

    schedule: forward.Kind = api.param("linear", "How noise grows; drag a handle to bend it by hand.")
    beta_first: float = api.param(1e-4, "First beta of the linear schedule.", lo=1e-5, hi=0.02, log=True)
    beta_last: float = api.param(0.02, "Last beta of the linear schedule.", lo=0.002, hi=0.1, log=True)
    hand: tuple[float, float, float, float] = api.param((0.9, 0.6, 0.25, 0.05), "Kept at four times, by hand.")
    t: int = api.param(250, "Time, of 1,000.", lo=1, hi=forward.STEPS)
    digit: int = api.param(3, "Class of the picture.", lo=0, hi=9)
    x_0: float = api.param(1.2, "The data.", lo=-3.0, hi=3.0)
    x_t: float = api.param(-0.8, "The noisy value.", lo=-3.0, hi=3.0)
    time: int = api.param(8, "The step back leads from here to one less, of 20.", lo=2, hi=forward.FEW)
    distance: float = api.param(1.0, "How far the peaks of the data lie from the middle.", lo=0.0, hi=2.0)
    width: float = api.param(0.25, "Standard deviation of each peak.", lo=0.1, hi=2.0, log=True)
    steps: int = api.param(100, "T, the steps from data to noise.", lo=20, hi=150)
    variance: misprints.Variance = api.param("fixed_small", "Noise of a step back: the posterior's, or beta.")
    x: float = api.param(0.4, "Where ln p is looked at.", lo=-4.0, hi=4.0)
    theta: float = api.param(1.5, "Mean of the right peak.", lo=-4.0, hi=4.0)
    spread: float = api.param(0.7, "Standard deviation of both peaks.", lo=0.4, hi=2.0)
    kept: float = api.param(0.6, "Share of the data's variance that is kept.", lo=0.05, hi=0.98)
    target: langevin.Target = api.param("two peaks", "What the chains should follow.")
    eta_small: float = api.param(0.003, "A step too small.", lo=0.0003, hi=0.05, log=True)
    eta_right: float = api.param(0.3, "A step about right.", lo=0.02, hi=1.0, log=True)
    eta_large: float = api.param(1.3, "A step too large.", lo=0.2, hi=5.0, log=True)
    taken: int = api.param(langevin.MOST, "Steps that were taken.", lo=1, hi=langevin.MOST)
    metropolis: bool = api.param(False, "Refuse some moves, so that the target is kept exactly (MALA).")


class DiffusionPage(Page):
    """Six sections: schedule, posterior, misprints, two gradients, Tweedie, Langevin."""

    name = "diffusion"
    State = DiffusionState
    sections = SECTIONS

    def build(self, section: str) -> QWidget:
        """The pictures of a section."""
        if section == "schedule":
            self.schedule = SchedulePicture()
            self.schedule.bent.connect(lambda hand: self.set(schedule="by hand", hand=hand))
            self.schedule.timed.connect(lambda t: self.set(t=t))
            return self.schedule
        if section == "posterior":
            self.posterior = PosteriorPicture()
            self.posterior.data_moved.connect(lambda x: self.set(x_0=x))
            self.posterior.noisy_moved.connect(lambda x: self.set(x_t=x))
            self.posterior.timed.connect(lambda t: self.set(time=t))
            return self.posterior
        if section == "misprints":
            self.misprints = MisprintsPicture()
            return self.misprints
        if section == "score":
            self.gradients = GradientsPicture()
            self.gradients.point_moved.connect(lambda x: self.set(x=x))
            self.gradients.peak_moved.connect(lambda theta: self.set(theta=theta))
            return self.gradients
        if section == "tweedie":
            self.tweedie = TweediePicture()
            self.tweedie.noisy_moved.connect(lambda x: self.set(x_t=x))
            return self.tweedie
        self.langevin = LangevinPicture()
        return self.langevin

    def queries(self) -> Mapping[str, Query]:
        """One query for the section that is open."""
        s = self._now()
        if s.section == "schedule":
            asked = (s.schedule, s.beta_first, s.beta_last, tuple(s.hand))
            return {"schedule": forward.ScheduleQuery(s.seed, *asked, s.t, s.digit)}
        if s.section == "posterior":
            return {"posterior": forward.PosteriorQuery(s.seed, s.x_0, s.x_t, s.time)}
        if s.section == "misprints":
            return {"misprints": misprints.MisprintsQuery(s.seed, s.distance, s.width, s.steps, s.variance)}
        if s.section == "score":
            return {"score": score.ScoreQuery(0, s.theta, s.spread, s.x)}
        if s.section == "tweedie":
            return {"tweedie": score.TweedieQuery(s.seed, s.kept, s.x_t)}
        etas = (s.eta_small, s.eta_right, s.eta_large)
        return {"langevin": langevin.LangevinQuery(s.seed, s.target, *etas, s.taken, s.metropolis)}

    def draw(self, purpose: str, frame: ConceptFrame) -> None:
        """The pictures of the section."""
        if isinstance(frame, forward.ScheduleFrame):
            self.schedule.draw(frame, self._now().digit)
        elif isinstance(frame, forward.PosteriorFrame):
            self.posterior.draw(frame)
        elif isinstance(frame, misprints.MisprintsFrame):
            self.misprints.draw(frame)
        elif isinstance(frame, score.ScoreFrame):
            self.gradients.draw(frame)
        elif isinstance(frame, score.TweedieFrame):
            self.tweedie.draw(frame)
        elif isinstance(frame, langevin.LangevinFrame):
            self.langevin.draw(frame)

    def colours(self) -> Mapping[str, str]:
        """Numbers of both samplers, of both gradients and of the three steps in the colours of their curves."""
        series = theme.current().series
        small, right, large = (series[k] for k in LangevinPicture.COLOURS)
        named = {"correlation": series[HO], "notes_correlation": series[NOTES]}
        if self.settings.section == "score":
            named |= {"score": series[IN_X], "gradient": series[IN_THETA]}
        return named | {"settles_small": small, "settles_right": right, "settles_large": large}

    def _now(self) -> DiffusionState:
        assert isinstance(self.settings, DiffusionState)
        return self.settings
