"""Claims about the configuration: what is accepted, what is refused, and the messages."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from lstm_model.config.data import DataConfig
from lstm_model.config.loader import load_config, parse_config
from lstm_model.config.pipeline import PipelineConfig, TrainingConfig, check_study_name
from lstm_model.config.section import hide_password
from lstm_model.errors import ConfigError
from lstm_model.search.distributions import FloatRange, IntRange
from lstm_model.search.hyper_params import PARAMETER_NAMES
from lstm_model.search.space import seed_space

ROOT = Path(__file__).resolve().parents[3]
SEED_DOCUMENT = ROOT.parent / "shared" / "spec" / "search_space.md"
SMALLEST = {"data": {"tickers": ["AAPL"]}}


def parse(changes: dict[Any, Any]) -> PipelineConfig:
    return parse_config({**SMALLEST, **changes}, origin="f.yaml")


def refusal(changes: dict[Any, Any]) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(changes)
    return str(caught.value)


@pytest.mark.parametrize(
    "ticker", ["AAPL", "^GSPC", "BRK-B", "BT-A.L", "M&M.NS", "7203.T", "EURUSD=X", "GC=F"]
)
def test_a_ticker_is_written_as_the_source_lists_it(ticker: str) -> None:
    """Tickers of Yahoo's exchanges, indices, currencies and futures are taken as they stand."""
    assert parse_config({"data": {"tickers": [ticker]}}).data.tickers == (ticker,)


def test_seed_example_runs_unchanged() -> None:
    """The seed's example file, with its five keys, is a whole configuration."""
    config = load_config(ROOT / "configs" / "lstm_baseline.yaml")
    assert config == PipelineConfig(
        data=DataConfig(tickers=("AAPL",), data_dir=Path("data/processed")),
        training=TrainingConfig(epochs=5),
        seed=42,
    )


def test_shipped_example_is_the_seed_documents() -> None:
    """configs/lstm_baseline.yaml is the seed document's example, letter for letter."""
    if not SEED_DOCUMENT.is_file():
        pytest.skip("the seed document does not lie beside the project")
    fenced = re.findall(r"```yaml\n(.*?)```", SEED_DOCUMENT.read_text("utf-8"), re.DOTALL)
    assert [(ROOT / "configs" / "lstm_baseline.yaml").read_text("utf-8")] == fenced


def test_defaults() -> None:
    """What the example leaves out follows the seed document, or is a documented choice."""
    config = parse({})
    assert (config.training.epochs, config.training.gradient_clip) == (5, 1.0)
    assert (config.search.trials, config.search.startup_trials) == (10, 5)
    assert config.search.space == seed_space()
    assert (config.target.kind, config.target.horizon) == ("log_return", 1)
    assert (config.windows.length, config.purge_bars, config.seed) == (60, 1, 42)
    assert (config.split.train, config.split.validation) == (0.70, 0.15)


@pytest.mark.parametrize("name", ["lstm_baseline", "quickstart", "volatility"])
def test_shipped_configurations_are_valid(name: str) -> None:
    """Every configuration that the project ships loads."""
    assert load_config(ROOT / "configs" / f"{name}.yaml").seed == 42


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, ["the configuration file must exist", "--config"]),
        ("", ["mapping", "empty", "lstm_baseline.yaml"]),
        ("# nothing\n", ["mapping", "empty"]),
        ("data: [", ["not valid YAML"]),
        ("data:\n\ttickers: x", ["not valid YAML"]),
        ("- data\n- seed\n", ["mapping", "a list"]),
        ("AAPL", ["mapping", "a str"]),
        ("data: {tickers: [A], start: 2000-13-01}", ["not valid YAML", "month"]),
        (b"\xff\xfe\x00", ["UTF-8"]),
    ],
)
def test_broken_file_is_refused(tmp_path: Path, text: str | bytes | None, words: list[str]) -> None:
    """A file that holds no mapping is refused in one line that names it."""
    path = tmp_path / "c.yaml"
    if text is not None:
        path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    assert all(word in message for word in words), message


def test_folder_instead_of_file_is_refused(tmp_path: Path) -> None:
    """A folder passed as the configuration is refused like any other unreadable file."""
    with pytest.raises(ConfigError, match="must be readable"):
        load_config(tmp_path)


