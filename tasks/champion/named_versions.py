"""Versions that must stay: those with an alias, and those that a record of the champion names."""

from lstm_model.champion.ledger_entry import Forecast
from lstm_model.champion.retention import Version
from lstm_model.config.pipeline import PipelineConfig
from tasks.champion.ledger import ledger_of
from tasks.champion.verdicts import verdicts_of
from tasks.tracking.champion import Registry
from tasks.tracking.retention import named_in_mlflow


def named_versions(config: PipelineConfig, registry: Registry) -> frozenset[Version]:
    """Return the versions that an alias, the ledger or a journal names, and those of other models.

    MLflow knows some without the records on disk: by tags of a champion, and by runs of forecasts.
    Raises LedgerError or StorageError if a record cannot be read.
    """
    model = registry.model
    named = set(named_in_mlflow(registry.client, model))
    unfinished = registry.journal.unfinished(model)
    changes = [*registry.journal.history(model), *([unfinished] if unfinished else [])]
    named |= {(model, change.version) for change in changes}
    named |= {(model, change.previous) for change in changes if change.previous is not None}
    # A promotion may have been written down and not carried out.
    named |= {(model, ruling.challenger) for ruling in verdicts_of(config).of(model)[-1:]}
    for entry in ledger_of(config).entries():
        if isinstance(entry.content, Forecast):
            named.add((entry.content.model_name, entry.content.model_version))
    return frozenset(named)
