"""Ten fixed configurations, training only: the plain loop against this project's workers.

Rounds are interleaved (plain, fp32, bf16, plain, ...), medians are compared, and equal losses prove
equal work. Workers are warm when the clock starts; their start is told apart. The plain loop's
start is not counted at all.

    python -m benchmarks.study_speed --rounds 5
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.curves import SEED, draw_configurations
from benchmarks.matmul import MatmulPeak, lstm_gflop
from benchmarks.results import write_results
from benchmarks.trials import prepare
from lstm_model.config.loader import load_config
from lstm_model.model.network import training_cost
from lstm_model.model.training import Precision, TrainingSettings
from lstm_model.search.hyper_params import HyperParams
from lstm_model.seeding import derive_seed
from tasks.data.data_set import DataSet, load_search_view
from tasks.search.trial import TrialResult, TrialSpec
from tasks.search.workers import TrialExecutor

CONFIG = "benchmarks/task.yaml"
WORKERS = 2
VARIANTS = ("plain", "fp32", "bf16")
Curve = list[tuple[float, float]]
SMALLEST = HyperParams(hidden_size=64, num_layers=1, batch_size=128)


def main() -> None:
    """Run the rounds; what is known is written after each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--configurations", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=5)
    arguments = parser.parse_args()
    configurations = draw_configurations(arguments.configurations)[-arguments.configurations :]
    bench = Bench(prepare(CONFIG), configurations, arguments.epochs)
    peak = MatmulPeak(WORKERS)
    report: dict[str, Any] = {}
    for round_number in range(1, arguments.rounds + 1):
        bench.run_plain()
        for precision in ("fp32", "bf16"):
            bench.run_ours(precision)
            bench.peaks.setdefault(precision, []).append(peak.gflops(precision))
        report = bench.report()
        path = write_results("study_speed", report)
        seconds = {name: round(values[-1], 1) for name, values in bench.seconds.items()}
        print(f"round {round_number}: {seconds}", file=sys.stderr)
    peak.close()
    print(table(report))
    print(f"written to {path}")


