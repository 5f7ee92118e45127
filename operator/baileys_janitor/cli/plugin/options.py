"""The options for the cluster, the user and the namespace, accepted before or after a command's name."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import click

from baileys_janitor.cli.kubectl.client import Kubectl
from baileys_janitor.cli.plugin.completion.completing import namespaces
from baileys_janitor.cli.terminal.masking import printable
from baileys_janitor.cli.terminal.problems import usage

if TYPE_CHECKING:
    from collections.abc import Sequence

Command = TypeVar("Command", bound=Callable[..., Any])

_META: Final = "baileys_janitor.kubectl"
_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")
_FOR_KUBECTL: Final = ("context", "kubeconfig", "as", "as-group", "request-timeout")
ALL_NAMESPACES: Final = click.option(
    "-A",
    "--all-namespaces",
    is_flag=True,
    help="All namespaces.",
)


def is_name(text: str) -> bool:
    """Return whether a text can be the name of an object."""
    return _NAME.fullmatch(text) is not None


def cluster_options(command: Command) -> Command:
    """Add the options that choose the cluster, the user and the namespace."""
    helps = {
        "context": ("NAME", "kubectl's context."),
        "kubeconfig": ("FILE", "kubectl's configuration."),
        "as": ("USER", "Act as this user."),
        "as-group": ("GROUP", "Act as a member of this group."),
        "request-timeout": ("TIME", "How long one request may take, such as 30s."),
    }
    for name in reversed(_FOR_KUBECTL):
        metavar, about = helps[name]
        command = _option(f"--{name}", metavar=metavar, help=about)(command)
    namespace = _option(
        "-n",
        "--namespace",
        metavar="NAME",
        shell_complete=namespaces,
        help="The namespace.  [the context's]",
    )
    return namespace(command)


def _option(*names: str, **more: Any) -> Callable[[Command], Command]:
    return click.option(*names, expose_value=False, callback=_remember, **more)


def _remember(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    if value is not None:
        ctx.meta.setdefault(_META, {})[param.opts[-1].removeprefix("--")] = value


class Chosen(NamedTuple):
    """The cluster and the namespace of a command; None for the context's namespace."""

    kubectl: Kubectl
    namespace: str | None

    @property
    def place(self) -> str:
        """Return the namespace: the named one, or the context's."""
        return self.namespace or self.kubectl.namespace()


def chosen() -> Chosen:
    """Return the cluster and namespace of this command line."""
    given: dict[str, str] = click.get_current_context().meta.get(_META, {})
    options = [f"--{name}={given[name]}" for name in _FOR_KUBECTL if name in given]
    namespace = given.get("namespace")
    if namespace is not None and not is_name(namespace):
        raise usage(f"--namespace {printable(namespace)} is not a valid name of a namespace.")
    return Chosen(Kubectl(options), namespace)


def typed_options() -> list[str]:
    """Return the options that name the cluster, as words of a command to paste."""
    given: dict[str, str] = click.get_current_context().meta.get(_META, {})
    return [f"--{name}={given[name]}" for name in _FOR_KUBECTL if name in given]


def scope_of(cluster: Chosen, *, everywhere: bool) -> str | None:
    """Return the namespace to list in, None for all of them."""
    if everywhere and cluster.namespace is not None:
        raise usage("Give either --namespace or --all-namespaces.")
    return None if everywhere else cluster.place


def parted(name: str, cluster: Chosen, kind: str) -> tuple[str, str]:
    """Return the namespace and the name in NAME or NAMESPACE/NAME."""
    namespace, slash, own = name.rpartition("/")
    for each in (own, *([namespace] if slash else [])):
        if not is_name(each):
            raise usage(
                f"{printable(name)} is not a valid name of a {kind}: use only lowercase letters, digits, - and dots."
            )
    if slash and cluster.namespace not in (None, namespace):
        raise usage(f"{name} names another namespace than --namespace {cluster.namespace}.")
    return (namespace if slash else cluster.place), own


def command_line(*words: str, namespace: str, options: Sequence[str] = ()) -> str:
    """Return a command of this plugin that can be pasted, for the same cluster."""
    from baileys_janitor.cli.terminal.pasting import word

    return " ".join(
        map(word, ("kubectl", "baileys", *words, "-n", namespace, *typed_options(), *options))
    )
