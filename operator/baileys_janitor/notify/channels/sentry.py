"""Events in Sentry: made by its own library, but delivered by our client, which detects failures."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from baileys_janitor import __version__
from baileys_janitor.api.config.notification_config import SentryChannel
from baileys_janitor.notify import render
from baileys_janitor.notify.channels.http import Http, Object, Undelivered, judge
from baileys_janitor.notify.incidents import KEY_STORE
from baileys_janitor.notify.secrets import Secrets
from baileys_janitor.notify.words import Reader

if TYPE_CHECKING:
    from sentry_sdk.envelope import Envelope

LEVELS = {"Emergency": "fatal", "Critical": "error", "Warning": "warning", "Info": "info"}
_DSN = re.compile(r"https?://[^@/\s]+@[^@/\s]+/(\S*/)?[0-9]+")


class Sentry:
    """Sends an event for each group of a message: the same problem always maps to the same issue."""

    def __init__(
        self,
        config: SentryChannel,
        secrets: Secrets,
        reader: Reader,
        http: Http | None = None,
    ) -> None:
        self._config = config
        self._secrets = secrets
        self._reader = reader
        self._http = http or Http()

    def check(self) -> None:
        """Raise NoSecret or Undelivered when the current Secret does not allow sending."""
        # Its library checks more, but is not loaded before there is something to send.
        if not _DSN.fullmatch(self._secrets.get(self._config.dsn_key)):
            raise self._no_dsn()

    def _no_dsn(self) -> Undelivered:
        return Undelivered(
            f"the key {self._config.dsn_key} of the Secret holds no DSN: copy it from the project's settings in "
            "Sentry, Client Keys",
            lasting=True,
        )

    async def send(self, document: Object) -> None:
        """Deliver a message as one envelope for each event."""
        self.check()
        dsn = self._secrets.get(self._config.dsn_key)
        envelopes, url, auth = self._made(dsn, document)
        headers = {"Content-Type": "application/x-sentry-envelope", "X-Sentry-Auth": auth}
        for envelope in envelopes:
            buffer = io.BytesIO()
            envelope.serialize_into(buffer)

            async def attempt(body: bytes = buffer.getvalue()) -> None:
                status, answered, _ = await self._http.post(url, body, headers)
                judge(status, answered)

            await self._http.persistently(attempt)

    def _made(self, dsn: str, document: Object) -> tuple[list[Envelope], str, str]:
        # The library is loaded only if Sentry is configured.
        import sentry_sdk
        from sentry_sdk.transport import Transport
        from sentry_sdk.utils import BadDsn, Dsn

        made: list[Envelope] = []

        class Kept(Transport):
            def capture_envelope(self, envelope: Envelope) -> None:
                made.append(envelope)

        try:
            auth = Dsn(dsn).to_auth(f"baileys-janitor/{__version__}")
        except (BadDsn, ValueError):
            raise self._no_dsn() from None
        client = sentry_sdk.Client(
            dsn=dsn,
            transport=Kept,
            release=f"baileys-janitor@{__version__}",
            environment=self._config.environment,
            server_name="baileys-janitor",
            default_integrations=False,
            auto_session_tracking=False,
            include_local_variables=False,
            include_source_context=False,
            send_client_reports=False,
            max_breadcrumbs=0,
        )
        for event in events(document, self._reader):
            client.capture_event(event)  # type: ignore[arg-type]
        client.close(timeout=0)
        return made, auth.get_api_url(), auth.to_header()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()


def events(document: Object, reader: Reader) -> Iterator[Object]:
    """Yield an event for each group, or one for a message without groups. The id makes a repeat harmless."""
    for number, group in enumerate(document.get("groups") or [None]):
        part = (
            document if group is None else {**document, "groups": [group], "title": _title(group)}
        )
        event: Object = {
            # Sentry drops events with a known id.
            "event_id": f"{document['id'].removeprefix('msg_')}{number:08x}",
            "level": LEVELS[document["severity"]],
            "logger": "baileys_janitor.notify",
            "platform": "python",
            "logentry": {"formatted": part["title"]},
            "fingerprint": ["baileys-janitor", document["type"]],
            "tags": {"type": document["type"], "route": document["route"]},
            "extra": {"text": render.plain(part, reader, 8000)},
        }
        store = document.get("keyStore")
        if store is not None:
            event["fingerprint"] += [f"{store['namespace']}/{store['name']}"]
            event["tags"] |= {"namespace": store["namespace"], "key_store": store["name"]}
        if group is not None:
            over = group["status"] == "resolved"
            event["level"] = "info" if over else LEVELS[group["severity"]]
            event["fingerprint"] = ["baileys-janitor", group["reason"]]
            event["tags"] |= {"reason": group["reason"], "change": group["change"]}
            if group["count"] == 1:
                event["fingerprint"] += [f"{t['namespace']}/{t['name']}" for t in group["tenants"]]
                event["tags"] |= _tags(group["tenants"])
        yield event


def _title(group: Object) -> str:
    head = "Resolved" if group["status"] == "resolved" else group["severity"]
    return f"{head}: {group['title']}"


def _tags(tenants: list[Object]) -> dict[str, Any]:
    return {
        key: value
        for tenant in tenants
        for key, value in (
            ("namespace", tenant["namespace"]),
            ("key_store" if tenant.get("kind") == KEY_STORE else "tenant", tenant["name"]),
            ("company_id", "" if tenant.get("kind") == KEY_STORE else tenant["companyId"]),
        )
        if value
    }
