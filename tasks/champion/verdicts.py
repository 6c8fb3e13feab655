"""The gate's verdicts on disk, and what it remembers of them: only appended to."""

from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock

from lstm_model.champion.budget import GateState
from lstm_model.champion.ruling import Ruling
from lstm_model.config.pipeline import PipelineConfig
from tasks.champion.lines import append_line, damaged, read_lines

WHAT = "the gate's journal"


def verdicts_of(config: PipelineConfig) -> "Verdicts":
    """Return the verdicts of a configuration, beside its store of bars."""
    return Verdicts(config.data.raw_dir.parent / "gate.jsonl")


@dataclass(frozen=True, slots=True)
class Verdicts:
    """The file of all verdicts."""

    path: Path

    def lock(self) -> FileLock:
        """Return the lock that a night holds at the gate."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        return FileLock(self.path.with_suffix(".lock"), timeout=600)

    def append(self, ruling: Ruling) -> None:
        """Write a verdict down."""
        append_line(self.path, asdict(ruling))

    def of(self, model: str) -> list[Ruling]:
        """Return a model's verdicts, the oldest first."""
        found = []
        for place, facts in enumerate(read_lines(self.path, WHAT), start=1):
            try:
                ruling = Ruling(**facts)
            except TypeError as error:
                raise damaged(self.path, WHAT, place) from error
            if ruling.model == model:
                found.append(ruling)
        return found

    def state(self, model: str) -> GateState:
        """Return what the gate remembers of a model's nights."""
        rulings = self.of(model)
        return rulings[-1].state if rulings else GateState()
