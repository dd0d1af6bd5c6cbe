"""`sample`, `trajectory`, `evaluate` and `logprob`: what a trained model can do, without an engine."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
import torch

from gm_core.capabilities.base import to_picture
from gm_core.capabilities.classes import Classes
from gm_core.capabilities.density import Density
from gm_core.capabilities.encodes import Encodes
from gm_core.capabilities.samples import Samples
from gm_core.capabilities.sitewise import Sitewise
from gm_core.capabilities.stepwise import Route, StepState, Stepwise
from gm_core.capabilities.travel import check_classes
from gm_core.cli.common import able, count_of, done, load, numbers, read_examples, settings, source_of
from gm_core.cli.output import CommandError, print_json, print_table, say
from gm_core.cli.pictures import ending, sheet, square, tiles, write_gif, write_npy, write_npz, write_png
from gm_core.cli.sites import draw_sites, filling, label_of, spread
from gm_core.scripting import (
    device_of,
    evaluate_classes,
    evaluate_density,
    evaluate_quality,
    evaluate_representation,
)
from gm_core.scripting import evaluate as evaluate_split

STRIP, FILM = 10, 60
PORTION = 100


def sample(arguments: argparse.Namespace) -> int:
    """Draw examples and write them as a sheet or as numbers."""
    kind = ending(arguments.out, (".png", ".npy"))
    loaded = load(arguments)
    model = able(loaded, Samples.word, "sample")
    assert isinstance(model, Samples)
    source, n = source_of(arguments, loaded), count_of(arguments.n)
    y = label_of(arguments.y, n, loaded.model)
    check_classes(model, None, arguments.guidance)
    with torch.no_grad():
        if isinstance(model, Sitewise):
            x = draw_sites(model, n, source, y)
        elif isinstance(model, Stepwise):
            *_, last = model.trajectory(n, source, y, Route(guidance=arguments.guidance))
            x = last.x
        else:
            x = model.sample(n, source, y)
    if kind == ".npy":
        write_npy(arguments.out, numbers(x))
    else:
        card = loaded.model.card
        write_png(arguments.out, square(tiles(to_picture(x, card), card)), settings(arguments, loaded))
    return done(arguments)


def trajectory(arguments: argparse.Namespace) -> int:
    """Draw examples step by step or site by site: a strip (one row an example), a film, or the numbers."""
    kind = ending(arguments.out, (".png", ".gif", ".npz"))
    loaded = load(arguments)
    card, sites = loaded.model.card, isinstance(loaded.model, Sitewise)
    model = able(loaded, Sitewise.word if sites else Stepwise.word, "trajectory")
    source, n = source_of(arguments, loaded), count_of(arguments.n)
    wanted = arguments.frames or {".png": STRIP, ".gif": FILM, ".npz": 0}[kind]
    y = label_of(arguments.y, n, model)
    check_classes(model, None, arguments.guidance)
    if isinstance(model, Stepwise):
        if arguments.sampler and arguments.sampler not in model.samplers():
            raise CommandError(f"--sampler is {arguments.sampler!r}; expected one of: {', '.join(model.samplers())}")
        with torch.no_grad():
            route = Route(arguments.sampler, arguments.steps, arguments.guidance)
            states = list(model.trajectory(n, source, y, route))
        states = [states[i] for i in spread(len(states), wanted or len(states))]
    elif arguments.sampler or arguments.steps:
        raise CommandError(f"{model.title} draws one number after another; leave out --sampler and --steps")
    else:
        states = filling(model, n, source, y, wanted)
    if kind == ".npz":
        write_npz(
            arguments.out,
            x=np.stack([numbers(state.x) for state in states]),
            x0=np.stack([numbers(_view(state, "x0")) for state in states]),
            t=np.array([state.numbers.get("t", 1.0 - state.progress) for state in states], np.float32),
        )
        return done(arguments)
    rows = [tiles(to_picture(state.x, card), card) for state in states]
    if kind == ".png":
        across = [row[i] for i in range(len(rows[0])) for row in rows]
        write_png(arguments.out, sheet(across, len(rows)), settings(arguments, loaded))
    else:
        write_gif(arguments.out, [square(row) for row in rows], settings(arguments, loaded))
    return done(arguments)


def evaluate(arguments: argparse.Namespace) -> int:
    """Score a split as validation does; with --density, log p(x) of it too."""
    loaded = load(arguments)
    count, scores = evaluate_split(loaded, arguments.split, arguments.seed)
    result: dict[str, Any] = {
        "run": loaded.run,
        "step": loaded.step,
        "split": arguments.split,
        "examples": count,
        "scores": scores,
    }
    if arguments.density:
        able(loaded, Density.word, "evaluate --density")
        result["density"] = evaluate_density(loaded, arguments.split, arguments.seed, arguments.samples)
    if arguments.classes:
        able(loaded, Classes.word, "evaluate --classes")
        result["classes"] = evaluate_classes(loaded, arguments.split, arguments.seed)
    if arguments.representation:
        able(loaded, Encodes.word, "evaluate --representation")
        result["representation"] = evaluate_representation(loaded, arguments.split, arguments.seed)
    if arguments.quality:
        able(loaded, Samples.word, "evaluate --quality")
        result["quality"] = evaluate_quality(loaded, arguments.split, arguments.seed, arguments.n)
    if arguments.json:
        print_json(result)
        return 0
    print(f"{loaded.run} at step {loaded.step}, {count} examples of {arguments.split}")
    units = {chart.name: chart.unit for chart in loaded.model.charts}
    print_table([(name, f"{value:.4f}", units.get(name, "")) for name, value in scores.items()])
    if arguments.density:
        found = result["density"]
        words = f"{found['mean']:.4f} +- {found['error']:.4f} nats per example ({found['kind']})"
        print(f"log p(x)  {words}, {found['bits']:.4f} bits per dimension")
    if arguments.classes:
        found = result["classes"]
        print(f"p(y|x)  {100 * found['accuracy']:.2f} % right, {found['log_loss']:.4f} nats of log loss (Bayes' rule)")
    if arguments.representation:
        for line in code_words(result["representation"]):
            print(line)
    if arguments.quality:
        print_quality(result["quality"])
    return 0


def print_quality(found: dict[str, Any]) -> None:
    """A row a metric: the number with its standard error, what real examples reach, and what must be known of it."""
    print(f"quality of {found['n']} drawn examples, {found['cost']} evaluations each")
    rows = [("metric", "value", "error", "real", "")]
    for row in found["metrics"]:
        error = "" if row["error"] is None else f"+- {row['error']:.4f}"
        value, floor = ("-" if row[key] is None else f"{row[key]:.4f}" for key in ("value", "floor"))
        rows.append((row["title"], value, error, floor, row["note"]))
    print_table(rows)
    print(found["note"])


def code_words(found: dict[str, Any]) -> list[str]:
    """What the codes know, line by line; where a number is not defined, why."""
    lines, why = [f"codes  {found['active']} of {found['units']} units active"], found["why"]
    if found["information"] is None:
        lines.append(f"nats   {why['information']}")
    else:
        parts = (found["kl"], found["information"], found["marginal"])
        lines.append("nats   KL {:.3f} = {:.3f} about the example + {:.3f} off the prior".format(*parts))
        lines.append(f"       ({found['examples']} examples, which can show {found['ceiling']:.3f} at most)")
    for key, title in (("probe", "linear probe"), ("neighbours", "5 nearest neighbours")):
        if found[key] is None:
            lines.append(f"class  {why['probe']}")
            break
        plain = found["pixels"]
        beside = f"numbers as they are {100 * plain[key]:.2f} %, guessing {100 * plain['majority']:.2f} %"
        right = f"{100 * found[key]:.2f} +- {100 * found[key + '_error']:.2f} % right of {found['held']}"
        lines.append(f"class  {title} {right}; {beside}")
    lines.append(f"MIG    {why['gap']}" if found["gap"] is None else f"MIG    {found['gap']:.3f}")
    return lines


def logprob(arguments: argparse.Namespace) -> int:
    """Write log p(x) of the examples in a file."""
    ending(arguments.out, (".npy",))
    loaded = load(arguments)
    model = able(loaded, Density.word, "logprob")
    assert isinstance(model, Density)
    x = read_examples(arguments.data, loaded.model.card)
    source, device = source_of(arguments, loaded), device_of(loaded.model)
    with torch.no_grad():
        parts = [model.log_prob(part.to(device), source, None, arguments.samples) for part in x.split(PORTION)]
    values = torch.cat(parts).float().cpu().numpy()
    write_npy(arguments.out, values)
    say(f"log p(x) of {len(values)} examples: mean {values.mean():.4f} nats ({model.density_kind})")
    return done(arguments)


def _view(state: StepState, name: str) -> torch.Tensor:
    return state.views.get(name, state.x)
