"""Set the formulas of the pages as vector pictures: resources/formulas/PAGE-SECTION-LINE.svg.

    python packaging/make_formulas.py [PAGE ...]

The program paints live numbers into the places that a formula names: `\\slot{kl}{0.0000}` leaves room for a number
with four decimals and calls it "kl". The places are written into the picture as attributes of its first element.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from xml.etree import ElementTree

import ziamath

from app.page import formula_file
from app.pages import find_pages
from gm_core.resources import resource

SIZE = 24.0
SLOT = re.compile(r"\\slot\{(?P<name>[a-z_0-9]+)\}\{(?P<pattern>[^}]*)\}")
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")
SVG = "{http://www.w3.org/2000/svg}"


def main(wanted: list[str]) -> None:
    """Write the pictures that are wanted (all, if none are named) and take away those that no page names any more."""
    ziamath.config.svg2 = False
    folder = resource("formulas")
    folder.mkdir(exist_ok=True)
    named: set[Path] = set()
    for page in find_pages().values():
        for section in page.sections:
            for line, latex in enumerate(section.formula):
                path = formula_file(page.name, section.name, line)
                named.add(path)
                if not wanted or page.name in wanted:
                    path.write_text(typeset(latex), encoding="utf-8")
    for path in folder.glob("*.svg"):
        if not wanted and path not in named:
            path.unlink()


def typeset(latex: str) -> str:
    """A formula as SVG text whose strokes are black and whose slots are attributes of the first element."""
    slots = [(found["name"], found["pattern"]) for found in SLOT.finditer(latex)]
    colours = {f"#fe00{i:02x}": slot for i, slot in enumerate(slots)}
    bare = latex  # with a little space before each number, into which its minus sign reaches
    for colour, (name, pattern) in colours.items():
        bare = bare.replace(rf"\slot{{{name}}}{{{pattern}}}", rf"\;\:{{\color{{{colour}}}{{{pattern}}}}}", 1)
    root = ElementTree.fromstring(ziamath.Latex(bare, size=SIZE).svg())
    places: dict[str, list[tuple[float, float, float, float]]] = {}
    missing, last = 0, ""
    for part in list(root.iter()):
        fill = part.get("fill", "")
        glyph = part.tag == f"{SVG}path"
        if glyph and not part.get("d", "").strip():
            root.remove(part)
        elif glyph and (fill in colours or missing > 0):
            # Where space and an operator follow, ziamath leaves the last figures of a slot without their colour.
            if fill in colours and fill != last:
                last, missing = fill, len(colours[fill][1])
            missing -= 1
            places.setdefault(last, []).append(box_of(part.get("d", "")))
            root.remove(part)
        elif "fill" in part.attrib:
            part.set("fill", "#000")
    lacking = [slot for colour, slot in colours.items() if colour not in places]
    if lacking:
        raise SystemExit(f"no room was set for {lacking} in {latex}")
    told = []
    for colour, (name, pattern) in colours.items():
        boxes = places[colour]
        tall = max(b[3] - b[1] for b in boxes)
        figures = [b for b in boxes if b[3] - b[1] > 0.6 * tall]  # a comma hangs lower than the foot of the figures
        left, top = min(b[0] for b in boxes), min(b[1] for b in figures)
        right, foot = max(b[2] for b in boxes), max(b[3] for b in figures)
        told.append(f"{name} {pattern} {left:.3f} {top:.3f} {right - left:.3f} {foot - top:.3f}")
    root.set("data-latex", latex)
    root.set("data-slots", ";".join(told))
    ElementTree.register_namespace("", SVG[1:-1])
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def box_of(path: str) -> tuple[float, float, float, float]:
    """The box around all points of a path with absolute coordinates: left, top, right, bottom."""
    numbers = [float(n) for n in NUMBER.findall(path)]
    xs, ys = numbers[0::2], numbers[1::2]
    return min(xs), min(ys), max(xs), max(ys)


if __name__ == "__main__":
    main(sys.argv[1:])
