"""A small model that draws site by site, and the pixel viewer over it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from pytestqt.qtbot import QtBot

from app.panels.sites import SitesPanel
from app.panels.sites.filling import Filling, begin
from gm_core import api
from tests.app.fake_core import Bench, FakeEngine
from tests.app.fake_model import digits, run_card
from tests.app.opening import on_desk

OFFERS = frozenset({"samples", "density", "sitewise", "complete"})


@dataclass
class Sitewise:
    """A pretend model: the chance of white at a site is 0.8 after white and 0.2 after black, in any order."""

    shape: tuple[int, int, int] = (1, 8, 8)
    backwards: bool = False
    orders: tuple[str, ...] = ("own",)

    @property
    def sites(self) -> int:
        return int(np.prod(self.shape))

    def order(self) -> np.ndarray:
        c, h, w = self.shape
        pixels = np.arange(h * w)[:: -1 if self.backwards else 1]
        return (pixels[:, None] + h * w * np.arange(c)).ravel()

    def flat(self, picture: np.ndarray) -> np.ndarray:
        return picture.transpose(0, 3, 1, 2).reshape(len(picture), -1)

    def white(self, values: np.ndarray, rank: int) -> np.ndarray:
        """p(white) of the site at a rank, (n,)."""
        if rank == 0:
            return np.full(len(values), 0.5)
        return np.where(values[:, self.order()[rank - 1]] > 127, 0.8, 0.2)

    def log_prob(self, values: np.ndarray, rank: int) -> np.ndarray:
        p = self.white(values, rank)
        return np.log(np.where(values[:, self.order()[rank]] > 127, p, 1 - p)).astype(np.float32)

    def fill(self, query: api.FillQuery) -> list[api.Frame]:
        order, rng = self.order(), np.random.default_rng(query.seed)
        c, h, w = self.shape
        start = np.zeros((1, h, w, c), np.uint8) if query.given is None else query.given
        start = np.repeat(start, query.n, 0)
        first = max(query.draw_from, 0)
        known = np.zeros(self.sites, bool)
        known[order[:first]] = True
        values = self.flat(start).copy()
        none = np.empty((query.n, 0), np.float32)
        frames: list[api.Frame] = [api.Filled(
            np.empty(0, np.int64), none.astype(np.uint8), none, none, 0, int((~known).sum()), start, known, order,
            self.orders,
        )]  # fmt: skip
        for rank in range(first, self.sites):
            values[:, order[rank]] = np.where(rng.random(query.n) < self.white(values, rank), 255, 0)
            frames.append(api.Filled(
                np.array([order[rank]]), values[:, [order[rank]]].copy(), self.log_prob(values, rank)[:, None],
                np.full((query.n, 1), 0.5, np.float32), rank - first + 1, self.sites - first,
            ))  # fmt: skip
        return frames

    def answer(self, query: api.Query) -> list[api.Frame]:
        if isinstance(query, api.FillQuery):
            return self.fill(query)
        if isinstance(query, api.ConditionalQuery):
            values, rank = self.flat(query.given), int(np.argsort(self.order())[query.site])
            support = np.zeros(self.sites, bool)
            if rank:
                support[self.order()[rank - 1]] = True
            p = float(self.white(values, rank)[0])
            influence = np.where(support, 0.6, 0.0).astype(np.float32)
            return [api.SiteBars(
                query.site, np.array([0.0, 1.0]), np.array([1 - p, p]), False, 0.5,
                float(self.log_prob(values, rank)[0]), influence, support,
            )]  # fmt: skip
        if isinstance(query, api.SiteMapsQuery):
            values = self.flat(query.given)
            logs = np.zeros(values.shape, np.float32)
            for rank, site in enumerate(self.order()):
                logs[:, site] = self.log_prob(values, rank)
            return [api.SiteMaps(query.given, logs, np.full_like(logs, 0.5))]
        if isinstance(query, api.PosteriorQuery):
            p = np.zeros(10, np.float32)
            p[7] = 1.0
            return [api.Posterior(p, p, p, -10.0, False)]
        if isinstance(query, api.ExamplesQuery):
            x, y = digits()
            chosen = np.arange(query.n)
            return [api.ExamplesFrame(np.where(x[chosen] > 127, 255, 0).astype(np.uint8), y[chosen], chosen)]
        return []


class SiteEngine(FakeEngine):
    """A fake engine whose runs all draw pixel by pixel."""

    def __init__(self, model: Sitewise) -> None:
        super().__init__()
        self.model = model

    def answer(self, ask: api.Ask, live: int = 2400) -> list[api.Answered]:
        frames = self.model.answer(ask.query)
        step = ask.step if ask.step is not None else live
        told = [api.Answered(ask.run, ask.topic, ask.ticket, step, i, f, False, 0.01) for i, f in enumerate(frames)]
        return [*told, api.Answered(ask.run, ask.topic, ask.ticket, step, len(frames), None, True, 0.01)]


def card(model: Sitewise | None = None, **changes: Any) -> api.RunCard:
    base: dict[str, Any] = {
        "offers": OFFERS, "spec": {"model": {"kind": "fvsbn", "order": "raster"}, "train": {"batch": 100}},
    }  # fmt: skip
    made = run_card("fvsbn-digits", **{**base, **changes})
    return made if model is None else replace(made, data=replace(made.data, shape=model.shape))


def bench_of(model: Sitewise, found: api.RunCard | None = None) -> Bench:
    bench = Bench()
    bench.engine = bench.desk.engine = SiteEngine(model)  # type: ignore[assignment]
    bench.desk.take([api.RunChanged(found or card(model))])
    bench.fill_curves("fvsbn-digits")
    return bench


def opened(
    qtbot: QtBot, model: Sitewise | None = None, size: tuple[int, int] = (720, 520), answer: bool = True,
    found: api.RunCard | None = None,
) -> tuple[SitesPanel, Bench]:  # fmt: skip
    bench = bench_of(model or Sitewise(), found)
    return on_desk(qtbot, SitesPanel(), bench, size, answer=answer), bench


def asks(bench: Bench, purpose: str) -> list[Any]:
    return [a.query for a in bench.engine.asks(f"sites/{purpose}")]


def settle(qtbot: QtBot, bench: Bench) -> None:
    """Let the pointer rest, so that what it points at is asked for and answered."""
    qtbot.wait(80)
    bench.pass_time(3)


def filled(model: Sitewise, frames: list[api.Frame]) -> Filling:

    found = begin(frames[0], card(model).data, 10)  # type: ignore[arg-type]
    for frame in frames[1:]:
        found.take(frame)  # type: ignore[arg-type]
    return found
