"""Why the champion's newest forecasts are what they are."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch

from lstm_model.champion.ledger_entry import Forecast
from lstm_model.data.windows import WindowSet
from lstm_model.errors import ChampionError
from lstm_model.explain.integrated_gradients import Attribution, integrated_gradients
from lstm_model.model.bundle import Bundle, load_bundle
from lstm_model.model.one_thread import one_thread
from tasks.champion.forecast import recent_bars
from tasks.data.snapshots import Snapshot
from tasks.tracking.version import Version

LARGEST_GAP = 1e-4
"""Largest difference, in the target's unit, to the forecast that is explained."""


def explain_next(
    version: Version, snapshot: Snapshot, made: Sequence[Forecast]
) -> dict[str, Attribution]:
    """Split each ticker's newest forecast into its parts, from the bars that it was made from.

    The parts are computed by the code that runs here. Raises ChampionError if that gives another
    forecast than the version's own code, and BarsError as the bundle does.
    """
    frame = recent_bars(snapshot, None, version.window_length)
    found = explain_bars(load_bundle(version.bundle_path), frame)
    for forecast in made:
        explained = found[forecast.ticker].forecast
        if abs(explained - forecast.forecast) > LARGEST_GAP:
            raise ChampionError(
                f"{forecast.ticker}: an explanation must be of {forecast.forecast:g} but the "
                f"code that runs here gives {explained:g}: version {version.number} was made by "
                f"another; use that one for --why"
            )
    return found


def explain_bars(bundle: Bundle, bars: pd.DataFrame) -> dict[str, Attribution]:
    """Split each ticker's newest forecast of raw bars; raises BarsError as the bundle does."""
    seen: list[tuple[WindowSet, np.ndarray]] = []
    with one_thread():
        table = bundle.forecast_bars(bars, watch=lambda *shown: seen.append(shown))
    ((windows, terms),) = seen
    last = np.flatnonzero(~table["ticker"].duplicated(keep="last").to_numpy())
    rows = torch.from_numpy(last)
    newest = dataclasses.replace(
        windows,
        ends=windows.ends[rows],
        labels=windows.labels[rows],
        tickers=None if windows.tickers is None else windows.tickers[rows],
    )
    found = integrated_gradients(bundle, newest, terms[last])
    return dict(zip(table["ticker"].iloc[last], found, strict=True))
