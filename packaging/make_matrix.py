"""Write the table of models and capabilities into README.md, between its two marks, from what the models say.

    python packaging/make_matrix.py            # writes it
    python packaging/make_matrix.py --check    # says whether it is up to date, exit status 1 if not

Each model is built untrained for small data of every kind that it takes, with and without labels, and asked what it
offers. A capability that it always offers is a full mark; one that it offers for some data only is an open mark with
letters that say for which. A model of a family that is not known yet, or a capability without a column, is an error.
"""

from __future__ import annotations

import json
import os
import re
import sys
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before torch

from gm_core.capabilities.base import Capability
from gm_core.model import GenerativeModel, build, find_models
from gm_core.protocol.cards import DataCard
from gm_core.resources import resource
from gm_core.spec import SpecError

README = Path(__file__).resolve().parents[1] / "README.md"
BEGIN, END = "<!-- matrix: written by packaging/make_matrix.py -->", "<!-- end of matrix -->"
FULL, SOME = "●", "○"
WIDTH = 118

Has = Callable[[frozenset[str]], bool]
FAMILIES: tuple[tuple[str, Has], ...] = (
    ("Exact autoregressive", lambda words: "sitewise" in words),
    ("Adversarial", lambda words: "critic" in words),
    ("Energy", lambda words: "partition" in words),
    ("Flows", lambda words: {"latent", "density"} <= words and "features" not in words),
    ("Diffusion and scores", lambda words: "stepwise" in words),
    ("Latent", lambda words: {"reconstructs", "density"} <= words),
    ("Autoencoders", lambda words: "reconstructs" in words),
)
"""What a class line says of the family of a model; the first that holds. No model says its family, so that adding one
touches its own file alone."""
ORDER = (
    "Exact autoregressive", "Latent", "Autoencoders", "Adversarial", "Diffusion and scores", "Flows", "Energy",
)  # fmt: skip
"""Families in the order of the notes."""
COLUMNS = {
    "samples": ("draw", "draws new examples"),
    "density": ("p(x)", "how probable an example is: exactly, by a bound, by a solver; it says which"),
    "classes": ("Bayes", "p(y\\|x) by way of p(x\\|y)"),
    "sitewise": ("site", "draws one number after another, each from a distribution that it states"),
    "stepwise": ("step", "draws in many steps from noise, each of which can be watched"),
    "field": ("field", "on the plane: in which direction probability grows"),
    "latent": ("z→x", "makes an example of any code"),
    "encodes": ("x→z", "says where in the space of codes an example lies, and how surely"),
    "reconstructs": ("x→x", "passes an example through its code and gives it back"),
    "denoises": ("mend", "repairs a spoilt example"),
    "complete": ("fill", "draws the missing part of an example"),
    "features": ("look", "shows what its first layer looks for"),
    "codebook": ("book", "has a book of codes, and shows which are in use"),
    "critic": ("duel", "a second network tells its samples from data"),
}
"""Head and meaning of each capability, in the order of the columns."""
REFINED = {
    "conditional": ("+y", "draws the class that is asked for, where labels are learned"),
    "guided": ("+g", "is guided to a class as strongly as one likes, where labels are learned"),
    "renoise": ("+x", "also begins with an example of yours"),
    "partition": ("+Z", "is normalised on the plane, and known up to a factor elsewhere"),
}
"""What refines another capability stands in its column."""


@dataclass(frozen=True)
class Probe:
    """Data to ask a model about, and whether it learns labels."""

    card: DataCard
    labels: bool


CONDITIONS: tuple[tuple[str, str, Callable[[Probe], bool]], ...] = (
    ("y", "where labels are learned (then it also draws the class that is asked for)", lambda p: p.labels),
    ("p", "on points of the plane", lambda p: p.card.kind == "points"),
    ("v", "on points and tables of up to 16 numbers", lambda p: p.card.kind != "images" and p.card.size <= 16),
    ("s", "not on pictures of more than 256 numbers", lambda p: p.card.kind != "images" or p.card.size <= 256),
    ("c", "on continuous or dequantised data", lambda p: p.card.values == "continuous"),
    ("g", "not on grey levels, unless `likelihood` is one of levels", lambda p: p.card.values != "levels"),
)
"""For which data a narrowed capability is offered: letter, words, test."""


def probes() -> list[Probe]:
    """Small data of every kind on both sides of every limit, with labels and without."""
    plain = (
        DataCard("plane", "Plane", (2,), "continuous", (-3.0, 3.0)),
        DataCard("table", "Table", (16,), "continuous", (-3.0, 3.0)),
        DataCard("wide table", "Wide table", (17,), "continuous", (-3.0, 3.0)),
        DataCard("binary table", "Binary table", (5,), "binary", (0.0, 1.0), levels=2),
        DataCard("grey", "Grey", (1, 8, 8), "levels", (0.0, 1.0), levels=17),
        DataCard("binary", "Binary", (1, 8, 8), "binary", (0.0, 1.0), levels=2),
        DataCard("smooth", "Dequantised", (1, 16, 16), "continuous", (0.0, 1.0), dequantised=True),
        DataCard("large", "Large", (1, 16, 17), "continuous", (-1.0, 1.0), dequantised=True),
    )
    known = tuple(replace(card, classes=("a", "b", "c")) for card in plain)
    return [Probe(card, False) for card in plain] + [Probe(card, True) for card in known]


