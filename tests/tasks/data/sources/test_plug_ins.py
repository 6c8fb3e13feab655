"""Sources by name: ours, and those of packages that somebody installs."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import pandas as pd
import pytest

from lstm_model.config.data import DataConfig
from lstm_model.data.cleaning import clean_bars
from lstm_model.errors import ConfigError, SourceUnreachable, TickerUnknown
from tasks.data.sources import open_source, plug_ins, require_sources
from tasks.data.sources.bundled import BundledSource
from tasks.data.sources.csv_folder import CsvSource
from tasks.data.sources.network_source import NetworkSource
from tasks.data.sources.parquet_folder import ParquetSource
from tasks.data.sources.patience import fetch_patiently
from tasks.data.sources.plug_ins import GROUP
from tasks.data.sources.yahoo import YahooSource

ROOT = Path(__file__).resolve().parents[4]

VENDOR = """
import pandas as pd
from lstm_model.errors import SourceUnreachable, TickerUnknown

PRICES = ("open", "high", "low", "close")

class Vendor:
    incremental, network = False, True
    def __init__(self, folder):
        self.folder, self.findings, self.asked = folder, [], 0
    def fetch(self, ticker, start, end):
        self.asked += 1
        if self.asked == 1:
            raise ConnectionResetError("by peer")
        if ticker != "X":
            raise TickerUnknown("no such ticker; check data.tickers")
        days = pd.bdate_range(start or "2024-01-01", end or "2024-03-01")
        price = [100.0 + day.day / 10 for day in days]
        return pd.DataFrame({"date": days, **dict.fromkeys(PRICES, price)})

def open_vendor(data):
    return Vendor(data.raw_dir)

def broken(data):
    raise RuntimeError("no key\\nin the environment")

def empty(data):
    return object()
"""


def install(folder: Path, package: str, sources: dict[str, str], code: str = VENDOR) -> None:
    """Install a package as pip leaves it: modules, and a dist-info folder with entry points."""
    folder.mkdir(exist_ok=True)
    (folder / f"{package}.py").write_text(code)
    info = folder / f"{package}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    lines = [f"{name} = {target}" for name, target in sources.items()]
    (info / "entry_points.txt").write_text("\n".join([f"[{GROUP}]", *lines]))
    sys.path.insert(0, str(folder))  # tests/conftest.py puts it back


def data_of(source: str, **settings: object) -> DataConfig:
    return DataConfig.model_validate(
        {"tickers": ("X",), "source": source, "requests_per_minute": None, **settings}
    )


def test_our_own_sources_are_plug_ins(tmp_path: Path) -> None:
    """pyproject.toml declares ours as any package declares its own, and each opens."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    kinds = {"bundled": BundledSource, "csv": CsvSource, "parquet": ParquetSource}
    assert project["entry-points"][GROUP] == plug_ins.OURS
    assert project["name"] == plug_ins.PACKAGE
    assert set(plug_ins.OURS) == {*kinds, "yahoo"}
    for name, kind in kinds.items():
        opened = open_source(data_of(name, csv_dir=tmp_path, parquet_dir=tmp_path))
        assert isinstance(opened, kind)
        assert not opened.incremental
        assert not opened.network
    yahoo = open_source(data_of("yahoo"))
    assert isinstance(yahoo, NetworkSource)
    assert isinstance(yahoo.inner, YahooSource)
    assert yahoo.incremental
    assert yahoo.network


def test_an_installed_package_adds_a_source(tmp_path: Path, pauses: list[float]) -> None:
    """A factory gets the configuration; its bars are fetched as patiently as ours, and cleaned."""
    install(tmp_path / "site", "vendor_bars", {"vendor": "vendor_bars:open_vendor"})
    source = open_source(data_of("vendor", raw_dir=tmp_path / "raw"))
    assert isinstance(source, NetworkSource)
    assert source.inner.folder == tmp_path / "raw"  # type: ignore[attr-defined]
    assert len(clean_bars(fetch_patiently(source, "X", None, None), "X").frame) == 45
    assert len(pauses) == 1
    with pytest.raises(TickerUnknown, match="no such ticker"):
        source.fetch("Y", None, None)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "yaho",
            r"must be an installed source \(bundled, csv, .*\) but is 'yaho'; did you mean 'y",
        ),
        ("csvs", "did you mean 'csv'?"),
        ("bloomberg", "is 'bloomberg'; install the package that has it"),
        ("vendr", "bundled, csv, parquet, vendor, yahoo.*did you mean 'vendor'"),
    ],
)
def test_an_unknown_source_names_the_known_ones(tmp_path: Path, name: str, words: str) -> None:
    """It is refused in one line, with the nearest name."""
    install(tmp_path / "site", "vendor_bars", {"vendor": "vendor_bars:open_vendor"})
    for refused in (open_source, require_sources):
        with pytest.raises(ConfigError, match=words) as failed:
            refused(data_of(name))
        assert "\n" not in str(failed.value)
        assert str(failed.value).startswith("data.source must be")


