"""The table in docs/benchmarks.md, written from the files in `results/`.

python -m benchmarks.table
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.results import FOLDER

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
BEGIN, END = "<!-- benchmarks -->\n", "<!-- /benchmarks -->"


def rows() -> Iterator[tuple[str, str, str]]:
    """Yield what was measured, the figure, and the mark that was set for it."""
    if study := _read("study_speed"):
        speed, share = study["speedup"], study["share_of_matmul_peak"]
        losses = f"losses equal to {study['max_loss_difference_fp32']:.0e}"
        yield (
            f"ten trials x {study['epochs']} epochs against the plain loop, training only",
            f"**{speed['fp32']:.2f}x** ({losses}; {share['fp32']:.0%} of the matmul peak)",
            ">= 1.5x",
        )
        near = f"{study['max_relative_validation_difference_bf16']:.2%}"
        yield (
            "the same with `training.precision: bf16`",
            f"**{speed['bf16']:.2f}x** (validation losses within {near})",
            ">= 2.3x, within 1 %",
        )
    if night := _read("night_speed"):
        speed = night["speedup_over_plain"]
        yield (
            "a whole cold night, its Prefect server included, against a plain script with MLflow",
            f"**{speed['fp32']:.2f}x**, bf16 {speed['bf16']:.2f}x",
            ">= 2.5x",
        )
    if peer := _read("peer_speed"):
        whole, one = peer["seconds_with_start"], peer["seconds_for_one_epoch"]
        fastest = min((name for name in one if name != "ours"), key=one.__getitem__)
        yield (
            f"the same trials by neuralforecast {peer['versions']['neuralforecast']}'s AutoLSTM "
            f"on Optuna, end to end",
            f"**{whole['peer_over_ours']:.2f}x**; where it is fastest ({fastest}) "
            f"{one[fastest] / one['ours']:.2f}x, without imports",
            ">= 2.5x",
        )
    if efficiency := _read("search_efficiency"):
        yield from _efficiency_rows(efficiency)
    if universe := _read("universe"):
        volatility = universe["targets"]["log_volatility"]
        yield (
            "500 tickers x 5,000 bars: memory over the panel's, bars to first batch, throughput",
            f"**{volatility['memory_over_panel']:.2f}x**, "
            f"**{volatility['bars_to_first_batch_seconds']:.0f} s**, "
            f"**{volatility['throughput_ratio']:.2f}** of one ticker's",
            "<= 2x, < 30 s, >= 0.9",
        )
    if judging := _read("evaluation_speed"):
        seconds = {
            name: judging[name]["evaluate_seconds"][0] + judging[name]["page_seconds"][0]
            for name in ("one series", "500 tickers")
        }
        yield (
            f"judging a night beyond inference, imports, figures and page included: one series; "
            f"500 tickers ({judging['dates']} test dates)",
            f"**{seconds['one series']:.1f} s**; **{seconds['500 tickers']:.1f} s**",
            "< 20 s",
        )
    if volatility := _read("volatility"):
        ratios = [row["har"]["mean"] for row in volatility["mse_over_har"].values()]
        yield (
            f"volatility model's MSE over HAR's on validation, mean of five seeds, "
            f"{len(ratios)} blocks",
            f"**{min(ratios):.2f} to {max(ratios):.2f}**",
            "<= 1.00",
        )
    if reached := _read("time_to_loss"):
        yield (
            "seconds from nothing to the loss of AutoLSTM's ten trials, AutoLSTM's over ours",
            f"**{reached['median_ratio']:.2f}x**, rounds: {len(reached['rounds'])}",
            ">= 2.5x",
        )
    if coverage := _read("coverage"):
        tens = [row["crossed, step 0.02"][0] for row in coverage["coverage"].values()]
        yield (
            f"coverage of 90 % intervals on {len(tens)} test blocks",
            f"**{min(tens):.1%} to {max(tens):.1%}**",
            "near 90 %",
        )
    if rates := _read("error_rates"):
        sizes = [row["now"] for row in rates["sizes"].values()]
        yield (
            f"how often a nominal 5 % rejects where nothing differs, {len(sizes)} settings",
            f"**{min(sizes):.1%} to {max(sizes):.1%}**",
            "5 %",
        )
    if race := _read("reference_race"):
        worth = [row["race"]["worth it"] for row in race["by_spread"].values()]
        yield (
            "a search is called worth it where all configurations are equal, nominal 5 %",
            f"**{min(worth):.1%} to {max(worth):.1%}**",
            "as with every seed",
        )
    yield from _champion_rows()
    if overheads := _read("overheads"):
        yield (
            "a warm night's seconds beside training",
            f"**{overheads['overhead_seconds']:.1f} s** of {overheads['wall_seconds']:.0f} s",
            "<= 10 s",
        )


def _champion_rows() -> Iterator[tuple[str, str, str]]:
    if gate := _read("gate"):
        false = gate["false_promotions_a_year"].values()
        yield (
            f"years of {gate['nights']} nights in which the gate promotes where nothing differs, "
            f"{len(false)} settings",
            f"**{min(false):.1%} to {max(false):.1%}**",
            "<= 5 %",
        )
    if decay := _read("decay"):
        mean = decay["run_lengths_nights"]["losses 0% higher, reference of 713 days"]["mean"]
        yield (
            "nights to a false decay alarm where nothing changes, mean",
            f"**{mean:.0f}**",
            ">= 1000",
        )


def _efficiency_rows(results: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    ways = results["strategies"]
    default, ours = ways["Optuna's defaults"], ways["ours"]
    reached = ours["epochs_to_the_defaults_10_trial_regret"]
    spent = default["after_10_trials"]["epochs"]
    yield (
        "epochs to reach the regret that Optuna's defaults have after 10 trials",
        f"**{reached:g}** of their {spent:g} ({reached / spent:.0%})",
        "<= 60 %",
    )
    after = "after_10_trials"
    figures = ", ".join(
        f"{name} {way[after]['regret']:.4f} +- {way[after]['regret_95_percent']:.4f}"
        for name, way in ways.items()
    )
    yield (f"expected regret after 10 trials ({results['replays']} replays)", figures, "")


def _read(name: str) -> dict[str, Any] | None:
    path = FOLDER / f"{name}.json"
    if not path.exists():
        return None
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def table() -> str:
    """Return the table as Markdown."""
    lines = ["| measured | here | mark |", "|---|---|---|"]
    lines += [f"| {what} | {figure} | {mark} |" for what, figure, mark in rows()]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Replace the table between the two marks."""
    text = table()
    print(text)
    head, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    tail = rest.split(END)[1]
    PAGE.write_text(f"{head}{BEGIN}{text}{END}{tail}", encoding="utf-8")


if __name__ == "__main__":
    main()
