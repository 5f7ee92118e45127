"""Paths lead to the session directories that a person means, or to one clear sentence."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from baileys_janitor.cli.arguments.targets import find_targets, skipped_line
from baileys_janitor.cli.terminal.problems import Problem


def session(path: Path) -> Path:
    path.mkdir(parents=True)
    (path / "creds.json").write_text("{}")
    return path


def codes(*paths: Path) -> list[str]:
    return [problem.code for _, problem in find_targets([str(path) for path in paths]).problems]


def sentence(path: Path) -> str:
    [(_, problem)] = find_targets([str(path)]).problems
    return problem.message


def test_a_directory_with_creds_is_a_session(tmp_path: Path) -> None:
    [target] = find_targets([str(session(tmp_path / "wa"))]).targets
    assert (target.path, target.company) == (".", None)
    assert target.shown == str(tmp_path / "wa")


def test_a_directory_with_a_session_file_but_no_creds_is_a_session(tmp_path: Path) -> None:
    (tmp_path / "session-1100_1.0.json").write_text("{}")
    assert len(find_targets([str(tmp_path)]).targets) == 1


def test_a_root_has_one_target_for_each_company_in_natural_order(tmp_path: Path) -> None:
    for name in ("10", "9", "acme"):
        session(tmp_path / f"company_{name}")
    (tmp_path / "other").mkdir()
    (tmp_path / "company_notes.txt").write_text("a file is no company")
    found = find_targets([str(tmp_path)])
    assert [target.company for target in found.targets] == ["9", "10", "acme"]
    assert found.problems == []


def test_a_company_directory_given_directly_knows_its_company(tmp_path: Path) -> None:
    [target] = find_targets([str(session(tmp_path / "company_7"))]).targets
    assert target.company == "7"


def test_an_empty_company_directory_waits_for_its_pairing(tmp_path: Path) -> None:
    (tmp_path / "company_7").mkdir()
    assert len(find_targets([str(tmp_path / "company_7")]).targets) == 1


def test_the_same_directory_is_looked_at_once(tmp_path: Path) -> None:
    session(tmp_path / "company_7")
    paths = [str(tmp_path), str(tmp_path / "company_7"), f"{tmp_path}/./company_7/"]
    assert len(find_targets(paths).targets) == 1


def test_company_selects(tmp_path: Path) -> None:
    for name in ("1", "2", "3"):
        session(tmp_path / f"company_{name}")
    found = find_targets([str(tmp_path)], ["2", "company_3"])
    assert [target.company for target in found.targets] == ["2", "3"]


def test_an_unknown_company_is_bad_usage_and_names_those_present(tmp_path: Path) -> None:
    session(tmp_path / "company_1")
    with pytest.raises(Problem, match=r"--company 9: no such company here; present: 1\.") as raised:
        find_targets([str(tmp_path)], ["9"])
    assert raised.value.exit_code == 2


def test_what_cannot_be_used_is_one_problem_each_and_the_rest_goes_on(tmp_path: Path) -> None:
    good = session(tmp_path / "good")
    file = tmp_path / "file"
    file.write_text("")
    link = tmp_path / "link"
    link.symlink_to(good)
    empty = tmp_path / "empty"
    empty.mkdir()
    missing = tmp_path / "missing"
    paths = (missing, file, link, empty, file / "below", good)
    assert codes(*paths) == [
        "DirectoryMissing",
        "NotADirectory",
        "SymlinkRefused",
        "NoSession",
        "DirectoryMissing",
    ]
    assert len(find_targets([str(path) for path in paths]).targets) == 1


def test_a_sentence_names_the_path_and_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    link = tmp_path / "link"
    link.symlink_to("real")
    assert sentence(link) == (
        f"{link} is a symbolic link, which is never followed; "
        "give the directory it leads to (realpath prints it)."
    )
    assert sentence(Path(f"{link}/")) == sentence(link)


def test_a_session_file_given_as_path_is_masked(tmp_path: Path) -> None:
    file = tmp_path / "session-4915112345678.0.json"
    file.write_text("{}")
    assert "4915112345678" not in sentence(file)
    assert "is a file, not a directory" in sentence(file)


def test_an_unreadable_directory_says_who_should_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Root, as whom the tests may run, reads everything: so the refusal is the system call's.
    locked = session(tmp_path / "locked")

    def refuse(path: str) -> None:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("baileys_janitor.cli.arguments.targets.os.scandir", refuse)
    assert codes(locked) == ["PermissionDenied"]
    assert "run as the user that owns the session files" in sentence(locked)


def test_a_path_with_any_bytes_is_shown_escaped(tmp_path: Path) -> None:
    strange = os.fsdecode(os.fsencode(tmp_path) + b"/company_\xff\x1b")
    os.mkdir(strange)
    (Path(strange) / "creds.json").write_text("{}")
    [target] = find_targets([str(tmp_path)]).targets
    assert target.company == "\\xff\\x1b"


def names(
    *paths: Path, pattern: str | None = None, companies: tuple[str, ...] = ()
) -> list[str | None]:
    found = find_targets([str(path) for path in paths], companies, pattern)
    return [target.company for target in found.targets]


def test_a_tenant_is_called_by_its_path_without_company(tmp_path: Path) -> None:
    for path in ("company_7", "tenants/company_8", "instances/a", "company_9/auth"):
        session(tmp_path / path)
    assert names(tmp_path) == ["7", "9/auth", "instances/a", "tenants/8"]
    assert names(tmp_path, companies=("tenants/8",)) == ["tenants/8"]
    assert names(tmp_path, companies=("tenants/company_8", "company_7")) == ["7", "tenants/8"]


def test_two_tenants_of_one_name_are_called_by_their_directories(tmp_path: Path) -> None:
    for path in ("company_7", "7", "company_8"):
        session(tmp_path / path)
    assert names(tmp_path) == ["7", "company_7", "8"]
    assert names(tmp_path, companies=("company_7",)) == ["company_7"]


def test_the_pattern_narrows_and_one_that_matches_nothing_says_so(tmp_path: Path) -> None:
    for path in ("md_1", "instances/a"):
        session(tmp_path / path)
    assert names(tmp_path, pattern="md_*") == ["md_1"]
    found = find_targets([str(tmp_path)], (), "nothing/*")
    [(_, problem)] = found.problems
    assert problem.code == "NoSession"
    assert "--pattern nothing/* matches" in problem.message
    with pytest.raises(Problem, match="not a pattern"):
        find_targets([str(tmp_path)], (), "../x")


def test_what_is_not_searched_is_one_line(tmp_path: Path) -> None:
    session(tmp_path / "auth" / "1")
    (tmp_path / "current").symlink_to("auth")
    session(tmp_path / "auth.bak")
    assert skipped_line(find_targets([str(tmp_path)]).skipped) == (
        f"Not searched: 1 symbolic link never followed ({tmp_path}/current); "
        f"1 directory named as backups ({tmp_path}/auth.bak)."
    )


def test_directories_that_may_not_be_read_are_one_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session(tmp_path / "open")
    for name in ("a", "b"):
        session(tmp_path / name)
    real = os.open

    def refused(path: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if path in {"a", "b"}:
            raise PermissionError(13, "Permission denied")
        return real(path, flags, mode, dir_fd=dir_fd)

    monkeypatch.setattr("baileys_janitor.volume.files.roots.os.open", refused)
    assert codes(tmp_path) == ["PermissionDenied"]
    assert f"2 directories beneath {tmp_path} may not be read by this user" in sentence(tmp_path)
    assert names(tmp_path) == ["open"]
