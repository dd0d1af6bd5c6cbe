"""How soon each page of the notes answers a drag: a real window, a real engine on its thread, every section.

    python -m tests.benchmarks.pages_probe FOLDER [PAGE ...]

For every section the first slider (and, where there are some, the first handle's setting) is moved by small amounts,
as a hand does, 60 times a second; the time from the move to the end of the paint that shows its answer is taken.
Prints one JSON line {page/section: [p50 ms, p95 ms]}.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")
sys.setswitchinterval(5e-4)

MOVES = 70
PAUSE = 1 / 60
WARM = 10
LOOK = 4.0
"""Seconds for which one looks at a new page before one moves anything."""


async def measure(folder: Path, wanted: list[str]) -> dict[str, list[float]]:
    from PySide6.QtCore import QCoreApplication, QEvent
    from PySide6.QtWidgets import QApplication

    from app.page import Page
    from app.pages import find_pages
    from app.shell import theme
    from app.shell.window import Window
    from gm_core import api

    app = QApplication.instance()
    assert isinstance(app, QApplication)
    theme.load_fonts()
    theme.apply(app, "dark")
    engine = api.open_engine(folder)
    window = Window(engine, folder / "settings.json", folder / "nothing")
    window.resize(1280, 720)
    window.show()
    window.start()
    engine.start()
    began = time.monotonic()
    while not window.desk.is_ready and time.monotonic() - began < 60:
        await asyncio.sleep(0.02)

    async def settle(page: Page, seen: list[float], look: float, patience: float = 20.0) -> None:
        count, until = len(seen), time.monotonic() + patience
        while len(seen) == count and time.monotonic() < until:
            await asyncio.sleep(0.001)
        await asyncio.sleep(look)

    async def one(name: str, section: str) -> list[float] | None:
        window.reader.open(name)
        page = window.reader.panel.page
        assert page is not None
        answered: list[float] = []
        show = page._show

        def shown(*purposes: str) -> None:
            show(*purposes)
            QCoreApplication.sendPostedEvents(window, QEvent.Type.UpdateRequest)  # to the end of the paint
            answered.append(time.perf_counter())

        page._show = shown  # type: ignore[method-assign]
        page.set(section=section)
        await settle(page, answered, LOOK if section == page.sections[0].name else 0.3)
        rows = {row.path: row for row in api.describe(page.State)}
        controls = [c for c in page.section().controls if rows[c].kind in ("float", "int") and c != "seed"]
        if not controls:
            page._show = show  # type: ignore[method-assign]
            return None
        row = rows[controls[0]]
        assert row.lo is not None and row.hi is not None
        waits = []
        for move in range(MOVES):
            share = 0.5 + 0.3 * (move % 20 - 10) / 10
            value = row.lo * (row.hi / row.lo) ** share if row.log else row.lo + share * (row.hi - row.lo)
            value = round(value) if row.kind == "int" else value
            if page.settings.plain()[controls[0]] == value:  # a hand that moves less than a step moves nothing
                continue
            count, at = len(answered), time.perf_counter()
            page.set(**{controls[0]: value})
            while len(answered) == count and time.perf_counter() - at < 1.0:
                await asyncio.sleep(0.001)
            waits.append(1000 * (time.perf_counter() - at))
            await asyncio.sleep(PAUSE)
        page._show = show  # type: ignore[method-assign]
        waits = sorted(waits[min(WARM, len(waits) // 2) :])
        return [waits[len(waits) // 2], waits[int(0.95 * len(waits))]]

    found = {}
    for name, kind in find_pages().items():
        for section in kind.sections:
            if not wanted or name in wanted:
                taken = await one(name, section.name)
                if taken is not None:
                    found[f"{name}/{section.name}"] = taken
    window.rest()
    await asyncio.get_running_loop().run_in_executor(None, engine.close, 5.0)
    window.finish()
    return found


def main() -> None:
    from app.shell.session import make_application

    app = make_application([sys.argv[0]])
    import qasync

    with asyncio.Runner(loop_factory=lambda: qasync.QEventLoop(app)) as runner:
        print(json.dumps(runner.run(measure(Path(sys.argv[1]), sys.argv[2:]))))


if __name__ == "__main__":
    main()
