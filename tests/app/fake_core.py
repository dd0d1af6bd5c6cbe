"""A stand-in for the core that answers at once: a linear 'model' of scikit-learn's digits, and a ring on the plane."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from app.bridge.desk import Desk
from gm_core import api

CHARTS = (
    api.Chart("reconstruction", "Reconstruction", tip="What an example costs once its code is known."),
    api.Chart("kl", "KL", better="neither"),
    api.Chart("elbo", "ELBO", better="higher"),
    api.Chart("kl_dimensions", "KL of each dimension", better="neither", vector=True),
)
LATENT = 10
IMAGES = frozenset(
    {
        "samples", "reconstructs", "latent", "encodes", "features", "density", "stepwise", "sitewise", "complete",
        "classes", "denoises",
    }
)  # fmt: skip
POINTS = frozenset({"samples", "density", "field", "stepwise"})


@lru_cache(maxsize=1)
def digits() -> tuple[np.ndarray, np.ndarray]:
    """The 8x8 digits as uint8 (n, 8, 8, 1) and their labels."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    return (x.reshape(-1, 8, 8, 1) * (255 / 16)).astype(np.uint8), y.astype(np.int64)


@lru_cache(maxsize=1)
def components() -> tuple[np.ndarray, np.ndarray]:
    """Mean and scaled axes (LATENT, 64) of a linear decoder; the last three axes do nothing."""
    x = digits()[0].reshape(-1, 64).astype(np.float32)
    mean = x.mean(0)
    _, size, axes = np.linalg.svd(x - mean, full_matrices=False)
    used = axes[:LATENT] * (size[:LATENT] / np.sqrt(len(x)))[:, None]
    used[LATENT - 3 :] = 0.0
    return mean, used


def decode(z: np.ndarray) -> np.ndarray:
    """Codes (n, LATENT) as pictures."""
    mean, axes = components()
    return np.clip(mean + z @ axes, 0, 255).astype(np.uint8).reshape(-1, 8, 8, 1)


def encode(x: np.ndarray) -> np.ndarray:
    """Pictures as codes."""
    mean, axes = components()
    scale = (axes**2).sum(1)
    flat = x.reshape(len(x), -1).astype(np.float32) - mean
    return (flat @ axes.T / np.where(scale > 0, scale, 1.0)).astype(np.float32)


def ring(n: int, rng: np.random.Generator, spread: float = 0.12) -> np.ndarray:
    """Points near eight places on a circle."""
    turn = rng.integers(0, 8, n) / 8 * 2 * np.pi
    return (np.stack([np.cos(turn), np.sin(turn)], 1) * 2 + rng.normal(0, spread, (n, 2))).astype(np.float32)


def ring_density(size: int, lo: float, hi: float, spread: float = 0.2) -> np.ndarray:
    """log p of the ring on a grid, row 0 lowest."""
    g = np.linspace(lo, hi, size)
    centres = np.stack([np.cos(np.arange(8) / 4 * np.pi), np.sin(np.arange(8) / 4 * np.pi)], 1) * 2
    d = sum(np.exp(-((g[None] - cx) ** 2 + (g[:, None] - cy) ** 2) / (2 * spread**2)) for cx, cy in centres)
    return np.log(d / (8 * 2 * np.pi * spread**2) + 1e-30).astype(np.float32)


def data_card(points: bool = False) -> api.DataCard:
    """The digits, or a ring on the plane."""
    if points:
        return api.DataCard(
            "ring", "Ring of eight", (2,), "continuous", (-3.0, 3.0), exact=True, splits={"train": 2000}
        )
    names = tuple(str(i) for i in range(10))
    return api.DataCard("digits", "Digits", (1, 8, 8), "binary", (0.0, 1.0), classes=names, splits={"train": 1500})


def run_card(run: str = "vae-digits", points: bool = False, **changes: Any) -> api.RunCard:
    """A run in training."""
    offers = changes.pop("offers", POINTS if points else IMAGES)
    base: dict[str, Any] = {
        "run": run, "title": run, "spec": {"model": {"kind": "vae"}, "train": {"batch": 100}},
        "data": data_card(points), "offers": offers, "charts": CHARTS, "parameters": 12345, "step": 2400,
        "steps": 5000, "state": "training", "kept": (0, 100, 400, 800, 1600, 2400),
    }  # fmt: skip
    return api.RunCard(**{**base, **changes})


