"""The same with a real API server, where KUBEBUILDER_ASSETS names one: what it makes of the expressions counts."""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.admission.cases import ALL, OLD, PERSON, Request
from tests.admission.jobs import Object, plain_pod
from tests.api.real_server import real_api_server
from tests.api.rest import Api, Refused
from tests.chart.rendering import NAMESPACE, VARIANTS, render

ASSETS = os.environ.get("KUBEBUILDER_ASSETS")
pytestmark = pytest.mark.skipif(not ASSETS, reason="KUBEBUILDER_ASSETS names no API server")
POLICIES = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
BINDINGS = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings"
FLAGS = ("--allow-privileged=true",)
CLASSES = "/apis/scheduling.k8s.io/v1/priorityclasses"
MAY_ALL = "system:masters"
"""The group in which RBAC allows everything: what is refused is refused by the policies."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """An API server with the chart's policies in force."""
    with real_api_server(Path(ASSETS or ""), tmp_path_factory.mktemp("server"), *FLAGS) as api:
        for namespace in ("shop", "openshift-etcd", NAMESPACE):
            api.request("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
        api.request("POST", CLASSES, {"metadata": {"name": "low"}, "value": -10})
        # What is marked is there before the policies: they let nobody but the operator make it.
        marked = {each.resource: each for each in ALL.values() if each.old and _name(each) == OLD}
        for asked in marked.values():
            api.request("POST", _url(asked), asked.old)
        for found in render():
            if found["kind"] == "ValidatingAdmissionPolicy":
                api.request("POST", POLICIES, found)
            if found["kind"] == "ValidatingAdmissionPolicyBinding":
                api.request("POST", BINDINGS, found)
        _wait_until_in_force(api)
        yield api


def _wait_until_in_force(api: Api) -> None:
    end = time.monotonic() + 60
    forged = plain_pod(labels={"janitor.baileys.dev/action": "scan"})
    while not _refusal(api, Request("", PERSON, "pods", forged)):
        assert time.monotonic() < end, "the policies are not in force"
        time.sleep(0.2)  # a process outside: there is nothing to await


def _url(request: Request) -> str:
    root = "/api/v1" if request.resource == "pods" else "/apis/batch/v1"
    return f"{root}/namespaces/{request.namespace}/{request.resource}"


def _name(request: Request) -> str:
    assert request.old is not None
    return str(request.old["metadata"]["name"])


def _changed(stored: Object, request: Request) -> Object:
    """What is stored, with the change that a request makes; the rest is as the server has filled it in."""
    wanted, changed = request.object, copy.deepcopy(stored)
    for part in ("labels", "annotations", "finalizers"):
        if part in wanted["metadata"]:
            changed["metadata"][part] = wanted["metadata"][part]
    if request.resource == "cronjobs":
        changed["spec"] = wanted["spec"]
    elif "suspend" in wanted["spec"]:
        changed["spec"]["suspend"] = wanted["spec"]["suspend"]
    return changed


def _refusal(api: Api, request: Request) -> str:
    """What the server says to a request, nothing of which lasts; empty when it passes."""
    asking = api.as_user(request.user, [*request.groups, MAY_ALL])
    verb = {"CREATE": "POST", "UPDATE": "PUT", "DELETE": "DELETE"}[request.operation]
    url = _url(request)
    if request.operation != "CREATE":
        url += f"/{_name(request)}"
    body = _changed(api.request("GET", url), request) if verb == "PUT" else request.object or None
    try:
        asking.request(verb, f"{url}?dryRun=All", body)
    except Refused as refused:
        return refused.message
    return ""


@pytest.fixture
def existing(server: Api, request: pytest.FixtureRequest) -> Iterator[Request]:
    """A request, while what it changes is there."""
    asked: Request = request.param
    made = asked.old is not None and asked.old["metadata"]["name"] != OLD
    if made:
        server.request("POST", _url(asked), asked.old)
    yield asked
    if made:
        server.request(
            "DELETE",
            f"{_url(asked)}/{_name(asked)}?gracePeriodSeconds=0&propagationPolicy=Background",
        )


@pytest.mark.parametrize("existing", ALL.values(), ids=ALL, indirect=True)
def test_what_passes_and_what_does_not(server: Api, existing: Request) -> None:
    said = _refusal(server, existing)
    if existing.refused:
        assert existing.refused in said
    else:
        assert said == ""


@pytest.mark.parametrize("name", VARIANTS)
def test_the_server_takes_every_policy_and_has_no_doubt_about_its_types(
    server: Api, name: str
) -> None:
    for found in render(**VARIANTS[name]):
        if found["kind"] == "ValidatingAdmissionPolicy":
            server.request("POST", f"{POLICIES}?dryRun=All", found | _named(found, f"{name}-dry"))


def _named(found: Object, name: str) -> Object:
    return {"metadata": found["metadata"] | {"name": f"{found['metadata']['name']}.{name}"}}
