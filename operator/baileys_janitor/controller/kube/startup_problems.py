"""Explains why an operator that starts cannot use the API server, and what to do about it. Pure."""

from __future__ import annotations

from baileys_janitor.api.names import API_VERSION
from baileys_janitor.controller.kube.client import ApiError

LOSSES = {
    "CertificateNotTrusted": (
        "its certificate is not trusted",
        "set certificate-authority-data in the kubeconfig to the CA of this cluster",
        "the CA of the pod's service account did not sign it, so check the network between the pod and the API server",
    ),
    "NoTls": (
        "TLS could not be agreed on",
        "correct the server in the kubeconfig: http:// and https:// are different ports",
        "check the network between the pod and the API server",
    ),
    "ProxyRefuses": (
        "the proxy refuses the connection",
        "correct BAILEYS_JANITOR_API_PROXY or the kubeconfig's proxy-url, or leave them out",
        "have the proxy allow it, or leave BAILEYS_JANITOR_API_PROXY out",
    ),
    "ProxyUnreachable": (
        "the proxy cannot be reached",
        "correct BAILEYS_JANITOR_API_PROXY or the kubeconfig's proxy-url, or leave them out",
        "correct BAILEYS_JANITOR_API_PROXY, or leave it out",
    ),
    "NameUnknown": (
        "the name of its host is not known",
        "correct the server in the kubeconfig, or choose another context",
        "check the cluster's DNS",
    ),
    "ConnectionRefused": (
        "nothing listens there (connection refused)",
        "start the cluster, or choose another context of the kubeconfig",
        "check the control plane, and NetworkPolicies on egress",
    ),
    "NoAnswer": (
        "no answer came in time",
        "see that the cluster runs and that a firewall or VPN lets you reach it",
        "check the control plane, and NetworkPolicies on egress",
    ),
    "Unreadable": (
        "the server that answers is not an API server",
        "correct the server in the kubeconfig",
        "check the network between the pod and the API server",
    ),
}
"""By the reason of an ApiError with status 0: the problem, the way out with a kubeconfig, and the one in a pod."""
OTHER_LOSS = (
    "the connection failed",
    "see whether `kubectl get namespaces` works with the same kubeconfig",
    "check the control plane, and NetworkPolicies on egress",
)


def explain(error: ApiError, server: str, in_pod: bool) -> str:
    """Return one sentence: the problem with the API server at an address, and the way out."""
    if error.status == 404:
        return (
            f"The API server at {server} does not serve {API_VERSION}: apply the CRD, "
            "`baileys-janitor crd | kubectl apply --server-side -f -`"
        )
    if error.status == 0:
        wrong, with_kubeconfig, in_a_pod = LOSSES.get(error.reason, OTHER_LOSS)
        way_out = in_a_pod if in_pod else with_kubeconfig
        return f"The API server at {server} cannot be used, as {wrong}: {way_out}"
    return f"{_refusal(error, server)}: {_way_out(error, in_pod)}"


def is_passing(error: ApiError) -> bool:
    """Whether the API server itself is present, so that waiting is enough."""
    return error.status in {404, 429} or error.status >= 500


def _refusal(error: ApiError, server: str) -> str:
    if error.status == 401:
        return f"The API server at {server} does not accept the credentials (401)"
    if _is_anothers(error):
        return f"What answers at {server} refuses with {error.status}, not as an API server does"
    return f"The API server at {server} answers {error.status} ({error.reason})"


def _way_out(error: ApiError, in_pod: bool) -> str:
    if error.status == 401:
        if in_pod:
            return "the service account's token has expired or is of another cluster, so delete the pod"
        return "log in again, or correct the user in the kubeconfig"
    if error.status == 429 or error.status >= 500:
        return "it is asked again until it is well; see `kubectl get --raw /readyz`"
    if _is_anothers(error):
        return "check for a proxy in between, and that the address is the API server's"
    if error.status == 403:
        return "allow this account to read the API's groups, which the ClusterRole system:discovery does"
    return "see that the address is the API server's"


def _is_anothers(error: ApiError) -> bool:
    """Whether the answer had no Status object, which an API server sends with every refusal except some 404s."""
    return error.reason == str(error.status)