class FakeEngine:
    """Remembers commands; `answer` makes the events that a real worker would send for an ask."""

    def __init__(self) -> None:
        self.sent: list[api.Command] = []

    def send(self, command: api.Command) -> None:
        self.sent.append(command)

    def asks(self, topic: str = "") -> list[api.Ask]:
        """Every ask so far whose topic begins so."""
        return [c for c in self.sent if isinstance(c, api.Ask) and c.topic.startswith(topic)]

    def answer(self, ask: api.Ask, live: int = 2400) -> list[api.Answered]:
        """The frames for one ask."""
        card = run_card(points=ask.run.endswith("moons") or "ring" in ask.run)
        frames = frames_for(ask.query, card, ask.step if ask.step is not None else live)
        step = ask.step if ask.step is not None else live
        last = len(frames) - 1
        return [
            api.Answered(ask.run, ask.topic, ask.ticket, step, i, f, i == last, 0.012) for i, f in enumerate(frames)
        ]


def frames_for(query: api.Query, card: api.RunCard, step: int) -> list[api.Frame]:
    """What a model that has trained `step` steps would answer."""
    rng = np.random.default_rng(query.seed)
    blur = float(np.exp(-step / 700))
    points = card.data.kind == "points"
    x, y = digits()
    match query:
        case api.SampleQuery():
            if points:
                return [api.Sheet(ring(query.n, rng, 0.12 + blur))]
            z = encode(x[rng.integers(0, len(x), query.n)])
            clean = decode(z).astype(np.float32)
            noise = rng.integers(0, 255, clean.shape)
            return [api.Sheet((clean * (1 - blur) + noise * blur).astype(np.uint8))]
        case api.DecodeQuery():
            z = rng.normal(size=(1, LATENT)).astype(np.float32) if query.z is None else np.asarray(query.z, np.float32)
            return [api.Decoded(decode(z), z)]
        case api.WalkQuery():
            stops = rng.normal(size=(2, LATENT)) if query.stops is None else np.asarray(query.stops)
            t = np.linspace(0, 1, query.n)[:, None]
            z = (stops[0] * (1 - t) + stops[-1] * t).astype(np.float32)
            if query.path == "spherical":
                length = np.linalg.norm(stops[0]) * (1 - t) + np.linalg.norm(stops[-1]) * t
                z = (z / np.maximum(np.linalg.norm(z, axis=1, keepdims=True), 1e-6) * length).astype(np.float32)
            return [api.Decoded(decode(z), z)]
        case api.MapQuery():
            return [latent_map(query.n)]
        case api.ExamplesQuery():
            if points:
                return [api.ExamplesFrame(ring(query.n, rng), np.empty(0, np.int64), np.arange(query.n))]
            chosen = np.array(query.indices) if query.indices else rng.integers(0, len(x), query.n)
            return [api.ExamplesFrame(x[chosen], y[chosen], chosen)]
        case api.ReconstructQuery():
            chosen = np.array(query.indices) if query.indices else rng.integers(0, len(x), query.n)
            shown = x[chosen] if query.given is None else query.given
            back, errors = reconstructed(shown)
            known = (y[chosen], chosen) if query.given is None else (None, None)
            return [api.Pairs(shown, back, errors, *known)]
        case api.ErrorsQuery():
            chosen = np.random.default_rng(0).permutation(len(x))[: query.n]
            return [api.Errors(reconstructed(x[chosen])[1], chosen, y[chosen], len(chosen), len(chosen))]
        case api.EncodeQuery():
            assert query.given is not None
            mu = encode(query.given)
            return [api.Codes(mu, np.full_like(mu, 0.2))]
        case api.LatticeQuery():
            return [lattice(query)]
        case api.EffectQuery():
            falling = np.arange(LATENT, 0, -1, dtype=np.float32)[::-1].copy()
            falling[:2] = 0.0
            return [api.Effects(falling, np.ones(LATENT, np.float32))]
        case api.EmbedQuery():
            assert query.codes is not None
            xy = (query.codes[:, :2] / max(float(np.abs(query.codes[:, :2]).max()), 1e-6) * 3).astype(np.float32)
            return [api.Embedding(xy * part, done, 3) for done, part in ((1, 0.3), (2, 0.7), (3, 1.0))]
        case api.NearestQuery():
            return [nearest(query)]
        case api.MeansQuery():
            z = np.stack([*(encode(x[y == k]).mean(0) for k in range(10)), encode(x).mean(0)])
            return [api.Means(decode(z), z, np.full(11, 200))]
        case api.ArithmeticQuery():
            return [sums(query)]
        case api.CorruptQuery():
            return [repairs(query, rng, points)]
        case api.RepairFieldQuery():
            found = truth(api.TruthQuery(box=query.box, score_size=query.size))
            width = query.sigma or 0.3
            return [api.RepairField(found.points, found.vectors * 0.08, found.vectors * 0.09, width)]
        case api.TrajectoryQuery():
            return list(trajectory(query, points, rng))
        case api.TruthQuery():
            return [truth(query)]
        case api.DensityGridQuery():
            values = ring_density(query.size, query.box[0], query.box[1], 0.3)
            return [api.Surface(values, query.box, "bound")]
        case api.FieldQuery():
            found = truth(api.TruthQuery(box=query.box, score_size=query.size))
            return [api.Arrows(found.points, found.vectors * 0.8)]
        case api.LogProbQuery():
            n = 1 if query.given is not None or query.source == "blank" else query.n
            at = {"noise": -300.0, "blank": -12.0}.get(query.source, -24.0)
            chosen = rng.integers(0, len(x), n)
            items = ring(n, rng) if points else x[chosen]
            values = (at + 3.0 * rng.normal(size=n)).astype(np.float32)
            return [api.LogProbs(values, "exact", n, n, items if query.pictures else None)]
        case api.ConfusionQuery():
            guess = np.where(rng.random(query.n) < 0.1, rng.integers(0, 10, query.n), y[: query.n])
            counts = np.zeros((10, 10), np.int64)
            np.add.at(counts, (y[: query.n], guess), 1)
            wrong = np.flatnonzero(guess != y[: query.n])[:64]
            right = float(np.trace(counts)) / query.n
            return [api.Confusion(counts, right, 0.4, query.n, query.n, wrong, guess[wrong])]
        case api.PosteriorQuery():
            share = rng.dirichlet(np.full(10, 0.3)).astype(np.float32)
            prior = np.full(10, np.log(0.1), np.float32)
            return [api.Posterior(np.log(share), prior, share, -20.0, query.known is not None)]
        case api.RepresentationQuery():
            return [representation(query, step)]
        case api.BaselineQuery():
            return [api.Baseline(0.11, 0.93, 0.01, 0.97, 0.01, query.n, query.held)]
        case api.FiltersQuery():
            n = min(query.n, LATENT)
            pictures = np.clip(128 + components()[1][:n] * 2, 1, 255).astype(np.uint8).reshape(-1, 8, 8, 1)
            return [api.Filters(pictures, np.linspace(2, 1, n, dtype=np.float32), np.arange(n), LATENT, query.end)]
        case api.CompleteQuery():
            assert query.given is not None and query.known is not None
            made = np.repeat(query.given, query.n, 0).copy()
            made[:, ~query.known] = rng.integers(0, 2, made[:, ~query.known].shape) * 255
            log_probs = rng.normal(-10, 2, query.n).astype(np.float32)
            unknown = np.full(query.n, np.nan, np.float32)
            return [
                api.Completions(made, unknown, False, 1.0, query.particles, 0.5),
                api.Completions(made, log_probs, False, 3.5, query.particles, 1.0),
            ]
    return []