@pytest.mark.parametrize(
    ("changes", "key", "nearest"),
    [
        ({"trainig": {"epochs": 5}}, "trainig", "training"),
        ({"training": {"epoch": 5}}, "training.epoch", "training.epochs"),
        ({"search": {"trial": 5}}, "search.trial", "search.trials"),
        ({"epochs": 5}, "epochs", "training.epochs"),
        ({"training": {"retrain": {"patienc": 5}}}, "training.retrain.patienc", "patience"),
        ({"data": {"tickers": ["A"], "ticker": "A"}}, "data.ticker", "data.tickers"),
        (
            {"search": {"space": {"lr": {"type": "float", "lo": 1e-4, "high": 1e-2}}}},
            "search.space.lr.lo",
            "search.space.lr.low",
        ),
    ],
)
def test_unknown_key_names_the_nearest(changes: dict[str, Any], key: str, nearest: str) -> None:
    """An unknown key is refused by name, with the known key that was most likely meant."""
    message = refusal(changes)
    assert f"unknown key {key!r}" in message
    assert f"{nearest}'?" in message
    assert "\n" not in message


def test_unlike_key_lists_the_sections() -> None:
    """For a key that resembles no other, the message lists the sections."""
    message = refusal({"zzzzz": 1})
    assert (
        "unknown key 'zzzzz'; known keys are champion, data, device, evaluation, features, search"
        in message
    )


def space(name: str, **domain: Any) -> dict[str, Any]:
    return {"search": {"space": {name: domain}}}


