"""What holds for every test."""

from __future__ import annotations

import os
import ssl
import sys
from collections.abc import Generator

import pytest
from hypothesis import is_hypothesis_test, settings

from tests.all_checks import ALL_CHECKS, SAMPLE_DAY, examples

# How long an example takes says something about the machine only.
settings.register_profile("unhurried", deadline=None, max_examples=examples(100))
settings.load_profile("unhurried")


_load_default_certs, _FOUND = ssl.SSLContext.load_default_certs, os.environ.get("SSL_CERT_FILE")


def _load_a_tests_own(
    context: ssl.SSLContext, purpose: ssl.Purpose = ssl.Purpose.SERVER_AUTH
) -> None:
    """Leave the public CAs out: no test speaks to anybody whom they vouch for, and to read them takes 20 ms."""
    if os.environ.get("SSL_CERT_FILE") != _FOUND:
        _load_default_certs(context, purpose)


ssl.SSLContext.load_default_certs = _load_a_tests_own  # type: ignore[method-assign]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what a run was a sample of, so that it can be had again."""
    told = "every case" if ALL_CHECKS else f"the sample of SAMPLE_DAY={SAMPLE_DAY}"
    terminalreporter.write_line(f"These were {told}; ALL_CHECKS=1 takes every case.")


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Let property tests run without coverage: it tells what the examples reach, and makes these take twice as long.

    `no_cover` alone does not do it: in a worker another measurement goes on when that of pytest-cov pauses.
    """
    plain = item.get_closest_marker("no_cover") or is_hypothesis_test(getattr(item, "obj", None))
    tracer = sys.gettrace()
    if not plain or tracer is None:
        return (yield)
    sys.settrace(None)
    try:
        return (yield)
    finally:
        sys.settrace(tracer)
