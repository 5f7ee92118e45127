"""An endpoint with a certificate by a CA of the company's own."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from baileys_janitor.api.config.notification_config import (
    AppriseChannel,
    SentryChannel,
    WebhookChannel,
)
from baileys_janitor.notify.channels import tls
from baileys_janitor.notify.channels.apprise import Services
from baileys_janitor.notify.channels.http import Channel, Http, Undelivered
from baileys_janitor.notify.channels.sentry import Sentry
from baileys_janitor.notify.channels.webhook import Webhook
from baileys_janitor.notify.secrets import Secrets
from tests.certificates import PrivateCa, check_strictly, private_ca
from tests.notify.messages import READER, change, incidents
from tests.notify.receivers import Answer, Pauses, Receiver

KINDS = ["webhook", "sentry", "apprise"]


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> PrivateCa:
    return private_ca(tmp_path_factory.mktemp("ca"))


def channel(kind: str, url: str, pauses: Pauses) -> Channel:
    rest = url.removeprefix("https://")
    held = {"url": url, "dsn": f"https://{'a' * 32}@{rest}/42", "urls": f"jsons://{rest}/"}
    secrets, http = Secrets("/nonexistent", held), Http(sleep=pauses)
    if kind == "webhook":
        return Webhook(WebhookChannel(url_key="url"), secrets, http=http)
    if kind == "sentry":
        return Sentry(SentryChannel(dsn_key="dsn"), secrets, READER, http)
    return Services(AppriseChannel(url_key="urls"), secrets, READER)


@contextlib.asynccontextmanager
async def served(ca: PrivateCa) -> AsyncIterator[Receiver]:
    endpoint = Receiver(then=lambda _: Answer(200))
    async with endpoint.served(ca.server):
        yield endpoint


@pytest.mark.parametrize("kind", KINDS)
async def test_it_is_not_trusted_and_the_ca_is_named_as_the_way_out(
    kind: str, ca: PrivateCa, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(tls.VARIABLE, raising=False)
    pauses = Pauses()
    async with served(ca) as endpoint:
        sender = channel(kind, endpoint.url, pauses)
        with pytest.raises(Undelivered, match=r"notifications\.caBundle") as told:
            await sender.send(incidents(change()))
        await sender.close()
        assert endpoint.requests == []
        assert endpoint.url.rpartition(":")[2] not in told.value.why
    assert pauses == []


@pytest.mark.parametrize("kind", KINDS)
async def test_it_is_trusted_once_its_ca_is_named(
    kind: str, ca: PrivateCa, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes("# Firma Müller\n".encode() + ca.bundle.read_bytes())
    monkeypatch.setenv(tls.VARIABLE, str(bundle))
    async with served(ca) as endpoint:
        sender = channel(kind, endpoint.url, Pauses())
        await sender.send(incidents(change()))
        await sender.close()
        assert len(endpoint.taken) == 1


@pytest.mark.parametrize("kind", KINDS)
async def test_an_old_ca_of_the_company_is_good_enough(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_strictly(monkeypatch)
    ca = private_ca(tmp_path, old=True)
    monkeypatch.setenv(tls.VARIABLE, str(ca.bundle))
    async with served(ca) as endpoint:
        sender = channel(kind, endpoint.url, Pauses())
        await sender.send(incidents(change()))
        await sender.close()
        assert len(endpoint.taken) == 1


async def test_a_certificate_of_another_host_is_told_as_that(
    ca: PrivateCa, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(tls.VARIABLE, str(ca.bundle))
    async with served(ca) as endpoint:
        url = endpoint.url.replace("127.0.0.1", "127.0.0.2")
        server = await _listening_too(url, ca)
        sender = channel("webhook", url, Pauses())
        with pytest.raises(Undelivered, match="for another host"):
            await sender.send(incidents(change()))
        await sender.close()
        server.close()


async def _listening_too(url: str, ca: PrivateCa) -> asyncio.Server:
    host, _, port = url.removeprefix("https://").partition(":")
    return await asyncio.start_server(lambda r, w: w.close(), host, int(port), ssl=ca.server)


@pytest.mark.parametrize(
    ("code", "said"), [(10, "has expired"), (9, "not valid yet"), (19, "not trusted here")]
)
def test_each_fault_of_a_certificate_has_its_own_way_out(code: int, said: str) -> None:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code = code
    assert said in tls.in_words(error)
