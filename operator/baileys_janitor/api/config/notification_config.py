"""The operator's configuration of notifications: the channels, and the messages for each.

Addresses, tokens and keys are secrets: the configuration names their keys in the Secret, never the values.
`notify/secrets.py` reads them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from baileys_janitor.api.conditions.condition_kinds import RANKS
from baileys_janitor.api.conditions.incident_kinds import INCIDENT_KINDS
from baileys_janitor.api.config.cross_field_rules import cron_problem, is_zone
from baileys_janitor.api.values.base import Model
from baileys_janitor.api.values.durations import Between, Duration
from baileys_janitor.api.values.patterns import CHAT, KEY_NAME, LABEL, URL

Key = Annotated[str, Field(min_length=1, max_length=253, pattern=KEY_NAME)]
"""A key of the Secret."""
Label = Annotated[str, Field(min_length=1, max_length=63, pattern=LABEL)]
Glob = Annotated[str, Field(min_length=1, max_length=253)]

if TYPE_CHECKING:
    Severity = str
    Reason = str
else:
    Severity = Literal[tuple(RANKS)]
    Reason = Literal[tuple(INCIDENT_KINDS)]
"""The messages that can be sent; docs/notifications.md explains each."""

RUNBOOKS = "https://github.com/baileys-janitor/baileys-janitor/blob/main/docs/runbooks/"


class WebhookChannel(Model):
    """A JSON document by HTTP POST."""

    url_key: Key = Field(description="Key of the Secret that holds the URL.")
    signing_key: Key | None = Field(
        default=None,
        description="Key of the Secret that holds the signing secret; messages are then signed with HMAC-SHA256.",
    )


class TelegramChannel(Model):
    """A message by a Telegram bot."""

    token_key: Key = Field(description="Key of the Secret that holds the bot's token.")
    chat_id: Annotated[str, Field(min_length=1, max_length=64, pattern=CHAT)] = Field(
        description="The chat: a number in quotes, such as '-1001234567890', or '@channel'."
    )
    topic_id: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="Topic within a forum chat."
    )
    api_url: Annotated[str, Field(max_length=512, pattern=URL)] = Field(
        default="https://api.telegram.org", description="Base URL of the Bot API."
    )


class SentryChannel(Model):
    """Events in Sentry."""

    dsn_key: Key = Field(description="Key of the Secret that holds the DSN.")
    environment: Annotated[str, Field(max_length=64)] = Field(
        default="production", description="Environment that the events are labelled with."
    )


class AppriseChannel(Model):
    """Any service that Apprise supports: mail, Slack, Discord, ntfy and a hundred more."""

    url_key: Key = Field(
        description="Key of the Secret that holds one or several Apprise URLs, one per line."
    )


class Channel(Model):
    """A destination of messages: exactly one of webhook, telegram, sentry and apprise."""

    name: Label = Field(description="Name, as routes and logs use it.")
    webhook: WebhookChannel | None = Field(
        default=None, description="A JSON document by HTTP POST."
    )
    telegram: TelegramChannel | None = Field(default=None, description="A Telegram bot's message.")
    sentry: SentryChannel | None = Field(default=None, description="Events in Sentry.")
    apprise: AppriseChannel | None = Field(
        default=None, description="Any service that Apprise supports, by its URL."
    )

    @property
    def kind(self) -> str:
        """Which of the four it is."""
        kinds = ("webhook", "telegram", "sentry", "apprise")
        return next(kind for kind in kinds if getattr(self, kind) is not None)

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        given = [self.webhook, self.telegram, self.sentry, self.apprise]
        if sum(each is not None for each in given) != 1:
            raise PydanticCustomError(
                "one_kind", "needs exactly one of webhook, telegram, sentry and apprise"
            )
        return self


class Selector(Model):
    """Selects messages by tenant and reason; an empty list means all. `*` stands for any text."""

    namespaces: Annotated[list[Glob], Field(max_length=1000)] = Field(
        default_factory=list, description="Namespaces, such as 'shop-*'."
    )
    tenants: Annotated[list[Glob], Field(max_length=1000)] = Field(
        default_factory=list, description="Names of tenants."
    )
    companies: Annotated[list[Glob], Field(max_length=1000)] = Field(
        default_factory=list, description="Company ids."
    )
    labels: Annotated[dict[str, str], Field(max_length=16)] = Field(
        default_factory=dict, description="Labels that the tenant must have, all of them."
    )
    reasons: list[Reason] = Field(
        default_factory=list, description="Reasons of messages, such as TenantEmergency."
    )

    @property
    def empty(self) -> bool:
        """Whether it selects nothing in particular."""
        return self == Selector()


class Route(Model):
    """Which messages are sent to which channels. Every matching route is used, not only the first."""

    name: Label = Field(description="Name, as logs and messages use it.")
    channels: Annotated[list[Label], Field(min_length=1, max_length=10)] = Field(
        description="Names of the channels that messages go to."
    )
    level: Severity = Field(
        default="Warning",
        description="Minimum severity that is sent: Warning, Critical, Emergency.",
    )
    match: Selector = Field(
        default=Selector(), description="Messages that this route sends. Empty: all."
    )
    unless: Selector = Field(
        default=Selector(),
        description="Messages that this route does not send, although they match. Empty: none.",
    )
    resolved: bool = Field(
        default=True, description="Also send a message when an incident is resolved."
    )
    cleanups: bool | None = Field(
        default=None,
        description="Also send messages about cleanups. Unset: yes, unless the route has a level above Warning "
        "or reasons.",
    )
    summary: bool | None = Field(
        default=None,
        description="Also send the daily summary. Unset: yes, unless the route has a level above Warning or "
        "reasons.",
    )

    @property
    def tells_cleanups(self) -> bool:
        """Whether this route sends messages about cleanups."""
        return self._is_broad if self.cleanups is None else self.cleanups

    @property
    def tells_summary(self) -> bool:
        """Whether this route sends the daily summary."""
        return self._is_broad if self.summary is None else self.summary

    @property
    def _is_broad(self) -> bool:
        # A route for emergencies alone does not want messages about cleanups.
        return self.level == "Warning" and not self.match.reasons


class Summary(Model):
    """The daily summary."""

    schedule: Annotated[str, Field(max_length=128)] = Field(
        default="0 8 * * *",
        description='When the summary is sent: a five-field cron expression, or "Never".',
    )

    @model_validator(mode="after")
    def _is_cron(self) -> Self:
        problem = cron_problem(self.schedule)
        if problem:
            raise PydanticCustomError("cron", "has a schedule that {problem}", {"problem": problem})
        return self


class Notifications(Model):
    """Channels and routes of notifications, and how often they are sent."""

    channels: Annotated[list[Channel], Field(max_length=20)] = Field(
        default_factory=list,
        description="Destinations of messages: each has a name and one of webhook, telegram, sentry, apprise.",
    )
    routes: Annotated[list[Route], Field(max_length=20)] = Field(
        default_factory=list,
        description="Which messages are sent to which channels. Empty: every message is sent to every channel.",
    )
    secrets_directory: Annotated[str, Field(max_length=512)] = Field(
        default="/etc/baileys-janitor-notifications",
        description="Directory where the Secret is mounted: a file for each key. A key without a file is read "
        "from the environment variable of its name.",
    )
    group_wait: Annotated[Duration, Between("0s", "1h")] = Field(
        default=Duration("30s"),
        description="How long a message waits for other incidents that begin at the same time.",
    )
    group_interval: Annotated[Duration, Between("0s", "1d")] = Field(
        default=Duration("5m"),
        description="Minimum time between two messages of a route to a channel; Critical and Emergency messages "
        "may be sent earlier while messages are few.",
    )
    repeat_interval: Annotated[Duration, Between("1m", "30d")] = Field(
        default=Duration("4h"),
        description="How often messages about a lasting Critical or Emergency incident are repeated.",
    )
    warning_repeat_interval: Annotated[Duration, Between("1m", "365d")] = Field(
        default=Duration("1d"),
        description="How often messages about a lasting Warning are repeated.",
    )
    resolve_after: Annotated[Duration, Between("0s", "1d")] = Field(
        default=Duration("10m"),
        description="How long an incident must be over before it is reported as resolved. One that returns "
        "earlier is not sent again.",
    )
    messages_per_hour: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=20, description="Maximum messages per hour of a route to a channel."
    )
    cleanup_interval: Annotated[Duration, Between("0s", "1d")] = Field(
        default=Duration("1h"),
        description="Minimum time between two messages about cleanups; each reports all cleanups since the last.",
    )
    large_removal: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=1000,
        description="A run that removed more files than this is reported as a warning.",
    )
    summary: Summary = Field(default=Summary(), description="The daily summary.")
    time_zone: Annotated[str, Field(max_length=64)] = Field(
        default="UTC", description="Time zone of the summary's schedule and of times in messages."
    )
    runbook_base_url: Annotated[str, Field(max_length=512)] = Field(
        default=RUNBOOKS,
        description="Base URL of runbook links in messages: the runbook's name and .md are appended.",
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        channels = [each.name for each in self.channels]
        for names, what in ((channels, "channels"), ([r.name for r in self.routes], "routes")):
            twice = next((name for name in names if names.count(name) > 1), None)
            if twice is not None:
                raise PydanticCustomError(
                    "twice",
                    "has two {what} named {name}: rename one",
                    {"what": what, "name": twice},
                )
        for route in self.routes:
            unknown = next((name for name in route.channels if name not in channels), None)
            if unknown is not None:
                raise PydanticCustomError(
                    "unknown_channel",
                    "has the route {route}, whose channel {channel} is not among its channels: add it there or "
                    "correct the name",
                    {"route": route.name, "channel": unknown},
                )
        if not is_zone(self.time_zone):
            raise PydanticCustomError(
                "zone",
                "has an unknown timeZone: give an IANA name such as UTC or America/Sao_Paulo",
            )
        return self
