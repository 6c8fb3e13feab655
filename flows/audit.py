"""The leak audit alone: bars -> data set -> audit; nothing is searched and nothing is recorded."""

from lstm_model.config import PipelineConfig
from lstm_model.leakage import AuditRow
from tasks.audit import audit_data
from tasks.bar_store import fetch_bars, find_snapshot, store_snapshot
from tasks.prepare import prepare_data_set


def audit(settings: PipelineConfig) -> tuple[AuditRow, ...]:
    """Fetch, prepare and audit, without a server: the tasks are called as plain functions."""
    data = settings.data
    if data.snapshot is not None:
        snapshot = find_snapshot.fn(data, data.snapshot)
    else:
        parts = [fetch_bars.fn(data, ticker) for ticker in data.tickers]
        snapshot = store_snapshot.fn(data, parts)
    return audit_data(settings, snapshot, prepare_data_set.fn(snapshot, settings))
