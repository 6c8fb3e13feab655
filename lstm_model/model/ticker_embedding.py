"""TickerEmbedding: a few numbers per ticker, learnt with the network, and their mean for others."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

UNKNOWN = -1
"""Code of a ticker that the network was not built for."""


class TickerEmbedding(nn.Module):
    """A vector for each ticker of a panel.

    All start at zero, so an untrained network treats tickers alike, and each vector is what its own
    samples add to that. A ticker without train samples gets the mean of the others: the ensemble
    has seen nothing of it that would set it apart, and its own vector would still be the start.
    Guo & Berkhahn (2016), "Entity Embeddings of Categorical Variables"; repeated at every bar as
    the covariates of Salinas et al. (2020), "DeepAR".
    """

    seen: Tensor

    def __init__(self, ticker_count: int, width: int) -> None:
        super().__init__()
        self.vectors = nn.Parameter(torch.zeros(ticker_count, width))
        self.register_buffer("seen", torch.zeros(ticker_count, dtype=torch.bool))

    def see(self, codes: Int64[Tensor, " sample"]) -> None:
        """Remember which tickers the network is trained on."""
        self.seen[codes] = True

    def forward(self, codes: Int64[Tensor, " window"]) -> Float[Tensor, "window width"]:
        """Return each window's vector; tickers that were not seen share the mean of the seen."""
        seen = self.seen[:, None]
        mean = (self.vectors * seen).sum(dim=0) / seen.sum().clamp(min=1)
        table = torch.cat([torch.where(seen, self.vectors, mean), mean[None]])
        known = torch.where(codes == UNKNOWN, len(self.vectors), codes)
        return nn.functional.embedding(known, table)
