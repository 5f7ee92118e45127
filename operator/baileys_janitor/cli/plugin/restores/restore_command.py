"""`kubectl baileys restore`: put sessions back from archives, of one tenant or of a fleet that was lost."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from baileys_janitor.cli.arguments.completing import files as complete_files
from baileys_janitor.cli.help.documented import Documented
from baileys_janitor.cli.plugin.completion.completing import tenants as complete_tenants
from baileys_janitor.cli.plugin.operations.create import OperationRequest
from baileys_janitor.cli.plugin.operations.named_tenants import each_of, refuse_missing
from baileys_janitor.cli.plugin.operations.operation_secrets import carry_out_with
from baileys_janitor.cli.plugin.operations.run_operations import (
    EXITS,
    Waiting,
    carry_out,
    operation_options,
)
from baileys_janitor.cli.plugin.operations.workloads import meanwhile, quiesce_option
from baileys_janitor.cli.plugin.options import chosen, is_name
from baileys_janitor.cli.plugin.restores.recorded import FINGERPRINT, recorded_in
from baileys_janitor.cli.plugin.restores.recovery_key import read_key, recovery_key
from baileys_janitor.cli.terminal.masking import printable
from baileys_janitor.cli.terminal.problems import usage

if TYPE_CHECKING:
    from baileys_janitor.cli.plugin.options import Chosen

MODES: Final = ("Safe", "Credentials", "Whole")
ACKNOWLEDGED: Final = ("SignedPreKeyRotated", "PreKeysRewritten", "NothingRanSince")


@click.command(
    "restore",
    cls=Documented,
    exits=EXITS,
    examples=(
        (
            "kubectl baileys restore acme -n shop --repository eu --identity backup.key --dry-run",
            "What the newest archive would restore, and its fingerprint.",
        ),
        (
            "kubectl baileys restore acme -n shop --repository eu --identity backup.key",
            "Put it back. Stop the tenant's workload first; undo takes it away again.",
        ),
        (
            "kubectl baileys restore acme -n shop --repository eu --identity backup.key --quiesce deployment/bot-acme",
            "Have the operator stop it meanwhile.",
        ),
        (
            "kubectl baileys restore --all --fingerprints fingerprints.txt --repository eu --identity backup.key",
            "A fleet in a new cluster: every tenant of the file.",
        ),
    ),
)
@click.argument("names", metavar="[NAME]...", nargs=-1, shell_complete=complete_tenants)
@click.option(
    "--all", "every", is_flag=True, help="Every tenant in --fingerprints, with -n of one namespace."
)
@operation_options
@click.option("--repository", metavar="NAME", required=True, help="One of backup.repositories.")
@click.option("--archive", metavar="NAME", help="The archive.  [the newest of the tenant]")
@click.option(
    "--mode",
    type=click.Choice(MODES, case_sensitive=False),
    help="The files to restore: those that cannot break the session, only creds.json, or all.  [Safe]",
)
@click.option(
    "--identity",
    metavar="FILE",
    shell_complete=complete_files,
    help="File with the recovery key. It lies in a Secret of the tenant's namespace until the restore has ended.",
)
@click.option(
    "--identity-secret",
    metavar="NAME",
    help="A Secret that has it already, under the key identity.",
)
@click.option(
    "--read-secret",
    metavar="NAME",
    help="A Secret that may read the repository.  [the repository's]",
)
@click.option(
    "--fingerprint",
    metavar="HEX",
    help="Fingerprint of the archive, for one NAME.  [from the status]",
)
@click.option(
    "--fingerprints",
    metavar="FILE",
    shell_complete=complete_files,
    help="Fingerprints for many: a file with lines NAMESPACE NAME FINGERPRINT.",
)
@click.option(
    "--acknowledge",
    multiple=True,
    type=click.Choice(ACKNOWLEDGED),
    help="Accept this risk, which a refusal has named.",
)
@quiesce_option
@click.option("--dry-run", is_flag=True, help="Restore nothing; show what would be restored.")
def command(
    names: tuple[str, ...],
    every: bool,
    wait: bool,
    timeout: float | None,
    output: str,
    repository: str,
    archive: str | None,
    mode: str | None,
    identity: str | None,
    identity_secret: str | None,
    read_secret: str | None,
    fingerprint: str | None,
    fingerprints: str | None,
    acknowledge: tuple[str, ...],
    quiesce: str | None,
    dry_run: bool,
) -> int:
    """Put the sessions of some tenants back from archives.

    It creates a BaileysOperation for each and, with --identity, waits until all have ended: the Secret with the
    recovery key is made before and deleted after. That takes the right to create, update and delete Secrets there.
    Nothing is restored while a pod uses the claim, and nothing of another account's. With --quiesce the operator stops
    the workload, where the chart allows that (quiesce.namespaces), and starts it again whatever happens.
    """
    cluster = chosen()
    _check(names, every, archive, identity, identity_secret, read_secret, fingerprint, fingerprints)
    known = recorded_in(fingerprints) if fingerprints is not None else {}
    tenants = _tenants(cluster, names, known, every=every)
    if fingerprint is not None:
        known = {tenants[0]: fingerprint.lower()}
    stops = meanwhile(quiesce, len(tenants), dry_run=dry_run)
    common: dict[str, Any] = {"repository": repository}
    common |= {"archive": archive} if archive else {}
    common |= {"mode": mode} if mode else {}
    common |= {"acknowledge": list(acknowledge)} if acknowledge else {}
    common |= {"readSecretName": read_secret} if read_secret else {}
    common |= {"identitySecretName": identity_secret} if identity_secret else {}
    key = None if identity is None else read_key(identity)
    if not every:
        # A tenant in the file that is gone keeps none of the others waiting.
        refuse_missing(cluster, tenants)
    if key is None:
        asked = _asked(tenants, common, known, stops, dry_run=dry_run)
        return carry_out(cluster, asked, Waiting(wait, timeout, output))
    return carry_out_with(
        cluster,
        recovery_key(cluster.kubectl, key, secrets.token_hex(8)),
        _asked(tenants, common, known, stops, dry_run=dry_run),
        lambda asked, name: asked.with_field("restore", "identitySecretName", name),
        Waiting(True, timeout, output),
    )


def _check(
    names: tuple[str, ...],
    every: bool,
    archive: str | None,
    identity: str | None,
    identity_secret: str | None,
    read_secret: str | None,
    fingerprint: str | None,
    fingerprints: str | None,
) -> None:
    if bool(names) == every:
        raise usage("Give either names or --all.")
    if every and fingerprints is None:
        raise usage("--all restores every tenant in --fingerprints: name that file.")
    if identity is not None and identity_secret is not None:
        raise usage("Give either --identity or --identity-secret.")
    if fingerprint is not None and (fingerprints is not None or len(names) != 1):
        raise usage("--fingerprint is for one NAME, without --fingerprints.")
    if fingerprint is not None and not FINGERPRINT.fullmatch(fingerprint.lower()):
        raise usage("--fingerprint has 16 hexadecimal digits, or twice 16 with a hyphen between.")
    if archive is not None and every:
        raise usage("--archive is one archive of one tenant: it does not go with --all.")
    for option, name in (("--identity-secret", identity_secret), ("--read-secret", read_secret)):
        if name is not None and not is_name(name):
            raise usage(f"{option} {printable(name)} is not a valid name of a Secret.")


def _tenants(
    cluster: Chosen,
    names: tuple[str, ...],
    known: Mapping[tuple[str, str], str],
    *,
    every: bool,
) -> list[tuple[str, str]]:
    if not every:
        return each_of(cluster, names)
    found = [each for each in known if cluster.namespace in (None, each[0])]
    if not found:
        raise usage("--fingerprints names no tenant there.")
    return found


def _asked(
    tenants: Sequence[tuple[str, str]],
    common: Mapping[str, Any],
    known: Mapping[tuple[str, str], str],
    stops: Mapping[str, Any],
    *,
    dry_run: bool,
) -> list[OperationRequest]:
    found = []
    for place in tenants:
        restore = {**common, **({"identity": known[place]} if place in known else {})}
        found.append(OperationRequest(*place, "Restore", {"restore": restore, **stops}, dry_run))
    return found
