"""Recordings of the shipped examples: what the window shows before the engine is there.

A recording is one file frames.npz beside an example's weights. It holds plain arrays and one JSON text, never pickles:

    card      uint8 (bytes)                the RunCard as JSON
    names     uint8 (bytes)                JSON: {"train": [chart, ...], "validation": [...]}
    curve_train_steps int64 (n,), curve_train_seconds float64 (n,), curve_train_values float32 (n, K);
              likewise validation
    samples   uint8 (n, h, w, c) or float32 (n, d)          seed 0; more rows than a gallery shows
    originals, reconstructions uint8 (n, h, w, c), errors float32 (n,)
    map_*     the fields of LatentMap
    walk      uint8 (n, h, w, c), walk_z float32 (n, k)
    film_x uint8 (t, n, h, w, c), film_views_<name> likewise, film_progress (t,), film_time (t,) as JSON,
    film_numbers JSON list of mappings, film_total, film_curves_<name>, film_samplers JSON
    fill_start uint8 (n, h, w, c), fill_sites int64 (m,), fill_values uint8 (n, m), fill_log_probs and fill_entropies
    float16 (n, m), fill_order int64 (sites,), fill_orders JSON

Every key but `card` may be missing; what is missing is simply not answered until the engine lives.
"""

from __future__ import annotations

import dataclasses
import io
import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gm_core import api

Arrays = Mapping[str, np.ndarray]
DAMAGE = (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error)
"""What unpacking a broken file may raise."""
FILE = "frames.npz"
EXAMPLE = "example:"
"""Before the names of shipped examples, so that a run of the same name is another one."""


class Stored(Mapping[str, np.ndarray]):
    """The arrays of a file, each unpacked when it is first wanted: the films of the second example wait for a look."""

    def __init__(self, packed: bytes) -> None:
        opened = np.load(io.BytesIO(packed), allow_pickle=False)
        if not isinstance(opened, np.lib.npyio.NpzFile):
            raise ValueError("one array was found; expected a file of named arrays")
        self._file = opened
        self._known: dict[str, np.ndarray] = {}

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._known:
            self._known[name] = self._file[name]
        return self._known[name]

    def __contains__(self, name: object) -> bool:
        return name in self._file.files

    def __iter__(self) -> Iterator[str]:
        return iter(self._file.files)

    def __len__(self) -> int:
        return len(self._file.files)


class Recording:
    """One recorded example: its card, its arrays, its curves and the folder of its weights."""

    def __init__(self, card: api.RunCard, arrays: Arrays, folder: Path | None = None) -> None:
        self.card = card
        self.arrays = arrays
        self.folder = folder
        self.curves = tuple(_curves(card.run, arrays))

    def answer(self, query: api.Query) -> list[api.Frame]:
        """The frames that the recording has for a query; none where it has not, or where its file is damaged."""
        try:
            return self._find(query)
        except DAMAGE:
            return []

    def _find(self, query: api.Query) -> list[api.Frame]:
        has = self.arrays
        match query:
            case api.SampleQuery() if "samples" in has and query.y is None and query.guidance is None:
                return [api.Sheet(_turned(has["samples"], query.n, query.seed))]
            case api.ReconstructQuery() if "originals" in has and query.given is None:
                return [
                    api.Pairs(has["originals"][: query.n], has["reconstructions"][: query.n], has["errors"][: query.n])
                ]
            case api.MapQuery() if "map_mu" in has:
                names = [f.name for f in dataclasses.fields(api.LatentMap) if f"map_{f.name}" in has]
                stored = {name: has[f"map_{name}"] for name in names}
                # A word or a number comes back as an array without axes.
                return [api.LatentMap(**{name: v if v.ndim else v.item() for name, v in stored.items()})]
            case api.WalkQuery() if "walk" in has and query.stops is None:
                return [api.Decoded(has["walk"], has["walk_z"])]
            case api.DecodeQuery() if "walk" in has and query.z is None:
                return [api.Decoded(has["walk"][:1], has["walk_z"][:1])]
            case api.TrajectoryQuery() if "film_x" in has and _plain(query):
                return _film(has, query.n)
            case api.FillQuery() if "fill_sites" in has and query.given is None and query.y is None:
                return _filling(has, query.n) if query.draw_from < 0 and not query.order else []
        return []


def _plain(query: api.TrajectoryQuery) -> bool:
    """Whether a trajectory is the model's own from noise: only that is recorded."""
    return query.y is None and query.guidance is None and query.given is None and not query.mix and not query.turns


