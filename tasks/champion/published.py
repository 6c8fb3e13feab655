"""What the world sees of a morning's forecasts: a Parquet file, a Prefect artifact, an event."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import pandas as pd
from prefect import State
from prefect.artifacts import create_markdown_artifact
from prefect.events import emit_event
from prefect.states import Completed

from lstm_model.champion.decay import Decay
from lstm_model.champion.ledger_entry import Entry, Forecast, last_call
from lstm_model.config.pipeline import PipelineConfig
from tasks.files import write_atomically

Result = TypeVar("Result")

ARTIFACT = "lstm-hpo-forecast"
DECAY_EVENT = "lstm-hpo.champion.decay"


def forecast_row(forecast: Forecast, made_at: str) -> dict[str, object]:
    """Return a forecast as JSON and Parquet have it."""
    return {
        "ticker": forecast.ticker, "session": forecast.session, "made_at": made_at,
        "model_version": forecast.model_version, "target": forecast.target,
        "forecast": forecast.forecast, "lower": forecast.lower, "upper": forecast.upper,
        "coverage": forecast.coverage, "unit": forecast.unit,
        "annualised_volatility": forecast.annualised_volatility,
    }  # fmt: skip


def in_units_of_people(forecast: Forecast) -> str:
    """Return the number in the unit that people use: per cent a year, or basis points."""
    if forecast.annualised_volatility is not None:
        return f"volatility {forecast.annualised_volatility:.1%} a year"
    if forecast.target == "log_return":
        points = 1e4 * np.expm1(forecast.forecast)
        return f"return {points:+.1f} basis points; skill in returns is not to be expected"
    return f"{forecast.forecast:.4f} {forecast.unit}"


def write_last_forecasts(config: PipelineConfig, entries: Sequence[Entry]) -> str | None:
    """Write the ledger's last call under `data/forecasts/` unless it is there; return the file.

    Its name has the time at which they were written into the ledger, and the champion's version.
    None if there is no forecast. Raises StorageError if the disk fails.
    """
    made = last_call(entries)
    rows = [
        forecast_row(entry.content, entry.written_at)
        for entry in made
        if isinstance(entry.content, Forecast)
    ]
    if not rows:
        return None
    stamp = made[0].written_at[:19].replace(":", "")
    folder = config.data.raw_dir.parent / "forecasts"
    path = folder / f"{stamp}-v{rows[0]['model_version']}.parquet"
    if not path.exists():
        frame = pd.DataFrame(rows)
        write_atomically(path, lambda partial: frame.to_parquet(partial, index=False))
    return str(path)


def publish(made_at: str, forecasts: Sequence[Forecast], decay: Decay) -> None:
    """Show the forecasts and the champion's health in Prefect; an alarm is an event, too."""
    create_markdown_artifact(
        key=ARTIFACT,
        description=f"forecasts of {made_at[:16]} UTC",
        markdown=forecasts_markdown(forecasts, decay),
    )
    if decay.alarm:
        one = forecasts[0]
        emit_event(
            event=DECAY_EVENT,
            resource={
                "prefect.resource.id": f"lstm-hpo.model.{one.model_name}",
                "prefect.resource.name": f"{one.model_name} version {one.model_version}",
            },
            payload={"why": decay.text},
        )


def forecasts_markdown(forecasts: Sequence[Forecast], decay: Decay) -> str:
    """Return a table of forecasts, and the champion's health in a sentence."""
    rows = [
        f"| {one.ticker} | {one.session} | {in_units_of_people(one)} | {one.forecast:.5g} | "
        f"{_bounds(one)} |"
        for one in forecasts
    ]
    unit, version = forecasts[0].unit, forecasts[0].model_version
    return "\n".join(
        [
            f"Version {version}. Decay: {decay.text}.",
            "",
            f"| ticker | session | forecast | {unit} | interval |",
            "|---|---|---|---|---|",
            *rows,
        ]
    )


def _bounds(forecast: Forecast) -> str:
    if forecast.lower is None or forecast.upper is None or forecast.coverage is None:
        return "-"
    return f"{forecast.lower:.5g} to {forecast.upper:.5g} ({forecast.coverage:.0%})"


def nothing_new(why: str) -> "State[None]":
    """Return the completed state of a call that had no new session to forecast."""
    return Completed(name="NothingNew", message=why)


def state_of(result: Result, decay: Decay) -> "Result | State[Result]":
    """Return the flow's result, as a completed state named Decaying while the alarm is on."""
    if not decay.alarm:
        return result
    return Completed(name="Decaying", message=decay.text, data=result)
