"""Every kubectl command of the pages, of messages and of the chart's notes, pasted into a shell beside a real kubectl.

The sandbox's API server holds what the commands are about. What changes something is sent as `--dry-run=server`, and
what needs a container (exec, port-forward) is left out.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Iterator
from functools import cache
from pathlib import Path

import pytest
import pytest_asyncio

from baileys_janitor.api.conditions.condition_kinds import CONDITIONS
from baileys_janitor.api.conditions.incident_kinds import INCIDENT_KINDS
from baileys_janitor.api.generated.crd import crd, crds
from baileys_janitor.notify.incidents import KEY_STORE, Place
from baileys_janitor.notify.wording import todo
from release.manifests import crds as crd_files
from sandbox import Cluster
from sandbox.tools import kubectl_path
from tests.alerts.commands import SPAN, blocks
from tests.alerts.rules import rules
from tests.alerts.test_runbooks import fields
from tests.api.statuses import FULL_STATUS
from tests.docs.pages import PAGES, ROOT, RUNBOOKS, name_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

WORDS = {
    "NAMESPACE": "shop",
    "TENANT": "acme",
    "POD": "bot",
    "CLAIM": "data",
    "WORKLOAD": "bot",
    "NODE": "node-1",
    "DIRECTORY": "/data",
    "STORE": "main",
    "OPERATION": "stopped",
    "SET": "bots",
    "REPOSITORY": "eu",
}
"""What stands for the words in capitals."""
TENANTS = {"shop": ["acme", "962302"], "default": ["acme", "962302", "acme-trial"]}
STORES = {"shop": ["main"], "support": ["main"]}
CHANGES = "annotate|apply|create|delete|label|patch"
LEFT_OUT = "edit|exec|logs|port-forward|rollout|scale|uncordon|wait"
STORE_BACKUP = {
    "lastSuccessTime": "2026-11-22T08:05:00Z",
    "sessions": {"count": 3, "backedUp": 2, "nothingToDo": 1, "failing": 0},
    "repositories": [{"name": "eu", "time": "2026-11-22T08:05:00Z", "outcome": "Put"}],
}
"""The `status.backup` of a key store."""
KUBECTL = f"""#!/bin/bash
# As kubectl, but what changes something is a dry run; failures go to a file. 3 is an answer of `kubectl baileys`.
verb=""
skip=""
for word in "$@"; do
  if [ -n "$skip" ]; then skip=""; continue; fi
  case "$word" in
    -n|--namespace) skip=1;;
    -*) ;;
    *) verb="$word"; break;;
  esac
done
case "$verb" in
  {LEFT_OUT}) exit 0;;
  {CHANGES}) set -- "$@" --dry-run=server;;
esac
for word in "$@"; do case "$word" in -w|--watch) exit 0;; esac; done
"$REAL_KUBECTL" "$@" 2> "$HOME/stderr" | tee "$HOME/stdout"
code=${{PIPESTATUS[0]}}
if [ "$code" -ne 0 ] && [ "$code" -ne 3 ]; then echo "kubectl $*: $(cat "$HOME/stderr")" >> "$HOME/failures"; fi
if grep -q 'unknown field' "$HOME/stderr"; then cat "$HOME/stderr" >> "$HOME/failures"; fi
case "$*" in *jsonpath*|*custom-columns*)
  if ! grep -q . "$HOME/stdout"; then echo "kubectl $*: printed nothing" >> "$HOME/failures"; fi;;
esac
exit "$code"
"""
PLUGIN = f"""#!/bin/sh
# The plugin: what reads is run, what draws or acts is only parsed.
case "$1" in
  status|report|support|completion) exec "{sys.executable}" -c "$RUN" "$@";;
  *) exec "{sys.executable}" -c "$RUN" "$@" --help;;
