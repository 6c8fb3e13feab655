"""Integrated gradients: what each feature at each bar adds to a forecast.

Sundararajan, Taly & Yan (2017), "Axiomatic Attribution for Deep Networks", ICML, eq. 1.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from lstm_model.data.windows import WindowSet
from lstm_model.explain.lag_groups import lag_groups
from lstm_model.model.bundle import Bundle
from lstm_model.model.network import LSTMRegressor
from lstm_model.model.one_thread import one_thread
from lstm_model.model.training import EVALUATION_BATCH

NODES = (16, 32, 64, 128, 256, 512)
"""Points on the path from the baseline to the window; more only if the parts do not add up."""

TOLERANCE = 1e-3
"""What the parts may miss, as a share of the forecast less that of the baseline."""

Named = tuple[str, float]


@dataclass(frozen=True, slots=True)
class Attribution:
    """The parts of one forecast, all in the target's unit.

    Its parts are HAR's forecast, where the network corrects it, `baseline` and the sum of
    `contributions`. HAR's part is a sum itself and needs no gradient.

    forecast: the mean over the networks.
    har: HAR's forecast; None where the network forecasts the whole label.
    baseline: what the networks say of a window in which every feature is, at every bar, at the
        train block's mean (its median where features are scaled by median or rank). The ticker is
        the forecast's own.
    contributions: the first row is the last bar.
    """

    feature_names: tuple[str, ...]
    forecast: float
    har: float | None
    baseline: float
    contributions: Float64[np.ndarray, "lag feature"]

    @property
    def network(self) -> float:
        """What the networks say; with HAR, what they add to it."""
        return self.forecast - (self.har or 0.0)

    @property
    def gap(self) -> float:
        """What the parts miss of the forecast: the error of the numerical integral."""
        return self.network - self.baseline - float(self.contributions.sum())

    def by_feature(self) -> tuple[Named, ...]:
        """Return each feature's contribution over all bars, the largest in size first."""
        sums = self.contributions.sum(axis=0).tolist()
        return tuple(sorted(zip(self.feature_names, sums, strict=True), key=lambda n: -abs(n[1])))

    def lag_shares(self) -> tuple[Named, ...]:
        """Return the share of each group of bars in the sizes of all contributions."""
        sizes = np.abs(self.contributions).sum(axis=1)
        total = float(sizes.sum()) or 1.0
        return tuple(
            (group.name, float(sizes[group.newest - 1 : group.oldest].sum()) / total)
            for group in lag_groups(len(sizes))
        )


def integrated_gradients(
    bundle: Bundle,
    windows: WindowSet,
    har_terms: Float[np.ndarray, "sample term"],
    batch: int = EVALUATION_BATCH,
) -> tuple[Attribution, ...]:
    """Split the forecast of each sample into what features and bars add to the baseline's.

    windows: scaled, as `Bundle.windows` gives them. batch: windows per pass; the numbers are the
    same for each. The integral is a Gauss-Legendre sum in double precision, with as many points as
    make the parts add up.
    """
    networks = [copy.deepcopy(network).cpu().double().eval() for network in bundle.networks]
    for network in networks:
        network.requires_grad_(requires_grad=False)
    scaler, found = bundle.scaler, []
    for sample in torch.arange(len(windows)):
        window = windows.batch(sample[None])[0].cpu().double()
        codes = None if windows.tickers is None else windows.tickers[sample, None].cpu()
        terms = har_terms[int(sample), None]
        with one_thread():
            start, end, parts = _integrate(networks, window, codes, batch)
        anchor = float(scaler.unscale_forecasts(np.zeros(1), terms)[0])
        har = anchor if scaler.skip_weights else None
        found.append(
            Attribution(
                feature_names=bundle.feature_names,
                forecast=anchor + scaler.label_sd * end,
                har=har,
                baseline=(anchor if har is None else 0.0) + scaler.label_sd * start,
                contributions=scaler.label_sd * parts[::-1],
            )
        )
    return tuple(found)


def _integrate(
    networks: Sequence[LSTMRegressor],
    window: Float64[Tensor, "1 time feature"],
    codes: Int64[Tensor, " 1"] | None,
    batch: int,
) -> tuple[float, float, Float64[np.ndarray, "time feature"]]:
    """Return the mean forecast of the baseline and of the window, and the parts of the difference.

    All in units of the scaled label.
    """
    ends = torch.cat([torch.zeros_like(window), window])
    start, end = _mean_forecasts(networks, ends, codes).tolist()
    parts = torch.zeros_like(window[0])
    for nodes in NODES:
        points, weights = np.polynomial.legendre.leggauss(nodes)
        alphas, shares = torch.from_numpy((points + 1) / 2), torch.from_numpy(weights / 2)
        slopes = torch.zeros_like(window[0])
        for some, share in zip(alphas.split(batch), shares.split(batch), strict=True):
            path = (some[:, None, None] * window).requires_grad_()
            total = _mean_forecasts(networks, path, codes) @ share
            slopes += torch.autograd.grad(total, path)[0].sum(dim=0)
        parts = window[0] * slopes
        if abs(end - start - float(parts.sum())) <= TOLERANCE * abs(end - start):
            break
    return start, end, parts.numpy()


def _mean_forecasts(
    networks: Sequence[LSTMRegressor],
    windows: Float64[Tensor, "window time feature"],
    codes: Int64[Tensor, " 1"] | None,
) -> Float64[Tensor, " window"]:
    tickers = None if codes is None else codes.expand(len(windows))
    return torch.stack([network(windows, tickers) for network in networks]).mean(dim=0)
