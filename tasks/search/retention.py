"""Old studies of the search: which there are, and their deletion."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import optuna
from optuna.trial import TrialState
from sqlalchemy import make_url

from lstm_model.champion.retention import StudyAge
from lstm_model.errors import SearchError
from tasks.search.family import FINISHED, delete_study, is_record
from tasks.search.study_store import SPACE, held_alone, open_storage


@contextmanager
def stored_studies(address: str) -> Iterator["Studies"]:
    """Open the database of studies; one that does not exist has none, and is not created.

    Raises StorageError if it fails.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    url = make_url(address)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        yield Studies(address, None)
        return
    with open_storage(address) as storage:
        yield Studies(address, storage)


class Studies:
    """The studies in a database."""

    def __init__(self, address: str, storage: optuna.storages.RDBStorage | None) -> None:
        self._address, self._storage = address, storage

    def ages(self) -> tuple[StudyAge, ...]:
        """Return every study, with how many of its trials ended."""
        if self._storage is None:
            return ()
        found = []
        for summary in optuna.get_all_study_summaries(self._storage):
            if is_record(summary.study_name):
                continue
            study = optuna.load_study(study_name=summary.study_name, storage=self._storage)
            states = [trial.state for trial in study.get_trials(deepcopy=False, states=FINISHED)]
            found.append(
                StudyAge(
                    key=summary.study_name,
                    started=summary.datetime_start,
                    space=str(summary.user_attrs.get(SPACE, "")),
                    finished=len(states),
                    completed=states.count(TrialState.COMPLETE),
                )
            )
        return tuple(found)

    def delete(self, study: StudyAge) -> bool:
        """Delete a study, and count its trials; return False if a night searches it now."""
        assert self._storage is not None  # noqa: S101 - for mypy
        try:
            with held_alone(self._address, study.key, study.name):
                delete_study(self._storage, study.key)
        except SearchError:
            return False
        return True
