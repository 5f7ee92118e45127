"""The group `backup` for a cluster: repositories name Secrets, and none is a directory.

A tenant names only Secrets of its own namespace. Drills run in the operator's namespace, so their Secrets are in the
operator's configuration alone: otherwise anybody who can edit a tenant could send any Secret of the operator's
namespace to an endpoint of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field

from baileys_janitor.api.backup.backup_settings import (
    MOST_REPOSITORIES,
    BackupGroup,
    BackupsOf,
    BeforeOperations,
    DrillSettings,
    Name,
    Repository,
    has_form,
    in_force,
)
from baileys_janitor.api.config.cross_field_rules import Conflict
from baileys_janitor.api.values.base import Model, rule, rules
from baileys_janitor.api.values.patterns import BUCKET_URL, OBJECT_NAME, STORE_NAME

SecretName = Annotated[str, Field(min_length=1, max_length=253, pattern=OBJECT_NAME)]
BucketUrl = Annotated[
    str,
    Field(min_length=1, max_length=1024, json_schema_extra={"pattern": BUCKET_URL}),
    AfterValidator(partial(has_form, BUCKET_URL)),
]

StoreName = Annotated[str, Field(min_length=3, max_length=317, pattern=STORE_NAME)]

_EACH_ITS_OWN: Final = "{0} of two repositories is the same: give each one of its own"
_SAME_NAME: Final = "b.name == a.name"
_SAME_PLACE: Final = (
    "b.url == a.url && (has(b.endpoint) ? b.endpoint : '') == (has(a.endpoint) ? a.endpoint : '')"
)


def _distinct(same: str) -> str:
    once = f"self.repositories.all(a, self.repositories.exists_one(b, {same}))"
    return f"!has(self.repositories) || {once}"


class ClusterRepository(Repository):
    """An object store for archives."""

    url: BucketUrl = Field(
        description="Where the archives go: s3://bucket/prefix, gs://bucket/prefix or az://container/prefix. A prefix "
        "of its own for each cluster."
    )
    secret_name: SecretName = Field(
        description="Secret with the credentials of the store, in the tenant's namespace. Its keys are named as "
        "the store's environment variables, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and "
        "ca.crt for a store with a private certificate authority. The credentials may be put-only."
    )


class ClusterBackup(BackupGroup):
    """Backups of the session. Nothing is backed up without repositories."""

    model_config = rules(
        rule(
            "!has(self.encryption) || self.encryption != 'None' || !has(self.recipients)"
            " || size(self.recipients) == 0",
            "encryption: None contradicts recipients: leave one of them out",
        ),
        rule(_distinct(_SAME_NAME), _EACH_ITS_OWN.format("the name")),
        rule(_distinct(_SAME_PLACE), _EACH_ITS_OWN.format("the URL")),
    )

    repositories: Annotated[list[ClusterRepository], Field(max_length=MOST_REPOSITORIES)] | None = (
        Field(
            default=None,
            description="Stores for the archives. They are independent: each gets the same archive. An empty list "
            "excludes a tenant from the fleet's backups.",
        )
    )
    drill: DrillSettings | None = Field(default=None, description="Rehearsals of a restore.")


class TenantBackup(ClusterBackup):
    """Backups of a session in files."""

    before_operations: BeforeOperations | None = Field(
        default=None,
        description="Whether the session is backed up before an operation that replaces files (Restore, Rotate). "
        "Required: if the backup fails, the operation fails. Preferred, or unset: the operation "
        "continues and its steps report the failure. Never: no backup is made.",
    )


class Drills(Model):
    """Secrets for rehearsals of restores, in the operator's namespace, where the rehearsals run."""

    identity_secret_name: SecretName | None = Field(
        default=None,
        description="Secret with the age identities that decrypt the archives, under the key identity. Unset: no "
        "drill runs, and the condition Restorable reports it.",
    )
    read_secret_names: Annotated[dict[Name, SecretName], Field(max_length=MOST_REPOSITORIES)] = (
        Field(
            default_factory=dict,
            description="Secrets with credentials that may read, by the name of a repository of "
            "defaults.backup.repositories. Repositories that a tenant sets for itself are not drilled.",
        )
    )
    database_secret_names: Annotated[dict[StoreName, SecretName], Field(max_length=1000)] = Field(
        default_factory=dict,
        description="Secret with the URL (key url, and ca.crt where it needs one) of a database with empty tables, by "
        "the namespace and the name of a BaileysKeyStore, such as support/main. Its archives are loaded into temporary "
        "tables there. Key stores that are not named are not drilled.",
    )


