"""Every command of the README is one that exists, and what it names is there."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BIN = Path(sys.executable).parent
BLOCKS = re.findall(r"```bash\n(.*?)```", README, re.DOTALL)
COMMANDS = [
    line.split(" #")[0].strip()
    for block in BLOCKS
    for line in block.replace("\\\n", " ").splitlines()
    if line.strip() and not line.startswith("#")
]


def options_of(*command: str) -> str:
    """Return a command's own help."""
    ended = subprocess.run([*command, "--help"], capture_output=True, text=True, check=True)
    return re.sub(r"\x1b\[[0-9;]*m", "", ended.stdout)


@pytest.mark.parametrize("command", dict.fromkeys(COMMANDS))
def test_the_command_exists(command: str) -> None:
    """A command names a program, sub-command, options, targets and files that exist."""
    words = shlex.split(command)
    options = [word.split("=")[0] for word in words if word.startswith("--")]
    program, *rest = words
    for word in rest:
        if word.startswith("configs/"):
            assert (ROOT / word).is_file(), word
    if program == "make":
        for target in rest:
            assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    elif program == "prefect":
        options = [option for option in options if option != "--no-prompt"]
        verbs = [word for word in rest if not word.startswith("-")]
        depth = next(
            n for n in (2, 1) if n == 1 or tuple(verbs[:n]) in {
                ("server", "start"), ("work-pool", "create"), ("worker", "start"),
                ("deployment", "run"),
            }
        )  # fmt: skip
        text = options_of(str(BIN / "prefect"), *verbs[:depth])
        assert all(option in text for option in options), options
    elif program == "mlflow":
        text = options_of(str(BIN / "mlflow"), rest[0])
        assert all(option in text for option in options), options
    elif program in {"lstm-hpo", "python"}:
        verb = "run" if program == "python" else rest[0]
        assert program == "lstm-hpo" or rest[0] == "hparam_search.py"
        text = options_of(str(BIN / "lstm-hpo"), verb)
        assert all(option in text for option in options), options
    else:
        assert program in {"export", ".", "git", "cd"}, command


def test_the_configurations_it_prints_are_valid() -> None:
    """Each YAML block of the README parses into a configuration."""
    from lstm_model.config.loader import parse_config

    blocks = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    assert blocks
    for block in blocks:
        parse_config(yaml.safe_load(block))


def test_the_whole_configuration_it_prints_is_the_defaults() -> None:
    """The README lists every key there is, with its default."""
    from lstm_model.config.loader import parse_config

    (block,) = re.findall(r"```yaml\n(data:.*?)```", README, re.DOTALL)
    printed, bare = yaml.safe_load(block), {"data": {"tickers": ["AAPL"]}}
    expected = parse_config(bare).model_dump(mode="json")
    assert parse_config(printed) == parse_config(bare)
    for section, values in expected.items():
        if isinstance(values, dict):
            assert printed[section].keys() == values.keys(), section
    assert printed.keys() == expected.keys()


def test_the_pictures_and_pages_it_links_are_there() -> None:
    """Each relative link points to a file."""
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        if not target.startswith("http"):
            assert (ROOT / target).is_file(), target


def test_the_deployment_is_the_one_it_describes() -> None:
    """`daily` runs on weekdays after the close in New York, one at a time."""
    (daily,) = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    assert daily["name"] == "daily"
    (schedule,) = daily["schedules"]
    assert (schedule["cron"], schedule["timezone"]) == ("30 17 * * 1-5", "America/New_York")
    assert daily["concurrency_limit"] == {"limit": 1, "collision_strategy": "ENQUEUE"}
