"""The program's beginning: `python -m app` or `gm-playground`. Nothing heavy is imported before main()."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path


def main(argv: list[str] | None = None) -> int:
    """Open the window; returns the exit status."""
    from app.shell import startup

    startup.rest_idle_threads()
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # looking for some among all packages takes a while
    os.environ.setdefault("QT_API", "pyside6")
    sys.setswitchinterval(5e-4)  # so that Python code on the worker's thread never holds the window back
    import multiprocessing

    multiprocessing.freeze_support()
    wishes = parse(sys.argv[1:] if argv is None else argv)
    if wishes.smoke:
        from app.smoke import smoke

        return smoke(wishes.runs)
    startup.hold()
    import PySide6.QtCore  # noqa: F401

    startup.plain_import()
    from app.shell import crash

    log = crash.install()
    import asyncio

    from app.shell.session import Session, Wishes, api_spec, known_page, make_application
    from gm_core.api import SpecError

    try:
        if wishes.preset:
            api_spec(wishes.preset)
        if wishes.page:
            known_page(wishes.page)
    except SpecError as error:
        print(error, file=sys.stderr)
        return 2
    app = make_application([sys.argv[0]])
    import qasync

    asked = Wishes(
        wishes.preset,
        wishes.run,
        wishes.runs,
        wishes.theme,
        wishes.shot,
        wishes.shot_after,
        wishes.train,
        wishes.test_geometry,
        wishes.page,
    )

    async def live() -> int:
        return await Session(app, asked, log).run()

    with asyncio.Runner(loop_factory=lambda: qasync.QEventLoop(app)) as runner:
        return runner.run(live())


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser("gm-playground", description="Train generative models and watch them learn.")
    parser.add_argument("--preset", default="", help="open with this preset, or a YAML file")
    parser.add_argument("--run", default="", help="open this saved run (folder or name)")
    parser.add_argument("--runs", type=Path, help="keep runs in this folder")
    parser.add_argument("--theme", choices=["system", "light", "dark"], default="", help="colours of the window")
    parser.add_argument("--page", default="", help="open this page of the notes, such as elbo or elbo/bound")
    parser.add_argument("--train", action="store_true", help="begin to train at once")
    parser.add_argument("--smoke", action="store_true", help="list models and panels, train ten steps, and leave")
    parser.add_argument("--shot", type=Path, help="save a picture of the window and leave")
    parser.add_argument("--shot-after", type=float, default=4.0, help="seconds before the picture is taken")
    parser.add_argument("--test-geometry", action="store_true", help="print where widgets are, as JSON lines")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
