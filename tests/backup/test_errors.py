"""Every code has one sentence, which its details fill."""

from __future__ import annotations

import string

import pytest

from baileys_janitor.backup import errors
from baileys_janitor.backup.errors import SENTENCES, BackupProblem

DETAILS = {
    name
    for sentence in SENTENCES.values()
    for _, name, _, _ in string.Formatter().parse(sentence)
    if name is not None
}


@pytest.mark.parametrize("code", SENTENCES)
def test_a_code_has_one_sentence(code: str) -> None:
    problem = BackupProblem(code, **dict.fromkeys(DETAILS, 7))
    assert problem.code == code
    assert problem.sentence[0].isupper()
    assert problem.sentence.endswith(".")
    assert not {"{", "}"} & set(problem.sentence)


def test_no_code_is_without_a_sentence() -> None:
    codes = {value for name, value in vars(errors).items() if name.isupper() and type(value) is str}
    assert codes == set(SENTENCES)


def test_a_code_of_another_room_is_its_own_text() -> None:
    assert BackupProblem("CredentialsAbsent").sentence == "CredentialsAbsent"