def reconstructed(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What the linear model gives back, and its mean squared errors."""
    back = decode(encode(x))
    return back, (((back.astype(float) - x) / 255) ** 2).mean((1, 2, 3)).astype(np.float32)


def nearest(query: api.NearestQuery) -> api.Nearest:
    """The nearest digits by pixels, or by codes."""
    x, y = digits()
    given = decode(np.asarray(query.z)) if query.given is None else query.given
    near = encode if query.space == "codes" else (lambda p: p.reshape(len(p), -1) / 255.0)
    gaps = np.sqrt(((near(given)[:, None] - near(x)[None]) ** 2).mean(-1)).astype(np.float32)
    order = np.argsort(gaps, axis=1, kind="stable")[:, : query.n]
    return api.Nearest(x[order], np.take_along_axis(gaps, order, 1), order, 0.12, y[order])


def lattice(query: api.LatticeQuery) -> api.Lattice:
    """Codes of the linear model on a plane."""
    assert query.base is not None and query.plane is not None and query.centre is not None
    n, (x0, x1, y0, y1) = query.size, query.box
    middles = (np.arange(n) + 0.5) / n
    at = np.stack(np.meshgrid(x0 + middles * (x1 - x0), y0 + middles * (y1 - y0)), -1)
    own = (query.base - query.centre) @ query.plane.T
    z = (query.base + (at - own) @ query.plane).astype(np.float32)
    pictures = decode(z.reshape(n * n, -1))
    return api.Lattice(pictures.reshape(n, n, *pictures.shape[1:]), z, query.box, n)


def sums(query: api.ArithmeticQuery) -> api.Sums:
    """Arithmetic with the linear model."""
    x, y = digits()
    ends = []
    for label, indices in ((query.plus, query.plus_indices), (query.minus, query.minus_indices)):
        ends.append(encode(x[list(indices)] if indices else x if label is None else x[y == label]).mean(0))
    base = x[[query.index]] if query.given is None else query.given
    amounts = np.linspace(0, query.amount, query.n).astype(np.float32)
    z = encode(base) + amounts[:, None] * (ends[0] - ends[1])
    both = np.stack(ends)
    norm = float(np.linalg.norm(ends[0] - ends[1]))
    return api.Sums(decode(z), z, amounts, base, decode(both), both, np.array([200, 200]), norm, 2.5)


def repairs(query: api.CorruptQuery, rng: np.random.Generator, points: bool) -> api.Repairs:
    """Digits or points with noise, and what the linear model, or a step towards the ring, makes of them."""
    if points:
        ideal = ring(query.n, rng, 0.0) if query.given is None else query.given
        noisy = ideal + query.amount * rng.normal(size=ideal.shape) if query.spoilt is None else query.spoilt
        nearer = noisy + 0.6 * (2 / np.linalg.norm(noisy, axis=1, keepdims=True) - 1) * noisy
        gaps = [((a - ideal) ** 2).mean(1).astype(np.float32) for a in (nearer, noisy)]
        pictures = [a.astype(np.float32) for a in (ideal, noisy, nearer)]
        return api.Repairs(*pictures, *gaps, "gaussian", 0.3)
    x, _ = digits()
    clean = x[rng.integers(0, len(x), query.n)] if query.given is None else query.given
    if query.spoilt is not None:
        spoilt = query.spoilt
        clean = spoilt if query.given is None else clean
    else:
        spoilt = np.clip(clean + 255 * query.amount * rng.normal(size=clean.shape), 0, 255).astype(np.uint8)
    back = decode(encode(spoilt))
    off = [(((a.astype(float) - clean) / 255) ** 2).mean((1, 2, 3)).astype(np.float32) for a in (back, spoilt)]
    return api.Repairs(clean, spoilt, back, *off, "gaussian", 0.3)


def truth(query: api.TruthQuery) -> api.Truth:
    """The ring, with arrows towards its radius."""
    lo, hi = query.box[0], query.box[1]
    g = np.linspace(lo, hi, query.score_size)
    at = np.stack(np.meshgrid(g, g), -1).reshape(-1, 2).astype(np.float32)
    away = np.linalg.norm(at, axis=1, keepdims=True)
    vectors = (at / np.maximum(away, 1e-3) * (2 - away)).astype(np.float32)
    return api.Truth(ring_density(query.size, lo, hi), query.box, at, vectors, 1.698)


def latent_map(n: int) -> api.LatentMap:
    """Where the digits lie in the linear latent space."""
    x, y = digits()
    chosen = np.random.default_rng(0).permutation(len(x))[:n]
    mu = encode(x[chosen])
    use = np.where(np.arange(LATENT) < LATENT - 3, 3.0 / (1 + np.arange(LATENT)), 0.0).astype(np.float32)
    edges = np.linspace(-4, 4, 42).astype(np.float32)
    counts = np.stack([np.histogram(axis, edges)[0] for axis in mu.T]).astype(np.float32)
    return api.LatentMap(
        mu=mu, std=np.full_like(mu, 0.2), labels=y[chosen], indices=chosen, use=use, order=np.argsort(-use),
        active=use > 0.01, histogram=counts / len(chosen), edges=edges,
    )  # fmt: skip


def representation(query: api.RepresentationQuery, step: int) -> api.Representation:
    """Codes that tell more and more of the class; three of the numbers are silent, and no causes are known."""
    known = 1 - float(np.exp(-step / 800))
    variances = np.where(np.arange(LATENT) < LATENT - 3, 1.0 / (1 + np.arange(LATENT)), 1e-4).astype(np.float32)
    none = np.full(1, np.nan, np.float32)
    return api.Representation(
        probe=0.1 + 0.8 * known, probe_error=0.01, neighbours=0.1 + 0.85 * known, neighbours_error=0.01,
        variances=variances, active=variances > 0.01, information=5.0 * known, marginal=1.5, kl=5.0 * known + 1.5,
        ceiling=float(np.log(query.n)), causes=("class",), table=(variances * known)[None],
        entropies=np.full(1, np.log(10), np.float32), gaps=none, gap=float("nan"), examples=query.n, held=query.held,
        why={"gap": "The causes behind the examples of Digits are not known."},
    )  # fmt: skip


def trajectory(query: api.TrajectoryQuery, points: bool, rng: np.random.Generator) -> list[api.StepFrame]:
    """From noise to data along a cosine schedule."""
    total = query.steps or 40
    t = np.linspace(0, 1, 200)
    schedule = {"t": t * 1000, "alpha_bar": np.cos(t * np.pi / 2) ** 2, "sigma": np.sin(t * np.pi / 2)}
    if points:
        clean, eps = ring(query.n, rng), rng.normal(size=(query.n, 2))
    else:
        chosen = digits()[0][rng.integers(0, 1500, query.n)]
        clean, eps = chosen / 127.5 - 1.0, rng.normal(size=chosen.shape)
    frames = []
    for k in range(total + 1):
        progress = k / total
        ab = float(np.cos((1 - progress) * np.pi / 2) ** 2)
        x = np.sqrt(ab) * clean + np.sqrt(1 - ab) * eps
        x0 = clean * progress + clean.mean(0) * (1 - progress)
        views = {"x0": x0, "noise": eps}
        time = 1000 * (1 - progress)
        numbers = {"t": time, "alpha_bar": ab, "sigma": (1 - ab) ** 0.5, "snr": ab / max(1 - ab, 1e-3)}
        frames.append(
            api.StepFrame(
                x=_draw(x, points), views={name: _draw(v, points) for name, v in views.items()}, progress=progress,
                time=f"t = {time:.0f}", numbers=numbers, number=k, total=total,
                curves=schedule if k == 0 else None, samplers=("ddpm", "ddim") if k == 0 else (),
            )
        )  # fmt: skip
    return frames


def _draw(x: np.ndarray, points: bool) -> np.ndarray:
    return x.astype(np.float32) if points else np.clip((x + 1) * 127.5, 0, 255).astype(np.uint8)


def scalars(run: str, steps: np.ndarray, split: str = "train") -> api.Scalars:
    """Curves that fall, with noise."""
    rng = np.random.default_rng(3)
    fall = 60 * np.exp(-steps / 300)
    wobble = rng.normal(0, 3 if split == "train" else 0.5, len(steps))
    kl = 24 * (1 - np.exp(-steps / 200)) + rng.normal(0, 0.6, len(steps))
    reconstruction = 78 + fall + wobble
    values = np.stack([reconstruction + kl, reconstruction, kl, -(reconstruction + kl)], 1).astype(np.float32)
    names = ("total", "reconstruction", "kl", "elbo")
    return api.Scalars(
        run, names, steps.astype(np.int64), steps * 0.004, values, "train" if split == "train" else "validation"
    )


def ready() -> api.Ready:
    """The worker is there."""
    return api.Ready(api.Catalogue((), (), (), api.DeviceCard("cpu", "CPU", 1)))


class Bench:
    """A desk with a fake engine, a run in front, and a way to let time pass."""

    def __init__(self, card: api.RunCard | None = None, is_ready: bool = True) -> None:
        self.engine = FakeEngine()
        self.clock = 0.0
        self.desk = Desk(self.engine, clock=lambda: self.clock)
        if is_ready:
            self.desk.take([ready()])
        if card is not None:
            self.desk.take([api.RunChanged(card)])
        self._seen = 0

    def fill_curves(self, run: str, last: int = 2400, edits: bool = True) -> None:
        """Give a run a history: curves, validation, an edit, a return to an earlier step, vectors."""
        first = np.arange(0, 1500)
        second = np.arange(900, last)
        use = np.array([3.1, 0.0, 2.4, 1.7, 0.9, 0.002, 0.5, 0.0, 1.2, 0.0], np.float32)
        self.desk.take([
            scalars(run, first), api.RolledBack(run, 1500, 900),
            scalars(run, second), scalars(run, np.arange(0, last, 200), "validation"),
            api.Vectors(run, last, {"kl_dimensions": use}),
        ])  # fmt: skip
        if edits:
            self.desk.take([api.Edited(run, 1200, "train.lr", 1e-3, 3e-4)])

    def pass_time(self, rounds: int = 4, answer: bool = True) -> None:
        """Ticks; each ask that is new is answered in full."""
        for _ in range(rounds):
            self.clock += 1.0
            self.desk.take([])
            if not answer:
                continue
            asks = [c for c in self.engine.sent[self._seen :] if isinstance(c, api.Ask)]
            self._seen = len(self.engine.sent)
            for ask in asks:
                self.desk.take(self.engine.answer(ask))
        self.desk.take([])
