"""docs/configuration.md: every key of the configuration, with values, default and description.

python -m lstm_model.config.reference > docs/configuration.md
"""

import sys
from collections.abc import Iterator, Sequence
from typing import Any, get_args

import yaml
from pydantic import BaseModel

from lstm_model.config.data import DataConfig
from lstm_model.config.pipeline import PipelineConfig
from lstm_model.config.section import Section
from lstm_model.search.distributions import Choice, FloatRange, IntRange
from lstm_model.search.hyper_params import BALANCED, CHOICES, PARAMETER_KINDS

Schema = dict[str, Any]

INTRODUCTION = """\
# Configuration

<!-- Written by `make docs` from lstm_model/config; edit the descriptions there. -->

A run takes one YAML file, and `--set section.key=value` replaces any key of it:

```bash
lstm-hpo run --config configs/quickstart.yaml --set training.epochs=10 --set search.sampler=gp
```

Only `data.tickers` is required. Unknown keys are refused, with the nearest known one named.
"""

SPACE_INTRODUCTION = """\
The space maps each searched parameter to its domain. Parameters are drawn in the order of the file.
A parameter that is not searched keeps its default.
"""

PARAMETERS = {
    "hidden_size": "States of each LSTM layer, in each direction.",
    "num_layers": "Stacked LSTM layers.",
    "dropout": "Share of activations dropped between layers and before the head.",
    "lr": "Learning rate, after the warm-up.",
    "batch_size": "Samples in each training step.",
    "bidirectional": "Read each sequence backwards too.",
    "layer_norm": "Normalise the output of each layer.",
    "recurrent_dropout": "Share of recurrent weights dropped in each training step.",
    "optimiser": "Rule of the training steps.",
    "momentum": "Momentum of the optimiser `sgd`.",
    "weight_decay": "Weight decay: in the gradient (`adam`, `sgd`) or off the weights (`adamw`).",
    "gradient_noise": "Standard deviation of the noise added to the first step's gradients.",
    "layer_lr_decay": "Learning rate of each layer as a share of that of the layer above it.",
    "warmup_share": "Share of the steps over which the learning rate rises to its full value.",
    "sequence_length": "Bars the network reads; null reads `windows.length`.",
    "feature_scaling": "How features are scaled, with statistics of the train block.",
    "jitter": "Standard deviation of the noise added to the scaled features in training.",
    "ticker_embedding": "Numbers learnt for each ticker of a panel, and seen at every bar; "
    "with one ticker it is not searched.",
}
"""What each parameter of network and training does."""

_TYPES = {
    "integer": "whole number",
    "number": "number",
    "string": "text",
    "boolean": "`true` or `false`",
    "null": "`null`",
    "object": "mapping",
}
_FORMATS = {"date": "date (YYYY-MM-DD)", "path": "path"}
_BOUNDS = {
    "minimum": ">=", "ge": ">=", "exclusiveMinimum": ">", "gt": ">",
    "maximum": "<=", "le": "<=", "exclusiveMaximum": "<", "lt": "<",
}  # fmt: skip


def configuration_reference() -> str:
    """Return the whole page."""
    parts = [INTRODUCTION, _every_default()]
    for name, model in section_models(PipelineConfig):
        parts.append(_section(name, model))
        if name == "search":
            parts.append(_space())
    return "\n".join(parts)


def section_models(
    model: type[BaseModel], prefix: str = ""
) -> Iterator[tuple[str, type[BaseModel]]]:
    """Yield the dotted name and the model of each section; the top level has an empty name."""
    yield prefix, model
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from section_models(field.annotation, f"{prefix}.{name}".lstrip("."))
        for entry in get_args(field.annotation):
            if isinstance(entry, type) and issubclass(entry, Section):
                yield from section_models(entry, f"{prefix}.{name}".lstrip("."))


