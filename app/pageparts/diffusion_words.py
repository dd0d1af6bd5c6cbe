"""Formulas and words of the page on diffusion."""

from __future__ import annotations

from app.page import Link, Readout, Section

STEPS = Link("Diffusion of digits, step by step", "ddpm-digits", "steps")

SECTIONS = (
    Section(
        "schedule",
        "Schedule",
        (
            r"q(x_t\,|\,x_0)=\mathcal N\!\left(\sqrt{\bar\alpha_t}\,x_0,\;(1-\bar\alpha_t)I\right)\qquad "
            r"\bar\alpha_t=\prod_{s=1}^{t}(1-\beta_s)=\slot{alpha_bar}{0.0000}\qquad "
            r"\mathrm{SNR}_t=\frac{\bar\alpha_t}{1-\bar\alpha_t}=\slot{snr}{000.000}",
            r"x_t=\sqrt{\bar\alpha_t}\,x_0+\sqrt{1-\bar\alpha_t}\,\epsilon"
            r"=\slot{signal}{0.000}\,x_0+\slot{sigma}{0.000}\,\epsilon\qquad \epsilon\sim\mathcal N(0,I)",
        ),
        "Press play and watch the digit drown. Drag a handle, and the schedule is yours. The bars say which classes "
        "the noisy picture may still come from, exactly, if the 1,797 small digits were all that there is; the third "
        "picture is the mean of those candidates. On the linear schedule the "
        "class is safe up to t = 150 and nearly lost at 400 of 1,000: its second half is spent on noise alone. A "
        "cosine wastes less.",
        ("schedule", "t", "beta_first", "beta_last", "digit", "seed"),
        (
            Readout("beta", "β at t", "0.00000"),
            Readout("log_snr", "ln SNR", "0.000"),
            Readout("information", "½ ln(1 + SNR), nats", "0.0000"),
            Readout("right", "p(right class)", "0.000"),
            Readout("last_alpha_bar", "ᾱ at T", "0.00000"),
        ),
        (STEPS,),
        plays="t",
    ),
    Section(
        "posterior",
        "Posterior",
        (
            r"q(x_{t-1}|x_t,x_0)=\mathcal N(\tilde\mu_t,\tilde\beta_t)\qquad "
            r"\tilde\mu_t=\frac{\sqrt{\bar\alpha_{t-1}}\,\beta_t}{1-\bar\alpha_t}\,x_0"
            r"+\frac{\sqrt{\alpha_t}\,(1-\bar\alpha_{t-1})}{1-\bar\alpha_t}\,x_t"
            r"=\slot{weight_0}{0.000}\,x_0+\slot{weight_t}{0.000}\,x_t=\slot{mean}{-0.000}",
            r"\tilde\beta_t=\frac{1-\bar\alpha_{t-1}}{1-\bar\alpha_t}\,\beta_t=\slot{variance}{0.0000}\qquad "
            r"q(x_{t-1}|x_t,x_0)\propto q(x_{t-1}|x_0)\,q(x_t|x_{t-1})",
        ),
        "Drag x₀ and x at t. Each says where the step before may have been, and the product of both is again a "
        "Gaussian: the dashed curve is that product, normalised on a grid, and lies on the formula. Near the data "
        "x₀ decides, far out x at t does. Repeat the step and a bridge leads back to x₀. No sampler knows x₀; a "
        "network guesses it.",
        ("x_0", "x_t", "time", "seed"),
        (
            Readout("product_mean", "mean of the product"),
            Readout("product_variance", "its variance"),
            Readout("beta", "β at t"),
        ),
        (STEPS,),
        plays="time",
    ),
    Section(
        "misprints",
        "Misprints",
        (
            r"\mathrm{Ho:}\;\;x_t=\sqrt{1-\beta_t}\,x_{t-1}+\sqrt{\beta_t}\,z,\quad "
            r"x_{t-1}=\frac{1}{\sqrt{\alpha_t}}\left(x_t-\frac{\beta_t}{\sqrt{1-\bar\alpha_t}}\,\epsilon\right)"
            r"+\sigma_t z\qquad \mathrm{corr}(x_0,x_1)=\slot{correlation}{0.0000}",
            r"\mathrm{notes:}\;\;x_t=\sqrt{\beta_t}\,x_{t-1}+\sqrt{1-\beta_t}\,z,\quad "
            r"x_{t-1}=\frac{1}{\sqrt{\bar\alpha_t}}\left(x_t-\frac{1-\bar\alpha_t}{\sqrt{1-\bar\alpha_t}}\,\epsilon\right)"
            r"+\sigma_t z\qquad \mathrm{corr}(x_0,x_1)=\slot{notes_correlation}{0.0000}",
        ),
        "Left Ho et al., right the notes, with the same noise and the exact ε, so that only the coefficients differ. "
        "Forward, the notes swap signal and noise: one step, and the data are gone. Back, their mean is the guess of "
        "x₀ itself, so each step leaps to the end and the last ones squeeze each peak to a needle. Set the distance "
        "to 0: narrow data collapse, data of width 2 explode. Their loop also stops before t = 1.",
        ("distance", "width", "steps", "variance", "seed"),
        (
            Readout("variance", "variance of the data", "0.000"),
            Readout("ho_variance", "at the end, Ho", "0.000"),
            Readout("notes_variance", "at the end, notes", "0.000"),
            Readout("ho_exact", "Gaussian data, exactly, Ho"),
            Readout("notes_exact", "the same, notes"),
        ),
        (Link("The right step at work", "ddpm-ring", "steps"),),
    ),
    Section(
        "score",
        "Two gradients",
        (
            r"p_\theta(x)=\frac{1}{2}\mathcal N(x;-1.5,s^2)+\frac{1}{2}\mathcal N(x;\theta,s^2)"
            r"\qquad \nabla_x\log p_\theta(x)=\slot{score}{-0.000}\qquad "
            r"\nabla_\theta\log p_\theta(x)=\slot{gradient}{-0.000}",
        ),
        "One function, two arguments, two slopes. With the model held, the slope in x, the score, moves a point to "
        "where data are: sampling follows it. With the point held, the slope in θ moves the model to the point: "
        "learning follows it. Far right the two are opposite, for then only the peak at θ counts. A factor in front "
        "of p would change no score: no normalising constant is needed.",
        ("x", "theta", "spread"),
        (Readout("log_density", "ln p(x)", "0.000"), Readout("share", "share of the peak at θ", "0.000")),
        (Link("The score of a trained model on the plane", "score-moons", "plane"),),
    ),
    Section(
        "tweedie",
        "Tweedie",
        (
            r"\mathbb E[x_0|x_t]=\frac{x_t+(1-\bar\alpha_t)\,\nabla\log p_t(x_t)}{\sqrt{\bar\alpha_t}}"
            r"=\slot{tweedie}{-0.0000}\qquad \nabla\log p_t(x_t)=\slot{score}{-0.000}\qquad "
            r"\epsilon^*=-\sqrt{1-\bar\alpha_t}\,\nabla\log p_t(x_t)=\slot{noise}{-0.000}",
        ),
        "Drag x at t. Who knows the score of the noisy law knows the best guess of the data: the curve comes from the "
        "score alone, the dots from counting 8,000 drawn pairs. With little kept the guess lies between the peaks, "
        "where no data are: a mean is no sample. As more is kept, the curve turns into a stair.",
        ("kept", "x_t", "seed"),
        (Readout("tweedie", "Tweedie"), Readout("by_bayes", "by Bayes' rule"), Readout("noise", "the noise in x at t")),
        (Link("A denoising autoencoder is a score", "autoencoder-denoising-moons", "plane"),),
        plays="kept",
    ),
    Section(
        "langevin",
        "Langevin",
        (
            r"x'=x+\frac{\eta}{2}\,\nabla\log p(x)+\sqrt{\eta}\,z\qquad \mathrm{on}\;\mathcal N(0,1):\;\;"
            r"\mathrm{Var}_\infty=\frac{1}{1-\eta/4}=\slot{settles_small}{0.000},\;\slot{settles_right}{0.000},\;"
            r"\slot{settles_large}{0.000}",
        ),
        "All chains start at −3 with the same noise; press play. Too small a step never gets there in time. The right "
        "one finds both peaks and nearly the right widths. Too large a step smears them, and beyond η = 4 on one peak "
        "the chains run away. Metropolis' test mends what is left, not the time that it takes.",
        ("target", "taken", "eta_small", "eta_right", "eta_large", "metropolis", "seed"),
        (
            Readout("target_variance", "variance of the target", "0.000"),
            Readout("variance_small", "too small", "0.000"),
            Readout("variance_right", "right", "0.000"),
            Readout("variance_large", "too large", "0.000"),
            Readout("accepted_large", "moves accepted, too large", "0.00"),
        ),
        (Link("Langevin steps with a learned score", "score-ring", "steps"),),
        plays="taken",
    ),
)