class Bench:
    """The variants, and the seconds and losses they came to, round by round."""

    def __init__(self, data_set: DataSet, configurations: list[HyperParams], epochs: int) -> None:
        self.load_average = os.getloadavg()[0]
        self.data_set, self.configurations, self.epochs = data_set, configurations, epochs
        self.clip = load_config(CONFIG).training.gradient_clip
        self.seconds: dict[str, list[float]] = {name: [] for name in VARIANTS}
        self.start_seconds: list[float] = []
        self.curves: dict[str, list[Curve]] = {}
        self.peaks: dict[str, list[float]] = {}

    def run_plain(self) -> None:
        """Train with the plain loop, in a process of its own."""
        spec = {
            "search_path": self.data_set.search_path,
            "epochs": self.epochs,
            "gradient_clip": self.clip,
            "trials": [
                {"params": params.to_dict(), "seed": _seed(number)}
                for number, params in enumerate(self.configurations)
            ],
        }
        paths = [Path(".bench") / f"plain-{name}.json" for name in ("spec", "result")]
        paths[0].write_text(json.dumps(spec), encoding="utf-8")
        command = [sys.executable, "-m", "benchmarks.reference", "study", *map(str, paths)]
        subprocess.run(command, check=True)
        result = json.loads(paths[1].read_text(encoding="utf-8"))
        self.seconds["plain"].append(result["seconds"])
        self.curves["plain"] = result["curves"]

    def run_ours(self, precision: Precision) -> None:
        """Train in warm workers, the longest trial first as the search does."""
        specs = [
            self._spec(number, params, precision, self.epochs)
            for number, params in enumerate(self.configurations)
        ]
        specs.sort(key=lambda spec: training_cost(spec.params), reverse=True)
        started = time.perf_counter()
        with TrialExecutor(WORKERS, 3600) as executor, ThreadPoolExecutor(WORKERS) as threads:

            def warm_up(number: int) -> float:
                result = executor.run(self._spec(number, SMALLEST, precision, 1))
                return time.perf_counter() - started - result.trial.seconds

            self.start_seconds.append(max(threads.map(warm_up, range(WORKERS))))
            warm = time.perf_counter()
            results = list(threads.map(executor.run, specs))
            self.seconds[precision].append(time.perf_counter() - warm)
        results.sort(key=lambda result: result.trial.number)
        self.curves[precision] = [_curve(result) for result in results]

    def _spec(
        self, number: int, params: HyperParams, precision: Precision, epochs: int
    ) -> TrialSpec:
        settings = TrainingSettings(_seed(number), self.clip, precision=precision)
        return TrialSpec(number, params, self.data_set.search_path, epochs, settings)

    def report(self) -> dict[str, Any]:
        """Gather medians, ratios, differences of losses and shares of the peak."""
        view = load_search_view(self.data_set.search_path)
        gflop = self.epochs * sum(
            lstm_gflop(
                params,
                self.data_set.feature_count,
                view.rows.window_length,
                self.data_set.train_samples,
                self.data_set.validation_samples,
            )
            for params in self.configurations
        )
        median = {name: statistics.median(values) for name, values in self.seconds.items()}
        start = statistics.median(self.start_seconds)
        peak = {name: statistics.median(values) for name, values in self.peaks.items()}
        peak["plain"] = peak["fp32"]
        return {
            "load_average_before": self.load_average,
            "rounds": len(self.seconds["plain"]),
            "epochs": self.epochs,
            "workers": WORKERS,
            "seconds": self.seconds,
            "median_seconds": median,
            "median_worker_start_seconds": start,
            "speedup": {name: median["plain"] / median[name] for name in VARIANTS},
            "speedup_with_worker_start": {
                name: median["plain"] / (median[name] + start) for name in ("fp32", "bf16")
            },
            "max_loss_difference_fp32": max(
                abs(a - b)
                for ours, plain in zip(self.curves["fp32"], self.curves["plain"], strict=True)
                for epoch, other in zip(ours, plain, strict=True)
                for a, b in zip(epoch, other, strict=True)
            ),
            "max_relative_validation_difference_bf16": max(
                abs(row["bf16"] / row["fp32"] - 1) for row in self._final_losses()
            ),
            "final_validation_loss": self._final_losses(),
            "gflop": gflop,
            "gflops": {name: gflop / median[name] for name in VARIANTS},
            "matmul_peak_gflops": peak,
            "share_of_matmul_peak": {name: gflop / median[name] / peak[name] for name in VARIANTS},
        }

    def _final_losses(self) -> list[dict[str, Any]]:
        return [
            params.to_dict() | {name: self.curves[name][number][-1][1] for name in VARIANTS}
            for number, params in enumerate(self.configurations)
        ]


def _seed(number: int) -> int:
    return derive_seed(SEED, "speed", number, "train")


def _curve(result: TrialResult) -> Curve:
    trial = result.trial
    if trial.state != "COMPLETE":
        raise RuntimeError(f"every trial must complete but {trial.number}: {trial.reason}")
    return [(epoch.train_loss, epoch.validation_loss) for epoch in result.parts[0]]


def table(report: dict[str, Any]) -> str:
    """Lay the report out as text."""
    lines = [f"{'':<8}{'s':>8}{'speed-up':>10}{'GFLOP/s':>9}{'of peak':>9}"]
    lines += [
        f"{name:<8}{report['median_seconds'][name]:>8.1f}{report['speedup'][name]:>9.2f}x"
        f"{report['gflops'][name]:>9.0f}{report['share_of_matmul_peak'][name]:>9.0%}"
        for name in VARIANTS
    ]
    return "\n".join(
        [
            *lines,
            f"workers start in {report['median_worker_start_seconds']:.1f} s; fp32 differs from "
            f"the plain loop by <= {report['max_loss_difference_fp32']:.1e} in any loss, bf16 by "
            f"<= {report['max_relative_validation_difference_bf16']:.2%} in a final validation "
            f"loss",
        ]
    )


if __name__ == "__main__":
    main()
