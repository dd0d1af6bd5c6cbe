"""Bayes' rule on a table that one edits by hand, and on a medical test.

    p(x) = sum_y p(x, y)      p(y|x) = p(x, y) / p(x) = p(x|y) p(y) / p(x)
    I(x; y) = sum_xy p(x, y) ln [p(x, y) / (p(x) p(y))] = H(y) - H(y|x)            in nats

What one needs is the joint: sums give the marginals, and a row or a column divided by its sum is a conditional.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gm_core.concepts.base import Column, Columns, ConceptFrame, Query, answers_alone

if TYPE_CHECKING:
    import torch

COLUMNS = 4
ROWS = 3
EXAMPLES: dict[str, tuple[float, ...]] = {
    "weather": (0.02, 0.03, 0.08, 0.22, 0.04, 0.10, 0.12, 0.05, 0.20, 0.09, 0.04, 0.01),
    "independent": (0.05, 0.10, 0.15, 0.20, 0.03, 0.06, 0.09, 0.12, 0.02, 0.04, 0.06, 0.08),
    "deterministic": (0.0, 0.0, 0.10, 0.25, 0.0, 0.30, 0.0, 0.0, 0.35, 0.0, 0.0, 0.0),
}
"""Joint tables by name, rows (y) one after the other."""
PEOPLE = 1000
GRID = 241


def with_cell(joint: tuple[float, ...], at: int, value: float) -> tuple[float, ...]:
    """A joint table in which one cell has a given probability (0 to 1) and all others keep their proportions."""
    cells = np.asarray(joint, float)
    others = np.delete(cells, at)
    rest = others / others.sum() if others.sum() > 0 else np.full(len(others), 1 / len(others))
    return tuple(float(v) for v in np.insert((1 - value) * rest, at, value))


@dataclass(frozen=True, slots=True)
class TableQuery(Query):
    """A joint table p(x, y), rows (y) one after the other, brought to a sum of 1; and the x and y looked at."""

    joint: tuple[float, ...] = EXAMPLES["weather"]
    x: int = 0
    y: int = 0


@dataclass(frozen=True, slots=True)
class TableFrame(ConceptFrame):
    """joint (ROWS, COLUMNS), p(x) (COLUMNS,), p(y) (ROWS,), p(y|x) (ROWS, COLUMNS) whose columns sum to 1 and p(x|y)
    (ROWS, COLUMNS) whose rows do; NaN where what is given has no probability."""

    joint: Column
    p_x: Column
    p_y: Column
    y_given_x: Column
    x_given_y: Column

    def columns(self) -> Columns:
        """One line for each cell."""
        y, x = np.indices(self.joint.shape)
        return {
            "x": x.ravel(), "y": y.ravel(), "p(x,y)": self.joint.ravel(), "p(y|x)": self.y_given_x.ravel(),
            "p(x|y)": self.x_given_y.ravel(), "p(x)": self.p_x[x].ravel(), "p(y)": self.p_y[y].ravel(),
        }  # fmt: skip


@answers_alone(TableQuery)
def _table(query: TableQuery, rng: torch.Generator) -> Iterator[TableFrame]:
    joint = np.asarray(query.joint, float).reshape(ROWS, COLUMNS)
    joint = joint / joint.sum()
    p_x, p_y = joint.sum(0), joint.sum(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        y_given_x, x_given_y = joint / p_x, joint / p_y[:, None]
    x, y = query.x, query.y
    h_x, h_y, h_xy = _entropy(p_x), _entropy(p_y), _entropy(joint)
    numbers = {
        "p_xy": float(joint[y, x]), "p_x": float(p_x[x]), "p_y": float(p_y[y]), "y_given_x": float(y_given_x[y, x]),
        "x_given_y": float(x_given_y[y, x]), "product": float(p_x[x] * p_y[y]), "h_x": h_x, "h_y": h_y,
        "h_y_given_x": h_xy - h_x, "information": max(0.0, h_x + h_y - h_xy),
    }  # fmt: skip
    yield TableFrame(numbers, joint, p_x, p_y, y_given_x, x_given_y)


def _entropy(p: Column) -> float:
    some = p[p > 0]
    return float(-(some * np.log(some)).sum())


@dataclass(frozen=True, slots=True)
class MedicalQuery(Query):
    """A test for an illness: how frequent it is, how often the test is positive for the ill (sensitivity) and negative
    for the healthy (specificity), and how many independent tests in a row were all positive."""

    prior: float = 0.01
    sensitivity: float = 0.9
    specificity: float = 0.95
    tests: int = 1


@dataclass(frozen=True, slots=True)
class MedicalFrame(ConceptFrame):
    """Frequencies (GRID,) with the probability of illness after all tests were positive and after not all were; and a
    thousand people: ill and positive, ill and not, healthy and positive, healthy and not (4,)."""

    prior: Column
    positive: Column
    negative: Column
    people: Column

    def columns(self) -> Columns:
        """The two curves."""
        return {"p(ill)": self.prior, "p(ill|+)": self.positive, "p(ill|-)": self.negative}


@answers_alone(MedicalQuery)
def _medical(query: MedicalQuery, rng: torch.Generator) -> Iterator[MedicalFrame]:
    hit, false_alarm = query.sensitivity**query.tests, (1 - query.specificity) ** query.tests
    grid = np.geomspace(1e-4, 0.5, GRID)
    ill, well = query.prior, 1 - query.prior
    shares = np.array([hit * ill, (1 - hit) * ill, false_alarm * well, (1 - false_alarm) * well])
    evidence = float(shares[0] + shares[2])
    numbers = {
        "prior": ill, "well": well, "hit": hit, "false_alarm": false_alarm, "evidence": evidence,
        "posterior": _posterior(ill, hit, false_alarm), "negative": _posterior(ill, 1 - hit, 1 - false_alarm),
        "odds": ill / well, "ratio": hit / false_alarm, "odds_after": hit / false_alarm * ill / well,
        "wrong": float(shares[1] + shares[2]),
    }  # fmt: skip
    yield MedicalFrame(
        numbers,
        grid,
        np.array([_posterior(p, hit, false_alarm) for p in grid]),
        np.array([_posterior(p, 1 - hit, 1 - false_alarm) for p in grid]),
        _in_people(shares),
    )


def _posterior(prior: float, ill: float, well: float) -> float:
    """Bayes' rule for two classes; likelihoods of what was seen under either."""
    return ill * prior / (ill * prior + well * (1 - prior))


def _in_people(shares: Column) -> Column:
    """Whole people whose number is PEOPLE, by the largest remainders."""
    exact = shares * PEOPLE
    whole = np.floor(exact).astype(np.int64)
    for at in np.argsort(whole - exact, kind="stable")[: PEOPLE - int(whole.sum())]:
        whole[at] += 1
    return whole
