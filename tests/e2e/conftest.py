"""The cluster of the end-to-end tests, and one installation of the chart in it.

E2E_KUBECONFIG names any cluster, E2E_IMAGE the image that its nodes have (baileys-janitor:VERSION by default),
E2E_STORAGE_CLASS a class of volumes (the cluster's default one otherwise), HELM another Helm than .tools/helm. Without
E2E_KUBECONFIG, kind is started through pytest-kind where Docker runs. `make e2e` asks for these tests;
`make test` leaves them out.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from baileys_janitor import __version__
from tests.e2e.cluster import Cluster
from tests.e2e.installation import Installation

if not os.environ.get("E2E") and not os.environ.get("E2E_KUBECONFIG"):
    collect_ignore_glob = ["test_*.py"]

IMAGE = os.environ.get("E2E_IMAGE") or f"baileys-janitor:{__version__}"
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
CRD = "baileystenants.janitor.baileys.dev"
LIVELY = {"defaults": {"schedule": {"scanInterval": "10s", "adaptive": False}}}
"""What the tests could otherwise wait for a minute."""


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> Cluster:
    named = os.environ.get("E2E_KUBECONFIG")
    if named:
        return Cluster(Path(named).resolve(), IMAGE, os.environ.get("E2E_STORAGE_CLASS"))
    kind = request.getfixturevalue("kind_cluster")
    kind.load_docker_image(IMAGE)
    return Cluster(Path(kind.kubeconfig_path), IMAGE, None)


@pytest.fixture(scope="session")
def crd(cluster: Cluster) -> Iterator[bool]:
    """Whether the CRD comes with our chart; if so, it goes when all is over, unless others use it meanwhile."""
    ours = cluster.find("crd", CRD) is None
    yield ours
    if ours and cluster.find("crd", CRD) and not cluster.listed("bt", "-A"):
        cluster.kubectl("delete", "crd", CRD, "--ignore-not-found", "--timeout=60s")


@pytest.fixture(scope="module")
def installation(
    cluster: Cluster, crd: bool, request: pytest.FixtureRequest
) -> Iterator[Installation]:
    """The chart, in a namespace that enforces "restricted", with what a module's VALUES say besides."""
    mark = secrets.token_hex(2)
    with (
        cluster.namespace(f"e2e-{mark}-janitor", RESTRICTED) as own,
        cluster.namespace(f"e2e-{mark}", {}) as tenants,
    ):
        installed = Installation(cluster, f"janitor-{mark}", own, tenants)
        own_values = getattr(request.module, "VALUES", None)
        installed.install(
            {"config": LIVELY, "crds": {"enabled": crd and cluster.find("crd", CRD) is None}}
            | (own_values(installed) if own_values else {})
        )
        yield installed
        installed.uninstall()
