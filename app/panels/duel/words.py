"""What the duel says in words: who is ahead, and where a sample should go."""

from __future__ import annotations

import math

import numpy as np

from app.widgets import kit
from gm_core import api

GUESSING = -math.log(4.0)
"""The value of the game where the discriminator can only guess, in nats."""
CLOSE = 0.1
"""Nats that count as next to nothing."""
COMPASS = ("right", "up and right", "up", "up and left", "left", "down and left", "down", "down and right")


def direction(dx: float, dy: float) -> str:
    """Which way an arrow points, as one of eight."""
    return COMPASS[round(math.atan2(dy, dx) / (math.pi / 4)) % 8]


def said(frame: api.Verdicts, value: float) -> str:
    """An opinion in words: a probability in percent, or a bare number."""
    return f"{value:.0%} real" if frame.unit == "probability" else f"a value of {kit.number_text(value, 3)}"


def sample_words(frame: api.Verdicts, index: int) -> str:
    """What the discriminator makes of one sample, as a conclusion."""
    opinion = said(frame, float(frame.fake_says[index]))
    if frame.wishes is None:
        return f"D finds this sample {opinion}."
    dx, dy = (float(v) for v in frame.wishes[index])
    strength = math.hypot(dx, dy)
    typical = float(np.median(np.hypot(*frame.wishes.T)))
    if strength < 1e-6 or strength < 0.02 * typical:
        return f"D finds this sample {opinion} and gives no direction: here G learns nothing."
    return f"D finds this sample {opinion}: it should move {direction(dx, dy)}."


def summary(frame: api.Verdicts) -> str:
    """Who is ahead, as far as the numbers allow to say."""
    real, fake = float(np.mean(frame.real_says)), float(np.mean(frame.fake_says))
    if frame.unit != "probability":
        ahead = "real examples more" if real > fake else "generated examples no less"
        return (
            f"D gives {ahead}: {kit.number_text(real, 3)} against {kit.number_text(fake, 3)} on average. The scale is "
            "its own; only differences mean something."
        )
    start = f"D finds real examples {real:.0%} real and generated ones {fake:.0%}"
    if frame.best_value is None:
        if frame.value > -0.1:
            return f"{start}: it is nearly always right, so that G learns little from minimax."
        close = frame.value < GUESSING + CLOSE
        return f"{start}: it can hardly tell them apart." if close else f"{start}: it still tells them apart."
    if frame.best_value - frame.value > CLOSE:
        return f"{start}. The best D would do better: D is behind, let it learn."
    if frame.best_value < GUESSING + CLOSE:
        return f"{start}. Not even the best D could tell them apart by much: G is close to the data."
    return f"{start}. It is near its best, and G still misses: it is G's turn."


def value_words(frame: api.Verdicts) -> str:
    """The value of the game beside what it can be compared with."""
    text = f"V = {frame.value:.3f}"
    if frame.unit == "probability":
        text += f" nats  ·  guessing {GUESSING:.3f}"
    if frame.best_value is not None:
        text += f"  ·  best ≈ {frame.best_value:.3f}"
    return text
