"""`baileys-janitor backup keygen`: make the key pair that encrypts and decrypts archives."""

from __future__ import annotations

import os
import time
from typing import Final

import click

from baileys_janitor import extras
from baileys_janitor.cli.arguments import completing
from baileys_janitor.cli.help.documented import Documented
from baileys_janitor.cli.terminal.formatting import rfc3339
from baileys_janitor.cli.terminal.masking import printable
from baileys_janitor.cli.terminal.output import say, write
from baileys_janitor.cli.terminal.pasting import command as line
from baileys_janitor.cli.terminal.problems import EXIT_DONE, Problem, usage

STANDARD_OUTPUT: Final = "-"
_CREATE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@click.command(
    "keygen",
    cls=Documented,
    examples=(
        ("baileys-janitor backup keygen -o backup.key", "Make a pair of keys."),
        (
            "baileys-janitor backup keygen -o - | pass insert -m baileys-backup",
            "Straight into a password store: no file is left behind.",
        ),
    ),
)
@click.option(
    "-o",
    "path",
    metavar="FILE",
    shell_complete=completing.files,
    help="Write the secret key there; - for standard output.",
)
def command(path: str | None) -> int:
    """Make the secret key that opens archives, and the public key that they are encrypted to.

    The file is new, and readable by its owner alone. Whoever makes backups needs the public key only, so take the
    secret one away from there. Without it no archive can ever be opened.
    """
    extras.require("backup")
    if path is None:
        raise usage("Name the file for the secret key: -o FILE, or -o - for standard output.")
    from baileys_janitor.backup.archive.encryption import generate

    secret, public = generate()
    text = f"# created: {rfc3339(time.time())}\n# public key: {public}\n{secret}\n"
    if path == STANDARD_OUTPUT:
        write(text)
        say(_advice(public, None))
        return EXIT_DONE
    _write_new(path, text)
    write(_advice(public, path) + "\n")
    return EXIT_DONE


def _write_new(path: str, text: str) -> None:
    """Write a file that does not exist yet, with mode 0600, and sync it to the disk."""
    shown = printable(path)
    try:
        file = os.open(path, _CREATE, 0o600)
    except FileExistsError:
        raise Problem(
            f"{shown} exists, and may hold the only key of some archives, so it is not written over: choose another"
            " name.",
            code="FileExists",
        ) from None
    except OSError as error:
        raise Problem(f"{shown} cannot be written: {error.strerror}.", code="NotWritten") from None
    try:
        with os.fdopen(file, "w", encoding="ascii") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        os.unlink(path)  # noqa: PTH108 - made by us a moment ago
        raise Problem(f"{shown} cannot be written: {error.strerror}.", code="NotWritten") from None


def _advice(public: str, path: str | None) -> str:
    """Return instructions: where to store each key, and how to rehearse."""
    identity = path or "backup.key"
    fingerprints = line("backup", "fingerprints", "/srv/sessions") + " > fingerprints.txt"
    try_it = line("backup", "--to", "/mnt/backups", "--recipient", public, paths=["/srv/sessions"])
    drill = line("drill", "--from", "/mnt/backups", "--identity", identity, paths=["/srv/sessions"])
    where = "The secret key" if path is None else f"The secret key is in {printable(path)}. It"
    return f"""\
Public key, to make backups with. It is not secret:

  {public}

{where} opens every archive that is encrypted to this one, and nothing else does.

1. Keep the secret key at two places, none of them the server: a password manager, and paper in a safe.
   It is one line of 74 letters and digits.{"" if path is None else " Then delete the file here."}
2. Keep the sessions' fingerprints beside it, and print them again when a session is paired anew:
   {fingerprints}
3. Make backups with the public key, and rehearse a restore where the secret key is:
   {try_it}
   {drill}"""
