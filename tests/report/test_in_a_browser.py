"""The page in a real browser: nothing is asked for, nothing overflows, all can be read, in light and in dark."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from tests.report.browser import Browser
from tests.report.conftest import Run

WIDTHS = (390, 1280)
SCHEMES = ("light", "dark")

CONTRASTS = """
(() => {
  const parse = text => {
    const [r, g, b, a] = text.match(/[\\d.]+/g).map(Number);
    return [r, g, b, a === undefined ? 1 : a];
  };
  const light = ([r, g, b]) => [r, g, b].map(c => c / 255)
    .map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = element => {
    for (let here = element; here; here = here.parentElement) {
      const colour = parse(getComputedStyle(here).backgroundColor);
      if (colour[3] === 1) return colour;
      if (colour[3] !== 0) throw new Error('a ground that is half seen through');
    }
    throw new Error('no ground');
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim(), element = walker.currentNode.parentElement;
    if (!text || ['title', 'desc'].includes(element.localName) || !element.checkVisibility()) continue;
    const style = getComputedStyle(element), svg = element instanceof SVGElement;
    const box = element.getBoundingClientRect();
    const over = light(parse(svg ? style.fill : style.color)), under = light(ground(element));
    const [high, low] = over > under ? [over, under] : [under, over];
    found.push({text: text.slice(0, 40), ratio: (high + 0.05) / (low + 0.05),
      right: box.right, left: box.left, tall: box.height, size: parseFloat(style.fontSize)});
  }
  return found;
})()
"""


@pytest.fixture(scope="module", params=["all", "incident"])
def page(
    request: pytest.FixtureRequest, fleet: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A report of each kind, written as a person writes it."""
    from baileys_janitor.cli.main import main

    to = tmp_path_factory.mktemp("pages") / f"{request.param}.html"
    more = [] if request.param == "all" else ["--incident", "962302"]
    assert main(["report", str(fleet), "--to", str(to), *more]) == 0
    return to


@pytest.mark.parametrize(("width", "scheme"), [*itertools.product(WIDTHS, SCHEMES)])
def test_a_page_asks_for_nothing_and_can_be_read(
    browser: Browser, page: Path, width: int, scheme: str
) -> None:
    browser.open(page, width, scheme)
    texts: list[dict[str, Any]] = browser.evaluate(CONTRASTS)

    assert len(texts) > 60
    shown = " ".join(each["text"] for each in texts)
    assert "962302" in shown
    assert {each["text"] for each in texts if each["ratio"] < 4.5} == set()
    assert {each["text"] for each in texts if each["tall"] <= 0} == set()
    visible = [each for each in texts if each["right"] - each["left"] > 1]
    assert {each["text"] for each in visible if each["right"] > width or each["left"] < 0} == set()
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    asked = [each["request"]["url"] for each in browser.happened("Network.requestWillBeSent")]
    assert asked == [page.as_uri()]
    assert browser.happened("Log.entryAdded") == []
    assert browser.happened("Runtime.consoleAPICalled") == []
    assert browser.happened("Runtime.exceptionThrown") == []
    assert browser.evaluate("document.scripts.length") == 0


def test_dark_and_light_are_two_pages(browser: Browser, page: Path) -> None:
    grounds = []
    for scheme in SCHEMES:
        browser.open(page, 1280, scheme)
        grounds.append(browser.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert grounds[0] != grounds[1]


def test_whoever_listens_gets_headings_tables_and_pictures_in_words(
    browser: Browser, page: Path
) -> None:
    browser.open(page, 390, "light")
    headings = browser.evaluate(
        "[...document.querySelectorAll('h1,h2,h3')].map(each => +each.localName[1])"
    )
    assert headings[0] == 1
    assert headings.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(headings))
    assert browser.evaluate("[...document.querySelectorAll('th')].every(each => each.scope)")
    assert browser.evaluate(
        "[...document.querySelectorAll('svg:not([aria-hidden])')].every("
        "each => each.getAttribute('role') === 'img' && each.querySelector('title').textContent)"
    )
    assert browser.evaluate("document.documentElement.lang") == "en"
    names: list[str] = [
        each["name"]["value"]
        for each in browser.call("Accessibility.getFullAXTree")["nodes"]
        if each.get("role", {}).get("value") in {"rowheader", "row"} and "name" in each
    ]
    assert [name for name in names if "962302" in name]


def test_an_evil_name_is_text_in_a_browser_too(browser: Browser, page: Path) -> None:
    browser.open(page, 1280, "light")
    shown: str = browser.evaluate("document.body.innerText")
    assert page.stem == "incident" or "<img src=x onerror=alert(1)>\\u202e\\n|" in shown
    assert "4915112345678" not in shown


def test_a_sheet_of_paper_shows_all(browser: Browser, page: Path, run: Run) -> None:
    browser.open(page, 794, "dark")
    dark = [{"name": "prefers-color-scheme", "value": "dark"}]
    browser.call("Emulation.setEmulatedMedia", media="print", features=dark)
    ground = browser.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == "rgb(255, 255, 255)"
    texts = browser.evaluate(CONTRASTS)
    assert {each["text"] for each in texts if each["ratio"] < 4.5} == set()
    assert browser.evaluate("document.documentElement.scrollWidth") <= 794
