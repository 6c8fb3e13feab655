"""The champion in MLflow's registry: aliases that move last, and a journal of every change."""

from mlflow.exceptions import MlflowException

from lstm_model.config.pipeline import PipelineConfig
from lstm_model.errors import ChampionError
from tasks.champion.journal import Journal, Succession, now
from tasks.tracking.client import PatientClient, quiet_mlflow, refusals_named, resolve_uri

CHAMPION, CHALLENGER, PREVIOUS = "champion", "challenger", "previous"
BUNDLE_TAG = "bundle_sha256"
"""Tag of a version: the hash of its bundle's folder."""
MOST_TEXT = 5000
"""Characters that MLflow takes in a version's tag."""


class Registry:
    """The versions of one registered model, and which of them forecasts.

    uri: of the registry, absolute. model: its name. journal: of the changes.
    """

    def __init__(self, uri: str, model: str, journal: Journal) -> None:
        self.uri, self.model, self.journal = uri, model, journal
        with refusals_named(uri):
            self.client = PatientClient(uri)

    def champion(self) -> int | None:
        """Return the champion's version; None if there is none. Finishes a change that was cut."""
        self._finish_what_was_cut()
        return self._version_of(CHAMPION)

    def require_champion(self) -> int:
        """Return the champion's version; raises ChampionError if there is none."""
        version = self.champion()
        if version is None:
            raise ChampionError(
                f"model {self.model!r} must have a champion but has none; name one with lstm-hpo "
                f"champion promote VERSION --why '...'"
            )
        return version

    def challenger(self) -> int | None:
        """Return the challenger's version; None if there is none."""
        return self._version_of(CHALLENGER)

    def name_challenger(self, version: int) -> None:
        """Make a version the challenger."""
        with refusals_named(self.uri):
            self.client.set_registered_model_alias(self.model, CHALLENGER, str(version))

    def note_verdict(self, version: int, outcome: str, text: str) -> None:
        """Write the gate's verdict on a version into its tags."""
        with refusals_named(self.uri):
            for key, value in (("gate_outcome", outcome), ("gate_verdict", text[:MOST_TEXT])):
                self.client.set_model_version_tag(self.model, str(version), key, value)

    def promote(self, version: int, by: str, why: str) -> Succession:
        """Make a version the champion; the one before stays as `previous`.

        Raises ChampionError if there is no such version, or it is the champion already.
        """
        return self._change("promote", version, by, why)

    def rollback(self, by: str, why: str) -> Succession:
        """Make the version before the champion the champion again; raises ChampionError if none."""
        self._finish_what_was_cut()
        previous = self._version_of(PREVIOUS)
        if previous is None:
            raise ChampionError(
                f"model {self.model!r} must have had another champion but has not; name one with "
                f"lstm-hpo champion promote"
            )
        return self._change("rollback", previous, by, why)

    def since(self) -> Succession | None:
        """Return the change by which the champion came; None if it was made outside of this."""
        history = self.journal.history(self.model)
        champion = self.champion()
        return history[-1] if history and history[-1].version == champion else None

    def _change(self, kind: str, version: int, by: str, why: str) -> Succession:
        if not why.strip():
            raise ChampionError("a change of the champion needs its reason; pass --why '...'")
        with self.journal.lock():
            self._finish_what_was_cut()
            self._require_version(version)
            before = self._version_of(CHAMPION)
            if before == version:
                raise ChampionError(f"version {version} of {self.model!r} is the champion already")
            change = Succession(self.model, kind, version, before, now(), by, why)  # type: ignore[arg-type]
            self.journal.begin(change)
            self._carry_out(change)
        return change

    def _carry_out(self, change: Succession) -> None:
        """Do each step of a change; all may be done twice, and the champion's alias moves last."""
        with refusals_named(self.uri):
            for key in ("at", "by", "why"):
                self.client.set_model_version_tag(
                    self.model, str(change.version), f"champion_{key}", getattr(change, key)
                )
            if change.previous is not None:
                self.client.set_registered_model_alias(self.model, PREVIOUS, str(change.previous))
            if self._version_of(CHALLENGER) == change.version:
                self.client.delete_registered_model_alias(self.model, CHALLENGER)
            self.client.set_registered_model_alias(self.model, CHAMPION, str(change.version))
        self.journal.finish(change)

    def _finish_what_was_cut(self) -> None:
        cut = self.journal.unfinished(self.model)
        if cut is not None:
            self._carry_out(cut)

    def _version_of(self, alias: str) -> int | None:
        try:
            return int(self.client.get_model_version_by_alias(self.model, alias).version)
        except MlflowException as error:
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                return None
            raise

    def _require_version(self, version: int) -> None:
        try:
            self.client.get_model_version(self.model, str(version))
        except MlflowException as error:
            found = self.client.search_model_versions(f"name = '{self.model}'")
            known = ", ".join(sorted((str(v.version) for v in found), key=int)[-10:]) or "none"
            raise ChampionError(
                f"a champion must be a registered version of {self.model!r} but {version} is not; "
                f"there is {known}"
            ) from error


def champion_of(config: PipelineConfig) -> Registry:
    """Return the registry of a configuration; its journal lies beside the store of bars."""
    quiet_mlflow()
    journal = Journal(config.data.raw_dir.parent / "champion.jsonl")
    return Registry(resolve_uri(config.tracking.uri), config.tracking.model_name, journal)
