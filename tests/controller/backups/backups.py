"""A namespace as the tests of backups see it: Secrets, tenants, a bucket, and what becomes of them."""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from baileys_janitor.backup.stores.repository import Repository, open_repository
from baileys_janitor.controller.jobs.manifest import ACTION_LABEL
from baileys_janitor.policy.archives.known_archives import KnownArchives, decode
from sandbox import Cluster
from tests.backup.servers import ENVIRON, REGION, S3Server
from tests.backup.sessions import RECIPIENT, SECRET, session_in
from tests.controller.live.operators import LocalOperator
from tests.controller.live.world import JOBS, World, until

Object = dict[str, Any]
SECRETS = "v1/secrets"


class Backups(World):
    """One namespace with tenants, and the operator's own, `home`."""

    def __init__(
        self, cluster: Cluster, namespace: str, home: str, server: S3Server, bucket: str = ""
    ) -> None:
        super().__init__(cluster, namespace)
        self.home = home
        self.server = server
        self.bucket = bucket or server.bucket()
        self.directories: dict[str, Path] = {}

    def configured(self, **settings: object) -> Object:
        """A configuration that backs the fleet up every hour, and drills."""
        backup = {
            "recipients": [RECIPIENT],
            "repositories": [self.repository()],
            "schedule": "0 * * * *",
        }
        drill = {"identitySecretName": "identity", "readSecretNames": {"moscow": "reader"}}
        return {
            "watchNamespaces": [self.namespace],
            "dailyJitter": "0s",
            "defaults": {
                "schedule": {"dailyCleanup": "Never"},
                # They come at a time of the namespace's own, and add a Job and a file.
                "credentialsCopies": {"keep": 0},
                "backup": backup,
            },
            "backup": {"drill": drill},
            **settings,
        }

    def repository(self, **more: str) -> Object:
        return {
            "name": "moscow",
            "url": f"s3://{self.bucket}/prod",
            "endpoint": self.server.url,
            "region": REGION,
            "secretName": "store",
            **more,
        }

    async def secret(self, name: str, namespace: str | None = None, **data: str) -> None:
        """Make a Secret, or replace what is in it."""
        encoded = {key: base64.b64encode(text.encode()).decode() for key, text in data.items()}
        body = {"metadata": {"name": name}, "type": "Opaque", "data": encoded}
        await self.client.create(SECRETS, namespace or self.namespace, body)

    async def secrets(self) -> None:
        """All that backups and drills need."""
        await self.secret("store", **ENVIRON)
        await self.secret("reader", self.home, **ENVIRON)
        await self.secret("identity", self.home, identity=SECRET)

    async def bots(self, *names: str) -> None:
        """Tenants whose sessions one pod uses, so that they are on one node."""
        for name in names:
            await self.session_of(name)
        await self.workload(*names)
        for name in names:
            await self.tenant(name, name)

    async def bot(self, name: str, **spec: Any) -> None:
        """A tenant with a paired session that a pod uses."""
        await self.session_of(name)
        await self.workload(name)
        await self.tenant(name, name, **spec)

    async def session_of(self, name: str) -> None:
        """A claim with a paired session that every user may read."""
        directory = await self.claim(name)
        session_in(directory)
        for path in (directory, *directory.iterdir()):
            path.chmod(0o777 if path.is_dir() else 0o666)
        self.directories[name] = directory

    def archives(self, tenant: str, bucket: str | None = None) -> list[str]:
        """The names of a tenant's archives. Requests have a loop of their own, so they are made in a thread."""
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(self._archives, tenant, bucket).result()

    def _archives(self, tenant: str, bucket: str | None) -> list[str]:
        listed = self._repository(bucket).list(self.namespace, tenant)
        return [str(each.path.name) for each in listed.archives]

    def _repository(self, bucket: str | None) -> Repository:
        return open_repository(
            f"s3://{bucket or self.bucket}/prod",
            endpoint=self.server.url, region=REGION, environ=ENVIRON,
        )  # fmt: skip

    def lose(self, tenant: str, *, damaged: bool) -> None:
        """Remove the archives of a tenant from the store, or damage them there."""

        def lose() -> None:
            repository = self._repository(None)
            for each in repository.list(self.namespace, tenant).archives:
                held = b"".join(repository.get(each.path))
                repository.delete([each.path])
                if damaged:
                    repository.put(each.path, held[:-40] + bytes(40))

        with ThreadPoolExecutor(1) as thread:
            thread.submit(lose).result()

    async def begun(self, action: str = "backup", namespace: str | None = None) -> list[Object]:
        """Wait until there are Jobs of an action; return them."""

        async def there() -> list[Object]:
            where = namespace or self.namespace
            found = await self.client.select(JOBS, where, labelSelector=f"{ACTION_LABEL}={action}")
            return list(found["items"])

        found: list[Object] = await until(there, f"a Job of the action {action} is there")
        return found

    def known(self, operator: LocalOperator, tenant: str) -> KnownArchives:
        """Which archives an operator knows to be a tenant's own."""
        record = operator.reconciler.cache.tenants[self.namespace, tenant]
        return decode(record.backup.known) or KnownArchives()

    async def repositories(self, tenant: str) -> dict[str, Object]:
        status = (await self.status(tenant)).get("backup") or {}
        return {each["name"]: each for each in status.get("repositories") or ()}

    async def backed_up(self, tenant: str, outcome: str = "Put", name: str = "moscow") -> Object:
        """Wait until a repository says how the last attempt ended."""

        async def ended() -> Object | None:
            found = (await self.repositories(tenant)).get(name) or {}
            return found if found.get("outcome") == outcome else None

        found: Object = await until(ended, f"the backup of {tenant} ends with {outcome}")
        return found

    async def unchanged(self, operator: LocalOperator, tenant: str) -> None:
        """Wait until a backup has found nothing new; that alone is worth no write of the status."""

        def ended() -> bool:
            record = operator.reconciler.cache.tenants[self.namespace, tenant]
            return record.backup.repositories["moscow"].outcome == "Unchanged"

        await until(ended, f"the backup of {tenant} finds nothing new")
        await until(operator.idle, "the operator is idle")

    async def failed(self, tenant: str, reason: str, name: str = "moscow") -> Object:
        """Wait until a repository names the reason of a failure."""

        async def ended() -> Object | None:
            found = (await self.repositories(tenant)).get(name) or {}
            return found if found.get("reason") == reason else None

        found: Object = await until(ended, f"the backup of {tenant} fails with {reason}")
        return found

    async def tried(self, tenant: str, failures: int, name: str = "moscow") -> Object:
        """Wait until so many attempts have failed one after another."""

        async def ended() -> Object | None:
            found = (await self.repositories(tenant)).get(name) or {}
            return found if found.get("failures") == failures else None

        found: Object = await until(ended, f"{failures} backups of {tenant} have failed")
        return found

    async def drilled(self, tenant: str, name: str = "moscow") -> Object:
        """Wait until a drill has ended."""

        async def ended() -> Object | None:
            drill = ((await self.repositories(tenant)).get(name) or {}).get("drill") or {}
            return drill if drill.get("triedTime") else None

        found: Object = await until(ended, f"a drill of {tenant} ends")
        return found


async def first_backups(world: Backups, operator: LocalOperator, *names: str) -> list[Object]:
    """Wait until these tenants are backed up for the first time, and nothing is under way."""
    with operator.hurry():
        for name in names:
            await world.scanned(name)
        found = [await world.backed_up(name) for name in names]
    await until(operator.idle, "the operator is idle")
    return found
