"""Views side by side: a quick question is answered while a slow one is still being drawn."""

from __future__ import annotations

from typing import Any

from gm_core import api
from tests.engine.conftest import Bench

PIXELS: dict[str, Any] = {
    "model": {"kind": "pixel_transformer", "size": 16, "layers": 1, "heads": 1},
    "data": {"kind": "digits", "limit": 200, "binarisation": "threshold"},
    "train__steps": 3,
}


def test_a_question_about_one_pixel_does_not_wait_until_all_are_drawn(bench: Bench) -> None:
    run = bench.start(**PIXELS)
    bench.rest()
    bench.send(api.Ask(run, "sites/fill", 1, api.FillQuery(n=64)))
    for _ in range(6):
        bench.engine.pump()
    bench.pull()
    drawn = [e.frame.number for e in bench.of(api.Answered) if e.topic == "sites/fill" and e.frame is not None]
    assert drawn and drawn[-1] < 64, "the slow one is under way"
    picture = bench.of(api.Answered)[0].frame.start[:1]
    bench.send(api.Ask(run, "sites/bars", 2, api.ConditionalQuery(given=picture, site=9)))
    bench.until(lambda: any(e.topic == "sites/bars" for e in bench.of(api.Answered)), turns=8)
    slow = [e for e in bench.of(api.Answered) if e.topic == "sites/fill" and e.frame is not None]
    assert slow[-1].frame.number < 64, "the quick question was answered first"
    bench.until(lambda: any(e.topic == "sites/fill" and e.last for e in bench.of(api.Answered)))
    slow = [e.frame for e in bench.of(api.Answered) if e.topic == "sites/fill" and e.frame is not None]
    assert slow[-1].number == slow[-1].total == 64 and [f.number for f in slow] == sorted(f.number for f in slow)


def test_closing_a_slow_view_stops_it_within_one_site(bench: Bench) -> None:
    run = bench.start(**PIXELS)
    bench.rest()
    bench.send(api.Ask(run, "sites/fill", 1, api.FillQuery(n=64)))
    for _ in range(6):
        bench.engine.pump()
    bench.send(api.Cancel("sites/fill"))
    told = len(bench.of(api.Answered))
    for _ in range(5):
        bench.engine.pump()
    bench.pull()
    assert len(bench.of(api.Answered)) == told
    assert bench.engine._worker is not None and not bench.engine._worker.views
