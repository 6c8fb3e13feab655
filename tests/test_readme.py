"""Every command, configuration, script and link of the README and the docs works."""

import functools
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from lstm_model.config.loader import parse_config
from lstm_model.search.hyper_params import PARAMETER_NAMES

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]
TEXTS = {str(page.relative_to(ROOT)): page.read_text(encoding="utf-8") for page in PAGES}
GROUPS = {"data", "champion", "ledger"}
"""Commands of `lstm-hpo` that have commands of their own."""

PREFECT_COMMANDS = {
    ("server", "start"), ("work-pool", "create"), ("worker", "start"), ("deployment", "run"),
}  # fmt: skip


def blocks(language: str) -> list[tuple[str, str]]:
    """Return (page, text) of each fenced block in a language."""
    return [
        (page, block)
        for page, text in TEXTS.items()
        for block in re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    ]


def commands() -> list[tuple[str, str]]:
    """Return (page, command) of each line of each bash block."""
    return [
        (page, line.split(" #")[0].strip())
        for page, block in blocks("bash")
        for line in block.replace("\\\n", " ").splitlines()
        if line.strip() and not line.startswith("#")
    ]


@functools.cache
def help_of(*command: str) -> str:
    """Return a command's own help."""
    ended = subprocess.run([*command, "--help"], capture_output=True, text=True, check=True)
    return re.sub(r"\x1b\[[0-9;]*m", "", ended.stdout)


@pytest.mark.process
@pytest.mark.parametrize(("page", "command"), dict.fromkeys(commands()))
def test_the_command_exists(page: str, command: str) -> None:
    """A command names a program, sub-command, options, targets, keys and files that exist."""
    program, *rest = shlex.split(command)
    for word in rest:
        named = re.search(r"(?:^|=)((?:configs|tests)/.*)", word)
        assert named is None or (ROOT / named[1]).exists(), word
    options = [word.split("=")[0] for word in rest if word.startswith("--")]
    if program == "make":
        for target in rest:
            assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    elif program == "prefect":
        options = [option for option in options if option != "--no-prompt"]
        verbs = [word for word in rest if not word.startswith("-")]
        depth = 2 if tuple(verbs[:2]) in PREFECT_COMMANDS else 1
        text = help_of(str(BIN / "prefect"), *verbs[:depth])
        assert all(option in text for option in options), options
    elif program == "mlflow":
        text = help_of(str(BIN / "mlflow"), *rest[: 2 if rest[0] == "models" else 1])
        assert all(option in text for option in options), options
    elif program == "python" and rest[:1] == ["-m"]:
        assert (ROOT / f"{rest[1].replace('.', '/')}.py").is_file(), rest[1]
    elif program in {"lstm-hpo", "python"}:
        assert program == "lstm-hpo" or rest[0] == "hparam_search.py"
        verbs = ["run"] if program == "python" else rest[: 2 if rest[0] in GROUPS else 1]
        text = help_of(str(BIN / "lstm-hpo"), *verbs)
        assert all(option in text for option in options), options
        settings = [rest[i + 1] for i, word in enumerate(rest) if word == "--set"]
        for setting in settings:
            assert configures(setting.split("=")[0]), setting
    else:
        assert program in {"export", ".", "git", "cd"}, command


def configures(key: str) -> bool:
    """Return whether docs/configuration.md has a row for a dotted key, in its section."""
    section, _, name = key.rpartition(".")
    title = f"## `{section}`" if section else "## Top level"
    _, _, after = TEXTS["docs/configuration.md"].partition(f"\n{title}\n")
    return f"\n| `{name}` |" in after.split("\n## ")[0]


@pytest.mark.parametrize(("page", "block"), blocks("yaml"))
def test_the_configuration_is_valid(page: str, block: str) -> None:
    """A YAML block is a configuration, a part of one, or a search space."""
    printed = yaml.safe_load(block)
    if printed.keys() <= set(PARAMETER_NAMES):
        printed = {"search": {"space": printed}}
    parse_config({"data": {"tickers": ["AAPL"]}} | printed)


@pytest.mark.parametrize(("page", "block"), blocks("python"))
def test_the_script_compiles(page: str, block: str) -> None:
    """A Python block is valid Python."""
    compile(block, page, "exec")


def test_the_function_of_ones_own_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example of docs/own-features.md gives a column with the name on that page."""
    from lstm_model.data.cleaning import clean_bars
    from lstm_model.data.custom_features import custom_columns
    from tasks.data.sources.bundled import BundledSource

    ((_, block),) = (b for b in blocks("python") if b[0] == "docs/own-features.md")
    (tmp_path / "my_columns.py").write_text(block, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    bars = clean_bars(BundledSource().fetch("^GSPC", None, None).head(300), "^GSPC")
    names, values = custom_columns(bars, "my_columns:momentum", ())
    assert (names, values.shape) == (("momentum5",), (300, 1))


@pytest.mark.parametrize("page", TEXTS)
def test_links_and_pictures_are_there(page: str) -> None:
    """Each relative link points to a file, and each anchor to a heading of it."""
    for link in re.findall(r"\]\(([^)\s]+)\)", TEXTS[page]):
        if link.startswith("http"):
            continue
        target, _, anchor = link.partition("#")
        path = (ROOT / page).parent / target if target else ROOT / page
        assert path.is_file(), link
        assert not anchor or anchor in anchors(path.read_text(encoding="utf-8")), link


def anchors(text: str) -> set[str]:
    """Return the anchors that a Markdown page's headings get."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_readme_fits_one_screen() -> None:
    """The README has at most 80 lines and links every page of the docs."""
    text = TEXTS["README.md"]
    assert len(text.splitlines()) <= 80
    for page in TEXTS:
        if page.startswith("docs/"):
            assert f"]({page})" in text, page


def test_the_benchmarks_are_current() -> None:
    """The table of docs/benchmarks.md matches `benchmarks/results/`."""
    from benchmarks.table import BEGIN, END, table

    assert f"{BEGIN}{table()}{END}" in TEXTS["docs/benchmarks.md"]


def test_the_deployment_is_the_one_described() -> None:
    """`daily` runs on weekdays after the close in New York, `forecast` has a time but waits."""
    daily, forecast = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    assert daily["name"] == "daily"
    (schedule,) = daily["schedules"]
    assert (schedule["cron"], schedule["timezone"]) == ("30 17 * * 1-5", "America/New_York")
    for one in (daily, forecast):
        assert one["concurrency_limit"] == {"limit": 1, "collision_strategy": "ENQUEUE"}
    assert (forecast["name"], forecast["schedules"][0]["active"]) == ("forecast", False)
