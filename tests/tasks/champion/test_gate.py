"""The gate of a night with a real registry: the first champion, rivals, crashes, two at once."""

import multiprocessing
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lstm_model.champion.ruling import Ruling
from lstm_model.config.loader import parse_config
from lstm_model.config.pipeline import PipelineConfig
from lstm_model.data.calendar import days_since_epoch
from lstm_model.model.bundle import Bundle, save_bundle
from lstm_model.model.judged_errors import JudgedErrors
from lstm_model.report.night_result import RegisteredModel
from tasks.champion import gate
from tasks.champion.gate import GATE, Tonight, pass_gate
from tasks.champion.verdicts import verdicts_of
from tasks.data.snapshots import Snapshot, read_bars
from tasks.evaluate import Judged
from tasks.tracking.champion import Registry, champion_of
from tasks.tracking.client import PatientClient
from tasks.tracking.registry import log_and_register
from tasks.training.deploy import Deployed
from tests.page_contents import make_content
from tests.stored import take_panel
from tests.tasks.tracking.conftest import NAME, Store, bundle, store  # noqa: F401 - fixtures

pytestmark = pytest.mark.process  # MLflow asks git which commit this is

DAYS, BARS = 120, 460


@pytest.fixture
def config(tmp_path: Path, store: Store) -> PipelineConfig:  # noqa: F811 - the fixture
    return parse_config(
        {
            "data": {"tickers": ["X"], "raw_dir": str(tmp_path / "data/raw")},
            "target": {"kind": "log_volatility"},
            "tracking": {"uri": store.uri, "model_name": NAME, "experiment": "e"},
        }
    )


@pytest.fixture
def snapshot(config: PipelineConfig) -> Snapshot:
    draws = np.random.default_rng(4)
    close = 100 * np.exp(np.cumsum(draws.normal(0, 0.01, BARS)))
    ranges = np.exp(np.abs(draws.normal(0, 0.01, (2, BARS))))
    dates = pd.bdate_range("2020-01-01", periods=BARS).strftime("%Y-%m-%d")
    frame = pd.DataFrame(
        {"date": dates, "open": close, "high": close * ranges[0], "low": close / ranges[1],
         "close": close, "volume": 1e6}
    )  # fmt: skip
    return take_panel(config.data, {"X": frame.round(4)})


Bring = Callable[..., Tonight]


@pytest.fixture
def bring(
    config: PipelineConfig,
    snapshot: Snapshot,
    store: Store,  # noqa: F811 - the fixture
    bundle: Bundle,  # noqa: F811 - the fixture
) -> Bring:
    """Register tonight's model, whose errors on the block have a size; the champion's have 1."""
    frame = read_bars(snapshot).frame
    champions = bundle.forecast_bars(frame[["ticker", "date", "open", "high", "low", "close"]])
    champions = champions.tail(DAYS)

    def night(size: float, seed: int = 0, benchmark: float = 2.0, **changes: object) -> Tonight:
        draws = np.random.default_rng(9)
        errors = draws.normal(size=DAYS)
        truth = champions["forecast"].to_numpy() + errors
        own = size * errors + 0.05 * np.random.default_rng(seed).normal(size=DAYS)
        block = pd.DataFrame(
            {"ticker": "X", "date": champions["date"].to_numpy(), "truth": truth,
             "forecast": truth - own, "har": truth - benchmark * errors}
        )  # fmt: skip
        judged = JudgedErrors.of(truth, truth - own, days_since_epoch(champions["date"]))
        served = replace(bundle, **{"judged_errors": judged, **changes})  # type: ignore[arg-type]
        folder = store.folder / f"night{len(list(store.folder.glob('night*')))}"
        path = str(save_bundle(served, folder))
        run = PatientClient(store.uri).create_run("1").info.run_id
        deployed = Deployed(served, path, path)
        example = frame.tail(300)[["ticker", "date", "open", "high", "low", "close"]]
        example = example.assign(date=example["date"].dt.strftime("%Y-%m-%d"))
        version = log_and_register(store.uri, run, NAME, deployed, example).version
        block.to_parquet(folder / "block.parquet")
        content = make_content("volatility")
        assert content.permutation is not None
        evaluation = replace(content.evaluation, benchmark="har")
        return Tonight(
            snapshot,
            Judged(evaluation, (), str(folder / "block.parquet"), judged, content.permutation),
            deployed,
            RegisteredModel(NAME, version),
        )

    return night


def hold(config: PipelineConfig, tonight: Tonight, days_later: int = 0) -> Ruling:
    """Hold the gate as in the night whose newest bar is so many days later."""
    later = pd.Timestamp(tonight.snapshot.last) + pd.Timedelta(days=days_later)
    snapshot = replace(tonight.snapshot, last=f"{later:%Y-%m-%d}")
    ruling: Ruling = pass_gate.fn(config, replace(tonight, snapshot=snapshot))
    return ruling


@pytest.fixture
def registry(config: PipelineConfig) -> Registry:
    return champion_of(config)


