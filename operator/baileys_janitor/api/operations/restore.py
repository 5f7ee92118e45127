"""The spec of a requested restore: the archive, the expected identity, and the Secrets."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from baileys_janitor.api.backup.backup_spec import SecretName
from baileys_janitor.api.values.base import Model


class RestoreRequest(Model):
    """The archive to restore, and the identity that it must have."""

    repository: Annotated[str, Field(min_length=1, max_length=32)] = Field(
        description="Name of the repository, as in backup.repositories of the tenant."
    )
    archive: Annotated[str, Field(min_length=1, max_length=128)] | None = Field(
        default=None,
        description='Name of the archive, such as 20261128T093500Z-0a1b2c3d.tar.gz.age. Unset or "latest": the newest '
        "one of this tenant.",
    )
    mode: Literal["Safe", "Credentials", "Whole"] | None = Field(
        default=None,
        description="Safe (unset): the files that can be restored without breaking the session. Credentials: "
        "creds.json alone. Whole: every file, only from an archive that was made while the workload "
        "was stopped.",
    )
    acknowledge: (
        Annotated[
            list[Literal["SignedPreKeyRotated", "PreKeysRewritten", "NothingRanSince"]],
            Field(max_length=3),
        ]
        | None
    ) = Field(default=None, description="Risks that are accepted, as named by an earlier refusal.")
    identity: Annotated[str, Field(min_length=16, max_length=33)] | None = Field(
        default=None,
        description="Recorded fingerprint of the tenant: 16 hexadecimal digits, or twice 16 separated by a "
        "hyphen. Required if the status of the tenant does not have it, as in another cluster.",
    )
    identity_secret_name: SecretName | None = Field(
        default=None,
        description="Secret in this namespace whose key identity decrypts the archive. Create it for the restore "
        "and delete it afterwards: the operator cannot. Unset: the archive is not encrypted.",
    )
    read_secret_name: SecretName | None = Field(
        default=None,
        description="Secret in this namespace with credentials that may read the repository. Unset: the secretName of "
        "the repository.",
    )
