"""Creates the configured channels."""

from __future__ import annotations

from collections.abc import Mapping

from baileys_janitor.api.config import notification_config as config
from baileys_janitor.notify.channels.apprise import Services
from baileys_janitor.notify.channels.http import Channel
from baileys_janitor.notify.channels.sentry import Sentry
from baileys_janitor.notify.channels.telegram import Telegram
from baileys_janitor.notify.channels.webhook import Webhook
from baileys_janitor.notify.secrets import Secrets
from baileys_janitor.notify.words import Reader


def opened(
    wanted: config.Notifications, environ: Mapping[str, str], reader: Reader
) -> dict[str, Channel]:
    """Return the channels by name; nothing is connected or read before there is something to send."""
    secrets = Secrets(wanted.secrets_directory, environ)
    return {each.name: _channel(each, secrets, reader) for each in wanted.channels}


def _channel(wanted: config.Channel, secrets: Secrets, reader: Reader) -> Channel:
    if wanted.webhook is not None:
        return Webhook(wanted.webhook, secrets)
    if wanted.telegram is not None:
        return Telegram(wanted.telegram, secrets, reader)
    if wanted.sentry is not None:
        return Sentry(wanted.sentry, secrets, reader)
    assert wanted.apprise is not None
    return Services(wanted.apprise, secrets, reader)
