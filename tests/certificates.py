"""A CA of the tests' own, and a server's certificate by it."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest


@dataclass(frozen=True, slots=True)
class PrivateCa:
    """A CA that nobody knows, and what a server on loopback needs that it has vouched for."""

    bundle: Path
    server: ssl.SSLContext


def private_ca(directory: Path, *, old: bool = False) -> PrivateCa:
    """Make a CA and a certificate for localhost and 127.0.0.1.

    `old`: without an extension that many CAs lack, of clusters and of companies, and that Python asks for since 3.13.
    """
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    directory.mkdir(parents=True, exist_ok=True)
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")
    usage = () if old else ("-addext", "keyUsage=critical,keyCertSign")
    name = ("-subj", "/CN=Company CA", "-keyout", "ca.key", "-out", "ca.crt")
    _openssl(directory, "req", "-x509", *key, *usage, *name)
    names = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")
    signed = ("-CA", "ca.crt", "-CAkey", "ca.key", "-addext", "basicConstraints=CA:FALSE")
    _openssl(directory, "req", "-x509", *key, *names, *signed, "-keyout", "s.key", "-out", "s.crt")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(directory / "s.crt", directory / "s.key")
    return PrivateCa(directory / "ca.crt", server)


def check_strictly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have certificates checked as Python does since 3.13, whichever runs the tests."""
    made = ssl.create_default_context

    def strict(*arguments: Any, **more: Any) -> ssl.SSLContext:
        context = made(*arguments, **more)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    monkeypatch.setattr(ssl, "create_default_context", strict)
    monkeypatch.setattr("urllib3.util.ssl_.sys", SimpleNamespace(version_info=(3, 13)))


def _openssl(directory: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True)
