"""Bundle: everything a forecast needs, in one folder of safetensors and JSON, without pickle."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Float32, Int

from lstm_model.config.pipeline import FeaturesConfig
from lstm_model.data.assemble import window_is_whole
from lstm_model.data.bars import adjust_all, join_panel
from lstm_model.data.calendar import LONGEST_BREAK_DAYS
from lstm_model.data.cleaning import CleaningRules, clean_bars
from lstm_model.data.custom_features import StoredFeatures, code_of, load_stored_features
from lstm_model.data.exogenous import gather, tabulate_exogenous
from lstm_model.data.features import WARM_UP_BARS, compute_features
from lstm_model.data.har import har_terms
from lstm_model.data.market import ticker_sessions_a_year
from lstm_model.data.row_keys import require_keys
from lstm_model.data.scaling import Scaler
from lstm_model.data.targets import TargetKind
from lstm_model.data.windows import WindowSet
from lstm_model.errors import BarsError
from lstm_model.model.bundle_files import (
    CODE_FOLDER,
    damage_named,
    read_description,
    read_judged_errors,
    read_weights,
    write_files,
)
from lstm_model.model.judged_errors import JudgedErrors
from lstm_model.model.network import LSTMRegressor
from lstm_model.model.ticker_embedding import UNKNOWN
from lstm_model.model.training import build_network, forecast
from lstm_model.search.hyper_params import HyperParams

WatchWindows = Callable[[WindowSet, Float[np.ndarray, "sample term"]], None]


@dataclass(frozen=True, slots=True)
class Bundle:
    """An ensemble of networks that differ only by their seed, with scaler, features and target.

    A forecast is the mean over the networks (Lakshminarayanan, Pritzel & Blundell 2017, "Simple
    and Scalable Predictive Uncertainty Estimation using Deep Ensembles").

    networks: trained on CPU or GPU.
    params: of network and training, the same for all networks.
    scaler: fitted on the train block.
    features: sets of columns, and the user's function.
    feature_names: all columns in order, including those of `features.custom`.
    window_length: in bars.
    target_kind: log return or log volatility.
    horizon: in bars.
    smearing: for volatility, the constant c by which exp(forecast + c) is a variance without bias;
        None if it is not known.
    market: calendar of tickers whose suffix names no market, as in training (`data.market`).
    sessions_a_year: of the tickers trained on; a ticker that is not among them has its market's.
    tickers: of the panel it was trained on, in the order of the networks' embeddings.
    stored: the user's function, from the bundle's own folder; None before it is saved.
    is_refit: whether the networks learnt from all bars, so no forecast of a past bar judges them.
    judged_errors: on the test block, of the networks that were judged there; of a refitted bundle
        these are its twins, trained alike on the older bars. None before the evaluation.
    """

    networks: tuple[LSTMRegressor, ...]
    params: HyperParams
    scaler: Scaler
    features: FeaturesConfig
    feature_names: tuple[str, ...]
    window_length: int
    target_kind: TargetKind
    horizon: int
    smearing: float | None = None
    market: str | None = None
    sessions_a_year: Mapping[str, int] = field(default_factory=dict)
    tickers: tuple[str, ...] = ()
    stored: StoredFeatures | None = None
    is_refit: bool = False
    judged_errors: JudgedErrors | None = None

    def codes_of(self, tickers: Sequence[str]) -> Int[np.ndarray, " ticker"]:
        """Return each ticker's place in the panel of training, `UNKNOWN` for all others."""
        places = {ticker: code for code, ticker in enumerate(self.tickers)}
        return np.array([places.get(ticker, UNKNOWN) for ticker in tickers], dtype=np.int64)

    def windows(
        self,
        features: Float32[np.ndarray, "row feature"],
        ends: Int[np.ndarray, " sample"],
        codes: Int[np.ndarray, " sample"] | None = None,
    ) -> WindowSet:
        """Return the windows that end at `ends`, scaled as in training; their labels are zeros.

        codes: of the samples' tickers, as `codes_of` gives them; embeddings need them.
        """
        return WindowSet(
            rows=torch.from_numpy(self.scaler.scale_features(features)),
            ends=torch.from_numpy(ends),
            labels=torch.zeros(len(ends)),
            length=self.window_length,
            tickers=None if codes is None else torch.from_numpy(codes),
        )

    def forecast_windows(
        self, windows: WindowSet, har_terms: Float[np.ndarray, "sample term"]
    ) -> Float[np.ndarray, "member sample"]:
        """Forecast samples with each network, in the target's own unit."""
        members = [forecast(network.cpu(), windows) for network in self.networks]
        return np.stack([self.scaler.unscale_forecasts(member, har_terms) for member in members])

    def forecast_bars(self, raw: pd.DataFrame, watch: WatchWindows | None = None) -> pd.DataFrame:
        """Forecast every bar that has enough history, from raw bars.

        `raw` has the columns ticker, date, open, high, low, close and optionally adj_close, volume,
        dividends, stock_splits; the exogenous series of the features are among the tickers,
        and are not forecast. Returns ticker, date, forecast and spread: forecast is the target
        over the `horizon` bars after date, spread the standard deviation over the networks. For
        volatility also variance, the expected variance of a session's range (Parkinson) over these
        bars, and annualised_volatility, its root over the ticker's sessions a year. A ticker's last
        row is the forecast for the future, unless a gap of over 14 days lies in its window. Raises
        BarsError if a ticker has fewer than warm-up + window length bars, no whole window, or other
        columns than in training, if an exogenous series is missing, or a row has no ticker or date.
        `watch` is shown the windows and HAR's terms behind the rows.
        """
        needed = WARM_UP_BARS + self.window_length
        require_keys(raw)
        parts, others = [], []
        for ticker, frame in raw.groupby("ticker", sort=False):
            rules = CleaningRules(market=self.market, prices="raw")
            bars = clean_bars(frame.drop(columns="ticker"), str(ticker), rules)
            if ticker in self.features.exogenous_tickers:
                others.append(bars)
                continue
            if len(bars.frame) < needed:
                raise BarsError(
                    f"{ticker}: a forecast needs >= {needed} bars (warm-up {WARM_UP_BARS} + window "
                    f"{self.window_length}) but there are {len(bars.frame)}; pass more history"
                )
            parts.append(bars)
        if not parts:
            raise BarsError("a forecast needs bars of at least one ticker but there are none")
        bars = join_panel(parts)
        histories = adjust_all(bars)
        series = gather(others, self.features)
        exogenous = tabulate_exogenous(series, self.features, self.market)
        features = compute_features(bars, self.features, histories, exogenous, self.stored)
        if features.names != self.feature_names:
            raise BarsError(
                f"a model needs the {len(self.feature_names)} columns it was trained on but these "
                f"bars give {len(features.names)}, ending in {', '.join(features.names[-3:])}; use "
                f"the version of features.custom from training"
            )
        ends = np.flatnonzero(window_is_whole(features, self.window_length))
        missing = set(range(len(parts))) - set(features.ticker_of_row[ends].tolist())
        if missing:
            raise BarsError(
                f"{features.tickers[min(missing)]}: a forecast needs {self.window_length} "
                f"bars with every feature finite and at most {LONGEST_BREAK_DAYS} days between two "
                f"of them but there are none; pass more history"
            )
        terms = np.concatenate([har_terms(frame) for frame in histories.values()])[ends]
        codes = self.codes_of(features.tickers)[features.ticker_of_row[ends]]
        windows = self.windows(features.values.astype(np.float32), ends, codes)
        if watch is not None:
            watch(windows, terms)
        values = self.forecast_windows(windows, terms)
        tickers = np.array(features.tickers)[features.ticker_of_row[ends]]
        dates = features.dates[ends].astype("datetime64[D]").astype("datetime64[us]")
        forecasts = pd.DataFrame(
            {
                "ticker": tickers,
                "date": dates,
                "forecast": values.mean(axis=0),
                "spread": spread_of(values),
            }
        )
        if self.smearing is None:
            return forecasts
        variance = np.exp(forecasts["forecast"] + self.smearing)
        sessions = np.array([self._sessions_a_year_of(ticker) for ticker in features.tickers])
        return forecasts.assign(
            variance=variance,
            annualised_volatility=np.sqrt(sessions[features.ticker_of_row[ends]] * variance),
        )

    def _sessions_a_year_of(self, ticker: str) -> int:
        known = self.sessions_a_year.get(ticker)
        return ticker_sessions_a_year(ticker, self.market) if known is None else known


def spread_of(members: Float[np.ndarray, "member sample"]) -> Float[np.ndarray, " sample"]:
    """Return the standard deviation over an ensemble's members; 0 for a single one."""
    if len(members) < 2:
        return np.zeros(members.shape[1])
    spread: Float[np.ndarray, " sample"] = members.std(axis=0, ddof=1)
    return spread


def save_bundle(bundle: Bundle, folder: Path) -> Path:
    """Write weights, description and the user's code into `folder`, created if missing."""
    description = {
        "params": bundle.params.to_dict(),
        "networks": len(bundle.networks),
        "features": bundle.features.model_dump(mode="json"),
        "feature_names": bundle.feature_names,
        "window_length": bundle.window_length,
        "tickers": bundle.tickers,
        "market": bundle.market,
        "target": {"kind": bundle.target_kind, "horizon": bundle.horizon},
        "smearing": bundle.smearing,
        "sessions_a_year": dict(bundle.sessions_a_year),
        "scaler": _describe(bundle.scaler),
        "is_refit": bundle.is_refit,
        "lstm_hpo_version": _project_version(),
    }
    weights = {
        f"{member}.{name}": tensor
        for member, network in enumerate(bundle.networks)
        for name, tensor in network.cpu().state_dict().items()
    }
    custom, stored = bundle.features.custom, bundle.stored
    code = stored.code if stored is not None else None if custom is None else code_of(custom)
    write_files(folder, description, weights, code, bundle.judged_errors)
    return folder


def _describe(scaler: Scaler) -> dict[str, object]:
    """Return the scaler as JSON values, with enough digits to read every number back exactly."""
    arrays = {
        "feature_means": scaler.feature_means.tolist(),
        "feature_sds": scaler.feature_sds.tolist(),
        "label_mean": scaler.label_mean,
        "label_sd": scaler.label_sd,
        "skip_weights": scaler.skip_weights,
    }
    return arrays if scaler.knots is None else arrays | {"knots": scaler.knots.tolist()}


def _project_version() -> str:
    """Return the version, or "not installed" for a checkout."""
    try:
        return version("lstm-hpo")
    except PackageNotFoundError:
        return "not installed"


def load_bundle(folder: Path) -> Bundle:
    """Read a bundle; every number equals the one that was saved.

    Raises StorageError if a file is missing or damaged.
    """
    description = read_description(folder)
    weights = read_weights(folder, description)
    judged = read_judged_errors(folder, description)
    with damage_named(folder):
        return _assemble(folder, description, weights, judged)


def _assemble(
    folder: Path,
    description: Mapping[str, Any],
    weights: Mapping[str, torch.Tensor],
    judged: JudgedErrors | None,
) -> Bundle:
    params = HyperParams.from_mapping(description["params"])
    feature_names = tuple(description["feature_names"])
    tickers = tuple(description.get("tickers", ()))  # older bundles have no embedding
    left = dict(weights)
    networks = []
    for member in range(description["networks"]):
        network = build_network(
            len(feature_names), params, seed=0, ticker_count=max(1, len(tickers))
        )
        own = [key for key in left if key.startswith(f"{member}.")]
        network.load_state_dict({key.removeprefix(f"{member}."): left.pop(key) for key in own})
        networks.append(network.eval())
    if left or not networks:
        raise ValueError(f"{len(networks)} networks leave {len(left)} tensors over")
    scaler = _scaler(description["scaler"], len(feature_names))
    features = FeaturesConfig.model_validate(description["features"])
    custom_sha256 = description.get("custom_sha256")  # older bundles have no code in them
    return Bundle(
        networks=tuple(networks),
        params=params,
        scaler=scaler,
        features=features,
        feature_names=feature_names,
        window_length=description["window_length"],
        target_kind=description["target"]["kind"],
        horizon=description["target"]["horizon"],
        # Older bundles lack what follows.
        smearing=description.get("smearing"),
        market=description.get("market"),
        sessions_a_year=description.get("sessions_a_year", {}),
        tickers=tickers,
        stored=load_stored_features(features.custom, folder / CODE_FOLDER, custom_sha256)
        if features.custom is not None and custom_sha256 is not None
        else None,
        is_refit=description.get("is_refit", False),
        judged_errors=judged,
    )


def _scaler(numbers: Mapping[str, Any], columns: int) -> Scaler:
    means, sds = np.array(numbers["feature_means"]), np.array(numbers["feature_sds"])
    if means.shape != (columns,) or sds.shape != (columns,):
        raise ValueError(f"the scaler must have {columns} columns but has {means.shape}")
    return Scaler(
        feature_means=means,
        feature_sds=sds,
        label_mean=numbers["label_mean"],
        label_sd=numbers["label_sd"],
        knots=np.array(numbers["knots"]) if "knots" in numbers else None,
        skip_weights=tuple(numbers["skip_weights"]),
    )
