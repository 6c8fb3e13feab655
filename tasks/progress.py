"""Progress of a night: a line for each stage, and a bar on a terminal or a line for each item."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from lstm_model.search.trial import Trial

if TYPE_CHECKING:  # it imports torch
    from lstm_model.model.early_stopping import LearningCurve

STAGES = {
    "download": "bars of every ticker",
    "prepare": "features, labels, windows and split",
    "audit": "does any number depend on the future?",
    "search": "trials of the search space",
    "retrain": "the best configuration, from several seeds",
    "references": "the seed document's configurations, for comparison",
    "evaluate": "the test block, once",
    "deploy": "the winner once more, on all bars",
    "record": "MLflow and model registry",
    "gate": "tonight's model against the champion",
}
"""The stages of a night in order, and what each works on."""


def print_note(text: str) -> None:
    """Tell the user something that is not an error."""
    print(f"note: {text}", file=sys.stderr)


class StageClock:
    """Announces each stage of a night, and keeps the seconds it took."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Announce a stage and time the block."""
        place = list(STAGES).index(name) + 1
        print(f"[{place}/{len(STAGES)}] {name}: {STAGES[name]}", file=sys.stderr)
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = round(time.perf_counter() - started, 3)


class ItemProgress:
    """Counts the finished items of a stage, and estimates the time left.

    stage: the stage's name. total: number of items. done: items that had finished before.
    """

    def __init__(self, stage: str, total: int, done: int = 0) -> None:
        self.total, self.done = total, done
        self._started = time.monotonic()
        console = Console(stderr=True)
        self._bar: Progress | None = None
        if console.is_terminal:
            self._bar = Progress(
                TextColumn(stage),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[status]}"),
                TimeElapsedColumn(),
                console=console,
            )
            self._task = self._bar.add_task(stage, total=total, completed=done, status="")

    def show(self, item: str, status: str, share_done: float) -> None:
        """Show an item that has ended; `share_done` of the stage's work is from 0 to 1."""
        left = ""
        if 0 < share_done < 1:
            seconds = (time.monotonic() - self._started) * (1 / share_done - 1)
            left = f"about {duration(seconds)} left"
        if self._bar is not None:
            self._bar.update(self._task, completed=self.done, status=_listed(status, left))
        else:
            line = f"  {self.done}/{self.total} {_listed(item, status, left)}"
            print(line, file=sys.stderr)

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()


class TrialProgress(ItemProgress):
    """Shows how many of a study's trials are finished, and the best loss so far."""

    def __init__(self, total: int, finished: int) -> None:
        super().__init__("search", total, finished)
        self._resumed = finished
        self._best: float | None = None

    def advance(self, trial: Trial) -> None:
        """Count a trial that has ended."""
        if trial.loss is not None and (self._best is None or trial.loss < self._best):
            self._best = trial.loss
        self.done += trial.is_finished
        what = f"{trial.state}: {trial.reason}" if trial.loss is None else f"loss {trial.loss:.4f}"
        best = "no loss yet" if self._best is None else f"best loss {self._best:.4f}"
        share_done = (self.done - self._resumed) / max(1, self.total - self._resumed)
        self.show(f"trial {trial.number}: {what} in {trial.seconds:.1f} s", best, share_done)


class TrainingProgress(ItemProgress):
    """Shows how many final trainings are done; the time left comes from their estimated cost."""

    def __init__(self, stage: str, costs: list[float]) -> None:
        super().__init__(stage, len(costs))
        self._total_cost, self._done_cost = sum(costs), 0.0

    def advance(self, name: str, member: int, cost: float, outcome: "LearningCurve | str") -> None:
        """Count one training of the model `name`; `outcome` is the reason if it failed."""
        self.done += 1
        self._done_cost += cost
        if isinstance(outcome, str):
            what = f"failed: {outcome}"
        else:
            what = f"best at epoch {outcome.best_epoch} of {len(outcome.epochs)}"
        share_done = self._done_cost / self._total_cost
        self.show(f"{name}, seed {member + 1}: {what}", "", share_done)


def _listed(*parts: str) -> str:
    return ", ".join(part for part in parts if part)


def duration(seconds: float) -> str:
    """Format seconds for people: 42 s, 3 min, 1 h 20 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
