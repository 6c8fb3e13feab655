"""MSE of the volatility model over HAR's on validation: what the HAR skip brings, series by series.

Early stopping must not see the block that is judged. So each series is cut before its test block,
the network is fitted on the first 85 % of train and stopped on the rest, and validation is looked
at once; HAR is fitted on the whole of train. Mean and sd over five seeds, and the ratio of their
mean forecast. `--test` reads the test block instead, once, at the end: stopped on validation, as a
night does.

    python -m benchmarks.volatility --bars ../shared/market_data/long
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.results import write_results
from lstm_model.config.data import DataConfig
from lstm_model.config.loader import parse_config
from lstm_model.config.pipeline import PipelineConfig
from lstm_model.data.assemble import split_chronologically
from lstm_model.data.bars import Bars
from lstm_model.data.cleaning import clean_bars
from lstm_model.data.features import compute_features
from lstm_model.data.targets import compute_targets
from lstm_model.data.views import ChronoSplit, SearchView
from lstm_model.data.windows import scale_view, scaled_windows
from lstm_model.evaluation.baselines.forecasts import baseline_forecasts
from lstm_model.model.early_stopping import fit
from lstm_model.model.training import TrainingSettings, build_network, forecast
from lstm_model.search.hyper_params import HyperParams
from tasks.data.sources import open_source

PARAMS = HyperParams(hidden_size=32, num_layers=1, dropout=0.2, lr=1e-3, batch_size=64)
SEEDS, INNER_SHARE, PATIENCE, MAX_EPOCHS = 5, 0.85, 8, 60
SKIPS = ("none", "har")


@dataclass(frozen=True)
class Series:
    """A ticker and how its history is divided."""

    name: str
    ticker: str
    source: str = "csv"
    start: str | None = None
    end: str | None = None
    split: tuple[str, str] | None = None


SERIES = (
    Series("^GSPC, validation 2009-11", "^GSPC", "bundled", split=("2009-01-01", "2012-01-01")),
    Series(
        "^GSPC, validation 2004-06", "^GSPC", "bundled",
        end="2008-06-30", split=("2004-01-01", "2007-01-01"),
    ),
    Series("^IXIC", "^IXIC", "bundled"),
    Series("AAPL", "AAPL"),
    Series("GOOG", "GOOG"),
    Series("MSFT from 1995", "MSFT_1990_2022", start="1995-01-01"),
    Series("SPY", "SPY"),
)  # fmt: skip


def main() -> None:
    """Train and judge every series with and without the skip."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bars", type=Path, help="folder of <TICKER>.csv; without it bundled bars")
    parser.add_argument("--test", action="store_true", help="read the test block instead")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows: dict[str, dict[str, Any]] = {}
    for series in SERIES:
        if series.source == "csv" and arguments.bars is None:
            continue
        rows[series.name] = {skip: judge(series, skip, arguments) for skip in SKIPS}
        shown = "   ".join(
            f"{skip} {found['mean']:.3f} +- {found['sd']:.3f} / {found['ensemble']:.3f}"
            for skip, found in rows[series.name].items()
        )
        print(f"{series.name:<28}{shown}", flush=True)
        name = "volatility_test" if arguments.test else "volatility"
        path = write_results(name, {"params": PARAMS.to_dict(), "mse_over_har": rows})
    print(f"written to {path}")


def judge(series: Series, skip: str, arguments: argparse.Namespace) -> dict[str, float]:
    """Return MSE / HAR's MSE: mean and sd over seeds, and of the mean forecast."""
    config = configure(series, skip, arguments.bars)
    split = prepare(series, config)
    if arguments.test:
        view = split.search
        truth = split.held_out.rows.labels[split.held_out.test]
        har = baseline_forecasts(split).test["har"]
    else:
        view = inner(split.search)
        truth = split.search.rows.labels[split.search.validation]
        har = baseline_forecasts(split).validation["har"]
    members = np.stack(list(forecasts(view, split, test=arguments.test)))
    error = float(np.mean((har - truth) ** 2))
    ratios = np.mean((members - truth) ** 2, axis=1) / error
    return {
        "mean": float(ratios.mean()),
        "sd": float(ratios.std(ddof=1)),
        "ensemble": float(np.mean((members.mean(axis=0) - truth) ** 2)) / error,
        "n": len(truth),
    }


def configure(series: Series, skip: str, bars: Path | None) -> PipelineConfig:
    """Return the configuration of one series."""
    data: dict[str, Any] = {"tickers": ["X"], "source": series.source}
    if series.source == "csv":
        data["csv_dir"] = str(bars)
    sections: dict[str, Any] = {
        "data": data,
        "target": {"kind": "log_volatility", "skip": skip},
    }
    if series.split:
        sections["split"] = dict(zip(("validation_start", "test_start"), series.split, strict=True))
    return parse_config(sections)


def prepare(series: Series, config: PipelineConfig) -> ChronoSplit:
    """Fetch, cut and divide one series."""
    raw = open_source(config.data).fetch(series.ticker, _day(series.start), _day(series.end))
    bars: Bars = clean_bars(raw, series.ticker.split("_")[0])
    targets = compute_targets(bars, "log_volatility", 1)
    return split_chronologically(compute_features(bars), targets, config)


def _day(text: str | None) -> Any:
    return DataConfig(tickers=("X",), start=text).start if text else None


def inner(view: SearchView) -> SearchView:
    """Divide train once more: most of it to fit, the rest to stop on, a bar between."""
    cut = int(len(view.train) * INNER_SHARE)
    return replace(view, train=view.train[: cut - 1], validation=view.train[cut:])


def forecasts(view: SearchView, split: ChronoSplit, *, test: bool) -> Iterator[np.ndarray]:
    """Train each seed on `view`, and forecast the block that is judged."""
    scaled = scale_view(view, PARAMS)
    rows, ends = split.search.rows, split.search.validation
    if test:
        rows, ends = split.held_out.rows, split.held_out.test
    windows = scaled_windows(rows, ends, scaled.scaler)
    for seed in range(SEEDS):
        network = build_network(len(rows.feature_names), PARAMS, seed, zero_head=scaled.zero_head)
        settings = TrainingSettings(seed=seed, gradient_clip=1.0)
        fit(network, PARAMS, scaled.train, scaled.validation, settings, PATIENCE, MAX_EPOCHS)
        yield scaled.scaler.unscale_forecasts(forecast(network, windows), rows.har_terms[ends])


if __name__ == "__main__":
    main()
