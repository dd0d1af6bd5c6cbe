"""What the numbers of the panel mean, in plain sentences."""

from __future__ import annotations

import numpy as np

from gm_core import api

NEAR = 0.95
"""From this share of its ceiling on, an estimate of nats says only that the truth is larger."""

FEW = 0.5
"""Of fewer nats the probes find more in the means than a drawn code could tell."""


def percent(value: float) -> str:
    """A share as a number of hundredths: 93.9; nothing where it is not defined."""
    return f"{100 * value:.1f}" if np.isfinite(value) else ""


def nats(frame: api.Representation) -> str:
    """The information, marked where the estimate stands at its ceiling."""
    if not np.isfinite(frame.information):
        return ""
    return f"{'> ' if at_ceiling(frame) else ''}{max(0.0, frame.information):.2f}"


def at_ceiling(frame: api.Representation) -> bool:
    """Whether so few examples cannot show more nats than they do."""
    return bool(frame.information > NEAR * frame.ceiling)


def about_classes(frame: api.Representation, baseline: api.Baseline | None) -> str:
    """What the probes find, beside what they find without a model."""
    if "probe" in frame.why:
        return frame.why["probe"]
    words = (
        f"A straight cut through the codes names {percent(frame.probe)} ± {percent(frame.probe_error)} % of "
        f"{frame.held:,} unseen examples, a vote of the 5 nearest codes {percent(frame.neighbours)} ± "
        f"{percent(frame.neighbours_error)} %."
    )
    if baseline is not None:
        words += (
            f" The raw numbers give {percent(baseline.probe)} and {percent(baseline.neighbours)} % without any model, "
            f"guessing {percent(baseline.majority)} %."
        )
    if np.isfinite(frame.information) and frame.information < FEW:
        words += (
            f" But a drawn code carries {max(0.0, frame.information):.2f} nats: the probes read means without their "
            "noise, which hides them."
        )
    return words


def about_units(frame: api.Representation) -> str:
    """Which numbers of the code are used."""
    active, units = int(frame.active.sum()), len(frame.active)
    if "information" in frame.why:
        rule = "varies by more than a hundredth of what the widest one does"
    else:
        rule = "varies by more than 0.01 over the examples"
    words = f"{active} of {units} are active: their mean {rule} (Burda et al. 2015)."
    if active < units:
        words += " The others have gone silent; a smaller beta or a warm-up keeps more of them."
    return words


def about_nats(frame: api.Representation) -> str:
    """The mean KL in its parts."""
    if "information" in frame.why:
        return frame.why["information"]
    ceiling = f"ln {frame.examples:,} = {frame.ceiling:.2f}"
    words = (
        "The mean KL is what a code tells about its example, I(x; z), plus how far all codes together lie off the "
        "prior. Small off the prior: samples of the prior land where codes are."
    )
    if at_ceiling(frame):
        words += (
            f" Here {frame.examples:,} examples can show {ceiling} nats at most, so the truth lies between "
            f"{frame.information:.1f} and {frame.kl:.1f}."
        )
    else:
        words += f" The estimate errs low, and cannot exceed {ceiling}."
    return words


def about_causes(frame: api.Representation) -> str:
    """Whether each cause has a number of its own."""
    meaning = "Shade: how much of what there is to know about the row one number of the code knows."
    if not frame.causes:
        return frame.why.get("gap", "")
    if frame.causes == ("class",) and "gap" in frame.why:
        return f"{meaning} {frame.why['gap']} So there is no MIG; the row shows the class. Sprites have known causes."
    if "gap" in frame.why:
        return f"{meaning} {frame.why['gap']}"
    return (
        f"{meaning} At the right the gap between the best and the second best number; their mean is MIG "
        f"{frame.gap:.2f}: 1 where each cause has a number of its own, 0 where they are mixed (Chen et al. 2018)."
    )


def about_filters(frame: api.Filters | None, able: bool) -> str:
    """What the pictures of weights show."""
    if not able:
        return "This model shows no filters, or its data are no pictures."
    if frame is None:
        return ""
    if not len(frame.items):
        return "This model has no last layer whose units draw on their own."
    what = "the weights between the picture and one unit of the first layer"
    if frame.end == "last":
        what = "what one unit of the last hidden layer adds to a picture"
    count = f"the {len(frame.items)} strongest of {frame.total}" if len(frame.items) < frame.total else "all"
    return f"Each tile: {what}, {count}. Grey is 0, white positive, black negative; each is scaled for itself."
