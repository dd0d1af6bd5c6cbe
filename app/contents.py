"""The contents of the notes, known before any page is imported: pages, and the models to meet between them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Stop:
    """One stop of the path through the notes: a page, or a model to train or look at (`preset`, seen in `panel`)."""

    name: str
    title: str
    page: str = ""
    preset: str = ""
    panel: str = ""


def _page(name: str, title: str) -> Stop:
    return Stop(name, title, page=name)


def _model(preset: str, title: str, panel: str) -> Stop:
    return Stop(f"model-{preset}", title, preset=preset, panel=panel)


PATH: tuple[Stop, ...] = (
    _page("overview", "What a generative model is"),
    _page("distributions", "Bernoulli, categorical, Gaussian"),
    _page("counting", "Counting parameters"),
    _page("divergences", "Entropy and divergences"),
    _page("gaussian_kl", "KL of Gaussians"),
    _page("bayes", "Bayes' rule"),
    _model("markov-digits", "A chain of pixels draws digits", "sites"),
    _page("monte_carlo", "Likelihood and Monte Carlo"),
    _page("factorisation", "Autoregressive factorisation"),
    _model("made-digits", "MADE: all conditionals in one network", "sites"),
    _page("elbo", "Jensen's inequality and the ELBO"),
    _page("gradients", "The reparameterisation trick"),
    _model("vae-digits", "A VAE learns digits", "latent"),
    _page("control", "Control signals"),
    _page("geometry", "Autoencoders as geometry"),
    _model("autoencoder-denoising-digits", "A denoising autoencoder repairs digits", "denoising"),
    _page("game", "The adversarial game"),
    _model("gan-ring", "Two players on the plane", "duel"),
    _page("diffusion", "Forward diffusion and scores"),
    _model("ddpm-digits", "Diffusion, step by step", "steps"),
)
"""Pages and families in the order of the notes."""

PAGES: tuple[Stop, ...] = tuple(stop for stop in PATH if stop.page)
ORDER: tuple[str, ...] = (
    "overview",
    "distributions",
    "counting",
    "divergences",
    "gaussian_kl",
    "bayes",
    "monte_carlo",
    "elbo",
    "gradients",
    "factorisation",
    "game",
    "diffusion",
    "control",
    "geometry",
)
"""Pages by their number."""


def number_of(page: str) -> int:
    """The number of a page, from 1."""
    return ORDER.index(page) + 1


def title_of(page: str) -> str:
    """The title of a page."""
    return next(stop.title for stop in PAGES if stop.page == page)
