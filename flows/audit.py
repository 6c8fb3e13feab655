"""The leak audit alone: bars -> data set -> audit; nothing is searched or recorded."""

from lstm_model.config.pipeline import PipelineConfig
from lstm_model.data.leakage import AuditRow
from tasks.data.audit import audit_data
from tasks.data.download import take_snapshot
from tasks.data.prepare import prepare_data_set


def audit(settings: PipelineConfig) -> tuple[AuditRow, ...]:
    """Fetch, prepare and audit without a server, by calling the tasks as plain functions."""
    snapshot = take_snapshot(settings.data_to_fetch)
    return audit_data(settings, snapshot, prepare_data_set.fn(snapshot, settings))
