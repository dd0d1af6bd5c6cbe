"""What the stand-in core answers to each query, at once."""

from __future__ import annotations

import numpy as np

from gm_core import api
from tests.app.fake_model import LATENT, components, data_card, decode, digits, encode, ring, ring_density


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
        case api.TrajectoryQuery() if query.raw:
            return straight(query)
        case api.TrajectoryQuery():
            return list(trajectory(query, points, rng))
        case api.DecisionQuery():
            return list(decision(query))
        case api.TruthQuery():
            return [truth(query)]
        case api.CompareQuery():
            return [compared(query, "density" in card.offers)]
        case api.QualityQuery() if points:
            return [quality(query)]
        case api.GlimpseQuery():
            values = ring_density(query.size, query.box[0], query.box[1])
            return [api.Glimpse(values, query.box, data_card(points=True))]
        case api.TraceQuery():
            bell = {"kind": "gaussian", "label": 0, "weight": 1.0, "at": [2.0, 0.0], "axes": [0.2, 0.2]}
            return [api.Traced((bell,), 4.0, (), query.data.get("kind") == "ring")]
        case api.DensityGridQuery():
            values = ring_density(query.size, query.box[0], query.box[1], 0.3)
            return [api.Surface(values, query.box, "bound")]
        case api.FieldQuery():
            found = truth(api.TruthQuery(box=query.box, score_size=query.size))
            kind = query.kind or "score"
            return [api.Arrows(found.points, found.vectors * 0.8, kind, ("score", "velocity"), mixing(query.noise))]
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
        case api.CriticQuery():
            return [verdicts(query, points, rng)]
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
    return api.Truth(ring_density(query.size, lo, hi), query.box, at, vectors, 1.698, mixing(query.noise))


def straight(query: api.TrajectoryQuery) -> list[api.StepFrame]:
    """From given points straight to the nearest place of the ring."""
    start = np.asarray(query.given, np.float32)
    end = 2 * start / np.maximum(np.linalg.norm(start, axis=1, keepdims=True), 1e-3)
    return [
        api.StepFrame((start + (end - start) * k / 10).astype(np.float32), {}, k / 10, f"t = {10 - k}", {}, k, 10)
        for k in range(11)
    ]


def mixing(noise: float) -> tuple[float, float]:
    """How much of the data and of the noise there is at a moment."""
    return (float(np.cos(noise * np.pi / 2)), float(np.sin(noise * np.pi / 2))) if noise > 0 else (1.0, 0.0)


def compared(query: api.CompareQuery, density: bool) -> api.Compared:
    """A bound that is a little too wide, or as much of an estimate; the score is a fifth too short."""
    box, size = query.box, query.size
    learned, exact = ring_density(size, box[0], box[1], 0.3), ring_density(size, box[0], box[1])
    scores = (0.4, 2.0) if query.score else (float("nan"), float("nan"))
    if density:
        return api.Compared(
            learned, exact, box, "bound", mixing(query.noise), 0.17, 0.21, 0.04, mass=(1.0, 0.98), outside=0.0,
            score_gap=scores[0], score_size=scores[1],
        )  # fmt: skip
    return api.Compared(
        learned, exact, box, "estimate", mixing(query.noise), 0.17, 0.21, 0.04, (0.01, 0.02, 0.003), (0.05, 0.01),
        (1.0, 1.0), 0.0, False, query.n, 0.11,
    )  # fmt: skip


