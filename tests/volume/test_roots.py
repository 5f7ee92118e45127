"""Session directories are found in any layout, nothing is skipped in silence, and nothing is followed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.volume.errors import VolumeProblem
from baileys_janitor.volume.files import roots
from baileys_janitor.volume.files.globs import Glob
from baileys_janitor.volume.files.roots import find_sessions, looks_like_a_backup


def session(root: Path, path: str, *, creds: bool = True, keys: int = 6) -> Path:
    directory = root / path
    directory.mkdir(parents=True, exist_ok=True)
    if creds:
        (directory / "creds.json").write_text("{}")
    for number in range(1, keys + 1):
        (directory / f"pre-key-{number}.json").write_text("{}")
    return directory


def found(root: Path, pattern: str | None = None) -> dict[str, str]:
    return {each.path: each.looks for each in find_sessions(str(root), pattern).sessions}


def skipped(root: Path, pattern: str | None = None) -> dict[str, tuple[int, tuple[str, ...]]]:
    search = find_sessions(str(root), pattern)
    return {each.reason: (each.number, each.paths) for each in search.skipped}


LAYOUTS = (
    "auth/5511999990000",
    "auth_info_baileys",
    "sessions/md_955",
    "instances/0b6d8a3e-0c8b-4b0a-9a57-8f5a4a1f2d3c",
    ".sessions/noweb/default",
    "credentials/whatsapp/work",
    "loja_sessions",
    "company_962302",
    "bot/GataJadiBot/5215550001111",
)


def test_every_layout_is_found_from_above(tmp_path: Path) -> None:
    for path in LAYOUTS:
        session(tmp_path, path)
    assert found(tmp_path) == dict.fromkeys(LAYOUTS, roots.SESSION)
    assert skipped(tmp_path) == {}


@pytest.mark.parametrize("path", LAYOUTS)
def test_a_session_directory_is_its_own_root(tmp_path: Path, path: str) -> None:
    assert found(session(tmp_path, path)) == {".": roots.SESSION}


def test_keys_without_credentials_are_a_session_from_a_handful_on(tmp_path: Path) -> None:
    session(tmp_path, "instances/a", creds=False, keys=roots.HANDFUL)
    session(tmp_path, "instances/b", creds=False, keys=roots.HANDFUL - 1)
    assert found(tmp_path) == {"instances/a": roots.KEYS_WITHOUT_CREDENTIALS}
    # Whoever names the directory itself means it.
    assert found(tmp_path / "instances" / "b") == {".": roots.KEYS_WITHOUT_CREDENTIALS}


def test_a_stray_file_makes_no_session_of_the_root(tmp_path: Path) -> None:
    session(tmp_path, "auth/1")
    (tmp_path / "session-1100.0.json").write_text("{}")
    assert list(found(tmp_path)) == ["auth/1"]


def test_a_session_directory_may_hold_others(tmp_path: Path) -> None:
    session(tmp_path, "main")
    session(tmp_path, "main/helpers/5511")
    assert list(found(tmp_path)) == ["main", "main/helpers/5511"]
    assert list(found(tmp_path / "main")) == [".", "helpers/5511"]


def test_empty_company_directories_wait_for_their_pairing(tmp_path: Path) -> None:
    (tmp_path / "company_1").mkdir()
    session(tmp_path, "company_2/auth")
    (tmp_path / "other").mkdir()
    assert found(tmp_path) == {"company_1": roots.AWAITS_PAIRING, "company_2/auth": roots.SESSION}


def test_a_directory_left_with_the_janitors_files_alone_is_still_found(tmp_path: Path) -> None:
    cleared = session(tmp_path, "auth/1", creds=False, keys=0)
    (cleared / ".janitor~journal").write_text("")
    assert found(tmp_path) == {"auth/1": roots.AWAITS_PAIRING}


def test_links_are_never_followed_and_always_told(tmp_path: Path) -> None:
    real = session(tmp_path / "elsewhere", "real")
    root = tmp_path / "root"
    session(root, "auth/1")
    (root / "current").symlink_to(real)
    (root / "company_7").symlink_to(real)
    (root / "auth" / "loop").symlink_to(root)
    assert found(root) == {"auth/1": roots.SESSION, "company_7": roots.LINK}
    assert skipped(root) == {roots.SYMBOLIC_LINK: (2, ("current", "auth/loop"))}


def test_a_linked_creds_json_is_a_session_and_a_directory_of_that_name_none(tmp_path: Path) -> None:
    (tmp_path / "secret.json").write_text("{}")
    linked = session(tmp_path, "a/linked", creds=False, keys=0)
    (linked / "creds.json").symlink_to(tmp_path / "secret.json")
    (tmp_path / "a" / "odd" / "creds.json").mkdir(parents=True)
    assert found(tmp_path) == {"a/linked": roots.SESSION}


def test_what_is_deeper_is_counted(tmp_path: Path) -> None:
    session(tmp_path, "one/two/three/four")
    session(tmp_path, "one/two/here")
    assert list(found(tmp_path)) == ["one/two/here"]
    assert skipped(tmp_path) == {roots.TOO_DEEP: (1, ("one/two/three/four",))}


def test_programs_snapshots_and_backups_are_no_sessions_of_this_root(tmp_path: Path) -> None:
    session(tmp_path, "auth/1")
    for path in ("node_modules/bot/auth", ".git/auth", ".snapshot/hourly/auth", ".janitor~x"):
        session(tmp_path, path)
    for path in ("backups/auth", "auth/1.bak", "auth_old"):
        session(tmp_path, path)
    assert list(found(tmp_path)) == ["auth/1"]
    told = skipped(tmp_path)
    assert told[roots.OF_A_PROGRAM][0] == 4
    assert told[roots.BACKUP] == (3, ("auth/1.bak", "auth_old", "backups"))
    # Named as a root of its own, a backup is looked at.
    assert list(found(tmp_path / "backups")) == ["auth"]


@pytest.mark.parametrize("name", ["backup", "Backups-2026", "auth.bak", "company_1_old", "1 copy"])
def test_names_of_backups(name: str) -> None:
    assert looks_like_a_backup(name)


@pytest.mark.parametrize(
    "name", ["company_old", "company_backup", "oldenburg", "copyshop", "bakery", "archivo", "gold"]
)
def test_names_of_tenants_are_no_backups(name: str) -> None:
    assert not looks_like_a_backup(name)


def test_the_pattern_narrows(tmp_path: Path) -> None:
    for path in ("md_1", "md_2", "instances/md_3", "instances/x"):
        session(tmp_path, path)
    assert list(found(tmp_path, "md_*")) == ["instances/md_3", "md_1", "md_2"]
    assert list(found(tmp_path, "/md_*")) == ["md_1", "md_2"]
    assert list(found(tmp_path, "instances/*")) == ["instances/md_3", "instances/x"]
    assert list(found(tmp_path / "md_1", "md_*")) == ["."]
    assert list(found(tmp_path / "md_1", "other")) == []


def test_a_pattern_silences_what_it_rules_out(tmp_path: Path) -> None:
    session(tmp_path, "auth/1")
    (tmp_path / "web").symlink_to("auth")
    assert skipped(tmp_path) != {}
    assert skipped(tmp_path, "auth/*") == {}


def test_unreadable_directories_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in ("locked", "company_9", "open"):
        session(tmp_path, path)
    refuse(monkeypatch, {"locked", "company_9"}, PermissionError(13, "Permission denied"))
    assert found(tmp_path) == {"company_9": roots.AWAITS_PAIRING, "open": roots.SESSION}
    assert skipped(tmp_path) == {roots.UNREADABLE: (1, ("locked",))}


def test_a_directory_that_vanishes_midway_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in ("a", "b"):
        session(tmp_path, path)
    refuse(monkeypatch, {"a"}, FileNotFoundError(2, "No such file or directory"))
    assert list(found(tmp_path)) == ["b"]
    assert skipped(tmp_path) == {}


def test_a_root_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(VolumeProblem) as raised:
        find_sessions(str(tmp_path / "missing"))
    assert raised.value.code == "DirectoryMissing"


def test_the_same_directory_under_two_names_is_looked_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A bind mount: the same device and inode under a second name.
    for path in ("a", "b"):
        session(tmp_path, path)
    real_open = os.open

    def bound(path: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        return real_open(
            "a" if path == "b" and dir_fd is not None else path, flags, mode, dir_fd=dir_fd
        )

    monkeypatch.setattr(roots.os, "open", bound)
    search = find_sessions(str(tmp_path))
    assert [each.path for each in search.sessions] == ["a"]
    assert search.twice == (("a", "b"),)


def test_every_bound_is_kept_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(6):
        session(tmp_path, f"auth/{number}", keys=0)
    with monkeypatch.context() as limited:
        limited.setattr(roots, "MAX_FOUND", 4)
        assert len(found(tmp_path)) == 4
        assert skipped(tmp_path)[roots.TOO_MANY] == (2, ("auth/4", "auth/5"))
    with monkeypatch.context() as limited:
        limited.setattr(roots, "MAX_DIRECTORIES", 3)
        assert len(found(tmp_path)) == 1
        assert skipped(tmp_path)[roots.TOO_MANY][0] == 5
    with monkeypatch.context() as limited:
        limited.setattr(roots, "MAX_NAMES_IN_ONE", 2)
        assert len(found(tmp_path)) == 2
        assert skipped(tmp_path)[roots.TOO_MANY] == (1, ("auth",))


def test_a_session_directory_without_directories_is_never_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session(tmp_path, "auth/1", keys=300)
    if os.stat(tmp_path / "auth" / "1").st_nlink != 2:
        pytest.skip("this file system does not count directories in links")
    listed = []
    real = os.scandir
    monkeypatch.setattr(
        roots.os,
        "scandir",
        lambda fd: listed.append(os.readlink(f"/proc/self/fd/{fd}")) or real(fd),
    )
    assert list(found(tmp_path)) == ["auth/1"]
    assert listed == [str(tmp_path), str(tmp_path / "auth")]


def refuse(monkeypatch: pytest.MonkeyPatch, names: set[str], error: OSError) -> None:
    """Let the system refuse directories of these names: root, as whom tests may run, opens everything."""
    real = os.open

    def refused(path: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if dir_fd is not None and path in names:
            raise error
        return real(path, flags, mode, dir_fd=dir_fd)

    monkeypatch.setattr(roots.os, "open", refused)


SEGMENTS = st.lists(st.text("ab_1", min_size=1, max_size=3), min_size=1, max_size=3)
PATTERNS = st.lists(
    st.sampled_from(["*", "**", "a*", "?", "[ab]", "a", "_1"]), min_size=1, max_size=4
)


def by_hand(pattern: list[str], path: list[str]) -> bool:
    """The rule, written as it reads."""
    from fnmatch import fnmatchcase

    if not pattern:
        return not path
    if pattern[0] == "**":
        return by_hand(pattern[1:], path) or (bool(path) and by_hand(pattern, path[1:]))
    return bool(path) and fnmatchcase(path[0], pattern[0]) and by_hand(pattern[1:], path[1:])


@given(PATTERNS, SEGMENTS)
def test_patterns_match_as_they_read(pattern: list[str], path: list[str]) -> None:
    glob = Glob("/" + "/".join(pattern))
    assert glob.matches("/".join(path)) == by_hand(pattern, path)


@given(PATTERNS, SEGMENTS, SEGMENTS)
def test_no_directory_is_passed_over_that_leads_to_a_match(
    pattern: list[str], above: list[str], beneath: list[str]
) -> None:
    glob = Glob("/" + "/".join(pattern))
    if glob.matches("/".join(above + beneath)):
        assert glob.may_lead("/".join(above))


@pytest.mark.parametrize("pattern", ["", "/", "..", "../a", "a/../b", "x" * 1001])
def test_patterns_that_are_none(pattern: str) -> None:
    with pytest.raises(ValueError, match="no pattern"):
        Glob(pattern)


@given(st.text(max_size=40).filter(lambda name: "/" not in name and "\0" not in name))
def test_any_name_is_judged(name: str) -> None:
    assert looks_like_a_backup(name) in (True, False)
