"""Claims about docs/configuration.md: it is current, complete, and its YAML is the defaults."""

import re
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from lstm_model.config.loader import parse_config
from lstm_model.config.pipeline import PipelineConfig
from lstm_model.config.reference import PARAMETERS, configuration_reference, section_models
from lstm_model.search.distributions import Choice, FloatRange, IntRange
from lstm_model.search.hyper_params import PARAMETER_NAMES

PAGE = Path(__file__).resolve().parents[3] / "docs" / "configuration.md"
MODELS = [
    *section_models(PipelineConfig),
    *((f"search.space.{model.__name__}", model) for model in (IntRange, FloatRange, Choice)),
]


def test_the_page_is_current() -> None:
    """docs/configuration.md matches the models; `make docs` writes it."""
    assert PAGE.read_text(encoding="utf-8") == configuration_reference()


@pytest.mark.parametrize(("name", "model"), MODELS, ids=[name or "top" for name, _ in MODELS])
def test_every_key_is_described(name: str, model: type[BaseModel]) -> None:
    """Each key has a description of one sentence, and a row of the page that shows it."""
    page = configuration_reference()
    for key, field in model.model_fields.items():
        assert field.description, f"{name}.{key}"
        sentence = " ".join(field.description.split())
        assert re.fullmatch(r"[A-Z][^.]*(\.\S[^.]*)*\.", sentence), f"{name}.{key}: {sentence}"
        rows = [line for line in page.splitlines() if line.startswith(f"| `{key}` |")]
        assert any(line.endswith(f"| {sentence} |") for line in rows), f"{name}.{key}"


def test_every_parameter_is_described() -> None:
    """Each parameter that a space may search is described, and nothing else is."""
    assert tuple(PARAMETERS) == PARAMETER_NAMES


@pytest.mark.parametrize(
    ("key", "row"),
    [
        ("tickers", "| list of: text | required |"),
        ("csv_dir", "| path or `null` | `null` |"),
        ("start", "| date (YYYY-MM-DD) or `null` | `null` |"),
        ("costs_bps", "| number >= 0 | `5.0` |"),
        ("references", "| whole number >= 0 and <= 5 | `5` |"),
        ("refit", "| `true` or `false` | `false` |"),
        ("device", "| `auto`, `cpu`, `cuda` | `auto` |"),
        ("minimise", "| `[loss]` or `[loss, seconds]` | `[loss]` |"),
        ("retrain", "| [section](#trainingretrain) |  |"),
        ("choices", "| list of: number, text, `true` or `false` | required |"),
        ("when", "| mapping | `{}` |"),
    ],
)
def test_values_and_default_are_in_words(key: str, row: str) -> None:
    """A row says which values a key takes and its default, in the words of a YAML file."""
    assert f"| `{key}` {row}" in configuration_reference()


def test_the_whole_configuration_it_prints_is_the_defaults() -> None:
    """The page shows every key with its default."""
    (block,) = re.findall(r"```yaml\n(data:.*?)```", configuration_reference(), re.DOTALL)
    printed, bare = yaml.safe_load(block), {"data": {"tickers": ["AAPL"]}}
    expected = parse_config(bare).model_dump(mode="json")
    assert parse_config(printed) == parse_config(bare)
    for section, values in expected.items():
        if isinstance(values, dict):
            assert printed[section].keys() == values.keys(), section
    assert printed.keys() == expected.keys()
