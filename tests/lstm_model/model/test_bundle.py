"""Claims about the bundle: what is saved is what forecasts, from prepared rows or raw bars."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from lstm_model.config.loader import parse_config
from lstm_model.config.pipeline import FeaturesConfig
from lstm_model.data.assemble import split_chronologically
from lstm_model.data.bars import Bars
from lstm_model.data.cleaning import clean_bars
from lstm_model.data.exogenous import tabulate_exogenous
from lstm_model.data.features import WARM_UP_BARS, compute_features
from lstm_model.data.indicators import INDICATORS
from lstm_model.data.scaling import Scaler
from lstm_model.data.targets import TargetTable
from lstm_model.data.views import ChronoSplit, Rows
from lstm_model.data.windows import scale_view
from lstm_model.errors import BarsError
from lstm_model.evaluation.baselines.forecasts import baseline_forecasts
from lstm_model.model.bundle import Bundle, load_bundle, save_bundle
from lstm_model.model.bundle_files import DESCRIPTION_FILE
from lstm_model.model.training import build_network
from lstm_model.search.hyper_params import HyperParams

LENGTH = 60


def forecast_samples(bundle: Bundle, rows: Rows, ends: np.ndarray) -> np.ndarray:
    """Forecast samples of prepared rows with each network, as an evaluation does."""
    return bundle.forecast_windows(bundle.windows(rows.features, ends), rows.har_terms[ends])


@pytest.fixture(scope="module")
def bundle(sp500_split: ChronoSplit) -> Bundle:
    params = HyperParams(hidden_size=8, num_layers=2)
    return Bundle(
        networks=(build_network(len(INDICATORS), params, seed=3),),
        params=params,
        scaler=Scaler.fit(sp500_split.search.rows, sp500_split.search.train),
        features=FeaturesConfig(),
        feature_names=INDICATORS,
        window_length=LENGTH,
        target_kind="log_volatility",
        horizon=1,
    )


def with_ticker(raw: pd.DataFrame, ticker: str = "^GSPC") -> pd.DataFrame:
    return raw.assign(ticker=ticker)


def test_round_trip_is_bit_equal(bundle: Bundle, sp500_split: ChronoSplit, tmp_path: Path) -> None:
    """A bundle read back forecasts bit for bit as the one that was saved."""
    held_out = sp500_split.held_out
    again = load_bundle(save_bundle(bundle, tmp_path / "a" / "bundle"))
    np.testing.assert_array_equal(
        forecast_samples(again, held_out.rows, held_out.test),
        forecast_samples(bundle, held_out.rows, held_out.test),
    )
    for field in dataclasses.fields(Bundle):
        if field.name not in {"networks", "scaler"}:
            assert getattr(again, field.name) == getattr(bundle, field.name)
    np.testing.assert_array_equal(again.scaler.feature_means, bundle.scaler.feature_means)
    assert not again.networks[0].training


def test_forecast_is_the_networks_in_the_targets_unit(
    bundle: Bundle, sp500_split: ChronoSplit
) -> None:
    """A forecast is the network's on the scaled window, times the label's sd, plus its mean."""
    rows, end, scaler = sp500_split.held_out.rows, sp500_split.held_out.test[5], bundle.scaler
    window = (rows.features[end - LENGTH + 1 : end + 1] - scaler.feature_means) / scaler.feature_sds
    with torch.no_grad():
        scaled = float(bundle.networks[0].eval()(torch.tensor(window[None], dtype=torch.float32)))
    ((found,),) = forecast_samples(bundle, rows, np.array([end]))
    assert found == pytest.approx(scaled * scaler.label_sd + scaler.label_mean, abs=1e-5)


def test_bundle_is_plain_files(bundle: Bundle, tmp_path: Path) -> None:
    """A bundle is one file of weights and one of JSON, and loading it draws no random number."""
    folder = save_bundle(bundle, tmp_path / "bundle")
    assert {path.name for path in folder.iterdir()} == {"weights.safetensors", DESCRIPTION_FILE}
    description = json.loads((folder / DESCRIPTION_FILE).read_text("utf-8"))
    assert description["target"] == {"kind": "log_volatility", "horizon": 1}
    state = torch.get_rng_state()
    load_bundle(folder)
    assert torch.equal(torch.get_rng_state(), state)


def test_raw_bars_forecast_as_prepared_rows(
    bundle: Bundle, sp500_split: ChronoSplit, sp500_raw: pd.DataFrame
) -> None:
    """Raw bars give the forecasts of prepared rows, plus the one for the future."""
    held_out = sp500_split.held_out
    table = bundle.forecast_bars(with_ticker(sp500_raw))
    (expected,) = forecast_samples(bundle, held_out.rows, held_out.test)
    found = table.iloc[-1 - len(expected) : -1]
    days = found["date"].to_numpy().astype("datetime64[D]").astype(np.int64)
    np.testing.assert_array_equal(days, held_out.rows.dates[held_out.test])
    np.testing.assert_allclose(found["forecast"], expected, rtol=0, atol=1e-6)
    assert table["date"].iloc[-1] == sp500_raw["date"].iloc[-1]


def test_recent_bars_suffice(bundle: Bundle, sp500_raw: pd.DataFrame) -> None:
    """The shortest history gives one forecast, that of the whole history's last bar."""
    needed = WARM_UP_BARS + LENGTH
    whole = bundle.forecast_bars(with_ticker(sp500_raw))
    recent = bundle.forecast_bars(with_ticker(sp500_raw[-needed:]))
    assert len(recent) == 1
    assert recent["date"].iloc[0] == whole["date"].iloc[-1]
    assert recent["forecast"].iloc[0] == pytest.approx(whole["forecast"].iloc[-1], abs=1e-5)


