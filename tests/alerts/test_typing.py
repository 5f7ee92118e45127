"""What the runbooks tell people to type is typed, with the real kubectl, at a cluster with one tenant."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from baileys_janitor.api.generated.crd import crd
from sandbox import Cluster
from tests.alerts.commands import Words, typed
from tests.alerts.rules import PAGES
from tests.controller.live.world import TENANTS, World, until
from tests.sandbox.support import Kubectl

pytestmark = pytest.mark.asyncio(loop_scope="module")

SERVED = {"baileystenant", "baileystenants", "bt", "cm", "crd", "events", "jobs,pods", "lease"} | {
    "pod",
    "pods",
    "pvc",
}
"""What the sandbox serves; it has no Deployments, no exec and no logs."""
STATUS = {
    "observedGeneration": 1,
    "level": "Emergency",
    "files": {"total": 190, "counted": 190, "limit": 180},
    "volume": {"freeBytes": 1000, "freeInodes": 10},
    "lastActivityTime": "2026-01-01T00:00:00Z",
    "credentialsCopies": {"count": 10, "newestTime": "2026-01-01T00:00:00Z"},
    "backup": {"lastSuccessTime": "2026-01-01T00:00:00Z", "repositories": [{"name": "eu"}]},
    "lastCleanup": {
        "run": "1a2b3c",
        "time": "2026-01-01T00:00:00Z",
        "reason": "Daily",
        "outcome": "Completed",
        "removed": 3,
    },
    "conditions": [
        {
            "type": kind,
            "status": "True",
            "reason": "Told",
            "message": "In one sentence.",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }
        for kind in ("Ready", "IdentityChanged", "RotationRecommended", "ThresholdUnreachable")
    ],
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def kubectl(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Kubectl]:
    """kubectl in the tenant's namespace."""
    async with Cluster(tmp_path_factory.mktemp("volumes")) as cluster:
        definitions = "apiextensions.k8s.io/v1/customresourcedefinitions"
        await cluster.client.create(definitions, "", crd())
        await until(lambda: cluster.client.select(TENANTS), "the CRD is served")
        for name in ("baileys-janitor", "shop"):
            await cluster.client.create("v1/namespaces", "", {"metadata": {"name": name}})
        world = World(cluster, "shop")
        await world.claim("acme")
        await world.workload("acme")
        await world.tenant("acme", "acme", job={"runAsUser": 1000})
        await cluster.client.patch(TENANTS, "shop", "acme", {"status": STATUS}, sub="status")
        yield Kubectl(cluster.kubeconfig, "shop", tmp_path_factory.mktemp("home"))


def runnable() -> Iterator[Words]:
    """The commands that this cluster can answer, with its names in them."""
    names = {"NAMESPACE": "shop", "TENANT": "acme", "CLAIM": "acme", "POD": "bot-acme"}
    for page in PAGES:
        for words in typed(page.read_text()):
            asked = [names.get(word, word) for word in words]
            if asked[0] != "kubectl" or "--" in asked or "-w" in asked:
                continue
            rest = asked[3:] if asked[1] == "-n" else asked[1:]
            verb, kind = rest[0], next((w for w in rest[1:] if not w.startswith("-")), "")
            if verb in ("get", "describe", "annotate", "patch") and kind in SERVED:
                yield tuple(asked[1:])


async def test_the_runbooks_ask_for_enough_to_be_worth_typing() -> None:
    words = [word for words in runnable() for word in words]
    assert all(words.count(verb) > 2 for verb in ("get", "describe", "annotate", "patch"))


@pytest.mark.parametrize("words", sorted(set(runnable())), ids=lambda words: " ".join(words)[:70])
async def test_kubectl_does_what_a_runbook_says(kubectl: Kubectl, words: Words) -> None:
    outcome = await kubectl(*words)
    # A path through the status that leads nowhere prints an empty line.
    if any("jsonpath" in word for word in words):
        assert outcome.out.strip(" :\n"), words