LR = {"type": "float", "low": 1e-4, "high": 1e-2}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"data": {}}, ["data.tickers is required", "missing", "add it"]),
        ({"data": None}, ["data: must be a mapping but is None", "correct it"]),
        ({"data": {"tickers": []}}, ["data.tickers", "at least one", "[]"]),
        ({"data": {"tickers": "AAPL"}}, ["data.tickers: must be a list but is 'AAPL'"]),
        ({"data": {"tickers": ["../AAPL"]}}, ["data.tickers", "'../AAPL'", "; write"]),
        ({"data": {"tickers": ["A/B"]}}, ["'A/B'"]),
        ({"data": {"tickers": ["aapl"]}}, ["capitals", "'aapl'"]),
        ({"data": {"tickers": ["A\nB"]}}, [r"'A\nB'"]),
        ({"data": {"tickers": ["A", "A"]}}, ["once", "['A', 'A']", "remove"]),
        ({"data": {"tickers": ["A"], "min_coverage": 0}}, ["data.min_coverage", "> 0"]),
        ({"data": {"tickers": ["A"], "min_coverage": 1.5}}, ["data.min_coverage", "1.5"]),
        ({"data": {"tickers": [True]}}, ["data.tickers.0", "string", "True"]),
        ({"data": {"tickers": ["A"], "source": "csv"}}, ["csv_dir", "not set", "; set it"]),
        ({"data": {"tickers": ["A"], "source": "parquet"}}, ["parquet_dir", "not set", "; set it"]),
        (
            {"data": {"tickers": ["A"], "source": "../etc"}},
            ["data.source", "'../etc'", "; correct"],
        ),
        ({"data": {"tickers": ["A"], "cross_check": "CSV"}}, ["data.cross_check", "'CSV'"]),
        ({"data": {"tickers": ["A"], "requests_per_minute": 0}}, ["> 0", "is 0"]),
        ({"data": {"tickers": ["A"], "snapshot": "../x"}}, ["hexadecimal", "'../x'", "; copy"]),
        (
            {"data": {"tickers": ["A"], "start": "2020-01-02", "end": "2020-01-01"}},
            ["before end (2020-01-01)", "2020-01-02", "; swap"],
        ),
        ({"data": {"tickers": ["A"], "start": "soon"}}, ["data.start", "date", "'soon'"]),
        (
            {"data": {"tickers": ["A"], "snapshot": "0" * 16, "start": "2020-01-02"}},
            ["used whole", "start is 2020-01-02", "; set both to null"],
        ),
        (
            {"search": {"storage": "mysql:user:pw"}},
            ["search.storage", "'mysql:user:pw'", "; write"],
        ),
        (
            space("num_layers", type="int", low=1, high=4, step=2),
            ["search.space.num_layers", "4 is between two", "; write 3 or 5"],
        ),
        ({"search": {"trials": 0}}, ["search.trials", ">= 1", "is 0", "; correct it"]),
        ({"search": {"trials": True}}, ["search.trials", "integer", "True"]),
        ({"search": {"trials": "ten"}}, ["search.trials", "integer", "'ten'"]),
        ({"search": {"trials": 2.5}}, ["search.trials", "2.5"]),
        ({"search": {"space": {}}}, ["search.space", "at least one", "empty", "; name"]),
        ({"training": {"epochs": "5"}}, ["training.epochs", "integer", "'5'"]),
        ({"training": {"gradient_clip": True}}, ["training.gradient_clip", "number", "true"]),
        ({"training": {"gradient_clip": 0}}, ["training.gradient_clip", "> 0", "is 0"]),
        ({"training": [1]}, ["training: must be a mapping", "[1]"]),
        ({"seed": -1}, ["seed", "-1", "; correct it, or leave it out"]),
        ({"seed": float("nan")}, ["seed", "nan"]),
        ({"windows": {"length": 1}}, ["windows.length", "is 1"]),
        ({"target": {"kind": "price"}}, ["target.kind", "'log_return' or", "'price'"]),
        (
            {"target": {"horizon": 5}, "split": {"purge_bars": 4}},
            ["split.purge_bars", "target.horizon (5)", "is 4", "; raise"],
        ),
        (
            {
                "split": {
                    "train": 0.6,
                    "validation_start": "2010-01-01",
                    "test_start": "2012-01-01",
                }
            },
            ["shares and dates", "both", "; keep"],
        ),
        ({"split": {"test_start": "2012-01-01"}}, ["together", "missing", "; set both"]),
        (
            {"split": {"validation_start": "2012-01-01", "test_start": "2012-01-01"}},
            ["before test_start", "; swap"],
        ),
        ({"split": {"train": 0.8, "validation": 0.2}}, ["leave a test block", "is 1", "; low"]),
        ({"split": {"train": 1.5}}, ["split.train", "< 1", "1.5"]),
        (space("dropuot", **LR), ["unknown parameter 'dropuot'", "'dropout'"]),
        (space("lr", **LR | {"low": "x"}), ["f.yaml: search.space.lr.low: ", "number", "'x'"]),
        (space("lr", **LR | {"low": True}), ["search.space.lr.low: ", "number", "true"]),
        (space("lr", **LR | {"low": 1}), ["search.space.lr: ", "low must be <= high", "; swap"]),
        (space("lr", **LR | {"low": 0, "log": True}), ["search.space.lr: ", "log scale", "; ra"]),
        (space("lr", **LR | {"low": 0}), ["lr must be > 0 but is 0.0", "; change"]),
        (space("lr", **LR | {"type": "real"}), ["search.space.lr: its type", "categorical"]),
        (space("lr", low=1, high=2), ["search.space.lr: its type must be"]),
        (space("dropout", type="float", low=0, high=1), ["dropout must be in [0, 1)", "; change"]),
        (
            space("hidden_size", type="float", low=8, high=64),
            ["hidden_size must be a whole number", "; change"],
        ),
        (space("num_layers", type="int", low=0, high=2), ["num_layers", ">= 1", "is 0"]),
        (
            space("batch_size", type="categorical", choices=[32, True]),
            ["search.space: ", "batch_size", "whole number", "True", "; change"],
        ),
        (
            space("batch_size", type="categorical", choices=[32, None]),
            ["search.space.batch_size.choices.1: ", "finite number", "None", "; write"],
        ),
        (
            space("lr", type="categorical", choices=[float("inf")]),
            ["search.space.lr.choices.0: ", "finite", "inf", "; write"],
        ),
        (
            space("bidirectional", type="categorical", choices=[0, 1]),
            ["bidirectional must be true or false", "0", "; change"],
        ),
        (
            space("optimiser", type="categorical", choices=["adam", "lion"]),
            ["optimiser must be one of adam, adamw, sgd but is lion", "; change"],
        ),
        (
            space("optimiser", type="int", low=1, high=2),
            ["optimiser must be text", "can be 1", "; change"],
        ),
        (
            space("sequence_length", type="int", low=10, high=61),
            ["windows.length (60)", "61", "; raise"],
        ),
        (
            space("momentum", **LR | {"when": {"optimiser": ["sgd"]}}),
            ["momentum", "searched earlier (there is none)", "'optimiser'", "; change"],
        ),
        (
            space("momentum", **LR | {"when": {"optimiser": []}}),
            ["search.space.momentum.when.optimiser", "at least one"],
        ),
        (
            {
                "search": {
                    "space": {
                        "num_layers": {"type": "int", "low": 1, "high": 3},
                        "layer_lr_decay": LR | {"when": {"num_layers": [2, 4]}},
                    }
                }
            },
            ["layer_lr_decay", "num_layers can take", "lists 4", "; change"],
        ),
        (
            {"search": {"space": "no/such.yaml"}},
            ["search.space", "no/such.yaml", "; name"],
        ),
        ({"tracking": {"model_name": "a/b"}}, ["tracking.model_name", "'a/b'"]),
        ({"device": "tpu"}, ["device", "'auto', 'cpu' or 'cuda'", "'tpu'"]),
        ({5: 1}, ["5: a key must be text"]),
    ],
)
def test_broken_rule_is_explained_in_one_line(changes: dict[Any, Any], words: list[str]) -> None:
    """A value that breaks a rule is refused in one line with the rule, the value and a remedy."""
    message = refusal(changes)
    readable = message.replace("greater than or equal to", ">=").replace("greater than", ">")
    readable = readable.replace("less than", "<")
    assert "\n" not in message
    assert message.startswith("f.yaml: ")
    assert ";" in message
    assert all(word in readable for word in words), message


