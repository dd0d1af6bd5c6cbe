"""The numbers of quality: what they are called, which way is good, and what they say. No torch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Metric:
    """One number of quality: its key, words, unit, which way is good, and what it says."""

    name: str
    title: str
    better: Literal["lower", "higher"]
    tip: str
    unit: str = ""


METRICS = (
    Metric("mmd", "MMD²", "lower", "Squared maximum mean discrepancy by five Gaussian kernels; may be below 0."),
    Metric("sliced", "Sliced W2", "lower", "Wasserstein-2 distance, averaged over 500 directions.", "data units"),
    Metric("c2st", "Two-sample test", "lower", "How often neighbours tell drawn from real; 1/2: nobody could."),
    Metric("precision", "Precision", "higher", "Share of drawn examples that lie where real ones do."),
    Metric("recall", "Recall", "higher", "Share of real examples that lie where drawn ones do."),
    Metric("density", "Density", "higher", "How densely drawn examples lie among real ones; about 1 is right."),
    Metric("coverage", "Coverage", "higher", "Share of real examples with a drawn one as near as their 5 neighbours."),
    Metric("frechet", "Fréchet", "lower", "Distance of Gaussians with the same moments; larger for smaller n."),
    Metric("kid", "Kernel distance", "lower", "MMD² with a cubic kernel, as in KID; unbiased: may be below 0."),
    Metric("modes", "Modes", "higher", "How many of the known modes were found."),
    Metric("high_quality", "High quality", "higher", "Share of points within 3 sigma of a mode; 0.989 is perfect."),
    Metric("mode_kl", "Mode KL", "lower", "How unequally often the modes are drawn.", "nats"),
    Metric("accuracy", "Right class", "higher", "Share that our classifier takes for the class that was asked for."),
    Metric("recognised", "Recognised", "higher", "Inception score by our own classifier: sure of each, all there."),
    Metric("class_kl", "Class KL", "lower", "How far off the classes are from their due shares.", "nats"),
    Metric("frechet_classes", "Fréchet (classes)", "lower", "Fréchet distance on 64 features of our own classifier."),
)  # fmt: skip
"""All that can be measured, in the order in which it is told."""
KEYS = tuple(metric.name for metric in METRICS)
ALL_DATA = KEYS[:9]
OF_MODES = KEYS[9:12]
OF_CLASSES = KEYS[12:]
LEAST = 20
"""Fewer examples say nothing."""


def better_than(name: str, value: float, other: float) -> bool:
    """Whether a value of a metric is the better one of two; nothing is better than nan, and anything than it."""
    if math.isnan(value) or math.isnan(other):
        return math.isnan(other) and not math.isnan(value)
    lower = METRICS[KEYS.index(name)].better == "lower"
    return value < other if lower else value > other