def offered(cls: type[GenerativeModel]) -> dict[int, frozenset[str]]:
    """What a kind of model offers for each of the probes that it takes, by their number."""
    found: dict[int, frozenset[str]] = {}
    for number, probe in enumerate(probes()):
        if cls.fits(probe.card):
            continue
        wish: dict[str, object] = {"kind": cls.name}
        if probe.labels and "labels" in cls.Spec.model_fields:
            wish["labels"] = labelled(cls)
        found[number] = build(wish, probe.card).offers()
    return found


def labelled(cls: type[GenerativeModel]) -> object:
    """The value of `labels` with which a model learns them: yes, or the first way of doing so."""
    default = cls.Spec.model_fields["labels"].default
    if isinstance(default, bool):
        return True
    for way in ("projection", "concatenation"):
        try:
            cls.Spec.read({"labels": way}, "model")
        except SpecError:
            continue
        return way
    raise SystemExit(f"{cls.name} has labels that are neither yes nor a known way: teach make_matrix.labelled")


def letters(cls: type[GenerativeModel], word: str, found: Mapping[int, frozenset[str]]) -> str:
    """The conditions under which a capability is offered, as few as say it exactly; "" if it always is."""
    all_probes = probes()
    there = {number for number, words in found.items() if word in words}
    if there == set(found):
        return ""
    for many in range(1, 3):
        for chosen in combinations(CONDITIONS, many):
            if there == {number for number in found if all(test(all_probes[number]) for _, _, test in chosen)}:
                return "".join(letter for letter, _, _ in chosen)
    names = sorted(f"{all_probes[n].card.name}{' with labels' * all_probes[n].labels}" for n in there)
    raise SystemExit(f"{cls.name} offers {word} for {', '.join(names)}: no condition of make_matrix says that; add one")


def refinements() -> dict[str, str]:
    """What each refining word refines."""
    found: dict[str, str] = {}
    rest: list[type[Capability]] = list(Capability.__subclasses__())
    while rest:
        cls = rest.pop()
        rest.extend(cls.__subclasses__())
        if "word" in vars(cls) and cls.refines:
            found[cls.word] = cls.refines
    return found


def family(words: frozenset[str], name: str) -> str:
    """The family of a model by its class line."""
    for title, test in FAMILIES:
        if test(words):
            return title
    raise SystemExit(f"{name} offers {', '.join(sorted(words))}: no family of make_matrix says that; add one")


def year(cls: type[GenerativeModel]) -> int:
    """When the paper of a model appeared, so that families are told in the order of their history."""
    found = re.search(r"\b(1[89]|20)\d\d\b", cls.paper)
    return int(found[0]) if found else 9999


def cells(cls: type[GenerativeModel], found: Mapping[int, frozenset[str]], used: set[str]) -> list[str]:
    """The cells of one model; the letters that occur are added to `used`."""
    words, refines, made = frozenset().union(*found.values()), refinements(), []
    unknown = words - COLUMNS.keys() - REFINED.keys()
    if unknown:
        raise SystemExit(f"{cls.name} offers {', '.join(sorted(unknown))}: no column of make_matrix; add one")
    for word in COLUMNS:
        if word not in words:
            made.append("")
            continue
        narrow = letters(cls, word, found)
        small = [*narrow, *(REFINED[one][0] for one in REFINED if one in words and refines[one] == word)]
        used |= set(small)
        made.append((SOME if narrow else FULL) + (f"<sup>{' '.join(small)}</sup>" if small else ""))
    return made


def line(*parts: str) -> str:
    """One row of a Markdown table."""
    return "|" + "".join(f" {part} |" if part else " |" for part in parts)


def panels(word: str) -> str:
    """The panels that a capability opens."""
    faces = json.loads(resource("panels.json").read_text(encoding="utf-8"))
    return ", ".join(face["title"] for face in faces if word in face["needs"])


def table() -> str:
    """The table as Markdown, with its legend."""
    used: set[str] = set()
    rows: dict[str, list[str]] = {title: [] for title in ORDER}
    for cls in sorted(find_models().values(), key=lambda cls: (year(cls), cls.name)):
        found = offered(cls)
        name = f"[`{cls.name}`](resources/help/models/{cls.name}.md)"
        rows[family(frozenset().union(*found.values()), cls.name)].append(line(name, *cells(cls, found, used)))
    heads = [head for head, _ in COLUMNS.values()]
    lines = [line("", *(f"<sub>{head}</sub>" for head in heads)), line("---", *[":-:"] * len(heads))]
    for title in ORDER:
        if rows[title]:
            lines += [line(f"**{title}**", *[""] * len(heads)), *rows[title]]
    narrowed = [f"<sup>{letter}</sup> {words}" for letter, words, _ in CONDITIONS if letter in used]
    more = [f"<sup>{sign}</sup> {words}" for sign, words in REFINED.values() if sign in used]
    lines += [
        "",
        *textwrap.wrap(f"{FULL} on all data that the model takes. {SOME} on some: {'; '.join(narrowed)}.", WIDTH),
        *textwrap.wrap(f"And more: {'; '.join(more)}.", WIDTH),
        "",
        line("column", "capability", "the model", "panels"),
        line(*["---"] * 4),
        *(line(f"**{head}**", f"`{word}`", words, panels(word)) for word, (head, words) in COLUMNS.items()),
    ]
    return "\n".join(lines)


def written(readme: str) -> str:
    """A README with the table of today between its marks."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"README.md lacks {BEGIN!r} or {END!r}: put both where the table belongs")
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"


def main(arguments: list[str]) -> int:
    """Write the table, or say whether it is up to date."""
    now = README.read_text(encoding="utf-8")
    new = written(now)
    if "--check" in arguments:
        print("README.md is up to date" if new == now else "README.md is out of date: run packaging/make_matrix.py")
        return int(new != now)
    README.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