def test_text_that_spells_a_number_is_a_number() -> None:
    """`1e-4`, which YAML 1.1 reads as text, is accepted where a number is meant."""
    raw = yaml.safe_load("{type: float, low: 1e-4, high: 5e-3, log: true}")
    assert raw["low"] == "1e-4"
    config = parse({"search": {"space": {"lr": raw}}})
    assert config.search.space == {"lr": FloatRange(type="float", low=1e-4, high=5e-3, log=True)}


def test_overrides_go_by_dotted_names() -> None:
    """An override replaces one key, creates missing sections, and is validated like the file."""
    path = ROOT / "configs" / "lstm_baseline.yaml"
    config = load_config(path, {"search.trials": 3, "training.epochs": 1})
    assert (config.search.trials, config.training.epochs) == (3, 1)
    for name in ("search.trial", "seed.x"):
        with pytest.raises(ConfigError, match=re.escape(name)):
            load_config(path, {name: 3})


def test_one_bound_can_be_widened_alone() -> None:
    """Setting one bound leaves the rest of the space unchanged, written out or not."""
    path = ROOT / "configs" / "volatility.yaml"
    bounds = {"search.space.hidden_size.low": 32, "search.space.hidden_size.step": 32}
    wider = IntRange(type="int", low=32, high=256, step=32)
    assert load_config(path, bounds).search.space == seed_space() | {"hidden_size": wider}
    file = {"search.space": str(ROOT / "configs" / "spaces" / "extended.yaml")}
    extended = load_config(path, file).search.space
    assert load_config(path, file | bounds).search.space == extended | {"hidden_size": wider}


def test_hash_depends_on_meaning_alone() -> None:
    """Writing out a default does not change the hash; another value does."""
    assert parse({}).sha256() == parse({"seed": 42}).sha256()
    assert parse({}).sha256() != parse({"seed": 43}).sha256()


@pytest.mark.parametrize("name", ["lstm_hpo_study_001", "a", "2024-01-01.b", "x" * 64])
def test_study_name_is_kept(name: str) -> None:
    """A plain name passes through unchanged."""
    assert check_study_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "..", ".hidden", "a/b", "../a", "a\\b", "a b", "a\n", "ä", "x" * 65, "C:x", "a%2e"]
)
def test_study_name_that_could_be_a_path_is_refused(name: str) -> None:
    """A study name that could reach a path or a URL is refused in one line."""
    with pytest.raises(ConfigError) as caught:
        check_study_name(name)
    assert repr(name) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://me:secret@host:5432/db", "postgresql://me:***@host:5432/db"),
        ("postgresql+psycopg://me:s@cret@host/db", "postgresql+psycopg://me:***@host/db"),
        ("no answer from http://me:secret@host today", "no answer from http://me:***@host today"),
        ("postgresql://me@host:5432/db", "postgresql://me@host:5432/db"),
        ("sqlite:///data/studies.db", "sqlite:///data/studies.db"),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
    ],
)
def test_passwords_are_not_shown(text: str, shown: str) -> None:
    """A password in an address is replaced, and nothing else is."""
    assert hide_password(text) == shown


