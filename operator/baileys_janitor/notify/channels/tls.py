"""The CAs that verify the endpoints' certificates, and the message about a certificate that fails.

SSL_CERT_FILE names a file of CAs. OpenSSL reads it by itself; `requests`, which Apprise's services use, does not.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

VARIABLE = "SSL_CERT_FILE"
NOT_TRUSTED = (
    "its TLS certificate is by a CA that is not trusted here: name that CA in notifications.caBundle of the chart, "
    f"or in {VARIABLE} without the chart"
)
EXPIRED, NOT_YET_VALID, OTHER_NAMES = 10, 9, (62, 64)
"""OpenSSL's codes for a certificate that is expired, not yet valid, or of another host."""


def context() -> ssl.SSLContext | bool:
    """Return the context for certificates; True for the client's own one, which includes the public CAs."""
    # The client's own context was created on import, and is shared.
    return _lenient(ssl.create_default_context()) if os.environ.get(VARIABLE) else True


def _lenient(made: ssl.SSLContext) -> ssl.SSLContext:
    """Return it without the strict checks that Python alone makes since 3.13: companies' CAs are often older."""
    made.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return made


def in_words(error: BaseException) -> str:
    """Describe why a certificate failed, with the remedy."""
    error = getattr(error, "certificate_error", error)
    code = getattr(error, "verify_code", None)
    if code == EXPIRED:
        return "its TLS certificate has expired: renew it there"
    if code == NOT_YET_VALID:
        return "its TLS certificate is not valid yet: compare the clocks there and here"
    if code in OTHER_NAMES:
        return "its TLS certificate is for another host: correct the URL, or the certificate there"
    return NOT_TRUSTED


def cause_of(error: BaseException) -> ssl.SSLCertVerificationError | None:
    """Return the certificate error behind an error of `requests`; None when there is none."""
    seen: list[Any] = [error]
    for each in seen:
        if isinstance(each, ssl.SSLCertVerificationError):
            return each
        behind = (each.__cause__, each.__context__, getattr(each, "reason", None), *each.args)
        seen += [e for e in behind if isinstance(e, BaseException) and e not in seen]
    return None


def trust_in_requests(told: Callable[[str, str], None]) -> None:
    """Make `requests` trust the CAs of SSL_CERT_FILE, in addition to its own.

    `told` is called with the URL and the description of a certificate that fails.
    """
    from requests.adapters import HTTPAdapter
    from requests.exceptions import SSLError
    from urllib3.util import create_urllib3_context

    if getattr(HTTPAdapter, "_trusts_more", False):
        return
    own_verify: Any = HTTPAdapter.cert_verify
    own_send: Any = HTTPAdapter.send

    def cert_verify(self: Any, pool: Any, url: str, verify: Any, cert: Any) -> None:
        own_verify(self, pool, url, verify, cert)
        further = _further() if verify else ""
        if further and url.lower().startswith("https"):
            pool.conn_kw["ca_cert_data"] = further
            pool.conn_kw["ssl_context"] = _lenient(create_urllib3_context())

    def send(self: Any, request: Any, *arguments: Any, **more: Any) -> Any:
        try:
            return own_send(self, request, *arguments, **more)
        except SSLError as error:
            cause = cause_of(error)
            if cause is not None:
                told(request.url or "", f"cannot be trusted: {in_words(cause)}")
            raise

    HTTPAdapter.cert_verify = cert_verify  # type: ignore[method-assign,assignment]
    HTTPAdapter.send = send  # type: ignore[method-assign]
    HTTPAdapter._trusts_more = True  # type: ignore[attr-defined]


def _further() -> str:
    """Return the certificates of SSL_CERT_FILE; empty when there are none. Comments may be in any language."""
    try:
        read = Path(os.environ.get(VARIABLE) or "/nonexistent").read_bytes()
    except OSError:
        return ""
    return read.decode("ascii", "ignore")
