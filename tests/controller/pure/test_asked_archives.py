"""A backup or a drill on request: which attempts answer it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.api.operations.spec import BACKUP
from baileys_janitor.api.values.timestamps import to_rfc3339
from baileys_janitor.controller.operations import archives
from baileys_janitor.tenants.backup_state import PUT, Archived
from baileys_janitor.tenants.record import TenantRecord
from tests.controller.pure.test_backup_jobs import NOW, wanted

TIMES = st.floats(0, 600).map(lambda seconds: NOW + seconds)


def tried(when: float) -> TenantRecord:
    """A tenant whose only repository was backed up to at a time."""
    tenant = wanted("acme").tenant
    tenant.backup.configure(["moscow"], NOW)
    state = tenant.backup.repositories["moscow"]
    state.succeed(when, 1.0)
    state.ended(PUT, Archived("a.tar.gz.age", when))
    return tenant


@given(began=TIMES, before=st.floats(0.001, 30), until_asked=st.floats(0, 30))
def test_what_was_made_before_answers_no_request(
    began: float, before: float, until_asked: float
) -> None:
    since = archives.asked_since(to_rfc3339(began), began + until_asked)
    earlier = tried(began - before)
    assert archives.answer(earlier, BACKUP, since) is None
    assert archives.unasked(earlier, BACKUP, since) == ("moscow",)


@given(began=TIMES, until_asked=st.floats(0, 30), after=st.floats(0, 30))
def test_what_is_made_after_it_was_asked_for_answers(
    began: float, until_asked: float, after: float
) -> None:
    asked = began + until_asked
    since = archives.asked_since(to_rfc3339(began), asked)
    assert since <= asked
    answer = archives.answer(tried(asked + after), BACKUP, since)
    assert answer is not None
    assert answer.ok


@pytest.mark.parametrize("start", [None, "", "soon", 7, to_rfc3339(NOW + 86_400)])
def test_a_start_that_cannot_be_is_now(start: object) -> None:
    assert archives.asked_since(start, NOW) == NOW