def test_passwords_are_not_recorded() -> None:
    """The recorded and hashed address has no password; the one used to connect has it."""
    address = "postgresql://me:{}@host/db"
    configs = [
        parse_config({"data": {"tickers": ["A"]}, "search": {"storage": address.format(word)}})
        for word in ("one", "two")
    ]
    assert configs[0].search.storage == address.format("one")
    assert configs[0].model_dump(mode="json")["search"]["storage"] == address.format("***")
    assert configs[0].sha256() == configs[1].sha256()


def test_a_space_may_be_a_file_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`search.space` names a file from the current directory, or else from the configuration's."""
    config = tmp_path / "night" / "night.yaml"
    config.parent.mkdir()
    config.write_text("data: {tickers: [A]}\nsearch: {space: spaces/one.yaml}\n", "utf-8")
    written = {
        config.parent: "lr: {type: float, low: 1e-4, high: 1e-3}\n",
        tmp_path: "num_layers: {type: int, low: 1, high: 2}\n",
    }
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"no spaces/one\.yaml or"):
        load_config(config)
    for folder, text in written.items():
        (folder / "spaces").mkdir()
        (folder / "spaces" / "one.yaml").write_text(text, "utf-8")
        assert list(load_config(config).search.space) == [text.split(":")[0]]
    (tmp_path / "spaces" / "one.yaml").write_text("- lr\n", "utf-8")
    with pytest.raises(ConfigError, match="must contain a mapping of parameters but is list"):
        load_config(config)


@pytest.mark.parametrize("name", ["seed", "extended"])
def test_the_shipped_spaces_are_valid(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """seed.yaml is the seed document's Table 1; extended.yaml has every parameter."""
    monkeypatch.chdir(ROOT)
    path = ROOT / "configs" / "lstm_baseline.yaml"
    config = load_config(path, {"search.space": f"configs/spaces/{name}.yaml"})
    if name == "seed":
        assert config.search.space == seed_space()
        assert config.sha256() == load_config(path).sha256()
    else:
        assert set(config.search.space) == set(PARAMETER_NAMES)
        shorter = {"search.space": f"configs/spaces/{name}.yaml", "windows.length": 40}
        with pytest.raises(ConfigError, match=r"windows\.length \(40\) but can be 60"):
            load_config(path, shorter)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"features": {"sets": []}}, "features.sets"),
        ({"features": {"sets": ["har", "har"]}}, "each set must be listed once"),
        ({"features": {"sets": ["indicator"]}}, "features.sets.0"),
        ({"features": {"custom": "module.function"}}, "features.custom"),
        ({"features": {"custom": "module:f()"}}, "features.custom"),
        ({"target": {"skip": "har"}}, "target.skip har needs target.kind log_volatility"),
        ({"evaluation": {"references": 6}}, "evaluation.references"),
        ({"evaluation": {"coverage": 1.0}}, "evaluation.coverage"),
        ({"evaluation": {"position": "long"}}, "evaluation.position"),
        ({"evaluation": {"costs_bps": -1}}, "evaluation.costs_bps"),
        ({"evaluation": {"repetitions": 10}}, "evaluation.repetitions"),
        ({"training": {"retrain": {"seeds": 0}}}, "training.retrain.seeds"),
    ],
)
def test_features_skip_and_evaluation_have_rules(changes: dict[str, Any], words: str) -> None:
    """Invalid values of features, skip and evaluation are refused in one line with the key."""
    message = refusal(changes)
    assert words in message
    assert "\n" not in message


def test_the_skip_goes_with_volatility() -> None:
    """A HAR skip is accepted if volatility is forecast, with any features."""
    config = parse_config(
        {
            "data": {"tickers": ["A"]},
            "target": {"kind": "log_volatility", "skip": "har"},
        }
    )
    assert config.target.skip == "har"
