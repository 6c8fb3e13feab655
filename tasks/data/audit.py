"""The leak audit as a step of the night: on the data before the search, on the models after it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from prefect import task
from prefect.cache_policies import NO_CACHE

from lstm_model.config.pipeline import FeaturesConfig, PipelineConfig
from lstm_model.data.bars import Bars, join_panel
from lstm_model.data.beside import Beside
from lstm_model.data.changed_bars import lift_after
from lstm_model.data.exogenous import forecast_part, gather, tabulate_exogenous
from lstm_model.data.features import FeatureTable, compute_features
from lstm_model.data.leakage import (
    AuditRow,
    BlindFit,
    audit_features,
    audit_labels,
    audit_scaler,
    fit_blind,
)
from lstm_model.errors import LeakFound
from lstm_model.model.bundle import Bundle
from lstm_model.search.hyper_params import HyperParams
from tasks.data.data_set import DataSet, load_scaled_view, load_search_view, load_split
from tasks.data.snapshots import Snapshot, open_bars
from tasks.data.write_views import write_data_set


def audit_data(
    config: PipelineConfig, snapshot: Snapshot, data_set: DataSet
) -> tuple[AuditRow, ...]:
    """Audit features, labels, scaler and the search view; nothing is trained."""
    features, market = config.features, config.data.market

    def compute(bars: Bars) -> FeatureTable:
        exogenous = tabulate_exogenous(bars, features, market)
        return compute_features(forecast_part(bars, features), features, None, exogenous)

    split = load_split(data_set)
    first = _first_bars(snapshot, features)
    params = HyperParams()
    scaler = load_scaled_view(
        data_set.search_path, params.feature_scaling, params.sequence_length
    ).scaler
    return (
        *audit_features(
            compute,
            first,
            (data_set.validation_start, data_set.test_start),
            Beside.of(features, market),
        ),
        *audit_labels(split),
        audit_scaler(scaler, fit_blind(split.search, params)),
        _audit_search_view(config, snapshot, data_set),
    )


def _first_bars(snapshot: Snapshot, features: FeaturesConfig) -> Bars:
    """Return the snapshot's first tickers, and all exogenous ones."""
    exogenous = gather(open_bars(snapshot), features)
    some = (forecast_part(bars, features) for bars in open_bars(snapshot))
    first = next(bars for bars in some if not bars.frame.empty)
    return first if exogenous is None else join_panel([exogenous, first])


def _audit_search_view(config: PipelineConfig, snapshot: Snapshot, data_set: DataSet) -> AuditRow:
    """Prepare the data again with changed bars in the test block; the search view must not change.

    Trials and weights depend on this view only.
    """
    last_day = int(load_search_view(data_set.search_path).rows.dates.max())

    def changed() -> Iterator[Bars]:
        for bars in open_bars(snapshot):
            yield lift_after(bars, last_day)

    with TemporaryDirectory(prefix=".audit-", dir=config.data.data_dir) as scratch:
        again = write_data_set(changed, config, Path(scratch), snapshot.sha256)
    same = again.search_sha256 == data_set.search_sha256
    return AuditRow(
        "the search view, when bars of the test block change",
        same,
        f"unchanged, {data_set.search_sha256[:12]}"
        if same
        else f"{again.search_sha256[:12]} instead of {data_set.search_sha256[:12]}",
    )


def audit_models(data_set: DataSet, bundles: Mapping[str, Bundle]) -> tuple[AuditRow, ...]:
    """Audit the scaler of each final model."""
    view = load_search_view(data_set.search_path)
    blind: dict[tuple[str, int | None], BlindFit] = {}
    rows = []
    for name, bundle in bundles.items():
        params = bundle.params
        key = params.feature_scaling, params.sequence_length
        if key not in blind:  # models with the same scaling are compared with one fit
            blind[key] = fit_blind(view, params)
        row = audit_scaler(bundle.scaler, blind[key])
        rows.append(AuditRow(f"{name}: {row.check}", row.passed, row.found))
    return tuple(rows)


def require_no_leak(rows: tuple[AuditRow, ...]) -> None:
    """Raise LeakFound if a row of the audit failed."""
    failed = [row for row in rows if not row.passed]
    if failed:
        raise LeakFound(
            f"features, labels and scaler must depend only on the past, and only on its last bars, "
            f"but the leak audit found: "
            f"{'; '.join(f'{row.check}: {row.found}' for row in failed)}; fix or remove the column "
            f"in your features.custom; if none of yours is named, report a bug in lstm-hpo"
        )


@task(name="audit-data", cache_policy=NO_CACHE)
def audit_before_search(
    config: PipelineConfig, snapshot: Snapshot, data_set: DataSet
) -> tuple[AuditRow, ...]:
    """Audit the data as a step of the night."""
    return audit_data(config, snapshot, data_set)


@task(name="audit-models", cache_policy=NO_CACHE)
def audit_after_training(data_set: DataSet, bundles: Mapping[str, Bundle]) -> tuple[AuditRow, ...]:
    """Audit the final models as a step of the night."""
    return audit_models(data_set, bundles)
