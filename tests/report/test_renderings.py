"""Renderings: as the schema says, the fullest first, bounded, and safe whatever a directory is called."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from importlib.resources import files
from typing import Any

import jsonschema
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from baileys_janitor.report import as_json, markdown
from baileys_janitor.report.collect import Collector
from baileys_janitor.report.html import page
from baileys_janitor.report.html.charts import levels, removed_by_day
from baileys_janitor.report.incident import incident_of
from baileys_janitor.report.model import WORST_FIRST, ReportDocument
from tests.cli.test_output import strict
from tests.report.sample import LIMITS, NOW, RUNS, SESSIONS, finished, report_of, run, session

SCHEMA: dict[str, Any] = json.loads(
    (files("baileys_janitor.report") / "schema" / "report.v1.json").read_text()
)
VALIDATOR = jsonschema.Draft202012Validator(strict(SCHEMA))
EVIL = "<script>alert(1)</script>\n# x\u202e|`*_[a](javascript:b)"
BIDI = re.compile(r"[\u202a-\u202e\u2066-\u2069\u200b-\u200f]")


class Seen(HTMLParser):
    """The elements, attributes and text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in {"meta", "br", "link"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def any_report(added: list[tuple[Any, list[Any]]], *, lost: bool) -> ReportDocument:
    collector = Collector(NOW, 30)
    for one, runs in added:
        collector.add(one, runs, critical=170, removed_because={"SessionExpired": 3})
        collector.add_problem(one["name"], "Unreadable", f"{one['name']} cannot be read.")
    report = finished(collector, about=added[0][0]["name"] if added else "")
    if lost and added:
        one, runs = added[0]
        report["incident"] = incident_of(one, runs, LIMITS, "Directories", NOW)
    return report


REPORTS = st.builds(any_report, st.lists(st.tuples(SESSIONS, RUNS), max_size=3), lost=st.booleans())


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@given(REPORTS)
@settings(max_examples=25, deadline=None)
def test_json_is_as_the_schema_says_and_loses_nothing(report: ReportDocument) -> None:
    read = json.loads("".join(as_json.pieces(report)))
    VALIDATOR.validate(read)
    assert read == json.loads(json.dumps(report))


@given(REPORTS)
@settings(max_examples=30, deadline=None)
def test_a_page_holds_no_element_that_is_not_ours(report: ReportDocument) -> None:
    html = page.render(report)
    seen = Seen(html)
    assert seen.open == []
    assert not set(seen.tags) & {"script", "iframe", "img", "object", "link", "a", "base", "form"}
    assert seen.tags.count("style") == 1
    assert not [key for key, _ in seen.attributes if key.startswith("on") or key in URLS]
    assert not BIDI.search(html)
    assert "\0" not in html


URLS = {"src", "href", "action", "style", "xlink:href", "background", "srcset"}


@given(REPORTS)
@settings(max_examples=30, deadline=None)
def test_markdown_is_one_table_row_or_item_for_each_name(report: ReportDocument) -> None:
    text = markdown.render(report)
    assert not BIDI.search(text)
    parsed = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)
    html = [each for each in parsed if each.type == "html_block"]
    assert len(html) == 1, "the mark at the top alone"
    inline = [child for each in parsed for child in each.children or ()]
    assert not [each for each in inline if each.type in {"html_inline", "link_open", "image"}]
    assert [each.tag for each in parsed if each.type == "heading_open"].count("h1") == 1


@given(REPORTS, st.integers(40, 120))
@settings(max_examples=20, deadline=None)
def test_a_terminal_folds_text_and_keeps_tables(report: ReportDocument, width: int) -> None:
    text = markdown.render(report)
    lines = markdown.wrapped(text, width).split("\n")
    assert lines[0].startswith("# ")
    for line in lines:
        assert len(line) <= width or line.startswith("|") or " " not in line.strip("- ")[:width]
    tables = [line for line in text.split("\n") if line.startswith("|")]
    assert [line for line in lines if line.startswith("|")] == tables
    words = " ".join(text.removeprefix(markdown.MARK).split())
    assert " ".join(" ".join(lines).split()) == words


def test_an_evil_name_is_shown_as_it_is() -> None:
    report = report_of(session(EVIL))
    assert EVIL.replace("\n", "\\n").replace("\u202e", "\\u202e") in Seen(page.render(report)).text
    row = next(line for line in markdown.render(report).splitlines() if line.startswith("| \\<scr"))
    assert row.count("|") - row.count("\\|") == 7


def test_the_policy_allows_the_one_stylesheet_and_nothing_else() -> None:
    html = page.render(report_of(session()))
    [policy] = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', html)
    assert "default-src &#x27;none&#x27;" in policy
    assert "unsafe" not in policy
    assert "http" not in re.sub(r'http-equiv="[^"]+"', "", html)


def test_the_worst_come_first_and_the_rest_is_counted() -> None:
    collector = Collector(NOW, 30, keep=3)
    for number in range(50):
        level = "Healthy" if number % 10 else "Emergency"
        collector.add(session(f"s{number}", level=level, counted=100 + number))
    report = finished(collector)
    assert [each["name"] for each in report["sessions"]] == ["s40", "s30", "s20"]
    assert report["shown"] == {"sessions": 3, "of": 50}
    assert report["summary"]["byLevel"]["Healthy"] == 45
    for text in (page.render(report), markdown.render(report)):
        assert "3 fullest of 50" in text


def test_all_are_kept_for_machines_in_the_same_order() -> None:
    collector, few = Collector(NOW, 30), Collector(NOW, 30, keep=5)
    for number in range(20):
        for each in (collector, few):
            each.add(session(f"s{number}", counted=number % 7, level=WORST_FIRST[number % 5]))
    everything, some = finished(collector)["sessions"], finished(few)["sessions"]
    assert len(everything) == 20
    assert everything[:5] == some


def test_charts_say_in_words_what_they_show() -> None:
    drawn = levels({**dict.fromkeys(WORST_FIRST, 0), "Healthy": 999, "Emergency": 1})
    assert "<title>Sessions by level</title>" in drawn
    assert "999 Healthy, 1 Emergency" in drawn
    report = any_report([(session(), [run(1, before=180, after=160)])], lost=False)
    assert "20 files in 30 days" in removed_by_day(report["cleanups"]["days"])


@given(st.lists(st.integers(0, 10**6), min_size=5, max_size=5))
def test_the_bar_of_levels_is_as_wide_as_it_may_be(counts: list[int]) -> None:
    drawn = levels(dict(zip(WORST_FIRST, counts, strict=True)))
    widths = [float(each) for each in re.findall(r'width="([\d.]+)"', drawn)]
    assert len(widths) == sum(count > 0 for count in counts)
    assert all(width >= 5.9 for width in widths)
    assert not widths or abs(sum(widths) + 2 * (len(widths) - 1) - 640) < 0.1