def _every_default() -> str:
    config = PipelineConfig(data=DataConfig(tickers=("AAPL",))).model_dump(mode="json")
    lines: list[str] = []
    for name, value in config.items():
        if not isinstance(value, dict):
            lines.append(f"{name}: {_yaml(value)}")
            continue
        lines.append(f"{name}:")
        for key, inner in value.items():
            if key == "space":
                domains = (f"    {n}: {_yaml(domain)}" for n, domain in inner.items())
                lines += [f"  {key}:", *domains]
            else:
                lines.append(f"  {key}: {_yaml(inner)}")
    text = "\n".join(lines)
    return f"## Every key with its default\n\n```yaml\n{text}\n```\n"


def _section(name: str, model: type[BaseModel]) -> str:
    title = f"`{name}`" if name else "Top level"
    opening = f"{_summary(model)}\n\n" if name else ""
    return f"## {title}\n\n{opening}{_keys(model, name)}"


def _space() -> str:
    parameters = [
        (f"`{name}`", _parameter_values(name), f"`{_yaml(getattr(BALANCED, name))}`", meaning)
        for name, meaning in PARAMETERS.items()
    ]
    parts = [
        f"## `search.space`\n\n{SPACE_INTRODUCTION}",
        _table(("parameter", "values", "default", "meaning"), parameters),
    ]
    for model in (IntRange, FloatRange, Choice):
        (kind,) = get_args(model.model_fields["type"].annotation)
        parts.append(f"### `type: {kind}`\n\n{_summary(model)}\n\n{_keys(model)}")
    return "\n".join(parts)


def _parameter_values(name: str) -> str:
    if name in CHOICES:
        return ", ".join(f"`{_yaml(choice)}`" for choice in CHOICES[name])
    return "whole number" if PARAMETER_KINDS[name] is int else "number"


def _summary(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").splitlines()[0]


def _keys(model: type[BaseModel], section: str = "") -> str:
    """Return the table of a model's keys; a key that is a section links to it."""
    schema = model.model_json_schema()
    rows = []
    # An inherited key comes first in the schema but last in the table.
    for key, value in sorted(schema["properties"].items(), key=lambda item: item[0] == "when"):
        meaning = model.model_fields[key].description or ""
        if "$ref" in value:
            rows.append((f"`{key}`", f"[section](#{section}{key})", "", meaning))
        elif "$ref" in value.get("items", {}):
            link = f"list of: [section](#{section}{key})"
            rows.append((f"`{key}`", link, _default(key, value, schema), meaning))
        else:
            rows.append((f"`{key}`", _allowed(value), _default(key, value, schema), meaning))
    return _table(("key", "values", "default", "meaning"), rows)


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    cells = ([" ".join(cell.split()).replace("|", r"\|") for cell in line] for line in lines)
    return "".join(f"| {' | '.join(line)} |\n" for line in cells)


def _default(key: str, value: Schema, schema: Schema) -> str:
    if key in schema.get("required", ()):
        return "required"
    if "default" in value:
        return f"`{_yaml(value['default'])}`"
    return "Table 1" if key == "space" else "`{}`"


def _allowed(schema: Schema) -> str:
    """Describe in words what a JSON schema accepts."""
    for alternatives in ("anyOf", "oneOf"):
        if alternatives in schema:
            options = [_allowed(inner) for inner in schema[alternatives]]
            if {"whole number", "number"} <= set(options):
                options.remove("whole number")
            *others, last = options
            joint = ", " if last == _TYPES["boolean"] else " or "
            return joint.join([", ".join(others), last])
    if "const" in schema:
        return f"`{_yaml(schema['const'])}`"
    if "enum" in schema:
        return ", ".join(f"`{_yaml(value)}`" for value in schema["enum"])
    kind = schema.get("type", "object")  # a reference means a model
    if kind == "array":
        if "prefixItems" in schema:
            return f"`{_yaml([item['const'] for item in schema['prefixItems']])}`"
        return f"list of: {_allowed(schema['items'])}"
    bounds = [f"{sign} {schema[key]:g}" for key, sign in _BOUNDS.items() if key in schema]
    words = _FORMATS.get(schema.get("format", ""), _TYPES[kind])
    return f"{words} {' and '.join(bounds)}".strip()


def _yaml(value: object) -> str:
    """Return a value on one line of YAML."""
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10_000)
    return text.removesuffix("...\n").strip()


if __name__ == "__main__":
    sys.stdout.write(configuration_reference())
