"""Train a recorded trial again, to check that its loss is identical bit for bit.

It is identical in the recorded environment: code, libraries, processor, instructions, threads.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import optuna
from optuna.trial import TrialState
from pydantic import TypeAdapter

from lstm_model.config.loader import parse_config
from lstm_model.errors import ConfigError, SearchError
from tasks.data.prepare import prepare_data_set
from tasks.data.snapshots import find_snapshot
from tasks.precision import require_hardware
from tasks.search.environment import describe_environment, name_drift
from tasks.search.family import studies_of
from tasks.search.study_store import CONFIG, ENVIRONMENT, NUMBER, SNAPSHOT, SPEC, open_storage
from tasks.search.trial import TrialSpec
from tasks.search.workers import TrialExecutor


@dataclass(frozen=True, slots=True)
class Replay:
    """A trial's loss as recorded and as trained again.

    study_key: name of the study in the store.
    number: of the trial.
    recorded, again: validation loss then and now.
    environment: what the loss depends on, as of now.
    drift: differences from the recorded environment.
    """

    study_key: str
    number: int
    recorded: float
    again: float
    environment: dict[str, str]
    drift: tuple[str, ...]

    @property
    def is_identical(self) -> bool:
        """Return whether both losses are identical, bit for bit."""
        return self.recorded == self.again


def replay_trial(storage: str, study_name: str, number: int) -> Replay:
    """Train trial `number` of a study again from its recorded specification.

    `study_name` may omit the hash if only one study has the name. Raises ConfigError if the study,
    the trial or its hardware is missing, SearchError if the trial does not complete this time.
    """
    with open_storage(storage) as opened:
        study = _load_study(opened, study_name)
        trial = _completed_trial(study, number)
        spec = TypeAdapter(TrialSpec).validate_python(trial.user_attrs[SPEC])
        require_hardware(spec.settings.precision, spec.settings.device)
        if not Path(spec.search_path).is_dir():
            spec = replace(spec, search_path=_prepare_again(study))
    with TrialExecutor(1, timeout_seconds=24 * 3600) as executor:
        again = executor.run(spec).trial
    if again.loss is None:
        raise SearchError(
            f"trial {number} of {study.study_name} must complete as recorded but did not: "
            f"{again.reason}"
        )
    environment = describe_environment()
    return Replay(
        study_key=study.study_name,
        number=number,
        recorded=trial.values[0],
        again=again.loss,
        environment=environment,
        drift=tuple(name_drift(trial.user_attrs[ENVIRONMENT], environment)),
    )


def _load_study(storage: optuna.storages.RDBStorage, study_name: str) -> optuna.Study:
    names = studies_of(storage)
    matching = [n for n in names if n == study_name or n.startswith(f"{study_name}@")]
    if len(matching) != 1:
        listed = ", ".join(matching or names) or "none"
        raise ConfigError(
            f"the name must be that of one study but {study_name!r} is that of {len(matching)}; "
            f"choose from: {listed}"
        )
    return optuna.load_study(study_name=matching[0], storage=storage)


def _completed_trial(study: optuna.Study, number: int) -> optuna.trial.FrozenTrial:
    for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
        if trial.user_attrs.get(NUMBER) == number:
            return trial
    raise ConfigError(
        f"a replay needs a completed trial but {study.study_name} has none with number {number}; "
        f"choose another"
    )


def _prepare_again(study: optuna.Study) -> str:
    config = parse_config(study.user_attrs[CONFIG], origin=f"the record of {study.study_name}")
    snapshot = find_snapshot(config.data, study.user_attrs[SNAPSHOT])
    return prepare_data_set.fn(snapshot, config).search_path
