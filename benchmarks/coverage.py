"""Coverage of conformal intervals on the test blocks of seven series, by how they are calibrated.

"stopped": errors of the network on the validation block that stopped it. "crossed": of forecasts
that were not stopped on their own half. Each with a fixed level, and with one that follows the
coverage so far by a step (Gibbs & Candes 2021).

    python -m benchmarks.coverage --bars ../shared/market_data/long
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from benchmarks.results import write_results
from benchmarks.volatility import MAX_EPOCHS, PARAMS, PATIENCE, SERIES, Series, configure, prepare
from lstm_model.data.windows import scale_view, scaled_windows
from lstm_model.evaluation.intervals import conformal_intervals
from lstm_model.model.cross_stopping import CrossStopping
from lstm_model.model.early_stopping import fit
from lstm_model.model.training import TrainingSettings, build_network, forecast

SEEDS, LEVELS, STEPS = 3, (0.9, 0.5), (0.0, 0.005, 0.01, 0.02)
Coverage = dict[str, tuple[float, ...]]


def main() -> None:
    """Train every series and print the coverage of each kind of interval."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bars", type=Path, help="folder of <TICKER>.csv; without it bundled bars")
    bars = parser.parse_args().bars
    torch.set_num_threads(1)
    rows: dict[str, Coverage] = {}
    for series in SERIES:
        if series.source == "csv" and bars is None:
            continue
        rows[series.name] = measure(series, bars)
        print(series.name, {name: np.round(c, 3).tolist() for name, c in rows[series.name].items()})
    kinds = list(next(iter(rows.values())))
    distances = {
        kind: float(np.mean([np.abs(np.subtract(row[kind], LEVELS)) for row in rows.values()]))
        for kind in kinds
    }
    print("mean distance from the nominal level:", distances)
    contents = {"levels": LEVELS, "coverage": rows, "mean_distance": distances}
    print(f"written to {write_results('coverage', contents)}")


def measure(series: Series, bars: Path | None) -> Coverage:
    """Return the coverage at each level, by kind of calibration and step."""
    split = prepare(series, configure(series, "har", bars))
    search, held_out = split.search, split.held_out
    scaled = scale_view(search, PARAMS)
    ends, rows = search.validation, search.rows
    test = scaled_windows(held_out.rows, held_out.test, scaled.scaler)
    stopped, crossed, members = [], [], []
    for seed in range(SEEDS):
        network = build_network(len(rows.feature_names), PARAMS, seed, zero_head=scaled.zero_head)
        labels = scaled.validation.labels.double().numpy()
        cross = CrossStopping(rows.dates[ends], rows.label_ends[ends], labels)
        settings = TrainingSettings(seed=seed, gradient_clip=1.0)
        fit(
            network, PARAMS, scaled.train, scaled.validation, settings, PATIENCE, MAX_EPOCHS,
            watch=cross.see,
        )  # fmt: skip
        stopped.append(forecast(network, scaled.validation))
        crossed.append(cross.forecasts)
        members.append(forecast(network, test))
    terms = held_out.rows.har_terms[held_out.test]
    forecasts = scaled.scaler.unscale_forecasts(np.mean(members, axis=0), terms)
    found = {}
    for kind, on_validation in (("stopped", stopped), ("crossed", crossed)):
        own = scaled.scaler.unscale_forecasts(np.mean(on_validation, axis=0), rows.har_terms[ends])
        for step in STEPS:
            intervals = conformal_intervals(
                rows.labels[ends] - own, forecasts, held_out.rows.labels[held_out.test],
                held_out.rows.dates[held_out.test],
                held_out.rows.label_ends[held_out.test], LEVELS, step,
            )  # fmt: skip
            if not isinstance(intervals, tuple):
                raise SystemExit(f"{series.name}: {intervals}")
            found[f"{kind}, step {step:g}"] = tuple(i.coverage for i in intervals)
    return found


if __name__ == "__main__":
    main()