class BackupConfig(Model):
    """Settings of backups that a tenant cannot change."""

    drill: Drills = Field(
        default=Drills(),
        description="Secrets for rehearsals of restores, in the operator's namespace.",
    )


@dataclass(frozen=True, slots=True)
class DrillSource:
    """The source of a drill, with Secrets of the operator's namespace."""

    repository: ClusterRepository
    """Its own Secret is not used here."""
    secret_name: str


@dataclass(frozen=True, slots=True)
class ClusterBackups:
    """The group in force for a tenant of a cluster."""

    group: BackupsOf[ClusterRepository]
    identity_secret_name: str | None
    """The Secret in the operator's namespace that opens archives; None if no drill runs."""
    sources: tuple[DrillSource, ...]
    """The repositories that drills can read."""
    database_secret_name: str | None = None
    """The Secret there of the database that drills of a key store load archives into; None for a tenant."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the repositories."""
        return tuple(each.name for each in self.group.repositories)

    @property
    def drilled(self) -> frozenset[str]:
        """The names of the repositories that drills can read."""
        return frozenset(each.repository.name for each in self.sources)

    def source(self, name: str) -> DrillSource | None:
        """Return the source of drills for the repository with that name."""
        return next((each for each in self.sources if each.repository.name == name), None)


def resolved(
    data: Mapping[str, Any] | None, fleet: Mapping[str, Any] | None, config: BackupConfig
) -> ClusterBackups | None:
    """Return the group in force for merged settings, as plain data; None if nothing is backed up.

    `fleet` is the group of the operator's configuration. Raises `Conflict`; its fields begin with `backup.`.
    """
    settings = TenantBackup.model_validate(data or {})
    trusted = ClusterBackup.model_validate(fleet or {}).repositories or []
    if settings.repositories == [] and trusted:
        return None
    group = in_force(settings, settings.repositories, settings.drill)
    if group is None:
        return None
    drill = config.drill
    if drill.identity_secret_name is None and group.recipients:
        return ClusterBackups(group, None, ())
    sources = tuple(
        DrillSource(each, drill.read_secret_names[each.name])
        for each in group.repositories
        if each.name in drill.read_secret_names and any(_is_same(each, one) for one in trusted)
    )
    return ClusterBackups(group, drill.identity_secret_name, sources)


def of_key_store(found: ClusterBackups, key: str, config: BackupConfig) -> ClusterBackups:
    """Return the group in force for a key store, `key` being NAMESPACE/NAME: drills need a database as well."""
    database = config.drill.database_secret_names.get(key)
    return replace(
        found,
        database_secret_name=database,
        sources=() if database is None else found.sources,
    )


def check_drills(found: ClusterBackups | None, config: BackupConfig) -> None:
    """Raise `Conflict` for Secrets of drills that belong to no repository of the fleet."""
    names = set() if found is None else set(found.names)
    for name in config.drill.read_secret_names:
        if name not in names:
            raise Conflict(
                f"{{0}} names the repository {name}, which defaults.backup.repositories does not have: correct one of "
                "the two",
                "backup.drill.readSecretNames",
            )


def _is_same(one: ClusterRepository, other: ClusterRepository) -> bool:
    """Return whether two repositories are the same place, even with different Secrets."""
    place = (one.name, one.url, one.endpoint, one.region)
    return place == (other.name, other.url, other.endpoint, other.region)
