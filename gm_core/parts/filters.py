"""What models with an `encoder` and a `decoder` show of their weights: the first filters and the last atoms."""

from __future__ import annotations

from torch import Tensor, nn

from gm_core.capabilities.features import Features
from gm_core.nn.filters import first_filters, last_atoms
from gm_core.protocol.cards import DataCard


class LayerFilters(Features):
    """The weights next to the example, at both ends."""

    encoder: nn.Module
    decoder: nn.Module
    card: DataCard

    def filters(self) -> Tensor:
        """Those of the encoder's first layer: (m, c, h, w)."""
        return first_filters(self.encoder, self.card.shape)

    def atoms(self) -> Tensor | None:
        """Those of the decoder's last layer: (m, c, h, w)."""
        return last_atoms(self.decoder, self.card.shape)
