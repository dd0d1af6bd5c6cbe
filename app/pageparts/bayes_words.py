"""What the page on Bayes' rule says: its sections, formulas and ways to the models."""

from __future__ import annotations

from app.page import Link, Readout, Section

CLASSES = ("p_1", "sigma_0", "rho_0")

SECTIONS = (
    Section(
        "table",
        "Table",
        (
            r"p(y\,|\,x)=\frac{p(x,y)}{\sum_{y'}p(x,y')}=\frac{p(x\,|\,y)\,p(y)}{p(x)}"
            r"=\frac{\slot{x_given_y}{0.000}\times\slot{p_y}{0.000}}{\slot{p_x}{0.000}}=\slot{y_given_x}{0.000}",
        ),
        "Press a cell to look at its row and column; drag it up or down to change the joint. Sums give the marginals "
        "at the edges, and a column or row over its own sum is a conditional. p(y|x) and p(x|y) share a cell and still "
        "differ: each is divided by another sum. Take the independent table and every conditional turns into "
        "its marginal: x then tells nothing about y, and the information is 0 nats.",
        ("table", "pressure", "weather", "cell"),
        (
            Readout("p_xy", "p(x, y)", "0.000"),
            Readout("product", "p(x) p(y)", "0.000"),
            Readout("h_y", "H(y), nats", "0.000"),
            Readout("h_y_given_x", "H(y|x), nats", "0.000"),
            Readout("information", "I(x; y), nats", "0.000"),
        ),
        (Link("Bayes' rule tells digits apart", "independent-bayes-digits", "bayes"),),
    ),
    Section(
        "test",
        "A test",
        (
            r"p(\mathrm{ill}\,|\,+)=\frac{p(+|\mathrm{ill})\,p(\mathrm{ill})}"
            r"{p(+|\mathrm{ill})\,p(\mathrm{ill})+p(+|\mathrm{healthy})\,p(\mathrm{healthy})}"
            r"=\frac{\slot{hit}{0.000}\times\slot{prior}{0.0000}}"
            r"{\slot{hit}{0.000}\times\slot{prior}{0.0000}+\slot{false_alarm}{0.000}\times\slot{well}{0.0000}}"
            r"=\slot{posterior}{0.000}",
        ),
        "Drag the three handles of the square: how many are ill, and how high either group is filled with positive "
        "tests. Of all that is filled, how much is ill? With a rare illness a good test still rings mostly for the "
        "healthy, because there are so many of them. A second independent test multiplies the odds by the same ratio "
        "again.",
        ("prior", "sensitivity", "specificity", "tests"),
        (
            Readout("posterior", "p(ill | all positive)", "0.0000"),
            Readout("negative", "p(ill | not all positive)", "0.00000"),
            Readout("evidence", "p(all positive)", "0.0000"),
            Readout("odds", "odds before", "0.0000"),
            Readout("ratio", "× likelihood ratio", "0.00"),
            Readout("odds_after", "= odds after", "0.0000"),
        ),
        (Link("Bayes' rule tells digits apart", "independent-bayes-digits", "bayes"),),
        plays="prior",
    ),
    Section(
        "plane",
        "Plane",
        (
            r"p(y{=}1\,|\,x)=\frac{p(x\,|\,1)\,p(1)}{p(x\,|\,0)\,p(0)+p(x\,|\,1)\,p(1)}"
            r"=\frac{\slot{likelihood_1}{0.0000}\times\slot{prior}{0.00}}{\slot{evidence}{0.0000}}"
            r"=\slot{posterior}{0.0000}",
        ),
        "Drag both means and the point. The line is where both classes are equally likely: straight while they share a "
        "covariance, curved as soon as each has its own. Change p(y=1) and the line moves away from the class that "
        "grows. On the right p(x₁) is a sum over x₂, and p(x₂|x₁) a cut along the dashed line.",
        ("shows", *CLASSES, "one_covariance", "sigma_1", "rho_1"),
        (
            Readout("evidence", "p(x)", "0.00000"),
            Readout("log_odds", "ln odds", "0.000"),
            Readout("error", "least error", "0.0000"),
        ),
        (Link("A density for each digit", "independent-bayes-digits", "bayes"),),
        plays="p_1",
    ),
    Section(
        "learning",
        "As data grow",
        (
            r"\mathrm{generative:}\;\max_\theta\sum_i\log p_\theta(x_i,y_i)\qquad"
            r"\mathrm{discriminative:}\;\max_w\sum_i\log p_w(y_i\,|\,x_i)",
            r"\mathrm{error:}\quad\mathrm{one}\;\Sigma\;\slot{error_shared}{0.000}\qquad\mathrm{own}\;\Sigma\;"
            r"\slot{error_own}{0.000}\qquad\mathrm{logistic}\;\slot{error_logistic}{0.000}\qquad"
            r"\mathrm{least}\;\slot{least}{0.000}",
        ),
        "Drag n along the axis; hollow dots are this one training set, the curves a mean over 24. Where a Gaussian per "
        "class is right it needs the fewest examples. Where it is wrong it stays wrong: with outliers its line is "
        "pulled away and never comes back, while logistic regression, which claims nothing about x, reaches the best "
        "line. Idle coordinates, which tell nothing, cost the model with most parameters most.",
        ("truth", "idle_coordinates", "n", "seed"),
        (),
        (Link("A generative classifier of digits", "independent-bayes-digits", "bayes"),),
        plays="n",
    ),
    Section(
        "missing",
        "Missing input",
        (
            r"p(x_1,y)=\int p(x_1,x_2,y)\,dx_2\qquad p(y{=}1\,|\,x_1)=\frac{p(x_1,1)}{p(x_1,0)+p(x_1,1)}"
            r"=\slot{summed}{0.000}\qquad p(y{=}1\,|\,x_1,\bar x_2)=\slot{filled}{0.000}",
        ),
        "Only x₁ is known: the example lies somewhere on the line that you drag. A generative model sums over x₂ and "
        "errs as rarely as one can. One that holds p(y|x) alone needs an x₂; with the mean filled in it may do worse "
        "than a coin, since here x₁ counts against class 1 once x₂ is given, yet for it when x₂ is not. Filling in "
        "E[x₂|x₁] takes a model of x, and is too sure of itself.",
        ("x_1", *CLASSES),
        (
            Readout("error_both", "error, both seen", "0.0000"),
            Readout("error_summed", "x₂ summed out", "0.0000"),
            Readout("error_filled", "x₂ := mean", "0.0000"),
            Readout("error_guessed", "x₂ := E[x₂|x₁]", "0.0000"),
        ),
        (Link("Pixels that are missing, filled in by chance", "nade-digits", "completion"),),
        plays="x_1",
    ),
    Section(
        "none",
        "None of these",
        (
            r"p(y{=}1\,|\,x)=\slot{posterior}{0.00000}\qquad\log p(x)=\log\sum_y p(x\,|\,y)\,p(y)"
            r"=\slot{log_density}{-00.00}\;\left(\mathrm{threshold}\;\slot{level}{-0.00}\right)",
        ),
        "Drag the point away from both classes. p(y|x) has to choose between the two and gets ever surer the farther "
        "one goes from the line, though nothing like x was ever seen. p(x) falls without end and says so: below the "
        "threshold the answer is none of these. The price is the share of true data that is turned away; and on "
        "pictures even a density can be fooled.",
        ("turned_away", *CLASSES),
        (
            Readout("sure", "p(likelier class | x)", "0.00000"),
            Readout("log_density", "ln p(x)", "0.00"),
            Readout("rarer", "share of data rarer than x", "0.0000"),
        ),
        (Link("A density learned on the moons", "realnvp-moons", "density"),),
    ),
)
