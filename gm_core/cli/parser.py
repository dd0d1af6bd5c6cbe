"""The words of the command line. Each command is one function, imported only when it is called."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from gm_core.capabilities.paths import WAYS
from gm_core.cli.output import say
from gm_core.cli.overrides import split_overrides
from gm_core.maths.pacing import EASINGS, ORDERS

PLAIN = argparse.ArgumentDefaultsHelpFormatter
DOWNLOAD = "with --download, --data.NAME V chooses its parameters"
TOTAL = "--train.steps N sets the total; other live parameters can be changed too"
OVERRIDES = "any parameter can be changed: --model.NAME V, --data.NAME V, --train.NAME V; --help-parameters lists them"


class Parser(argparse.ArgumentParser):
    """argparse with faults in one sentence and no guessing of shortened options."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and end with status 2."""
        say(f"{message}; see {self.prog} --help")
        sys.exit(2)


def parse(words: Sequence[str]) -> argparse.Namespace:
    """The command and its options; `command` is the function to call, `overrides` the changed parameters.

    Raises SystemExit for --help and faults of usage, CommandError for an unknown override.
    """
    parser = _parser()
    if not words:
        parser.print_help()
        sys.exit(2)
    arguments, rest = parser.parse_known_args(list(words))
    if rest and not arguments.takes_overrides:
        parser.error(f"{rest[0]!r} is not an option of {arguments.word}")
    arguments.overrides = split_overrides(rest, arguments.word, arguments.options)
    return arguments


