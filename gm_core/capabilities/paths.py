"""Paths: several ways between the same codes, side by side, with their speed and how far they leave the data.

A decoder bends the space of codes: equal steps of the code are not equal steps of the picture, and between two codes
there may be places where no example lies. What is compared are the straight line, the great circle, the line brought
to even length, and the geodesic of the decoder's metric (gm_core.maths.paths and .geodesics).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, get_args

from gm_core.capabilities.base import Scene, answers, from_picture, labels, to_picture
from gm_core.capabilities.encodes import Encodes
from gm_core.capabilities.latent import Latent, codes
from gm_core.capabilities.offdata import MeterKind, OffData
from gm_core.maths.pacing import Easing, moments
from gm_core.protocol.commands import Query
from gm_core.protocol.events import Array, Frame
from gm_core.spec import SpecError

if TYPE_CHECKING:
    from torch import Tensor

    from gm_core.maths.geodesics import Curve

Way = Literal["straight", "spherical", "norm-corrected", "geodesic"]
WAYS: tuple[Way, ...] = get_args(Way)


@dataclass(frozen=True, slots=True)
class PathStop:
    """A place that all ways go through. Exactly one of these is given; with none, a code is drawn from the prior.

    `z` a code, (k,) or (1, k); `given` a picture to encode, uint8 (h, w, c) or float32 (d,), or one with a leading 1;
    `index` an example of `split`, which is encoded. `seed` says which code is drawn.
    """

    seed: int = 0
    z: Array | None = None
    given: Array | None = None
    index: int | None = None
    split: str = "test"


@dataclass(frozen=True, slots=True)
class ComparePathsQuery(Query):
    """Walk through `stops` (two from the prior by the seed, if none are given) in `n` pictures, by each of `ways`.

    Each leg between two stops takes the same time, eased by itself; `closed` goes back from the last stop to the first.
    With `even`, a leg is walked at constant speed of the picture. `iterations` is the most that the geodesic is
    improved. `among` so many examples of `split` are encoded to say where the data lie; 0, or a model that does not
    encode, compares lengths of codes with those of the prior. `y` is the class by which a conditional model decodes.
    """

    stops: tuple[PathStop, ...] = ()
    n: int = 24
    ways: tuple[Way, ...] = WAYS
    easing: Easing = "linear"
    closed: bool = False
    even: bool = False
    iterations: int = 30
    among: int = 1000
    split: str = "train"
    y: int | None = None


@dataclass(frozen=True, slots=True)
class PathWay:
    """One way: its pictures in order, and what they cost.

    items uint8 (n, h, w, c) or float32 (n, d); z float32 (n, k). `speed` (n - 1,) is |dx/dt| between two pictures, t
    going from 0 to 1 over the whole way, x being the numbers of an example in the card's range. `length` is the sum of
    |x_{i+1} - x_i|, `energy` of S |x_{i+1} - x_i|^2 with S pieces a leg, over evenly timed codes, the same number for
    every way. `off` (n,) is how far each code is off the data, 1 being usual and more than 2 far (empty at first).
    `iteration` counts the improvements of a geodesic; `done` says that there will be no more.
    """

    way: Way
    items: Array
    z: Array
    speed: Array
    length: float
    energy: float
    off: Array
    iteration: int = 0
    done: bool = True


@dataclass(frozen=True, slots=True)
class ComparedPaths(Frame):
    """All ways as far as they are known. The last frame is `done`.

    `stops` float32 (m, k) are the codes of the stops, `stop_items` (m, ...) their decoded pictures, `originals` the
    pictures that were given or taken from the data, each like one of `stop_items`, or None. `meter` says what `off`
    means: "nearest" or "norm", see `OffData`. `dots` float32 (m, 2) are examples to draw the ways among: points of the
    plane as they are, else codes of two numbers, else (0, 2).
    """

    ways: tuple[PathWay, ...]
    stops: Array
    stop_items: Array
    originals: tuple[Array | None, ...]
    meter: MeterKind
    dots: Array
    done: bool


@answers(Latent.word, ComparePathsQuery)
def compare(query: ComparePathsQuery, scene: Scene) -> Iterator[ComparedPaths | None]:
    """First all ways in closed form and the straight line for the geodesic; then the meter; then better geodesics."""
    import torch

    from gm_core.maths.geodesics import geodesic
    from gm_core.maths.paths import polyline

    _check(query)
    stops, originals = _stops(query, scene)
    if query.closed:
        stops = torch.cat([stops, stops[:1]])
    walker = _Walker(query, scene, stops)
    found: dict[Way, PathWay] = {way: walker.closed_form(way) for way in query.ways if way != "geodesic"}
    if "geodesic" in query.ways:
        found["geodesic"] = replace(walker.closed_form("straight"), way="geodesic", done=False)
    shown = to_picture(walker.decode(stops), scene.model.card)
    last = len(stops) - int(query.closed)
    meter = OffData("nearest" if _encodes(scene) and query.among else "norm")

    def frame(done: bool) -> ComparedPaths:
        ways = tuple(replace(found[way], off=meter.off(found[way].z)) for way in query.ways)
        return ComparedPaths(ways, _numbers(stops[:last]), shown[:last], originals, meter.kind, meter.dots, done)

    yield frame(False)
    yield from meter.learn(scene, query.split, query.among)
    yield frame("geodesic" not in query.ways)
    if "geodesic" not in query.ways:
        return
    line = polyline(stops, walker.legs * walker.pieces + 1)
    for curve in geodesic(walker.decode, line, walker.legs, query.iterations):
        if curve is None:
            yield None
            continue
        found["geodesic"] = walker.walked("geodesic", curve)
        yield frame(curve.done)


class _Walker:
    """Walks between stops: which codes are shown at which time, and what each way costs."""

    def __init__(self, query: ComparePathsQuery, scene: Scene, stops: Tensor) -> None:
        self.query, self.scene, self.stops = query, scene, stops
        self.legs = len(stops) - 1
        self.pieces = max(2, -(-(query.n - 1) // self.legs))
        self.places = moments(query.n, self.legs, query.easing)

    def decode(self, z: Tensor) -> Tensor:
        """Examples of codes."""
        x: Tensor = self.scene.model.decode(z, labels(self.query.y, len(z), self.scene))
        return x

    def closed_form(self, way: Way) -> PathWay:
        """A way that needs no search."""
        from gm_core.maths.geodesics import Curve, energy, steps
        from gm_core.maths.paths import polyline

        assert way != "geodesic"
        z = polyline(self.stops, self.legs * self.pieces + 1, way)
        x = self.decode(z)
        curve = Curve(z, x, float(energy(x, self.legs)), float(steps(x).sum()), 0, True)
        return self.walked(way, curve)

    def walked(self, way: Way, curve: Curve) -> PathWay:
        """The pictures of a way at the times of the film."""
        from gm_core.maths.geodesics import between, steps
        from gm_core.maths.paths import along, when

        leg, t = when(self.places, self.stops)
        if self.query.even:
            t = self._evenly(leg, t, steps(curve.x))
        z = between(curve.z, leg, t, self.legs) if way == "geodesic" else along(self.stops, leg, t, way)
        x = self.decode(z)
        return PathWay(
            way=way,
            items=to_picture(x, self.scene.model.card),
            z=_numbers(z),
            speed=_numbers(steps(x) * (self.query.n - 1)),
            length=curve.length,
            energy=curve.energy,
            off=_numbers(z[:0, 0]),
            iteration=curve.iteration,
            done=curve.done,
        )

    def _evenly(self, leg: Tensor, t: Tensor, moved: Tensor) -> Tensor:
        """The times at which each leg has come the share t of its length."""
        from gm_core.maths.geodesics import even_times

        even = t.clone()
        for i, part in enumerate(moved.unflatten(0, (self.legs, self.pieces))):
            even[leg == i] = even_times(part, t[leg == i])
        return even


def _stops(query: ComparePathsQuery, scene: Scene) -> tuple[Tensor, tuple[Array | None, ...]]:
    """The codes of all stops (m, k), and the pictures of those that are pictures."""
    import torch

    if not query.stops:
        drawn: Tensor = scene.model.prior(2, scene.rng)
        return drawn, (None, None)
    found, originals = [], []
    for stop in query.stops:
        picture = None
        if stop.z is not None:
            found.append(codes(stop.z.reshape(-1, stop.z.shape[-1])[:1], scene))
        elif stop.given is not None or stop.index is not None:
            x, y = _example(stop, query, scene)
            found.append(scene.model.encode(x, y)[0].float())
            picture = to_picture(x, scene.model.card)[0]
        else:
            source = torch.Generator(scene.rng.device).manual_seed(stop.seed)
            found.append(scene.model.prior(1, source))
        originals.append(picture)
    return torch.cat(found), tuple(originals)


def _example(stop: PathStop, query: ComparePathsQuery, scene: Scene) -> tuple[Tensor, Tensor | None]:
    """The picture of a stop as an example (1, ...), with the label that goes with it."""
    import torch

    card = scene.model.card
    if not _encodes(scene):
        name = type(scene.model).title
        raise SpecError("stops", f"a stop is a picture, but {name} has no encoder; take codes from the prior instead")
    if stop.given is None:
        assert stop.index is not None
        count = scene.data.count(stop.split)
        if not 0 <= stop.index < count:
            raise SpecError("stops", f"a stop is example {stop.index} of {stop.split}; expected 0 to {count - 1}")
        return scene.data.examples(stop.split, torch.tensor([stop.index], device=scene.rng.device), scene.rng)
    shape = (*card.shape[1:], card.shape[0]) if card.kind == "images" else card.shape
    given = stop.given if stop.given.ndim == len(shape) + 1 else stop.given[None]
    if given.shape != (1, *shape):
        found = f"a stop is a picture of shape {stop.given.shape}"
        raise SpecError("stops", f"{found}; expected {shape}, as {card.title} has them")
    return from_picture(given, card, scene.device), labels(query.y, 1, scene)


def _check(query: ComparePathsQuery) -> None:
    """Refuse what makes no way; raises SpecError."""
    unknown = [way for way in query.ways if way not in WAYS]
    if unknown or not query.ways:
        found = repr(unknown[0]) if unknown else "none"
        raise SpecError("ways", f"the way is {found}; expected some of: {', '.join(WAYS)}")
    if len(query.stops) == 1:
        raise SpecError("stops", "there is one stop; expected at least 2: add the one to go to")
    legs = max(len(query.stops), 2) - 1 + int(query.closed)
    if query.n <= legs:
        raise SpecError("n", f"n is {query.n} for {legs} legs; expected at least {legs + 1} pictures")


def _encodes(scene: Scene) -> bool:
    """Whether the model says where examples lie."""
    return Encodes.word in scene.model.offers()


def _numbers(tensor: Tensor) -> Array:
    """A tensor for a frame."""
    numbers: Array = tensor.float().cpu().numpy()
    return numbers