esac
"""
RUN_PLUGIN = "from baileys_janitor.cli.plugin.main import run; run()"
COMMAND = f"""#!/bin/sh
# The command line: only the definitions are printed.
if [ "$1" = crd ]; then exec "{sys.executable}" -m baileys_janitor "$@"; fi
"""
STUBS = ("helm", "curl", "make", "pip", "openssl", "docker")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    """A cluster with tenants whose statuses have every field, a workload, and what the chart installs."""
    if kubectl_path() is None:
        pytest.skip("no kubectl: `make tools` unpacks one")
    async with Cluster(tmp_path_factory.mktemp("volumes"), assets="") as started:
        await _furnish(started)
        yield started


async def _furnish(cluster: Cluster) -> None:
    client = cluster.client
    for definition in crds(field_selectors=True):
        await client.create("apiextensions.k8s.io/v1/customresourcedefinitions", "", definition)
    for namespace in ("shop", "support", "baileys-janitor"):
        await client.create("v1/namespaces", "", {"metadata": {"name": namespace}})
    kind = "janitor.baileys.dev/v1alpha1/baileystenants"
    for namespace, names in TENANTS.items():
        claim = {
            "metadata": {"name": "data"},
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": "1Gi"}},
            },
        }
        await client.create("v1/persistentvolumeclaims", namespace, claim)
        pod = {"containers": [{"name": "bot", "image": "bot:1"}]}
        for name in ("bot", "undo", "restore", "give-away"):
            await client.create("v1/pods", namespace, {"metadata": {"name": name}, "spec": pod})
        for name in ("bot", "bot-962302"):
            await client.create("apps/v1/deployments", namespace, _deployment(name))
        for name in names:
            spec = {"volume": {"claimName": "data", "path": name}, "job": {"runAsUser": 1000}}
            await client.create(kind, namespace, {"metadata": {"name": name}, "spec": spec})
            status = {"status": {**FULL_STATUS, "conditions": [*map(condition, CONDITIONS)]}}
            await client.patch(kind, namespace, name, status, sub="status")
    kind = "janitor.baileys.dev/v1alpha1/baileyskeystores"
    for namespace, names in STORES.items():
        for name in names:
            spec = {"connection": {"secretName": "baileys-db"}}
            await client.create(kind, namespace, {"metadata": {"name": name}, "spec": spec})
            status = {"status": {"backup": STORE_BACKUP}}
            await client.patch(kind, namespace, name, status, sub="status")
    kind = "janitor.baileys.dev/v1alpha1/baileysoperations"
    spec = {"tenant": "acme", "action": "Clean"}
    await client.create(kind, "shop", {"metadata": {"name": "clean-now"}, "spec": spec})
    workload = {"kind": "Deployment", "name": "bot"}
    spec = {"tenant": "acme", "action": "Quiesce"}
    spec["quiesce"] = {"method": "Scale", "workload": workload}
    await client.create(kind, "shop", {"metadata": {"name": "stopped"}, "spec": spec})
    record = {"workload": workload, "uid": "1", "replicas": 1}
    await client.patch(kind, "shop", "stopped", {"status": {"quiesce": record}}, sub="status")
    kind = "janitor.baileys.dev/v1alpha1/baileystenantsets"
    spec = {"source": {"directories": {"claimName": "data"}}}
    for namespace in ("shop", "support"):
        await client.create(kind, namespace, {"metadata": {"name": "bots"}, "spec": spec})
    name = "janitor-baileys-janitor"
    own: dict[str, object] = {
        "name": name,
        "labels": {
            "app.kubernetes.io/part-of": "baileys-janitor",
            "app.kubernetes.io/managed-by": "baileys-janitor",
        },
    }
    deployment = _deployment(name)
    await client.create("apps/v1/deployments", "baileys-janitor", deployment | {"metadata": own})
    lease = {"metadata": {"name": "baileys-janitor"}, "spec": {}}
    await client.create("coordination.k8s.io/v1/leases", "shop", lease)
    await client.create("coordination.k8s.io/v1/leases", "baileys-janitor", lease)
    for namespace in ("shop", "baileys-janitor"):
        pod = {"containers": [{"name": "operator", "image": "operator:1"}]}
        await client.create("v1/pods", namespace, {"metadata": own, "spec": pod})
        await client.create("v1/secrets", namespace, {"metadata": own, "data": {}})
        event = {
            "metadata": {"name": "seen"},
            "involvedObject": {"kind": "Pod", "name": "bot", "namespace": namespace},
            "reason": "Seen",
            "message": "seen",
            "type": "Normal",
        }
        await client.create("v1/events", namespace, event)


def _deployment(name: str) -> dict[str, object]:
    labels = {"app": name}
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "bot", "image": "bot:1"}]},
    }
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    return {"metadata": {"name": name}, "spec": spec}


def condition(name: str) -> dict[str, str]:
    """A condition that is True."""
    since = "2026-11-22T03:00:00Z"
    said = {"reason": name, "message": "A sentence.", "lastTransitionTime": since}
    return {"type": name, "status": "True", **said}


_WORK: set[str] = set()
"""Texts that kubectl has taken."""


class Shell:
    """A shell with kubectl, in which what is not asked for does nothing."""

    def __init__(self, cluster: Cluster, home: Path) -> None:
        self._home = home
        programs = home / "bin"
        programs.mkdir()
        scripts = dict.fromkeys(STUBS, "#!/bin/sh\ntrue\n")
        scripts |= {"kubectl": KUBECTL, "kubectl-baileys": PLUGIN, "baileys-janitor": COMMAND}
        for name, text in scripts.items():
            (programs / name).write_text(text)
            (programs / name).chmod(0o755)
        (home / "company-ca.pem").write_text("a certificate")
        (home / "backup.key").write_text("a key")
        (home / "dist").mkdir()
        (home / "dist" / "install.yaml").write_bytes(crd_files())
        self._environment = {
            "KUBECONFIG": str(cluster.kubeconfig),
            "HOME": str(home),
            "PATH": f"{programs}:/usr/bin:/bin",
            "REAL_KUBECTL": str(kubectl_path()),
            # What the API server serves does not change: it is asked for that once.
            "KUBECACHEDIR": str(cluster.kubeconfig.parent / "discovered"),
            "RUN": RUN_PLUGIN,
        }

    async def works(self, text: str) -> bool:
        """Whether kubectl takes a text; one that another page has, too, is run once: none changes anything."""
        if text in _WORK:
            return True
        self.said = await self.paste(text)
        if not self.said:
            _WORK.add(text)
        return not self.said

    async def paste(self, text: str) -> str:
        """Run a text; return what kubectl complained about, and keep what it printed in `out`."""
        failures = self._home / "failures"
        failures.write_text("")
        process = await asyncio.create_subprocess_exec(
            *("bash", "-c", text),
            cwd=self._home,
            env=self._environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, _ = await process.communicate()
        self.out = out.decode()
        return failures.read_text()


@pytest.fixture
def shell(cluster: Cluster, tmp_path: Path) -> Shell:
    return Shell(cluster, tmp_path)


def filled(text: str) -> str:
    """Replace the words in capitals."""
    return re.sub(rf"\b({'|'.join(WORDS)})\b", lambda word: WORDS[word[0]], text)


def typed(page: Path) -> Iterator[str]:
    """Every text with kubectl commands that stands on a page."""
    text = page.read_text()
    for block in blocks(text):
        if "kubectl" in block:
            yield filled(block)
    for span in SPAN.findall(text):
        words = span.split()
        named = [word for word in words if word[0] != "-"]
        # Shorter ones, and kinds of things to create, are mentions.
        if words[0] == "kubectl" and len(named) > (3 if named[1] == "create" else 2):
            yield filled(" ".join(words))


EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
WITH_COMMANDS = [page for page in (*PAGES, *EXAMPLES) if any(typed(page))]


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=name_of)
async def test_every_kubectl_command_of_a_page_works(page: Path, shell: Shell) -> None:
    for text in typed(page):
        if "..." in text:
            continue  # an excerpt of a command, which says so
        assert await shell.works(text), (text, shell.said)


async def test_the_pages_with_commands_are_found() -> None:
    assert {page.name for page in WITH_COMMANDS} >= {
        "README.md",
        "gitops.md",
        "install.md",
        "trial.yaml",
    }
    assert len(set(WITH_COMMANDS) & set(RUNBOOKS)) > 12


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.alert)
async def test_every_kubectl_command_of_an_alert_works(rule: object, shell: Shell) -> None:
    description = rule.annotations["description"]  # type: ignore[attr-defined]
    labels = {"namespace": "shop", "tenant": "acme", "key_store": "main", "tenant_set": "bots"}
    text = re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda it: labels.get(it[1], "x"), description)
    for quoted in re.findall(r'"(kubectl .+?)"(?=[\s.,;:]|$)', text):
        assert await shell.works(filled(quoted)), (quoted, shell.said)


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("kind", INCIDENT_KINDS.values(), ids=lambda kind: kind.name)
async def test_the_command_of_a_message_works_and_lists_the_tenants(
    kind: object, count: int, shell: Shell, cluster: Cluster
) -> None:
    name = kind.name.removeprefix("Tenant")  # type: ignore[attr-defined]
    store = name.startswith("KeyStore")
    place = Place("shop", "main", kind=KEY_STORE) if store else Place("shop", "962302", "962302")
    _, command = todo(kind, place, count)  # type: ignore[arg-type]
    status = {**FULL_STATUS, "conditions": [condition(name)]}
    if name in ("Warning", "Critical", "Emergency"):
        status["level"] = name
    kind_of = "janitor.baileys.dev/v1alpha1/baileystenants"
    await cluster.client.patch(kind_of, "shop", "962302", {"status": status}, sub="status")
    assert await shell.paste(command) == "", command
    if count > 1:
        rows = [line.split()[:2] for line in shell.out.splitlines()]
        assert [place.namespace, place.name] in rows, "a word that is in no column"


async def test_a_command_that_does_not_work_would_be_noticed(shell: Shell) -> None:
    for wrong in (
        "kubectl -n shop get baileystenant nobody",
        "kubectl get baileystenant acme -n shop -o jsonpath='{.status.levell}'",
        'kubectl -n shop patch bt acme --type=merge -p \'{"spec":{"undoWindoww":"0s"}}\'',
        'kubectl -n shop patch bt acme --type=merge -p \'{"spec":{"undoWindow":"often"}}\'',
    ):
        assert await shell.paste(wrong) != "", wrong


@cache
def _known_paths() -> frozenset[str]:
    schema = crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return frozenset(path.lstrip(".") for path in fields(schema, ""))


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=name_of)
async def test_every_path_into_a_tenant_exists(page: Path) -> None:
    known = _known_paths()
    for block in typed(page):
        for line in re.sub(r"\\\n\s*", " ", block).splitlines():
            if re.search(r"\b(bt|baileystenants?)\b", line):
                named = set(re.findall(r"\.((?:spec|status)(?:\.\w+)+)", line))
                assert {each for each in named if each not in known} == set(), line
