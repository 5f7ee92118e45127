"""Read and write the parts of a kubeconfig that the sandbox needs."""

from __future__ import annotations

import base64
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True, slots=True)
class Access:
    """The address and credentials of an API server; `tls` is None for plain HTTP."""

    url: str
    token: str = ""
    tls: ssl.SSLContext | None = None


def write(path: Path, url: str, token: str = "", *, insecure: bool = False) -> None:
    """Write a kubeconfig with one context, readable by its owner alone."""
    cluster: dict[str, Any] = {"server": url}
    if insecure:
        cluster["insecure-skip-tls-verify"] = True
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "sandbox", "cluster": cluster}],
        "users": [{"name": "sandbox", "user": {"token": token or "sandbox"}}],
        "contexts": [
            {
                "name": "sandbox",
                "context": {"cluster": "sandbox", "user": "sandbox", "namespace": "default"},
            }
        ],
        "current-context": "sandbox",
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(document, sort_keys=False))


def read(path: Path) -> Access:
    """Return the current context of a kubeconfig: token or client certificate, no exec plugins.

    Raises:
        KeyError, StopIteration: the context is not complete.
    """
    document = yaml.safe_load(path.read_text())
    context = _named(document["contexts"], document["current-context"])["context"]
    cluster = _named(document["clusters"], context["cluster"])["cluster"]
    user = _named(document["users"], context["user"])["user"]
    url = cluster["server"].rstrip("/")
    tls = _tls(cluster, user, path.parent) if url.startswith("https:") else None
    return Access(url, user.get("token", ""), tls)


def _named(entries: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(entry for entry in entries if entry["name"] == name)


def _tls(cluster: dict[str, Any], user: dict[str, Any], base: Path) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if authority := _content(cluster, "certificate-authority", base):
        context.load_verify_locations(cadata=authority.decode())
    if cluster.get("insecure-skip-tls-verify"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if user.get("client-certificate"):
        certificate, key = base / user["client-certificate"], base / user["client-key"]
        context.load_cert_chain(certificate, key)
    return context


def _content(entry: dict[str, Any], name: str, base: Path) -> bytes | None:
    if data := entry.get(f"{name}-data"):
        return base64.b64decode(data)
    return (base / entry[name]).read_bytes() if entry.get(name) else None
