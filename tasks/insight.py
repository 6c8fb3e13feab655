"""Insight: what a search taught, as values, as the lines a user reads, and as Markdown."""

import textwrap
from dataclasses import asdict, dataclass
from typing import Any

from lstm_model.config.pipeline import PipelineConfig
from lstm_model.search.hyper_params import Params
from lstm_model.search.importance import SHUFFLES, Importance, Importances, rank_importances
from lstm_model.search.interpretation import Reading, interpret, read_search
from lstm_model.search.sampling import FinishedTrial, ProposalSettings
from tasks.search.study import StudyResult

PRINTED_ROWS, PRINTED_EDGES = 5, 2


@dataclass(frozen=True, slots=True)
class Insight:
    """Which parameters mattered, beside the seed's claims, and how the best configuration reads."""

    best: Params
    importances: Importances
    readings: tuple[Reading, ...]

    def to_json(self) -> dict[str, Any]:
        """Return both as they stand in the summary; what was not computed is null."""
        return {
            "importances": asdict(self.importances),
            "readings": [asdict(reading) for reading in self.readings],
        }

    def table(self) -> str:
        """Return the first parameters, how the search went and what lies at an edge, as text."""
        rows = self.importances.rows
        lines = [
            f"Importance of each parameter ({self.importances.note})",
            f"{'':<18}{'best':>8}{'importance':>12}{'chance p':>10}   the seed's claim",
            *(self._line(row) for row in rows[:PRINTED_ROWS]),
        ]
        if len(rows) > PRINTED_ROWS:
            lines.append(f"and {len(rows) - PRINTED_ROWS} more, in MLflow")
        if rows[0].share is not None:
            lines.append(f"chance p: share of {SHUFFLES} shuffles of the losses that give as much.")
        lines += [reading.text for reading in self.readings if reading.parameter == "trials"][:1]
        rank = {row.parameter: rank for rank, row in enumerate(rows)}
        edges = sorted((r for r in self.readings if r.at_edge), key=lambda r: rank[r.parameter])
        for reading in edges[:PRINTED_EDGES]:
            lines += textwrap.wrap(reading.text, 98, subsequent_indent="  ")
        return "\n".join(lines)

    def markdown(self) -> str:
        """Return all of it as Markdown."""
        rows = [
            (row.parameter, _value(self.best, row), *_numbers(row), _claim(row))
            for row in self.importances.rows
        ]
        header = ("parameter", "best", "importance", "chance p", "the seed's claim")
        table = [header, ("---",) * len(header), *rows]
        lines = [f"| {' | '.join(cells)} |" for cells in table]
        readings = [f"- {reading.text}" for reading in self.readings]
        return "\n".join([*lines, "", self.importances.note, "", *readings])

    def metrics(self) -> dict[str, float]:
        """Return what was computed, by the names of MLflow's metrics."""
        values: dict[str, float] = {}
        for row in self.importances.rows:
            if row.share is not None and row.p_value is not None:
                values[f"importance.{row.parameter}"] = row.share
                values[f"importance.{row.parameter}.p_value"] = row.p_value
        return values

    def _line(self, row: Importance) -> str:
        share, p_value = _numbers(row)
        best = _value(self.best, row)
        return f"{row.parameter:<18}{best:>8}{share:>12}{p_value:>10}   {_claim(row)}"


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


def look_back(config: PipelineConfig, study_name: str, study: StudyResult, weights: int) -> Insight:
    """Rank the parameters of a finished search and read its best trial."""
    search = config.search
    finished = [
        FinishedTrial(row.number, row.params, row.value, row.seconds)
        for row in study.trials
        if row.state in {"COMPLETE", "PRUNED"}
    ]
    settings = ProposalSettings(
        seed=config.seed,
        study_name=study_name,
        space=search.space,
        startup_trials=search.startup_trials,
        sampler=search.sampler,
        queued=study.queued,
        with_seconds=len(search.minimise) > 1,
    )
    readings = (
        *interpret(study.best_params, study.best.params, search.space, weights),
        *read_search(settings, finished, search.generation, search.trials),
    )
    return Insight(study.best.params, rank_importances(finished, search.space), readings)