def _parser() -> Parser:
    from gm_core import __version__

    parser = Parser(
        prog="gm-core", description="Train generative models, sample from them and look at them.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"gm-core {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=Parser)

    def command(word: str, module: str, tip: str, overrides: bool = False, extra: str = "") -> Parser:
        made: Parser = commands.add_parser(
            word, help=tip, description=tip, formatter_class=PLAIN, allow_abbrev=False, epilog=extra or None
        )
        made.set_defaults(
            command=_later(module, word.replace("-", "_")), word=word, takes_overrides=overrides, options=()
        )
        return made

    for word, tip in (
        ("models", "List the models."),
        ("presets", "List the presets: runs worth starting from."),
    ):
        _json(command(word, "listing", tip))

    sets = command("datasets", "listing", "List the data sets, or download one.", True, DOWNLOAD)
    _json(sets)
    sets.add_argument("--download", metavar="NAME", help="fetch the files of this data set")

    runs = command("runs", "listing", "List the saved runs, newest first.")
    _json(runs)
    _runs(runs)

    train = command("train", "training", "Train a new run.", True, OVERRIDES)
    train.add_argument("preset", metavar="PRESET|FILE.yaml", help="the name of a preset, or a YAML file")
    train.add_argument("--help-parameters", action="store_true", help="list every parameter of this run and do nothing")
    train.add_argument("--name", help="what the run is called (a number is added where it is taken)")
    train.add_argument("--seed", type=int, help="short for --train.seed")
    train.add_argument("--device", help="short for --train.device: auto, cpu, cuda or mps")
    _runs(train)
    _json(train)

    resume = command("resume", "training", "Go on with a saved run.", True, TOTAL)
    _run(resume)
    _runs(resume)
    _json(resume)

    sample = _view(command("sample", "looking", "Draw new examples."), "grid.png or samples.npy")
    sample.add_argument("--n", type=_count, default=64, help="how many")
    _class(sample)
    _guidance(sample)

    trajectory = _view(
        command("trajectory", "looking", "Draw examples step by step."), "strip.png, film.gif or frames.npz"
    )
    trajectory.add_argument("--n", type=_count, default=8, help="how many examples")
    trajectory.add_argument("--sampler", default="", help="the rule of the steps; empty takes the model's own")
    trajectory.add_argument("--steps", type=_count, default=0, help="network evaluations; 0 takes the model's own")
    trajectory.add_argument("--frames", type=_count, default=0, help="how many states to keep; 0 suits the file")
    _class(trajectory)
    _guidance(trajectory)

    part = _view(command("complete", "sites", "Draw the missing part of an example."), "completions.png or x.npy")
    part.add_argument("--data", type=Path, required=True, metavar="X.npy", help="the first of (n, c, h, w) or (n, d)")
    part.add_argument("--known", type=Path, required=True, metavar="MASK.npy", help="(h, w) or (d,), 1: known")
    part.add_argument("--n", type=_count, default=8, help="how many completions")
    part.add_argument("--particles", type=_count, default=16, help="competing drawings, where no exact way is known")
    _class(part)

    walk = _view(command("interpolate", "walking", "Walk between codes."), "strip.png, film.gif, film.mp4 or walk.npy")
    walk.add_argument("--n", type=_count, default=0, help="pictures on the way; 0 suits the file")
    walk.add_argument("--way", "--path", choices=(*WAYS, "all"), default="spherical", help="the way between the codes")
    walk.add_argument("--stops", type=_count, default=2, help="codes drawn from the prior to go through")
    walk.add_argument("--examples", type=_count, nargs="+", metavar="I", help="go through these test examples instead")
    walk.add_argument("--easing", choices=EASINGS, default="linear", help="how each leg between two stops is walked")
    walk.add_argument("--order", choices=ORDERS, default="once", help="how a film runs; loop returns to the first stop")
    walk.add_argument("--even", action="store_true", help="walk so that the picture changes evenly")
    walk.add_argument("--fps", type=float, default=1000 / 60, help="frames of a film in a second")
    _class(walk)

    evaluate = command("evaluate", "looking", "Score a split of the data.")
    _run(evaluate)
    evaluate.add_argument("--split", default="test", help="train, validation or test")
    evaluate.add_argument("--density", action="store_true", help="also log p(x), which may take long")
    evaluate.add_argument("--classes", action="store_true", help="also how many Bayes' rule classifies rightly")
    evaluate.add_argument("--representation", action="store_true", help="also what the codes know of the examples")
    evaluate.add_argument("--quality", action="store_true", help="also how good drawn examples are, beside real ones")
    evaluate.add_argument("--n", type=_count, default=1000, help="examples drawn for --quality")
    evaluate.add_argument("--samples", type=_count, default=0, help="draws of a stochastic bound; 0: the model's own")
    _common(evaluate)
    _json(evaluate)

    logprob = command("logprob", "looking", "Write log p(x) of given examples, in nats.")
    _run(logprob)
    logprob.add_argument("--data", type=Path, required=True, metavar="X.npy", help="float32 (n, c, h, w) or (n, d)")
    logprob.add_argument("--out", type=Path, required=True, metavar="LP.npy", help="float32 (n,)")
    logprob.add_argument("--samples", type=_count, default=0, help="draws of a stochastic bound; 0: the model's own")
    _common(logprob)

    show = command("show", "listing", "Say what a run is and where it stands.")
    _run(show)
    _runs(show)
    _json(show)
    show.add_argument("--csv", type=Path, metavar="FILE", help="write the curves as CSV")

    doctor = command("doctor", "listing", "Look at this machine and say what is missing.")
    _runs(doctor)
    _json(doctor)

    catalogue = command("catalogue", "listing", "Print the catalogue of models and data sets as JSON.")
    catalogue.add_argument("--write", action="store_true", help="store it as resources/catalogue.json")
    return parser


def _later(module: str, function: str) -> Callable[[argparse.Namespace], int]:
    """A command that imports its module when it is called: most of them need torch, some must not wait for it."""

    def call(arguments: argparse.Namespace) -> int:
        status: int = getattr(importlib.import_module(f"gm_core.cli.{module}"), function)(arguments)
        return status

    return call


def _run(parser: Parser) -> None:
    parser.add_argument("run", metavar="RUN", help="a run's folder or its name")


def _runs(parser: Parser) -> None:
    parser.add_argument("--runs", type=Path, metavar="DIR", help="the folder of runs (else GM_RUNS or the user's own)")


def _json(parser: Parser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


def _common(parser: Parser) -> None:
    parser.add_argument("--seed", type=int, default=0, help="what is random follows from it")
    parser.add_argument("--step", type=int, help="the nearest kept step (else the last)")
    parser.add_argument("--device", default="cpu", help="auto, cpu, cuda or mps")
    _runs(parser)


def _view(parser: Parser, files: str) -> Parser:
    _run(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help=files)
    _common(parser)
    return parser


def _class(parser: Parser) -> None:
    parser.add_argument("--y", metavar="CLASS", help="the class, by name or number, of a model that learned classes")


def _guidance(parser: Parser) -> None:
    tip = "how strongly to lean towards the class: 0 not at all, 1 draws from p(x|y), more exaggerates"
    parser.add_argument("--guidance", type=float, metavar="S", help=tip)


def _count(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = -1
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a count; expected a whole number of at least 0")
    return number
