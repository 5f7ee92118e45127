"""Keys are read as age and SSH write them; a wrong one is named by its place and never shown."""

from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path

import pytest

from baileys_janitor.backup.archive.encryption import (
    RECIPIENTS_MOST,
    Identities,
    Recipients,
    generate,
)
from baileys_janitor.backup.errors import BackupProblem
from tests.backup.hostile import encrypted
from tests.backup.sessions import RECIPIENT, SECRET

TOOLS = Path(__file__).parents[2] / ".tools/shells/usr/bin"


def opened_by(identities: Identities, data: bytes) -> bytes:
    target = io.BytesIO()
    identities.decrypt(io.BytesIO(data), target)
    return target.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "age",
        "age1",
        RECIPIENT[:-1],
        RECIPIENT.replace(RECIPIENT[20], "b"),
        "age1yubikey1qwt50d05nh5vutpdzmlg5wn80xq5negm4uj9ghv0snvdd3yysf5yw3rhl3t",
        "ssh-ed25519 AAAA",
        "ssh-ed25519",
        "ecdsa-sha2-nistp256 AAAA",
        "https://github.com/somebody.keys",
        "age1\0",
        "\u2713",
    ],
    ids=range(12),  # no key becomes the name of a test
)
def test_a_recipient_that_is_no_key_is_named_by_its_place(text: str) -> None:
    with pytest.raises(BackupProblem, match=r"^Recipient 2 is not a public key") as caught:
        Recipients([RECIPIENT, text])
    assert caught.value.code == "RecipientInvalid"
    assert len(text) < 12 or text not in caught.value.sentence
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    "text",
    [SECRET, SECRET.lower(), f" {SECRET}\n", "-----BEGIN OPENSSH PRIVATE KEY-----\n"],
    ids=range(4),
)
def test_a_secret_key_given_for_a_public_one_is_not_shown(text: str) -> None:
    with pytest.raises(BackupProblem, match=r"^Recipient 1 is a secret key") as caught:
        Recipients([text])
    assert SECRET not in str(caught.value).upper()
    assert SECRET not in repr(caught.value.details)


def test_as_many_recipients_as_are_accepted_can_be_read_again() -> None:
    keys = [generate() for _ in range(RECIPIENTS_MOST)]
    data = encrypted(b"x", Recipients(public for _, public in keys))
    assert opened_by(Identities(keys[-1][0]), data) == b"x"
    with pytest.raises(BackupProblem) as caught:
        Recipients([*(public for _, public in keys), RECIPIENT])
    assert caught.value.code == "RecipientsTooMany"


def test_as_many_rsa_keys_can_be_read_again(tmp_path: Path) -> None:
    if not shutil.which("ssh-keygen"):
        pytest.skip("ssh-keygen is not installed")
    path = tmp_path / "key"
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "rsa", "-b", "4096", "-N", "", "-f", path], check=True
    )
    public = path.with_suffix(".pub").read_text()
    data = encrypted(b"x", Recipients([public] * RECIPIENTS_MOST))
    assert opened_by(Identities(path.read_text()), data) == b"x"


def test_an_identity_file_of_age_keygen_is_read(tmp_path: Path) -> None:
    if not (TOOLS / "age-keygen").exists():
        pytest.skip("age is not installed: `make tools` fetches it")
    subprocess.run([TOOLS / "age-keygen", "-o", tmp_path / "key"], check=True, capture_output=True)
    text = (tmp_path / "key").read_text()
    public = text.partition("public key: ")[2].partition("\n")[0]
    assert opened_by(Identities(text), encrypted(b"x", Recipients([public]))) == b"x"
    assert opened_by(Identities(text.replace("\n", "\r\n")), encrypted(b"x", Recipients([public])))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        ("# nothing but words\n", 1),
        (f"{SECRET}\n{RECIPIENT}\n", 2),
        (f"# one\n\n{SECRET[:-1]}\n", 3),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n", 1),
        (f"{SECRET}\n" * 33, 33),
        ("AGE-PLUGIN-YUBIKEY-1Q9ZQVQWDG3K", 1),
        ("\0", 1),
    ],
    ids=range(8),
)
def test_an_identity_that_is_none_is_named_by_its_line(text: str, line: int) -> None:
    with pytest.raises(BackupProblem, match=f"^Line {line} of the identity file") as caught:
        Identities(text)
    assert caught.value.code == "IdentityInvalid"
    assert SECRET not in caught.value.sentence
    assert caught.value.__context__ is None


def test_an_ssh_key_with_a_passphrase_is_refused_when_it_is_read(tmp_path: Path) -> None:
    if not shutil.which("ssh-keygen"):
        pytest.skip("ssh-keygen is not installed")
    path = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "words", "-f", path], check=True)
    with pytest.raises(BackupProblem, match="without a passphrase"):
        Identities(path.read_text())


def test_no_key_is_printed() -> None:
    secret, public = generate()
    assert secret.startswith("AGE-SECRET-KEY-1")
    assert public.startswith("age1")
    printed = f"{Identities(secret)!r} {Recipients([public])!r}"
    assert printed == "Identities(1) Recipients(1)"
