"""Progress over trials: a bar on a terminal, plain lines elsewhere."""

import sys
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tasks.search.trial import TrialOutcome


def notice(text: str) -> None:
    """Tell the user something that is no error."""
    print(f"note: {text}", file=sys.stderr)


class TrialProgress:
    """Shows how many of a study's trials are finished, and the best loss so far."""

    def __init__(self, total: int, finished: int) -> None:
        self.total, self.finished = total, finished
        self.best: float | None = None
        console = Console(stderr=True)
        self._bar: Progress | None = None
        if console.is_terminal:
            self._bar = Progress(
                TextColumn("search"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[best]}"),
                TimeElapsedColumn(),
                console=console,
            )
            self._task = self._bar.add_task("search", total=total, completed=finished, best="")

    def advance(self, outcome: TrialOutcome) -> None:
        """Take in a trial that has ended."""
        loss = outcome.validation_loss
        if loss is not None and (self.best is None or loss < self.best):
            self.best = loss
        self.finished += outcome.state != "FAIL"
        best = "no loss yet" if self.best is None else f"best loss {self.best:.4f}"
        if self._bar is not None:
            self._bar.update(self._task, completed=self.finished, best=best)
            return
        what = f"loss {loss:.4f}" if loss is not None else f"{outcome.state}: {outcome.reason}"
        line = f"trial {outcome.number}: {what} in {outcome.seconds:.1f} s"
        print(f"[{self.finished}/{self.total}] {line}, {best}", file=sys.stderr)

    def __enter__(self) -> "TrialProgress":
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
