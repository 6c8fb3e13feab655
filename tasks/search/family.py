"""The studies of one name, also those that were deleted: how many trials have been tried in all."""

import optuna
from optuna.trial import TrialState

RECORD = "gone"
"""What a name has behind the @ in the study that counts those that were deleted.

It has no trials, and an attribute with the number for each deleted study. It lies in the same
store, so whoever moves or restores the studies takes the counts with them.
"""

FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)


def is_record(key: str) -> bool:
    """Return whether a study of Optuna's is the record of those that were deleted."""
    return key.endswith(f"@{RECORD}")


def studies_of(storage: optuna.storages.BaseStorage, study_name: str | None = None) -> list[str]:
    """Return the keys of the studies of a name, or of all names."""
    start = "" if study_name is None else f"{study_name}@"
    names = optuna.get_all_study_names(storage)
    return [name for name in names if name.startswith(start) and not is_record(name)]


def count_family(storage: optuna.storages.BaseStorage, study_name: str) -> tuple[int, int]:
    """Count the finished trials of all nights under this name, and their studies.

    Deleted studies count: without their trials the correction for many trials would be too small.
    """
    counts = _gone(storage, study_name)
    for key in studies_of(storage, study_name):
        counts |= _count(optuna.load_study(study_name=key, storage=storage))
    return sum(counts.values()), sum(count > 0 for count in counts.values())


def delete_study(storage: optuna.storages.BaseStorage, key: str) -> None:
    """Delete a study once its trials are counted; the caller holds its lock.

    A kill in between leaves a study that is counted already, and it still counts once.
    """
    study = optuna.load_study(study_name=key, storage=storage)
    record = optuna.create_study(
        storage=storage, study_name=f"{key.rpartition('@')[0]}@{RECORD}", load_if_exists=True
    )
    for identity, finished in _count(study).items():
        record.set_user_attr(identity, finished)
    optuna.delete_study(study_name=key, storage=storage)


def _count(study: optuna.Study) -> dict[str, int]:
    """Return the finished trials of a study, by its key and the start of its first trial.

    The same key may be searched again after its study was deleted: those are other trials.
    """
    trials = study.get_trials(deepcopy=False)
    first = min((str(trial.datetime_start) for trial in trials), default="")
    return {f"{study.study_name} {first}": sum(trial.state in FINISHED for trial in trials)}


def _gone(storage: optuna.storages.BaseStorage, study_name: str) -> dict[str, int]:
    name = f"{study_name}@{RECORD}"
    if name not in optuna.get_all_study_names(storage):
        return {}
    return dict(optuna.load_study(study_name=name, storage=storage).user_attrs)
