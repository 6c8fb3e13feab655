"""The page in a real browser: drawn, quiet, alone, readable on a phone, by day and by night."""

import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from lstm_model.report.page.render import render_page
from tests.page_contents import make_content, with_names

sync_api = pytest.importorskip("playwright.sync_api", reason="no playwright: pip install -e .[dev]")

pytestmark = pytest.mark.ui

Scheme = Literal["light", "dark"]
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
EVIL = "</script><img src=x onerror=alert(1)><script>alert(1)</script>"

DRAWN = """() => Array.from(document.querySelectorAll('.drawn')).map(figure => {
    const svg = figure.querySelector('svg.main-svg');
    const box = svg ? svg.getBoundingClientRect() : {width: 0, height: 0};
    return {
        name: figure.dataset.spec,
        width: box.width,
        height: box.height,
        room: figure.getBoundingClientRect().width,
        traces: figure.querySelectorAll('.cartesianlayer .trace:has(path)').length,
        legend: (e => e ? e.getBoundingClientRect().right : 0)(figure.querySelector('.legend')),
    };
})"""
COLOURS = """() => {
    const body = getComputedStyle(document.body);
    const soft = getComputedStyle(document.querySelector('.note'));
    const tick = document.querySelector('.drawn .xtick text');
    return {
        paper: body.backgroundColor,
        ink: body.color,
        soft: soft.color,
        figure: getComputedStyle(tick).fill,
    };
}"""
WIDTHS = "() => [document.documentElement.scrollWidth, window.innerWidth]"


@dataclass
class Opened:
    """A page in the browser, and all that it said and asked for."""

    page: Any
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next(filter(None, map(shutil.which, names)), None)
    if program is None:
        pytest.skip("no chromium: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=list(QUIET))
        yield started
        started.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Write the nights that are looked at."""
    folder = tmp_path_factory.mktemp("pages")
    contents = {
        "volatility": make_content(),
        "panel": make_content("panel", tickers=500, dates=750, trials=200),
        "nothing": make_content("nothing", references=False, last_night=False),
        "evil": with_names(make_content("panel"), EVIL),
    }
    written = {}
    for name, content in contents.items():
        written[name] = folder / f"{name}.html"
        written[name].write_text(render_page(content), encoding="utf-8")
    return written


def open_page(browser: Any, path: Path, size: dict[str, int], scheme: Scheme = "light") -> Opened:
    """Open a page without a network and wait until its last figure is drawn."""
    context = browser.new_context(viewport=size, color_scheme=scheme)
    context.set_offline(True)
    opened = Opened(context.new_page())
    opened.page.on("console", lambda message: opened.said.append(message.text))
    opened.page.on("pageerror", lambda error: opened.said.append(str(error)))
    opened.page.on("dialog", lambda box: (opened.said.append("a dialog"), box.dismiss()))
    opened.page.on("request", lambda request: opened.asked.append(request.url))
    opened.page.goto(path.as_uri())
    opened.page.wait_for_selector("html[data-figures=drawn]", state="attached", timeout=30_000)
    return opened


def contrast(one: str, other: str) -> float:
    """Return WCAG's contrast of two colours as a browser spells them."""

    def luminance(colour: str) -> float:
        parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("night", ["volatility", "panel", "nothing", "evil"])
def test_a_night_is_read_anywhere(browser: Any, pages: dict[str, Path], night: str) -> None:
    """Drawn on a phone and on a desk, in both colour schemes; silent, and asking for nothing."""
    opened = open_page(browser, pages[night], PHONE)
    _is_drawn(opened.page, PHONE)
    light = _readable(opened.page)
    opened.page.emulate_media(color_scheme="dark")  # while it is open
    opened.page.set_viewport_size(DESK)
    _is_drawn(opened.page, DESK)
    dark = _readable(opened.page)
    assert light["paper"] != dark["paper"]
    assert light["ink"] != dark["ink"]
    assert opened.said == []
    assert {url.split(":", 1)[0] for url in opened.asked} <= {"file", "data", "blob"}
    opened.page.context.close()


def _is_drawn(page: Any, size: dict[str, int]) -> None:
    """Assert that no figure is empty, squeezed or wider than the page."""
    scroll, inner = page.evaluate(WIDTHS)
    assert scroll <= inner == size["width"]
    figures = page.evaluate(DRAWN)
    # Plotly waits before it follows a new width.
    deadline = time.monotonic() + 20
    while any(abs(f["width"] - f["room"]) > 1 for f in figures) and time.monotonic() < deadline:
        page.wait_for_timeout(100)
        figures = page.evaluate(DRAWN)
    assert len(figures) >= 12
    for figure in figures:
        assert figure["traces"] >= 1, figure
        assert figure["height"] > 100, figure
        assert figure["width"] == pytest.approx(figure["room"], abs=1), figure
        assert figure["legend"] <= inner, figure


def _readable(page: Any) -> dict[str, str]:
    """Assert that text has WCAG's contrast and that figures have the page's ink."""
    colours: dict[str, str] = page.evaluate(COLOURS)
    assert contrast(colours["paper"], colours["ink"]) >= 4.5
    assert contrast(colours["paper"], colours["soft"]) >= 4.5
    assert colours["figure"] == colours["ink"]
    return colours


def test_a_page_opened_by_night_is_dark_and_prints_light(
    browser: Any, pages: dict[str, Path]
) -> None:
    """The first drawing is in the scheme's colours; on paper all ink is dark."""
    opened = open_page(browser, pages["nothing"], DESK, "dark")
    dark = opened.page.evaluate(COLOURS)
    assert dark["figure"] == dark["ink"]
    opened.page.evaluate("() => { window.dispatchEvent(new Event('beforeprint')); }")
    printed = opened.page.evaluate(COLOURS)
    assert printed["paper"] == "rgb(255, 255, 255)"
    assert printed["figure"] == printed["ink"] != dark["ink"]
    opened.page.evaluate("() => { window.dispatchEvent(new Event('afterprint')); }")
    assert opened.page.evaluate(COLOURS) == dark
    assert opened.said == []
    opened.page.context.close()


def test_a_reader_without_javascript_has_text_and_tables(
    browser: Any, pages: dict[str, Path]
) -> None:
    """The verdict and the headline table are seen, and figures say what they would need."""
    context = browser.new_context(viewport=PHONE, java_script_enabled=False)
    context.set_offline(True)
    page = context.new_page()
    page.goto(pages["volatility"].as_uri())
    assert "The model has skill" in page.locator(".verdict").inner_text()
    assert page.locator("main table").first.is_visible()
    assert page.get_by_text("This figure needs JavaScript").first.is_visible()
    context.close()
