"""Classifiers by Bayes' rule and by regression against scikit-learn, and the learning curves against drawn data."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression

from gm_core.concepts import bayes_learning as concept
from gm_core.maths import classifiers
from tests.concepts.answering import answer

TRUTHS: tuple[concept.Truth, ...] = ("shared", "own", "outliers")


def drawn(truth: concept.Truth, n: int, extra: int = 0, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    return concept.draw(truth, extra, (n,), torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("decay", [1.0, 1e-3])
@pytest.mark.parametrize(("truth", "n"), [("shared", 6), ("own", 200), ("outliers", 60)])
def test_logistic_regression_agrees_with_scikit_learn(truth: concept.Truth, n: int, decay: float) -> None:
    x, y = drawn(truth, n, 3)
    w, b = classifiers.logistic_regression(x, y, decay)
    theirs = LogisticRegression(C=1 / decay, tol=1e-12, max_iter=100_000, solver="newton-cholesky").fit(x, y)
    assert np.allclose(w, theirs.coef_[0], rtol=1e-3, atol=1e-4) and float(b) == pytest.approx(
        theirs.intercept_[0], rel=1e-3, abs=1e-4
    )


def test_fits_side_by_side_are_the_fits_one_by_one() -> None:
    x, y = concept.draw("own", 1, (5, 24), torch.Generator().manual_seed(4))
    for many, ones in zip(concept.fit(x, y), zip(*(concept.fit(a, b) for a, b in zip(x, y, strict=True)), strict=True)):
        for at, part in enumerate(many):
            assert torch.allclose(part, torch.stack([one[at] for one in ones]), atol=1e-7)


def test_gaussians_with_one_covariance_are_linear_discriminant_analysis() -> None:
    x, y = drawn("shared", 80)
    bend, w, b = classifiers.log_odds(*classifiers.fit_gaussians(x, y, shared=True))
    theirs = LinearDiscriminantAnalysis(solver="lsqr", priors=[0.5, 0.5]).fit(x, y)
    assert torch.allclose(bend, torch.zeros_like(bend), atol=1e-12)
    assert np.allclose(w, theirs.coef_[0]) and float(b) == pytest.approx(theirs.intercept_[0])


def test_gaussians_with_one_covariance_each_have_the_log_odds_of_their_densities() -> None:
    x, y = drawn("own", 60)
    means, covariances = classifiers.fit_gaussians(x, y, shared=False)
    bend, w, b = classifiers.log_odds(means, covariances, 0.3)
    one = x[y == 1].numpy()
    assert np.allclose(means[1], one.mean(0)) and np.allclose(covariances[1], np.cov(one.T, bias=True))
    at = np.random.default_rng(0).normal(size=(50, 2)) * 3
    laws = [stats.multivariate_normal(m, c).logpdf(at) for m, c in zip(means.numpy(), covariances.numpy(), strict=True)]
    ours = np.einsum("ni,ij,nj->n", at, bend, at) + at @ w.numpy() + float(b)
    assert np.allclose(ours, laws[1] - laws[0] + np.log(0.3 / 0.7))


@pytest.mark.parametrize("truth", TRUTHS)
@pytest.mark.parametrize("extra", [0, 3])
def test_errors_on_fresh_data_are_those_of_many_drawn_examples(truth: concept.Truth, extra: int) -> None:
    rules = concept.fit(*(part[None] for part in drawn(truth, 40, extra)))
    ours = concept.errors(truth, extra, rules)[:, 0]
    x, y = drawn(truth, 200_000, extra, seed=9)
    for (bend, w, b), error, tolerance in zip(rules, ours, (0.004, 0.015, 0.004), strict=True):
        said = torch.einsum("ni,ij,nj->n", x, bend[0], x) + x @ w[0] + b[0] > 0
        assert float((said != y.bool()).double().mean()) == pytest.approx(float(error), abs=tolerance)


@pytest.mark.parametrize("truth", TRUTHS)
def test_the_least_error_is_that_of_the_true_rule(truth: concept.Truth) -> None:
    x, y = drawn(truth, 200_000, seed=5)
    log_p = concept._log_joint(truth, x)
    said = log_p[:, 1] > log_p[:, 0]
    assert float((said != y.bool()).double().mean()) == pytest.approx(concept.least_error(truth), abs=0.004)
    assert log_p.exp().sum(1).max() < 2.0  # a joint density, not a likelihood: both priors are in it


def curve(truth: concept.Truth, extra: int = 0) -> concept.CurveFrame:
    frame = answer(concept.CurveQuery(0, truth, extra))
    assert isinstance(frame, concept.CurveFrame) and np.isfinite(frame.mean).all()
    return frame


def test_the_right_model_wins_and_a_wrong_one_stays_wrong() -> None:
    least = {truth: concept.least_error(truth) for truth in TRUTHS}
    shared, own, outliers = (dict(zip(concept.RULES, curve(truth).mean, strict=True)) for truth in TRUTHS)
    assert shared["shared"][-1] < least["shared"] + 0.003, "one covariance is right here"
    assert (shared["shared"][3:] <= shared["own"][3:]).all(), "and needs fewer examples than two"
    assert own["own"][-1] < least["own"] + 0.005 and own["shared"][-1] > least["own"] + 0.05
    assert own["logistic"][-1] > least["own"] + 0.05, "no line will do"
    assert outliers["logistic"][-1] < least["outliers"] + 0.002
    assert outliers["shared"][-1] > least["outliers"] + 0.02, "outliers pull the Gaussian away for good"


def test_coordinates_that_tell_nothing_cost_examples() -> None:
    plain, idle = curve("own"), curve("own", 6)
    assert (idle.mean[:, 2:7] > plain.mean[:, 2:7] + 0.01).all()


def test_the_curve_grows_size_by_size_and_is_whole_at_once_when_it_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    from gm_core.capabilities.base import ALONE_ANSWERS

    monkeypatch.setattr(concept, "_CURVES", {})

    def made() -> list[concept.CurveFrame]:
        found = ALONE_ANSWERS[concept.CurveQuery](concept.CurveQuery(), torch.Generator().manual_seed(0))
        return [frame for frame in found if isinstance(frame, concept.CurveFrame)]

    first, again = made(), made()
    assert [int(np.isfinite(f.mean[0]).sum()) for f in first] == list(range(1, len(concept.SIZES) + 1))
    assert len(again) == 1 and np.array_equal(again[0].mean, first[-1].mean)
