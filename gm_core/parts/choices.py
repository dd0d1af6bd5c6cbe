"""What every model of one number after another lets one choose."""

from __future__ import annotations

from torch import Tensor

from gm_core.model import ModelSpec
from gm_core.parts.orders import OrderName, make_order
from gm_core.protocol.cards import DataCard
from gm_core.spec import param

ORDER_TIP = "In which order pixels follow one another; own: as listed in sites."


class SitesSpec(ModelSpec):
    """What every model of one pixel after another lets one choose."""

    labels: bool = param(False, "Learn p(x|y) for each label y, and classify by Bayes' rule.")
    temperature: float = param(
        1.0,
        "Below 1, drawing prefers the probable; 1 draws from the model itself.",
        lo=0.05,
        hi=5.0,
        log=True,
        live=True,
    )


class OrderedSpec(SitesSpec):
    """The same for models that can take any order."""

    order: OrderName = param("raster", ORDER_TIP)
    order_seed: int = param(0, "Which random order (random).", lo=0, hi=2**31 - 1)
    sites: tuple[int, ...] = param((), "The order as a list of pixels from 0 on (own).", lo=0, hi=1_000_000)

    def permutation(self, card: DataCard) -> Tensor:
        """The order that is chosen, for such data."""
        return make_order(self.order, card.shape, self.order_seed, self.sites)
