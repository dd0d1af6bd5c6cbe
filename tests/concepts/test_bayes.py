"""The table and the medical test of the Bayes page against scikit-learn, scipy and counting."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import mutual_info_score

from gm_core.concepts import bayes as concept
from tests.concepts.answering import answer

TABLES = [*concept.EXAMPLES.values(), tuple(np.random.default_rng(3).dirichlet(np.ones(12)).tolist())]


def table(joint: tuple[float, ...], x: int = 0, y: int = 0) -> concept.TableFrame:
    frame = answer(concept.TableQuery(0, joint, x, y))
    assert isinstance(frame, concept.TableFrame)
    return frame


@pytest.mark.parametrize("joint", TABLES)
def test_marginals_conditionals_and_information_follow_from_the_joint(joint: tuple[float, ...]) -> None:
    frame = table(joint, 1, 2)
    n, counts = frame.numbers, (frame.joint * 1e8).round().astype(np.int64)
    assert frame.joint.sum() == pytest.approx(1.0) and frame.p_x.sum() == pytest.approx(1.0)
    assert np.allclose(frame.y_given_x.sum(0), 1.0) and np.allclose(frame.x_given_y.sum(1), 1.0)
    assert n["y_given_x"] == pytest.approx(n["x_given_y"] * n["p_y"] / n["p_x"])
    assert n["information"] == pytest.approx(mutual_info_score(None, None, contingency=counts), abs=1e-6)
    assert n["h_y"] == pytest.approx(stats.entropy(frame.p_y))
    within = sum(p * stats.entropy(column) for p, column in zip(frame.p_x, frame.y_given_x.T, strict=True))
    assert n["h_y_given_x"] == pytest.approx(within)


def test_an_independent_table_tells_nothing_and_a_deterministic_one_everything() -> None:
    independent, sure = table(concept.EXAMPLES["independent"]), table(concept.EXAMPLES["deterministic"])
    assert independent.numbers["information"] == pytest.approx(0.0, abs=1e-12)
    assert np.allclose(independent.y_given_x, independent.p_y[:, None])
    assert sure.numbers["h_y_given_x"] == pytest.approx(0.0, abs=1e-12)
    assert sure.numbers["information"] == pytest.approx(sure.numbers["h_y"])


def test_a_cell_that_is_moved_leaves_the_others_in_proportion() -> None:
    before = np.array(concept.EXAMPLES["weather"])
    after = np.array(concept.with_cell(concept.EXAMPLES["weather"], 5, 0.5))
    assert after.sum() == pytest.approx(1.0) and after[5] == 0.5
    rest = np.arange(12) != 5
    assert np.allclose(after[rest] / before[rest], 0.5 / (1 - before[5]))
    alone = concept.with_cell(tuple(float(i == 5) for i in range(12)), 5, 0.4)
    assert np.allclose(np.delete(alone, 5), 0.6 / 11), "mass that nobody has a claim to is spread evenly"


def test_what_is_given_may_be_impossible() -> None:
    frame = table(concept.with_cell(tuple(float(i < 4) / 4 for i in range(12)), 0, 0.4), 0, 2)
    assert np.isnan(frame.x_given_y[2]).all() and frame.numbers["p_y"] == 0.0


@pytest.mark.parametrize(("prior", "hit", "right", "tests"), [(0.01, 0.9, 0.95, 1), (0.2, 0.7, 0.6, 3)])
def test_the_posterior_is_what_counting_gives(prior: float, hit: float, right: float, tests: int) -> None:
    n = answer(concept.MedicalQuery(0, prior, hit, right, tests)).numbers
    p, a, b = (Fraction(str(v)) for v in (prior, hit, right))
    ill, well = p * a**tests, (1 - p) * (1 - b) ** tests
    assert n["posterior"] == pytest.approx(float(ill / (ill + well)), rel=1e-12)
    assert n["evidence"] == pytest.approx(float(ill + well), rel=1e-12)
    missed = p - ill
    assert n["negative"] == pytest.approx(float(missed / (1 - ill - well)), rel=1e-12)
    assert n["odds_after"] == pytest.approx(n["posterior"] / (1 - n["posterior"]), rel=1e-12)
    assert n["odds_after"] == pytest.approx(n["odds"] * (hit / (1 - right)) ** tests, rel=1e-12)


def test_the_famous_answer_of_one_in_six_and_its_thousand_people() -> None:
    frame = answer(concept.MedicalQuery())
    assert isinstance(frame, concept.MedicalFrame)
    assert frame.people.tolist() == [9, 1, 50, 940] and frame.people.sum() == concept.PEOPLE
    assert frame.numbers["posterior"] == pytest.approx(9 / (9 + 49.5))
    assert (frame.positive > frame.prior).all() and (frame.negative < frame.prior).all()