def quality(query: api.QualityQuery) -> api.Quality:
    """Distances between points, as an estimate."""
    values = {"mmd": (0.002, 0.0005, 0.0001), "sliced": (0.11, 0.02, 0.06)}
    names = tuple(name for name in query.metrics if name in values)
    rows = np.array([values[name] for name in names])
    return api.Quality(names, rows[:, 0], rows[:, 1], rows[:, 2], {}, query.n, 1)


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
    """From noise (or from what is given) to data along a cosine schedule; each turn aims at other data from there."""
    total = query.steps or 40
    t = np.linspace(0, 1, 200)
    schedule = {"t": t * 1000, "alpha_bar": np.cos(t * np.pi / 2) ** 2, "sigma": np.sin(t * np.pi / 2)}

    def target(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        if points:
            return ring(query.n, rng), rng.normal(size=(query.n, 2))
        chosen = digits()[0][rng.integers(0, 1500, query.n)]
        return chosen / 127.5 - 1.0, rng.normal(size=chosen.shape)

    clean, eps = target(rng)
    if query.given is not None:
        clean = np.broadcast_to(query.given if points else query.given / 127.5 - 1.0, clean.shape)
    frames: list[api.StepFrame] = []
    turns, segment, moved = query.in_order(), 0, 0.0
    for k in range(round(query.begin * total), total + 1):
        progress = k / total
        ab = float(np.cos((1 - progress) * np.pi / 2) ** 2)
        while True:
            x = np.sqrt(ab) * clean + np.sqrt(1 - ab) * eps + moved
            x0 = clean * progress + clean.mean(0) * (1 - progress)
            views = {"x0": x0, "noise": eps, "score": -eps * 0.5}
            if query.guidance is not None:
                views["guidance"] = (query.guidance - 1) * 0.2 * eps
            time = 1000 * (1 - progress)
            numbers = {"t": time, "alpha_bar": ab, "sigma": (1 - ab) ** 0.5, "snr": ab / max(1 - ab, 1e-3)}
            numbers["score_norm"] = 1 + progress
            frames.append(
                api.StepFrame(
                    x=_draw(x, points), views={name: _draw(v, points) for name, v in views.items()}, progress=progress,
                    time=f"t = {time:.0f}", numbers=numbers, number=k, total=total, segment=segment, cost=k,
                    curves=schedule if not frames else None, samplers=("ddpm", "ddim") if not frames else (),
                )
            )  # fmt: skip
            if segment == len(turns) or progress < turns[segment].progress - 1e-9:
                break
            turn = turns[segment]
            segment += 1
            if turn.paint is not None and turn.mask is not None:
                mask = turn.mask if points else turn.mask[..., None]
                moved = moved + np.where(mask, (turn.paint if points else turn.paint / 127.5 - 1.0) - x, 0.0)
            elif query.sampler != "ddim":  # which adds no noise, so that other noise changes nothing
                clean, eps = target(np.random.default_rng(turn.seed))
    return frames


def decision(query: api.DecisionQuery) -> list[api.Decision]:
    """Agreement that rises with progress, moment after moment."""
    m = query.moments
    progress = (np.arange(m) / m).astype(np.float32)
    rising = (0.1 + 0.9 / (1 + np.exp(-10 * (progress - 0.4)))).astype(np.float32)
    made = []
    for done in range(1, m + 1):
        known = np.arange(m) >= m - done
        agreement = np.where(known, rising, np.nan).astype(np.float32)
        made.append(
            api.Decision(
                progress, agreement, agreement * 0.05, np.tile(agreement, (query.n, 1)), np.zeros((m, 10), np.int64),
                np.arange(query.n) % 10, done, m, query.forks, query.way, query.sampler != "ddim", 0.1, 0.97, 0.01, 500,
            )
        )  # fmt: skip
    return made


def _draw(x: np.ndarray, points: bool) -> np.ndarray:
    return x.astype(np.float32) if points else np.clip((x + 1) * 127.5, 0, 255).astype(np.uint8)


def verdicts(query: api.CriticQuery, points: bool, rng: np.random.Generator) -> api.Verdicts:
    """A discriminator that finds the right half of the plane, or bright digits, real."""
    n, size, g = query.n, query.size, query.lattice
    real_says, fake_says = rng.uniform(0.5, 0.9, n).astype(np.float32), rng.uniform(0.1, 0.6, n).astype(np.float32)
    if not points:
        return api.Verdicts(
            "probability", query.box, digits()[0][:n], digits()[0][n : 2 * n], real_says, fake_says, -1.2
        )
    fake = rng.normal(0, 1, (n, 2)).astype(np.float32)
    across = np.linspace(0.3, 0.7, size, dtype=np.float32)
    ticks = np.linspace(-2, 2, g, dtype=np.float32)
    codes = np.stack(np.meshgrid(ticks, ticks), -1)
    return api.Verdicts(
        "probability", query.box, ring(n, rng), fake, real_says, fake_says, -1.2, -0.9,
        np.tile(np.array([[0.5, 0.0]], np.float32), (n, 1)),
        np.tile(across, (size, 1)), np.tile(across[::-1], (size, 1)),
        codes, codes * 1.2, np.zeros((g - 1, g - 1), np.float32),
    )  # fmt: skip
