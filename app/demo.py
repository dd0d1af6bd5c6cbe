"""The main job without a display: trains the default preset with a progress bar and leaves pictures of everything.

`python -m app.demo --out demo` drives the same window, desk and engine as a person would, rendered off-screen.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from app.shell import startup

PRESET = "vae-digits"
DIFFUSION = "ddpm-digits"
DIFFUSION_STEPS = 600
WITHIN = 900.0
ANSWER_WITHIN = 120.0
SIZE = (1440, 900)

T = TypeVar("T")


class DemoError(Exception):
    """The demonstration cannot go on; one sentence."""


class Demo:
    """Trains, looks and writes; `run()` returns the files."""

    def __init__(self, session: Any, out: Path, steps: int = 0) -> None:
        self.session, self.out, self.steps = session, out, steps
        self.window = session.window
        self.desk = session.window.desk
        self.troubles: list[str] = []
        self.desk.trouble.connect(lambda event: self.troubles.append(event.words))
        self._shown = -1

    async def run(self) -> list[Path]:
        """Everything in turn."""
        from app.shell.session import api_spec

        self.out.mkdir(parents=True, exist_ok=True)
        await self._until(lambda: self.desk.is_ready, "the engine to be ready", 180.0)
        spec = api_spec(PRESET)
        if self.steps:
            spec = {**spec, "train": {**spec.get("train", {}), "steps": self.steps}}
        run = await self._train(spec)
        files = [self._window(), await self._curves(), await self._samples(run), await self._walk(run)]
        files.append(await self._film())
        return files

    # ---- training

    async def _train(self, spec: dict[str, Any]) -> str:
        front = self.desk.current
        before = len(self.troubles)
        self.window.experiment.plan(spec)
        self.window.experiment.train()
        await self._until(lambda: self.desk.current != front or len(self.troubles) > before, "the run to begin", 60.0)
        if self.desk.current == front:
            raise DemoError(self.troubles[-1])
        until = time.monotonic() + WITHIN
        while self.desk.card is not None and self.desk.card.state == "training":
            self._bar()
            if time.monotonic() > until:
                raise DemoError(f"training took longer than {WITHIN:.0f} s; choose fewer steps with --steps")
            await asyncio.sleep(0.1)
        self._bar()
        print(flush=True)
        card = self.desk.card
        if card is None or card.state != "finished":
            raise DemoError(self.troubles[-1] if self.troubles else "training did not finish")
        await asyncio.sleep(1.5)  # the views follow to the last step
        return str(card.run)

    def _bar(self) -> None:
        view = self.desk.view
        if view is None:
            return
        done, total = view.last_step, max(view.card.steps, 1)
        loss = view.last("total")
        words = f"loss {loss:.2f}" if loss is not None else ""
        filled = round(30 * done / total)
        line = f"{view.card.title}  [{'#' * filled}{'.' * (30 - filled)}] {done}/{total}  {words}"
        if sys.stdout.isatty():
            print("\r" + line, end="", flush=True)
        elif 10 * done // total != self._shown:  # a file gets one line for each tenth
            self._shown = 10 * done // total
            print(line, flush=True)

    async def _until(self, true: Callable[[], bool], what: str, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not true():
            if time.monotonic() > until:
                why = f" ({self.troubles[-1]})" if self.troubles else ""
                raise DemoError(f"waited {seconds:.0f} s for {what}{why}; run gm-core doctor")
            await asyncio.sleep(0.05)

    async def ask(self, query: Any, run: str) -> list[Any]:
        """All frames that answer a query."""
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[None] = loop.create_future()
        frames: list[Any] = []
        topic = "demo/" + type(query).__name__

        def hear(answer: Any) -> None:
            if answer.topic == topic and not ended.done():
                if answer.frame is not None:
                    frames.append(answer.frame)
                if answer.last:
                    ended.set_result(None)

        def fail(trouble: Any) -> None:
            if trouble.topic == topic and not ended.done():
                ended.set_exception(DemoError(trouble.words))

        self.desk.answered.connect(hear)
        self.desk.refused.connect(fail)
        try:
            self.desk.ask(topic, query, run=run, step=None, replace_at_once=True)
            await asyncio.wait_for(ended, ANSWER_WITHIN)
        except TimeoutError:
            raise DemoError(f"{type(query).__name__} was not answered within {ANSWER_WITHIN:.0f} s") from None
        finally:
            self.desk.answered.disconnect(hear)
            self.desk.refused.disconnect(fail)
            self.desk.cancel(topic)
        return frames

    # ---- pictures

    def _window(self) -> Path:
        path = self.out / "window.png"
        self.window.toasts.clear()
        if not self.window.grab().save(str(path)):
            raise DemoError(f"{path} cannot be written; give another folder with --out")
        return path

    async def _curves(self) -> Path:
        from app import export

        dock = self.window.docks.show("curves")
        dock.setFloating(True)  # a picture of its own needs no window around it
        dock.resize(960, 560)
        await asyncio.sleep(0.5)
        panel = dock.panel
        picture = panel.picture()
        path = self.out / "loss-curve.png"
        export.export_png(picture if picture is not None else panel, path, panel.settings_text())
        dock.setFloating(False)
        return path

    async def _samples(self, run: str) -> Path:
        from app.widgets.images import tile
        from gm_core import api

        (sheet,) = await self.ask(api.SampleQuery(seed=0, n=64), run)
        return self._write("samples.png", tile(sheet.items, 8, gap=1))

    async def _walk(self, run: str) -> Path:
        from app.widgets.images import tile
        from gm_core import api

        rows = [(await self.ask(api.WalkQuery(seed=seed, n=12), run))[0].items for seed in range(4)]
        import numpy as np

        return self._write("interpolation.png", tile(np.concatenate(rows), 12, gap=1))

    async def _film(self) -> Path:
        """A strip from noise to digit: of the shipped diffusion model, else of one that is trained for a moment."""
        import numpy as np

        from app.shell.session import api_spec
        from app.widgets.images import tile
        from gm_core import api

        card = next((v.card for v in self.desk.views.values() if self._shipped_diffusion(v.card)), None)
        if card is None:
            spec = api_spec(DIFFUSION)
            few = min(DIFFUSION_STEPS, self.steps or DIFFUSION_STEPS)
            spec["train"] = {**spec.get("train", {}), "steps": few}
            run = await self._train(spec)
        else:
            run = str(card.run)
        frames = await self.ask(api.TrajectoryQuery(seed=0, n=4, frames=11), run)
        strips = [np.stack([frame.x[k] for frame in frames]) for k in range(4)]
        return self._write("diffusion-strip.png", tile(np.concatenate(strips), len(frames), gap=1))

    def _shipped_diffusion(self, card: Any) -> bool:
        return self.desk.is_example(card.run) and "stepwise" in card.offers and card.data.kind == "images"

    def _write(self, name: str, picture: Any) -> Path:
        import numpy as np

        from app import export

        scale = max(1, 640 // max(picture.shape[:2]))
        return export.export_png(np.repeat(np.repeat(picture, scale, 0), scale, 1), self.out / name)


def main(argv: list[str] | None = None) -> int:
    """Run the demonstration; returns the exit status."""
    parser = argparse.ArgumentParser("python -m app.demo", description="Train the default preset and leave pictures.")
    parser.add_argument("--out", type=Path, default=Path("demo"), help="folder for the pictures")
    parser.add_argument("--runs", type=Path, help="keep the runs in this folder")
    parser.add_argument("--steps", type=int, default=0, help="fewer or more steps than the preset has")
    wishes = parser.parse_args(argv)
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    startup.rest_idle_threads()
    os.environ.setdefault("QT_API", "pyside6")
    sys.setswitchinterval(5e-4)
    with tempfile.TemporaryDirectory(prefix="gm-demo-") as folder:
        os.environ.setdefault("GM_SETTINGS", str(Path(folder) / "settings.json"))
        return _live(wishes.out, wishes.runs, wishes.steps)


def _live(out: Path, runs: Path | None, steps: int) -> int:
    from app.shell import crash
    from app.shell.session import Session, Wishes, make_application

    log = crash.install()
    app = make_application(["demo"])
    import qasync

    result: list[int] = []

    async def show(session: Session) -> None:
        try:
            files = await Demo(session, out, steps).run()
        except (DemoError, OSError, ValueError) as error:
            print(error, file=sys.stderr)
            result.append(1)
        else:
            names = ", ".join(file.name for file in files)
            print(f"The pictures are in {out}: {names}.", flush=True)
            result.append(0)
        finally:
            session.window.close()

    async def live() -> int:
        session = Session(app, Wishes(runs=runs, theme="dark"), log)
        session.window.resize(*SIZE)
        session.window.first_painted.connect(lambda: session.spawn(show(session)))
        return await session.run()

    with asyncio.Runner(loop_factory=lambda: qasync.QEventLoop(app)) as runner:
        status = runner.run(live())
    return result[0] if result else status or 1


if __name__ == "__main__":
    sys.exit(main())
