"""`baileys-janitor backup fingerprints`: print the fingerprints to keep beside the secret key, to verify archives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from baileys_janitor.cli.arguments.options import (
    output_option,
    paths_or_environment,
    target_options,
)
from baileys_janitor.cli.help.documented import Documented
from baileys_janitor.cli.terminal.output import write
from baileys_janitor.cli.terminal.problems import EXIT_DONE, EXIT_FAILED, Problem
from baileys_janitor.cli.terminal.reporting import Problems, print_document

if TYPE_CHECKING:
    from baileys_janitor.cli.arguments.targets import Target
    from baileys_janitor.cli.backup.documents import FingerprintDocument


@click.command(
    "fingerprints",
    cls=Documented,
    examples=(
        (
            "baileys-janitor backup fingerprints /srv/sessions > fingerprints.txt",
            "Keep the file beside the secret key: restore --fingerprints takes it.",
        ),
    ),
)
@target_options
@output_option("text", "json", "yaml")
def command(
    paths: tuple[str, ...], companies: tuple[str, ...], pattern: str | None, output: str
) -> int:
    """Print a line for each session, with its fingerprint and its directory.

    Anybody who has the public key can make an archive. A fingerprint tells those of a session from forged ones when its
    directory is lost. It is no secret, changes when the session is paired anew, and holds no phone number.
    """
    from baileys_janitor.cli.arguments.targets import find_targets
    from baileys_janitor.cli.backup.naming import directory_of, written
    from baileys_janitor.cli.terminal.json_output import FINGERPRINTS_SCHEMA
    from baileys_janitor.cli.terminal.output import MACHINE_FORMATS

    found = find_targets(paths_or_environment(paths), companies, pattern)
    problems = Problems(found)
    documents: list[FingerprintDocument] = []
    names: list[str] = []
    for target in found.targets:
        try:
            documents.append(_document(target))
            names.append(written(directory_of(target)))
        except Problem as problem:
            problems.add(target, problem)
    problems.say()
    if output in MACHINE_FORMATS:
        print_document(FINGERPRINTS_SCHEMA, documents, problems, output)
    else:
        write(
            "".join(
                f"{each['fingerprint']}  {name}\n"
                for each, name in zip(documents, names, strict=True)
            )
        )
    return EXIT_FAILED if problems else EXIT_DONE


def _document(target: Target) -> FingerprintDocument:
    from baileys_janitor.backup.latest import fingerprint_of
    from baileys_janitor.cli.backup.naming import directory_of, tenant_of_target
    from baileys_janitor.cli.scanning.look import opened, problem_of
    from baileys_janitor.cli.terminal.masking import printable
    from baileys_janitor.policy.archives.pairing import read_credentials
    from baileys_janitor.volume.copies.credential_copies import settled_bytes
    from baileys_janitor.volume.errors import VolumeProblem

    with opened(target) as directory:
        try:
            data = settled_bytes(directory)
        except VolumeProblem as problem:
            raise problem_of(target, problem) from None
    credentials = read_credentials(data)
    assert credentials is not None  # settled bytes are whole
    return {
        "path": target.shown,
        "company": target.company,
        "tenant": tenant_of_target(target),
        "directory": printable(directory_of(target)),
        "fingerprint": str(fingerprint_of(credentials)),
    }