def test_nights_at_the_gate(config: PipelineConfig, registry: Registry, bring: Bring) -> None:
    """A poor model is no first champion, a fair one is; then only a better one takes its place."""
    poor = hold(config, bring(3.0))
    assert (poor.outcome, poor.promoted, registry.champion()) == ("worse", False, None)
    assert "Not good enough to be the first champion" in poor.text

    first = hold(config, bring(1.0, seed=1), 1)
    assert (first.outcome, first.promoted, registry.champion()) == ("better", True, 2)
    assert (first.last_look, first.last_large_look) == (None, None)

    equal = hold(config, bring(1.0, seed=2), 2)
    assert (equal.outcome, registry.champion(), registry.challenger()) == ("not_sure", 2, 3)
    assert equal.last_large_look == equal.night
    assert (equal.dates, equal.live_dates) == (DAYS, 0)

    better = hold(config, bring(0.3, seed=3), 40)
    assert (better.outcome, registry.champion(), registry.challenger()) == ("better", 4, None)
    (change,) = [c for c in registry.journal.history(NAME) if c.version == 4]
    assert (change.by, change.why, change.previous) == (GATE, better.text, 2)
    tags = registry.client.get_model_version(NAME, "4").tags
    assert (tags["gate_outcome"], tags["gate_verdict"]) == ("better", better.text)

    again = hold(config, bring(0.1, seed=4), 40)
    assert (again.outcome, registry.champion()) == ("not_sure", 4)
    assert "no look is left for" in again.text
    assert [r.challenger for r in verdicts_of(config).of(NAME)] == [1, 2, 3, 4, 5]


def test_a_gate_that_only_tells(config: PipelineConfig, registry: Registry, bring: Bring) -> None:
    """Without `automatic` the verdict is kept and nobody is promoted."""
    told = config.model_copy(
        update={"champion": config.champion.model_copy(update={"automatic": False})}
    )
    ruling = hold(told, bring(0.5))
    assert (ruling.outcome, ruling.promoted, registry.champion()) == ("better", False, None)


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"horizon": 2}, "forecasts log_volatility over 2 bars, tonight's model log_volatility over"),
     ({"judged_errors": None}, "must say on which dates it was judged")],
)  # fmt: skip
def test_a_champion_that_cannot_be_compared_stays(
    config: PipelineConfig,
    registry: Registry,
    bring: Bring,
    changes: dict[str, object],
    words: str,
) -> None:
    """Another target, or no judged dates: the reason is the verdict, and no look is spent."""
    bring(1.0, **changes)
    registry.promote(1, "me", "first")
    ruling = hold(config, bring(0.1))
    assert (ruling.outcome, ruling.promoted, registry.champion()) == ("not_compared", False, 1)
    assert words in ruling.text
    assert ruling.last_look is None


def test_a_damaged_champion_stays(
    config: PipelineConfig,
    registry: Registry,
    bring: Bring,
    store: Store,  # noqa: F811
) -> None:
    """A champion whose files are damaged is told; who takes its place is a person's choice."""
    hold(config, bring(1.0))
    weights = store.root(1) / "artifacts/night0/weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    ruling = hold(config, bring(0.1), 1)
    assert (ruling.outcome, registry.champion()) == ("not_compared", 1)
    assert "must be whole but is not" in ruling.text


def test_a_challenger_may_stand(config: PipelineConfig, registry: Registry, bring: Bring) -> None:
    """It stands for its nights or until it is decided; then tonight's model takes its place."""
    three = config.model_copy(
        update={"champion": config.champion.model_copy(update={"challenger_nights": 2})}
    )
    hold(three, bring(1.0))
    found = [hold(three, bring(1.0, seed=n), n).challenger for n in range(1, 5)]
    assert found == [2, 2, 4, 4]
    worse = hold(three, bring(2.0), 40)
    assert (worse.challenger, worse.outcome) == (6, "worse")
    assert hold(three, bring(1.0), 41).challenger == 7


class CrashError(Exception):
    """The process ends here."""


@pytest.mark.parametrize("step", ["name_challenger", "append", "note_verdict", "promote"])
def test_a_night_that_is_cut_off_at_the_gate(
    config: PipelineConfig,
    registry: Registry,
    bring: Bring,
    step: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The old champion stays; the next night finishes a promotion that was written down."""
    hold(config, bring(1.0))

    def crash(*_: object) -> None:
        raise CrashError

    tonight = bring(0.3, seed=3)
    with monkeypatch.context() as patch:
        patch.setattr(gate.Verdicts if step == "append" else gate.Registry, step, crash)
        with pytest.raises(CrashError):
            hold(config, tonight, 1)
    assert registry.champion() == 1
    written = verdicts_of(config).of(NAME)[-1]
    next_night = hold(config, bring(1.0, seed=5), 2)
    if step in ("name_challenger", "append"):
        # One that was named and not yet judged has its night now.
        assert written.challenger == 1
        assert (next_night.champion, next_night.challenger) == (1, 2 + (step == "name_challenger"))
    else:
        assert (written.challenger, written.outcome) == (2, "better")
        assert (next_night.champion, next_night.challenger) == (2, 3)
    assert registry.champion() == next_night.champion


def _hold_in_process(config: PipelineConfig, tonight: Tonight, days: int) -> None:
    hold(config, tonight, days)


def test_two_nights_at_the_gate_at_once(
    config: PipelineConfig, registry: Registry, bring: Bring
) -> None:
    """One waits for the other: each verdict is whole, and the second has no look left."""
    hold(config, bring(1.0))
    nights = [bring(0.5, seed=n) for n in (1, 2)]
    context = multiprocessing.get_context("spawn")
    running = [
        context.Process(target=_hold_in_process, args=(config, night, 1)) for night in nights
    ]
    for process in running:
        process.start()
    for process in running:
        process.join()
    assert [process.exitcode for process in running] == [0, 0]
    rulings = verdicts_of(config).of(NAME)[1:]
    assert sorted(ruling.challenger for ruling in rulings) == [2, 3]
    assert [ruling.outcome for ruling in rulings] == ["better", "not_sure"]
    assert registry.champion() == rulings[0].challenger
