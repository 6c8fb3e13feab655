"""Insight: what a search taught, as values, table rows and Markdown."""

from dataclasses import dataclass

from lstm_model.search.hyper_params import Params
from lstm_model.search.importance import Importance, Importances, rank_importances
from lstm_model.search.interpretation import Reading, interpret, read_search
from lstm_model.search.space import searched_part
from lstm_model.search.study_result import StudyResult

HEADER = ("parameter", "best", "importance", "chance p", "the seed's claim")


@dataclass(frozen=True, slots=True)
class Insight:
    """Parameter importances next to the seed's claims, and readings of the best configuration."""

    best: Params
    importances: Importances
    readings: tuple[Reading, ...]

    def rows(self) -> list[tuple[str, ...]]:
        """Return one row per parameter, the most important first, under `HEADER`."""
        return [
            (row.parameter, _value(self.best, row), *_numbers(row), _claim(row))
            for row in self.importances.rows
        ]

    def markdown(self) -> str:
        """Return everything as Markdown."""
        table = [HEADER, ("---",) * len(HEADER), *self.rows()]
        lines = [f"| {' | '.join(cells)} |" for cells in table]
        readings = [f"- {reading.text}" for reading in self.readings]
        return "\n".join([*lines, "", self.importances.note, "", *readings])

    def metrics(self) -> dict[str, float]:
        """Return the computed values by the names of their MLflow metrics."""
        values: dict[str, float] = {}
        for row in self.importances.rows:
            if row.share is not None and row.p_value is not None:
                values[f"importance.{row.parameter}"] = row.share
                values[f"importance.{row.parameter}.p_value"] = row.p_value
        return values


def _value(best: Params, row: Importance) -> str:
    value = best.get(row.parameter, "-")
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _numbers(row: Importance) -> tuple[str, str]:
    if row.share is None or row.p_value is None:
        return "-", "-"
    return f"{row.share:.2f}", f"{row.p_value:.2f}"


def _claim(row: Importance) -> str:
    claim = row.claim
    return "-" if claim is None else f"{claim.rank}, {claim.impact}, best at {claim.typical}"


def look_back(study: StudyResult, weights: int) -> Insight:
    """Rank the parameters of a finished search and explain its best trial.

    `weights` is the number of trainable parameters of the best configuration.
    """
    space, best = study.settings.space, study.best.params
    finished = [trial for trial in study.trials if trial.is_finished]
    readings = (
        *interpret(best, space, weights),
        *read_search(study.settings, finished, study.generation, study.total),
    )
    return Insight(searched_part(best, space), rank_importances(finished, space), readings)
