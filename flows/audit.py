"""The leak audit alone: bars -> data set -> audit; nothing is searched or recorded."""

from lstm_model.config.pipeline import PipelineConfig
from lstm_model.data.leakage import AuditRow
from tasks.data.audit import audit_data
from tasks.data.prepare import prepare_data_set
from tasks.data.snapshots import fetch_bars, find_snapshot, store_snapshot
from tasks.data.universe import fetch_universe


def audit(settings: PipelineConfig) -> tuple[AuditRow, ...]:
    """Fetch, prepare and audit without a server, by calling the tasks as plain functions."""
    data = settings.data
    if data.snapshot is not None:
        snapshot = find_snapshot.fn(data, data.snapshot)
    else:
        universe = fetch_universe(data, fetch_bars.fn)
        snapshot = store_snapshot.fn(data, universe.parts, universe.left_out)
    return audit_data(settings, snapshot, prepare_data_set.fn(snapshot, settings))