def test_a_run_requires_the_sources_that_it_opens() -> None:
    """A second source is required, too; of a stored snapshot the first is not."""
    require_sources(data_of("yahoo", cross_check="bundled"))
    with pytest.raises(ConfigError, match=r"^data.cross_check must be .* is 'nothere'"):
        require_sources(data_of("yahoo", cross_check="nothere"))
    require_sources(data_of("nothere", snapshot="12345678"))


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("vendor_bars:broken", "must open but does not: RuntimeError: no key in the environment"),
        ("vendor_bars:gone", "must open but does not: AttributeError"),
        ("not_there:open_vendor", "must open but does not: ModuleNotFoundError"),
        ("vendor_bars:empty", "lacks incremental, network, findings, fetch"),
    ],
)
def test_a_package_that_fails_is_named(tmp_path: Path, target: str, words: str) -> None:
    """What fails in another's code is one line with its package and its function."""
    install(tmp_path / "site", "vendor_bars", {"vendor": target})
    with pytest.raises(ConfigError, match=words) as failed:
        open_source(data_of("vendor"))
    assert "\n" not in str(failed.value)
    assert "of vendor_bars" in str(failed.value)
    assert target in str(failed.value)


def test_two_packages_with_one_name_are_refused(tmp_path: Path) -> None:
    """Neither wins by chance, not even over one of ours; other names stay usable."""
    install(tmp_path / "one", "vendor_bars", {"bundled": "vendor_bars:open_vendor"})
    with pytest.raises(
        ConfigError, match="lstm-hpo and vendor_bars both have 'bundled'; uninstall"
    ):
        open_source(data_of("bundled"))
    assert open_source(data_of("yahoo")).network


@pytest.fixture
def old_installation(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hide our entry points, as an installation does that is older than the checkout."""

    def listed(group: str) -> list[EntryPoint]:
        found = entry_points(group=group)
        return [e for e in found if e.dist is not None and e.dist.name != "lstm-hpo"]

    monkeypatch.setattr(plug_ins, "entry_points", listed)
    plug_ins._installed.cache_clear()
    yield
    plug_ins._installed.cache_clear()


@pytest.mark.usefixtures("old_installation")
def test_a_checkout_newer_than_its_installation_has_our_sources(tmp_path: Path) -> None:
    """Ours open without being installed again; others are still found, and none wins over ours."""
    for name in plug_ins.OURS:
        open_source(data_of(name, csv_dir=tmp_path, parquet_dir=tmp_path))
    install(tmp_path / "one", "vendor_bars", {"vendor": "vendor_bars:open_vendor"})
    assert open_source(data_of("vendor")).network
    install(tmp_path / "two", "more_bars", {"bundled": "more_bars:open_vendor"})
    with pytest.raises(ConfigError, match="more_bars and lstm-hpo both have 'bundled'; uninstall"):
        open_source(data_of("bundled"))


def test_folders_are_required(tmp_path: Path) -> None:
    """A folder that is none is a mistake of the configuration."""
    for name in ("csv", "parquet"):
        with pytest.raises(ConfigError, match=f"data.{name}_dir must be a folder but .*gone is n"):
            open_source(data_of(name, **{f"{name}_dir": tmp_path / "gone"}))


@pytest.mark.process
def test_a_run_on_files_imports_no_client_of_yahoo() -> None:
    """Opening, fetching and cleaning bundled bars loads neither yfinance nor its HTTP client."""
    code = (
        "import sys; from lstm_model.config.data import DataConfig;"
        "from tasks.data.sources import open_source; from tasks.data import download;"
        "open_source(DataConfig(tickers=('^GSPC',), source='bundled')).fetch('^GSPC', None, None);"
        "print({'yfinance', 'curl_cffi', 'tasks.data.sources.yahoo'} & set(sys.modules))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert ended.stdout.strip() == "set()"


def test_the_example_of_the_documentation_runs(tmp_path: Path) -> None:
    """docs/data.md's source is a few lines, and works as it stands once it is installed."""
    text = (ROOT / "docs" / "data.md").read_text("utf-8")
    section = text[text.index("### A source of your own") :]
    code = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    declared = re.search(r"```toml\n(.*?)```", section, re.DOTALL)
    assert code is not None
    assert declared is not None
    sources = tomllib.loads(declared[1])["project"]["entry-points"][GROUP]
    ((name, target),) = sources.items()
    install(tmp_path / "site", target.partition(":")[0], sources, code[1])
    assert len(list(filter(str.strip, code[1].splitlines()))) <= 15
    bars = pd.DataFrame({"date": pd.bdate_range("2024-01-01", periods=30)})
    price = pd.Series(range(100, 130), dtype=float)
    bars = bars.assign(open=price, high=price + 1, low=price - 1, close=price, volume=1000)
    (tmp_path / "bars").mkdir()
    bars.to_json(tmp_path / "bars" / "X.json", orient="records", date_format="iso")
    source = open_source(data_of(name, csv_dir=tmp_path / "bars"))
    assert len(clean_bars(source.fetch("X", None, None), "X").frame) == 30
    with pytest.raises((TickerUnknown, SourceUnreachable)):
        source.fetch("Y", None, None)