def _turned(items: np.ndarray, n: int, seed: int) -> np.ndarray:
    """n items beginning at another place for another seed, so that 'new noise' does something at once."""
    return np.roll(items, -(seed * n) % max(len(items), 1), axis=0)[:n]


def _film(has: Arrays, n: int) -> list[api.Frame]:
    views = {name.removeprefix("film_views_"): frames for name, frames in has.items() if name.startswith("film_views_")}
    curves = {name.removeprefix("film_curves_"): has[name] for name in has if name.startswith("film_curves_")}
    times, numbers = _json(has["film_time"]), _json(has["film_numbers"])
    samplers = tuple(_json(has["film_samplers"])) if "film_samplers" in has else ()
    total = int(has["film_total"]) if "film_total" in has else len(times)
    return [
        api.StepFrame(
            x=x[:n],
            views={name: frames[i][:n] for name, frames in views.items()},
            progress=float(has["film_progress"][i]),
            time=times[i],
            numbers=numbers[i],
            number=int(numbers[i].get("number", i)),
            total=total,
            curves=curves if i == 0 else None,
            samplers=samplers if i == 0 else (),
        )
        for i, x in enumerate(has["film_x"])
    ]


def _filling(has: Arrays, n: int) -> list[api.Frame]:
    start, order, sites = has["fill_start"][:n], has["fill_order"], has["fill_sites"]
    nothing = np.empty((len(start), 0), np.float32)
    opening = api.Filled(
        np.empty(0, np.int64), nothing.astype(np.uint8), nothing, nothing, 0, len(sites), start,
        np.zeros(len(order), bool), order, tuple(_json(has["fill_orders"])),
    )  # fmt: skip
    values, log_probs, entropies = has["fill_values"][:n], has["fill_log_probs"][:n], has["fill_entropies"][:n]
    filled = api.Filled(
        sites, values, log_probs.astype(np.float32), entropies.astype(np.float32), len(sites), len(sites)
    )
    return [opening, filled]


def _curves(run: str, has: Arrays) -> list[api.Scalars]:
    names = _json(has["names"]) if "names" in has else {}
    return [
        api.Scalars(
            run,
            tuple(listed),
            has[f"curve_{split}_steps"],
            has[f"curve_{split}_seconds"],
            has[f"curve_{split}_values"],
            split,
        )
        for split, listed in names.items()
        if f"curve_{split}_steps" in has
    ]


def _json(data: np.ndarray) -> Any:
    return json.loads(bytes(data.tobytes()).decode())


def as_text(value: Any) -> np.ndarray:
    """Any JSON value as the uint8 array that a recording stores."""
    return np.frombuffer(json.dumps(value).encode(), np.uint8)


def card_to_json(card: api.RunCard) -> dict[str, Any]:
    """A RunCard as JSON."""
    plain = {f.name: getattr(card, f.name) for f in dataclasses.fields(card)}
    plain["data"] = dataclasses.asdict(card.data)
    plain["charts"] = [dataclasses.asdict(chart) for chart in card.charts]
    plain["offers"] = sorted(card.offers)
    plain["folder"] = ""
    return plain


def card_from_json(plain: dict[str, Any]) -> api.RunCard:
    """A RunCard from JSON."""
    data = dict(plain["data"])
    for name in ("shape", "range", "classes"):
        data[name] = tuple(data[name])
    return api.RunCard(
        **{
            **plain,
            "data": api.DataCard(**data),
            "charts": tuple(api.Chart(**chart) for chart in plain["charts"]),
            "offers": frozenset(plain["offers"]),
            "kept": tuple(plain["kept"]),
            "pinned": tuple(plain["pinned"]),
            "state": "viewed",
        }
    )


def write_recording(path: Path, card: api.RunCard, arrays: Arrays) -> None:
    """Write a recording; compressed, never pickled."""
    np.savez_compressed(path, card=as_text(card_to_json(card)), **arrays)


def read_recording(path: Path) -> Recording | None:
    """Read a recording; None where the file is missing or broken, for the window must open without it."""
    try:
        arrays = Stored(path.read_bytes())
        card = dataclasses.replace(card_from_json(_json(arrays["card"])), run=f"{EXAMPLE}{path.parent.name}")
        return Recording(card, arrays, path.parent)
    except (*DAMAGE, KeyError, TypeError):
        return None


def find_recordings(folder: Path) -> list[Recording]:
    """All recordings under resources/pretrained, those with a latent space first, because sliders invite."""
    found = [read_recording(path) for path in sorted(folder.glob(f"*/{FILE}"))]
    known = [recording for recording in found if recording is not None]
    return sorted(known, key=lambda recording: ("latent" not in recording.card.offers, recording.card.run))