def test_tickers_are_forecast_apart(bundle: Bundle, sp500_raw: pd.DataFrame) -> None:
    """A panel's forecasts are those of each ticker alone, even where their rows are mixed."""
    one, two = with_ticker(sp500_raw[-400:], "B"), with_ticker(sp500_raw[-900:-500], "A")
    panel = pd.concat([one, two]).sort_values("date", ascending=False)
    table = bundle.forecast_bars(panel).set_index("ticker")
    for raw, ticker in ((one, "B"), (two, "A")):
        alone = bundle.forecast_bars(raw)["forecast"].to_numpy()
        np.testing.assert_allclose(table.loc[ticker, "forecast"], alone, rtol=0, atol=1e-6)


def test_too_few_bars_are_refused(bundle: Bundle, sp500_raw: pd.DataFrame) -> None:
    """One bar less than the shortest history is refused with both counts."""
    with pytest.raises(BarsError, match=r"\^GSPC: .* >= 310 bars .* there are 309"):
        bundle.forecast_bars(with_ticker(sp500_raw[-309:]))


def test_no_bars_are_refused(bundle: Bundle, sp500_raw: pd.DataFrame) -> None:
    """A table without rows is refused."""
    with pytest.raises(BarsError, match="at least one ticker"):
        bundle.forecast_bars(with_ticker(sp500_raw[:0]))


@pytest.mark.parametrize(
    "change",
    [
        {"feature_scaling": "robust"},
        {"feature_scaling": "rank"},
        {"bidirectional": True, "layer_norm": True},
        {"sequence_length": 20, "optimiser": "sgd"},
    ],
)
def test_every_kind_of_model_comes_back(
    change: dict[str, Any], sp500_split: ChronoSplit, tmp_path: Path
) -> None:
    """For every scaling, architecture and window, a loaded bundle forecasts bit-equally."""
    search, held_out = sp500_split.search, sp500_split.held_out
    params = HyperParams.from_mapping({"hidden_size": 4, **change})
    view = scale_view(search, params)
    length = view.train.length
    network = build_network(len(INDICATORS), params, seed=3)
    bundle = Bundle(
        (network,), params, view.scaler, FeaturesConfig(), INDICATORS, length, "log_volatility", 1
    )
    again = load_bundle(save_bundle(bundle, tmp_path / "bundle"))
    assert again.params == params
    found, expected = (
        forecast_samples(each, held_out.rows, held_out.test) for each in (again, bundle)
    )
    np.testing.assert_array_equal(found, expected)
    blind = dataclasses.replace(held_out.rows, features=held_out.rows.features.copy())
    blind.features[: held_out.test[0] - length + 1] = 1e6
    np.testing.assert_array_equal(forecast_samples(again, blind, held_out.test), expected)


