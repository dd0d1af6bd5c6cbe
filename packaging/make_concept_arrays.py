"""Train the small autoencoders that the page on their geometry shows, and keep what they do on a grid of the plane.

    python packaging/make_concept_arrays.py [denoising] [contractive] [bottleneck]

writes resources/concepts/geometry-*.npz, plain arrays of less than 300 kB in all, in about a minute and a half on one
core. The page needs no training then. Everything follows from SEED; another version of torch may give other digits.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gm_core.concepts.geometry_shapes import BOX, SHAPES, exact_of, grid
from gm_core.data.toys import Moons
from gm_core.model import Batch
from gm_core.models.autoencoder import Autoencoder
from gm_core.resources import resource

SEED = 0
SIDE = 33
FINE_SIDE = 49
"""Of the denoisers' fields, which turn more sharply where there is little noise."""
NOISES = (0.1, 0.17, 0.3, 0.45, 0.6)
PENALTIES = (0.0, 0.01, 0.03, 0.1, 0.3, 1.0)
CURVE = 241
EXAMPLES = 2000


def train(shape: str, steps: int, batch: int, rate: float, **spec: Any) -> Autoencoder:
    """An autoencoder of the plane, trained on endless fresh examples by Adam with a cosine of the step size."""
    rng = torch.Generator().manual_seed(SEED)
    with torch.random.fork_rng():
        torch.manual_seed(SEED)
        model = Autoencoder(Autoencoder.Spec.model_validate(spec), Moons(Moons.Spec()).card)
    adam = torch.optim.Adam(model.parameters(), rate)
    slower = torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps)
    exact = exact_of(shape)
    for step in range(steps):
        model.at(step)
        total = model.loss(Batch(exact.sample(batch, rng)), rng)["total"]
        adam.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        adam.step()
        slower.step()
    print(shape, spec, f"loss {float(total.detach()):.4f}", flush=True)
    return model.eval().requires_grad_(False)


def moves(model: Autoencoder, x: Tensor) -> Tensor:
    """r(x) - x at points (n, 2): (n, 2)."""
    return model.decode(model.codes(x)) - x


def slopes(function: Callable[[Tensor], Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
    """Both singular values (n, 2) of the Jacobian at points (n, 2), and the angle (n,) of the first direction."""
    jacobian = torch.func.vmap(torch.func.jacrev(lambda one: function(one[None])[0]))(x)
    if jacobian.shape[1] < 2:
        jacobian = torch.nn.functional.pad(jacobian, (0, 0, 0, 1))
    _, values, axes = torch.linalg.svd(jacobian, full_matrices=False)
    return values[:, :2], torch.atan2(axes[:, 0, 1], axes[:, 0, 0])


def denoising() -> dict[str, np.ndarray]:
    """r(x) - x for each shape and amount of noise: (shapes, noises, FINE_SIDE, FINE_SIDE, 2).

    Also the part of the best moves that was missed, E|r - best|^2 / E|best - x|^2 under p_sigma: (shapes, noises).
    """
    x, fields, missed = grid(FINE_SIDE), [], []
    for shape in SHAPES:
        for noise in NOISES:
            model = train(shape, 1200, 256, 3e-3, latent=64, hidden=(64, 64), activation="relu", code="relu",
                          corruption="gaussian", amount=noise)  # fmt: skip
            fields.append(moves(model, x))
            spoilt = exact_of(shape).noised(1.0, noise)
            some = spoilt.sample(10 * EXAMPLES, torch.Generator().manual_seed(SEED))
            best = noise**2 * spoilt.score(some)
            missed.append((moves(model, some) - best).square().sum() / best.square().sum())
    return {
        "strengths": np.array(NOISES),
        "field": torch.stack(fields)
        .reshape(len(SHAPES), len(NOISES), FINE_SIDE, FINE_SIDE, 2)
        .numpy()
        .astype(np.float16),
        "missed": torch.stack(missed).reshape(len(SHAPES), len(NOISES)).numpy().astype(np.float32),
    }


def contractive() -> dict[str, np.ndarray]:
    """r(x) - x, singular values of the encoder's Jacobian and the angle of its first direction, by penalty.

    Also the mean singular values over examples, of the encoder and of x -> r(x): (shapes, penalties, 2).
    """
    x = grid(SIDE)
    fields, values, angles, means, whole = [], [], [], [], []
    for shape in SHAPES:
        some = exact_of(shape).sample(EXAMPLES, torch.Generator().manual_seed(SEED))
        for penalty in PENALTIES:
            model = train(shape, 900, 96, 1e-2, latent=8, hidden=(48,), activation="tanh", tied=True,
                          contraction=penalty)  # fmt: skip
            fields.append(moves(model, x))
            found = slopes(model.codes, x)
            values.append(found[0])
            angles.append(found[1])
            means.append(slopes(model.codes, some)[0].mean(0))
            whole.append(slopes(lambda p, model=model: model.decode(model.codes(p)), some)[0].mean(0))
    head = (len(SHAPES), len(PENALTIES))
    return {
        "strengths": np.array(PENALTIES),
        "field": torch.stack(fields).reshape(*head, SIDE, SIDE, 2).numpy().astype(np.float16),
        "singular": torch.stack(values).reshape(*head, SIDE, SIDE, 2).numpy().astype(np.float16),
        "angle": torch.stack(angles).reshape(*head, SIDE, SIDE).numpy().astype(np.float16),
        "encoder_mean": torch.stack(means).reshape(*head, 2).numpy().astype(np.float32),
        "whole_mean": torch.stack(whole).reshape(*head, 2).numpy().astype(np.float32),
    }


def bottleneck() -> dict[str, np.ndarray]:
    """One number as code, told as the share of the decoder's curve that lies before it: on the grid, with the curve."""
    x = grid(SIDE)
    codes, fields, curves = [], [], []
    for shape in SHAPES:
        model = train(shape, 3000, 256, 5e-3, latent=1, hidden=(64, 64), activation="tanh")
        some = exact_of(shape).sample(EXAMPLES, torch.Generator().manual_seed(SEED))
        known = model.codes(some)[:, 0].sort().values
        known = torch.cat((known, torch.linspace(float(known[0]), float(known[-1]), EXAMPLES))).sort().values
        drawn = model.decode(known[:, None]).double().numpy()
        length = np.concatenate(([0.0], np.cumsum(np.linalg.norm(np.diff(drawn, axis=0), axis=1))))
        length /= length[-1]
        codes.append(np.interp(model.codes(x)[:, 0].numpy(), known.numpy(), length))
        fields.append(moves(model, x))
        even = np.linspace(0.0, 1.0, CURVE)
        curves.append(np.column_stack([np.interp(even, length, side) for side in drawn.T]))
    return {
        "codes": np.stack(codes).reshape(len(SHAPES), SIDE, SIDE).astype(np.float32),
        "field": torch.stack(fields).reshape(len(SHAPES), SIDE, SIDE, 2).numpy().astype(np.float32),
        "curve": np.stack(curves).astype(np.float32),
    }


KINDS = {"denoising": denoising, "contractive": contractive, "bottleneck": bottleneck}

if __name__ == "__main__":
    torch.set_num_threads(1)
    folder = resource("concepts")
    folder.mkdir(exist_ok=True)
    for kind in sys.argv[1:] or KINDS:
        arrays = KINDS[kind]()
        assert all(np.isfinite(array).all() for array in arrays.values()), f"{kind}: a training diverged"
        path = folder / f"geometry-{kind}.npz"
        np.savez_compressed(path, box=np.array(BOX), **arrays)
        print(path, path.stat().st_size)
