"""`kubectl baileys repair`: make the library rebuild one contact's sessions, or a group's keys."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

import click

from baileys_janitor.cli.help.documented import Documented
from baileys_janitor.cli.plugin.completion.completing import tenants as complete_tenants
from baileys_janitor.cli.plugin.operations.create import OperationRequest
from baileys_janitor.cli.plugin.operations.documents import has_succeeded
from baileys_janitor.cli.plugin.operations.named_tenants import existing
from baileys_janitor.cli.plugin.operations.operation_secrets import OperationSecrets, carry_out_with
from baileys_janitor.cli.plugin.operations.run_operations import (
    EXITS,
    Waiting,
    carry_out,
    operation_options,
)
from baileys_janitor.cli.plugin.operations.workloads import meanwhile, quiesce_option
from baileys_janitor.cli.plugin.options import chosen, command_line, is_name
from baileys_janitor.cli.repair.naming import typed
from baileys_janitor.cli.terminal.masking import printable
from baileys_janitor.cli.terminal.output import say_prose
from baileys_janitor.cli.terminal.problems import usage
from baileys_janitor.policy.contact.written import IsGroup, Unreadable, request_in, texts_of

if TYPE_CHECKING:
    from baileys_janitor.cli.plugin.operations.documents import OperationDocument

_GROUP: Final = "repairContact"
_FIELD: Final = "contactSecretName"


@click.command(
    "repair",
    cls=Documented,
    exits=EXITS,
    examples=(
        (
            "kubectl baileys repair acme -n shop --dry-run",
            "What would move for one contact; asks for the number. Nothing is touched.",
        ),
        (
            "kubectl baileys repair acme -n shop",
            "Move it, once no pod uses the session: stop the workload first.",
        ),
        (
            "kubectl baileys repair acme -n shop --quiesce deployment/bot-acme",
            "Have the operator stop it meanwhile.",
        ),
        (
            "kubectl baileys repair acme -n shop --group",
            "A group cannot read our messages: move our own key of the group; asks for the group's id.",
        ),
    ),
)
@click.argument("names", metavar="NAME", nargs=-1, required=True, shell_complete=complete_tenants)
@operation_options
@click.option(
    "--group",
    is_flag=True,
    help="Move our own key of a group instead of a contact's sessions. Asks for the group's id.",
)
@click.option(
    "--author", is_flag=True, help="With --group: move a contact's key of the group. Asks for both."
)
@click.option(
    "--contact-secret",
    metavar="NAME",
    help="A Secret of yours that names them, under the keys contact and group.",
)
@quiesce_option
@click.option("--dry-run", is_flag=True, help="Move nothing; show what would be moved.")
def command(
    names: tuple[str, ...],
    wait: bool,
    timeout: float | None,
    output: str,
    group: bool,
    author: bool,
    contact_secret: str | None,
    quiesce: str | None,
    dry_run: bool,
) -> int:
    """End "Waiting for this message" for one contact or group, without pairing again.

    Asks for the contact at the terminal, or reads it as a line of standard input, and waits until the repair has ended:
    the Secret that names it is made before and deleted after, also on Ctrl-C. That takes the right to create, update
    and delete Secrets there. Nothing moves while a pod uses the claim; undo puts it back. With --quiesce the operator
    stops the workload, where the chart allows that (quiesce.namespaces), and starts it again whatever happens.
    """
    cluster = chosen()
    if len(names) > 1:
        # The message does not repeat the second word, which may be the number.
        raise usage(
            "repair takes one NAME. The contact is no argument, since others see those: it is asked for."
        )
    if author and not group:
        raise usage("--author names a contact in a group: add --group.")
    stops = meanwhile(quiesce, len(names), dry_run=dry_run)
    if contact_secret is not None:
        if group:
            raise usage("--contact-secret names the group as well: leave out --group.")
        if not is_name(contact_secret):
            raise usage(
                f"--contact-secret {printable(contact_secret)} is not a valid name of a Secret."
            )
    [place] = existing(cluster, names)
    asked = OperationRequest(*place, "RepairContact", stops, dry_run)
    if contact_secret is not None:
        request = asked.with_field(_GROUP, _FIELD, contact_secret)
        return carry_out(cluster, [request], Waiting(wait, timeout, output), ended=_say_undo)
    made = OperationSecrets(
        cluster.kubectl,
        "contact",
        _named(contact=author or not group, group=group),
        secrets.token_hex(8),
        "the contact",
        outlives=False,
    )
    return carry_out_with(
        cluster,
        made,
        [asked],
        lambda one, name: one.with_field(_GROUP, _FIELD, name),
        Waiting(True, timeout, output),
        _say_undo,
    )


def _named(*, contact: bool, group: bool) -> dict[str, str]:
    """Return the data of the Secret, asked for in this order; raise bad usage for an invalid contact or group."""
    found = {}
    for key in [*(["contact"] if contact else []), *(["group"] if group else [])]:
        text = typed(key, f"The {key}")
        person, place = (text, None) if key == "contact" else (None, text)
        try:
            read = texts_of(request_in(person, place))
        except IsGroup:
            raise usage("The contact: this is a group; add --group.") from None
        except Unreadable as problem:
            raise usage(f"The {key}: {problem}") from None
        found[key] = next(each for each in read if each is not None)
    return found


def _say_undo(operation: OperationDocument) -> None:
    """Print how to undo a repair, if it moved anything."""
    status = operation["status"]
    run, result = status.get("run"), status.get("result") or {}
    if not has_succeeded(operation) or operation["dryRun"] or not run or not result.get("removed"):
        return
    words = ("undo", operation["tenant"], "--run", str(run), "--wait")
    say_prose("To take it back:", command_line(*words, namespace=operation["namespace"]))