def test_columns_of_another_version_are_refused(bundle: Bundle, sp500_raw: pd.DataFrame) -> None:
    """A model refuses columns other than those it was trained on."""
    other = dataclasses.replace(bundle, features=FeaturesConfig(sets=("indicators", "har")))
    with pytest.raises(
        BarsError, match=r"the 16 columns .* but these bars give 19, ending in log_variance"
    ):
        other.forecast_bars(with_ticker(sp500_raw[-400:]))


def test_a_shorter_sequence_needs_fewer_bars(bundle: Bundle, sp500_raw: pd.DataFrame) -> None:
    """A served model with windows of 20 bars needs 40 bars less history than one with 60."""
    short = dataclasses.replace(bundle, window_length=20)
    assert len(short.forecast_bars(with_ticker(sp500_raw[-(WARM_UP_BARS + 20) :]))) == 1


def test_an_ensemble_with_a_skip_forecasts_the_same_from_raw_bars(
    sp500: Bars, sp500_raw: pd.DataFrame, sp500_targets: TargetTable, tmp_path: Path
) -> None:
    """Members come back apart, their mean is the forecast, and HAR's part comes from raw bars."""
    config = parse_config(
        {
            "data": {"tickers": ["^GSPC"]},
            "features": {"sets": ["har", "indicators"]},
            "target": {"kind": "log_volatility", "skip": "har"},
        }
    )
    features = compute_features(sp500, config.features)
    split = split_chronologically(features, sp500_targets, config)
    search, held_out = split.search, split.held_out
    params = HyperParams(hidden_size=4, num_layers=1)
    view = scale_view(search, params)
    networks = tuple(build_network(19, params, seed) for seed in (1, 2, 3))
    untrained = build_network(19, params, seed=1, zero_head=True)
    bundle = Bundle(
        networks, params, view.scaler, config.features, features.names, view.train.length,
        "log_volatility", 1,
    )  # fmt: skip
    again = load_bundle(save_bundle(bundle, tmp_path / "bundle"))
    members = forecast_samples(bundle, held_out.rows, held_out.test)
    assert members.shape == (3, len(held_out.test))
    np.testing.assert_array_equal(forecast_samples(again, held_out.rows, held_out.test), members)
    table = again.forecast_bars(with_ticker(sp500_raw)).iloc[-1 - members.shape[1] : -1]
    np.testing.assert_allclose(table["forecast"], members.mean(axis=0), rtol=0, atol=1e-5)
    np.testing.assert_allclose(table["spread"], members.std(axis=0, ddof=1), rtol=0, atol=1e-5)

    # A network whose head is zero leaves HAR's forecast alone.
    (first,) = forecast_samples(
        dataclasses.replace(bundle, networks=(untrained,)), held_out.rows, held_out.test
    )
    np.testing.assert_allclose(first, baseline_forecasts(split).test["har"], atol=1e-9)


def test_volatility_is_annualised_by_each_tickers_sessions(
    bundle: Bundle, sp500_raw: pd.DataFrame, tmp_path: Path
) -> None:
    """A ticker has the sessions it was trained with, a new one those of its market."""
    saved = dataclasses.replace(
        bundle, smearing=0.1, market="XTKS", sessions_a_year={"KNOWN": 300, "BTC-USD": 365}
    )
    again = load_bundle(save_bundle(saved, tmp_path / "bundle"))
    expected = {"KNOWN": 300, "BTC-USD": 365, "ETH-USD": 365, "RIO.L": 253, "NEW": 245}
    raw = sp500_raw[-330:]
    days = dict.fromkeys(expected, raw["date"])
    for name in ("BTC-USD", "ETH-USD"):
        days[name] = pd.Series(pd.date_range("2020-01-01", periods=len(raw)), index=raw.index)
    panel = pd.concat([raw.assign(ticker=name, date=days[name]) for name in expected])
    table = again.forecast_bars(panel)
    assert set(table["ticker"]) == set(expected)
    sessions = table["annualised_volatility"] ** 2 / table["variance"]
    np.testing.assert_allclose(sessions, table["ticker"].map(expected))


