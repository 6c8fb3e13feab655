"""What judging a night costs beyond model inference: scores, tests, bootstraps, figures, page.

One series and a universe, each over three years of test dates, with the five references; the first
round includes the imports of arch, statsmodels and plotly, as in a night.

    python -m benchmarks.evaluation_speed
"""

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.nights import fresh_site
from benchmarks.results import write_results
from lstm_model.evaluation.evaluate import Evaluation, evaluate
from lstm_model.evaluation.inputs import (
    EvaluationSettings,
    Samples,
    SearchFacts,
    Target,
    Validation,
)
from lstm_model.report.night_result import NightResult, night_from_json
from lstm_model.report.page.render import render_page
from lstm_model.search.hyper_params import EXAMPLE_NAMES

DATES, SEEDS, TRIALS, STRETCHES = 750, 5, 200, 16
SMALL = {
    "search.trials": 1,
    "search.space": "{hidden_size: {type: int, low: 8, high: 8}}",
    "training.epochs": 1,
    "training.retrain.max_epochs": 1,
}
"""A night that only has to leave a page's content behind."""


def main() -> None:
    """Time both, and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    content = content_of_a_night()
    report: dict[str, object] = {"dates": DATES, "rounds": rounds, "mark_seconds": 20.0}
    for name, tickers in (("one series", 1), ("500 tickers", 500)):
        timed = [judge(tickers, content) for _ in range(rounds)]
        report[name] = {
            "evaluate_seconds": [evaluating for evaluating, _, _ in timed],
            "page_seconds": [drawing for _, drawing, _ in timed],
            "page_megabytes": timed[-1][2] / 1e6,
        }
        print(
            f"{name}: evaluation {timed[0][0]:.2f} s at first, then {timed[-1][0]:.2f} s; page ",
            end="",
        )
        print(f"{timed[0][1]:.2f} s, {timed[-1][2] / 1e6:.2f} MB")
    print(f"written to {write_results('evaluation_speed', report)}")


def content_of_a_night() -> NightResult:
    """Run a small night and read back what its page was drawn from."""
    with fresh_site() as site:
        site.night("night", SMALL)
        (path,) = Path(site.folder).glob("mlruns/artifacts/*/artifacts/report.json")
        return night_from_json(path.read_text(encoding="utf-8"))


def judge(tickers: int, content: NightResult) -> tuple[float, float, int]:
    """Return the seconds of evaluation and page, and the page's bytes."""
    started = time.perf_counter()
    evaluation = evaluate_noise(tickers)
    evaluated = time.perf_counter()
    page = render_page(replace(content, evaluation=evaluation))
    return evaluated - started, time.perf_counter() - evaluated, len(page.encode())


def evaluate_noise(tickers: int) -> Evaluation:
    """Evaluate forecasts that are the truth plus noise, as many as a night has."""
    draws = np.random.default_rng(0)
    count = DATES * tickers
    dates = np.tile(np.arange(DATES) + 15_000, tickers)
    truth = draws.normal(-10, 1, count)

    def near(scale: float, *shape: int) -> np.ndarray:
        return truth + draws.normal(0, scale, (*shape, count))

    baselines = {
        "zero": np.zeros(count),
        "train_mean": np.full(count, -10.0),
        "persistence": near(1.2),
        "ridge": near(1.0),
        "har": near(0.95),
    }
    return evaluate(
        near(0.9, SEEDS),
        baselines,
        {name: near(0.95, 3) for name in EXAMPLE_NAMES},
        Samples(
            truth=truth,
            last_values=baselines["persistence"],
            dates=dates,
            label_ends=dates + 1,
            ticker_of_sample=np.repeat(np.arange(tickers), DATES),
            tickers=tuple(f"T{code}" for code in range(tickers)),
            log_returns=draws.normal(0, 0.01, count),
        ),
        Validation(
            truth,
            dates,
            {name: near(0.95) for name in (*baselines, *EXAMPLE_NAMES)},
            near(0.9, SEEDS),
        ),
        SearchFacts(
            trials=TRIALS,
            studies=5,
            looks=1,
            block_losses=draws.random((TRIALS, STRETCHES)),
            best_reference=EXAMPLE_NAMES[0],
            equals_reference=None,
        ),
        Target("log_volatility", "log variance of a session's range", 1, -10.0, "none"),
        EvaluationSettings(
            0,
            costs_bps=5.0,
            position="sign",
            levels=(0.9, 0.5),
            repetitions=1000,
            sessions_a_year=252,
        ),
        {},
    )


if __name__ == "__main__":
    main()
