"""Runs the real window off-screen and prints one JSON line of measurements; the benchmarks start it as a process.

    python -m tests.benchmarks.window_probe PRESET SECONDS RUNS_FOLDER [--latent] [--idle] [--count]

Without --latent only the gallery and the curves are open beside the form, as in the goal for throughput. With it, the
latent explorer is open too and its first slider is moved ten times a second, as a hand would; with --idle that begins
when a short training has ended. With --count it only tells its steps in RUNS_FOLDER/steps until it is ended.
`ui_share` is the CPU time of the UI thread by the second: unlike the rate it hardly depends on what else the machine
does.
"""

from __future__ import annotations

import json
import os
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.benchmarks.turns import Counter

# When the parent gave the command, so that starting Python counts too.
BEGAN = time.perf_counter() - max(0.0, time.time() - float(os.environ.get("GM_BEGAN", time.time())))
os.environ["QT_QPA_PLATFORM"] = "offscreen"
sys.setswitchinterval(5e-4)
KEPT = frozenset({"experiment", "gallery", "curves"})
WARM_UP = 3.0


SHORT = 60
"""Steps of a training that is only to leave a model behind."""


def main(preset: str, seconds: float, runs: Path, latent: bool, idle: bool, count: bool) -> None:
    """Open as the program itself does (see app/__main__.py), train, measure, leave."""
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    from app.shell import startup

    startup.rest_idle_threads()
    startup.hold()
    from PySide6.QtCore import QEvent, QObject, Qt, QTimer

    startup.plain_import()

    from app.shell import theme
    from app.shell.session import api_spec, make_application
    from app.shell.window import Window
    from gm_core import api

    app = make_application(["probe"])
    theme.load_fonts()
    theme.apply(app, "dark")
    engine = api.open_engine(runs)
    window = Window(engine, settings_path=runs / "settings.json")
    counter = Counter(runs / "steps") if count else None
    found: dict[str, Any] = {}
    marks: dict[str, float] = {}
    ticks: list[float] = []
    waits: list[float] = []
    pending: dict[str, float] = {}

    def painted() -> None:
        marks.setdefault("usable", time.perf_counter() - BEGAN)
        engine.start()

    window.first_painted.connect(painted)
    window.desk.ready.connect(lambda _catalogue: startup.release())
    window.resize(1600, 960)
    window.show()
    window.start()
    for name, dock in window.docks.all.items():
        if name not in KEPT and not (latent and name == "latent"):
            dock.hide()
    steps = SHORT if idle else 10**6
    plain = api.RunSpec.read(api_spec(preset)).replace("train.steps", steps).replace("train.validate_every", 10**6)
    window.desk.start(plain.plain())

    class Watch(QObject):
        """Sees the first paint of the decoded picture after its answer has come."""

        def eventFilter(self, target: QObject, event: QEvent) -> bool:
            if event.type() == QEvent.Type.Paint and "answered" in pending:
                waits.append(time.perf_counter() - pending.pop("asked"))
                pending.clear()
            return False

    watch = Watch()
    panel: Any = None
    wished = 0.0

    def slide() -> None:
        nonlocal wished
        if "asked" in pending:
            if time.perf_counter() - pending["asked"] < 2.0:
                return
            waits.append(2.0)
            pending.clear()
        code = panel.sliders.values().copy()
        wished = -2.0 if wished > 1.9 else wished + 0.25
        code[0] = wished
        pending["asked"] = time.perf_counter()
        panel.sliders.changing.emit(code)

    def answered(event: Any) -> None:
        if event.topic == "latent/decode" and "asked" in pending and abs(float(event.frame.z[0, 0]) - wished) < 1e-4:
            pending["answered"] = 1.0

    sliding = QTimer(window)
    sliding.setTimerType(Qt.TimerType.PreciseTimer)
    sliding.timeout.connect(slide)
    counted: dict[str, float] = {}
    shares: list[tuple[float, float]] = []
    window.desk.timing.connect(lambda t: shares.append((t.training, t.viewing)) if "from" in counted else None)

    def tick() -> None:
        nonlocal panel
        now = time.perf_counter()
        view = window.desk.view
        step = view.last_step if view is not None and not window.desk.showing_examples else 0
        if counter is not None:
            counter.write(step)
            return
        if step > 0:
            marks.setdefault("first_step", now - BEGAN)
        if step > 20 and "from" not in counted:
            if "warm" not in counted:
                counted["warm"] = now
            elif now - counted["warm"] > WARM_UP:
                counted.update({"from": now, "step": step, "cpu": time.thread_time()})
                ticks.clear()
                if latent:
                    panel = window.docks.all["latent"].panel
                    target = panel.picture_view.mosaic
                    target.installEventFilter(watch)
                    window.desk.answered.connect(answered)
                    sliding.start(100)
        if "from" in counted:
            ticks.append(now)
            if now - counted["from"] > seconds:
                found["rate"] = (step - counted["step"]) / (now - counted["from"])
                found["ui_share"] = (time.thread_time() - counted["cpu"]) / (now - counted["from"])
                found["worker"] = [sum(share) / max(len(shares), 1) for share in zip(*shares, strict=True)]
                timer.stop()
                sliding.stop()
                app.exit(0)

    timer = QTimer(window)
    timer.setTimerType(Qt.TimerType.PreciseTimer)
    timer.timeout.connect(tick)
    timer.start(16)
    if counter is None:
        QTimer.singleShot(120_000, lambda: app.exit(1))
    app.exec()
    window.pump.stop()
    engine.close(10)
    gaps = sorted(1000 * (b - a) for a, b in pairwise(ticks))
    found["gaps"] = [gaps[int(len(gaps) * q)] for q in (0.5, 0.95, 0.99)] if gaps else []
    latencies = sorted(1000 * w for w in waits)
    found["latency"] = [latencies[int(len(latencies) * q)] for q in (0.5, 0.95)] if latencies else []
    found["moves"] = len(latencies)
    found["marks"] = marks
    print(json.dumps(found), flush=True)
    os._exit(0)


if __name__ == "__main__":
    wishes = [wish in sys.argv for wish in ("--latent", "--idle", "--count")]
    main(sys.argv[1], float(sys.argv[2]), Path(sys.argv[3]), *wishes)
