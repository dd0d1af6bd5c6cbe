"""What the page on the geometry of autoencoders says: its sections, formulas and ways to the models."""

from __future__ import annotations

from app.page import Link, Readout, Section

SECTIONS = (
    Section(
        "denoiser",
        "The best denoiser",
        (
            r"r(x)=\mathbb{E}[x_0\,|\,x]=x+\sigma^2\,\nabla_x\log p_\sigma(x)"
            r"=\left(\slot{x_1}{-0.00},\,\slot{x_2}{-0.00}\right)+\slot{sigma}{0.00}^2"
            r"\left(\slot{score_1}{-0.00},\,\slot{score_2}{-0.00}\right)"
            r"=\left(\slot{r_1}{-0.00},\,\slot{r_2}{-0.00}\right)",
        ),
        "Drag the point: each arrow says where the best denoiser of all sends its place, computed exactly from the "
        "density of the spoilt data. Arrows point uphill on ln p(x), and denoising again and again climbs to a ridge: "
        "the manifold, without anyone having named it. With little noise the arrows are short and the ridge sharp; "
        "with much noise both moons melt into one heap, and the answer is their middle.",
        ("shape", "sigma", "steps"),
        (
            Readout("move", "|r(x) − x|", "0.000"),
            Readout("energy", "−ln p(x), nats", "0.00"),
            Readout("after", "−ln p(x) after all steps", "0.00"),
        ),
        (Link("Scores learned from examples", "score-moons", "plane"),),
        plays="sigma",
    ),
    Section(
        "bend",
        "What noise bends",
        (
            r"r(\rho)=R\,\frac{I_1(R\rho/\sigma^2)}{I_0(R\rho/\sigma^2)}=\slot{pulled}{0.000}\qquad "
            r"r(\rho_*)=\rho_*=\slot{rest}{0.000}\approx R-\frac{\sigma^2}{2R}=\slot{nearly}{0.000}\qquad "
            r"R=\slot{radius}{0.0}",
        ),
        "Data on a circle, exactly solved. The denoiser comes to rest on a smaller circle: what a point could have "
        "been is an arc, and the mean of an arc lies inside the bend. The more noise, the deeper, until at σ = R/√2 "
        "the circle is gone and everything is sent to the middle. That is why diffusion lowers the noise step by step.",
        ("noise", "rho"),
        (
            Readout("rest", "radius of rest", "0.000"),
            Readout("shrunk", "lost of R", "0.000"),
            Readout("collapse", "collapse at σ =", "0.000"),
        ),
        (Link("Diffusion, from much noise to little", "ddpm-moons", "steps"),),
        plays="noise",
    ),
    Section(
        "learned",
        "Learned to denoise",
        (
            r"\min_r\,\mathbb{E}\,|x_0-r(x_0+\sigma\varepsilon)|^2\qquad r(x)-x="
            r"\left(\slot{learned_1}{-0.000},\,\slot{learned_2}{-0.000}\right)\approx\sigma^2\nabla_x\log p_\sigma(x)="
            r"\left(\slot{best_1}{-0.000},\,\slot{best_2}{-0.000}\right)\qquad\sigma=\slot{sigma}{0.00}",
        ),
        "A trained denoising autoencoder beside the best one; no one ever showed it a density or a score. Drag the "
        "point and compare both ways, then change the noise. The ground is coloured where both differ: far from the "
        "data, where training never came, the network makes things up. With little noise that is nearly everywhere.",
        ("shape", "noise_level"),
        (
            Readout("sigma", "σ of the training", "0.00"),
            Readout("gap", "|learned − best| here", "0.000"),
            Readout("missed", "part of the moves missed", "0.0000"),
        ),
        (Link("Train one on the moons", "autoencoder-denoising-moons", "plane"),),
        plays="noise_level",
    ),
    Section(
        "contractive",
        "Contractive",
        (
            r"\min\,\mathbb{E}\,|x-r(x)|^2+\lambda\,\mathbb{E}\,\left|\frac{\partial f}{\partial x}\right|^2_F\qquad"
            r"\left|\frac{\partial f}{\partial x}\right|^2_F=\slot{along}{0.000}^2+\slot{across}{0.000}^2"
            r"=\slot{squared}{0.000}\qquad\lambda=\slot{penalty}{0.00}",
        ),
        "Raise the penalty. The code may answer to as little as possible, yet must tell examples apart: so it keeps "
        "the direction along the data and lets go of the one across. The bars at the point are both singular values. "
        "x → r(x) keeps 1 along and little across, and points that are handed to it again and again gather on a "
        "curve. The moons, close to one another, resist.",
        ("trained_on", "penalty_level", "shows"),
        (
            Readout("penalty", "λ", "0.00"),
            Readout("along", "first singular value", "0.000"),
            Readout("across", "second singular value", "0.000"),
            Readout("error", "E|x − r(x)|²", "0.0000"),
        ),
        (Link("A contractive autoencoder of digits", "autoencoder-contractive-digits", "reconstruction"),),
        plays="penalty_level",
    ),
    Section(
        "bottleneck",
        "One number as code",
        (
            r"x=\left(\slot{x_1}{-0.00},\,\slot{x_2}{-0.00}\right)\;\rightarrow\;h(x)=\slot{h}{0.000}\;\rightarrow\;"
            r"g(h)=\left(\slot{r_1}{-0.00},\,\slot{r_2}{-0.00}\right)\qquad|x-r(x)|=\slot{error}{0.000}",
        ),
        "With one number as code the decoder draws one curve, and whatever goes in comes back on it: that curve is the "
        "manifold that was learned. Drag the point, and the code along the curve. A circle has no ends but a line of "
        "codes has two, so it is cut open somewhere, and there neighbours get codes far apart and come back wrong. "
        "Two moons need a bridge on which no example lies.",
        ("trained_on", "code", "ground"),
        (
            Readout("h", "h(x)", "0.000"),
            Readout("nearest", "nearest place of the curve", "0.000"),
            Readout("mean_error", "mean |x − r(x)|", "0.000"),
            Readout("worst", "worst |x − r(x)|", "0.000"),
        ),
        (Link("Two numbers as code, for digits", "vae-digits-2d", "latent"),),
        plays="code",
    ),
)
