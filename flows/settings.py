"""The options that give a command its configuration: `--config` and `--set`."""

from typing import Annotated, Any

import typer
import yaml

from lstm_model.errors import ConfigError

ConfigFile = Annotated[str, typer.Option("--config", help="YAML file of the run.")]
Settings = Annotated[
    list[str] | None, typer.Option("--set", help="a.b=value, any key of the configuration.")
]


def parse_settings(settings: list[str]) -> dict[str, Any]:
    """Read `a.b=value` pairs; each value is YAML: a number, text, a list, a mapping or null."""
    parsed: dict[str, Any] = {}
    for setting in settings:
        key, separator, text = setting.partition("=")
        if not separator or not key.strip():
            raise ConfigError(f"--set must be key=value but is {setting!r}; write --set seed=7")
        try:
            parsed[key.strip()] = yaml.safe_load(text)
        except yaml.YAMLError:
            raise ConfigError(
                f"--set {key}: must be a valid YAML value but is {text!r}; put it in quotes"
            ) from None
    return parsed