def test_a_bundle_from_before_sessions_were_stored(bundle: Bundle, tmp_path: Path) -> None:
    """An older bundle comes back, and its tickers have the sessions of their markets."""
    folder = save_bundle(bundle, tmp_path / "bundle")
    path = folder / DESCRIPTION_FILE
    description = json.loads(path.read_text("utf-8"))
    for key in ("market", "sessions_a_year", "format", "sha256"):
        del description[key]
    path.write_text(json.dumps(description), encoding="utf-8")
    again = load_bundle(folder)
    assert (again.market, again.sessions_a_year) == (None, {})


def test_a_window_over_a_gap_has_no_forecast(bundle: Bundle, sp500_raw: pd.DataFrame) -> None:
    """After a gap of over 14 days forecasts begin again once a window lies behind it."""
    raw = sp500_raw[-500:].reset_index(drop=True)
    gap = raw.drop(index=range(380, 392))
    table = bundle.forecast_bars(with_ticker(gap))
    before, after = raw["date"][379], raw["date"][392 + LENGTH]
    assert (raw["date"][392] - before).days > 14
    found = table["date"]
    assert found[found > before].iloc[0] == after
    with pytest.raises(BarsError, match="at most 14 days between two of them"):
        bundle.forecast_bars(with_ticker(gap[100:435]))


def test_a_model_with_exogenous_series_takes_their_raw_bars(
    sp500_raw: pd.DataFrame, sp500: Bars, sp500_targets: TargetTable, tmp_path: Path
) -> None:
    """The series are passed among the other bars, in any order; they are used and not forecast."""
    fear = 20 + np.cos(np.arange(len(sp500_raw)) / 7)
    vix = pd.DataFrame(
        {"date": sp500_raw["date"], "open": fear, "high": fear + 1, "low": fear - 1, "close": fear}
    )
    raw_config = {
        "data": {"tickers": ["^GSPC"], "market": "XNYS"},
        "features": {"exogenous": [{"ticker": "^VIX", "lag_sessions": 1}]},
        "target": {"kind": "log_volatility"},
    }
    config = parse_config(raw_config)
    exogenous = tabulate_exogenous(clean_bars(vix, "^VIX"), config.features, "XNYS")
    features = compute_features(sp500, config.features, None, exogenous)
    split = split_chronologically(features, sp500_targets, config)
    params = HyperParams(hidden_size=4, num_layers=1)
    view = scale_view(split.search, params)
    network = build_network(19, params, seed=1)
    bundle = Bundle(
        (network,), params, view.scaler, config.features, features.names, view.train.length,
        "log_volatility", 1, market="XNYS",
    )  # fmt: skip
    again = load_bundle(save_bundle(bundle, tmp_path / "bundle"))
    assert again.features == config.features
    assert again.market == "XNYS"
    held_out = split.held_out
    (expected,) = forecast_samples(bundle, held_out.rows, held_out.test)
    own, series = with_ticker(sp500_raw), with_ticker(vix, "^VIX")
    tables = [again.forecast_bars(pd.concat(parts)) for parts in ((own, series), (series, own))]
    for table in tables:
        assert set(table["ticker"]) == {"^GSPC"}
        found = table["forecast"].iloc[-1 - len(expected) : -1]
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    moved = again.forecast_bars(pd.concat([own, with_ticker(vix[:-1], "^VIX")]))["forecast"]
    assert moved.iloc[-1] != tables[0]["forecast"].iloc[-1]
    np.testing.assert_array_equal(moved.iloc[:-1], tables[0]["forecast"].iloc[:-1])

    with pytest.raises(BarsError, match=r"every exogenous ticker are required but \^VIX") as caught:
        again.forecast_bars(own)
    assert "\n" not in str(caught.value)
    with pytest.raises(BarsError, match="at least one ticker but there are none"):
        again.forecast_bars(series)
