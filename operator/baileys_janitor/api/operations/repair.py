"""The spec of a requested repair: the Secret that names the contact. No resource contains the contact itself."""

from __future__ import annotations

from pydantic import Field

from baileys_janitor.api.backup.backup_spec import SecretName
from baileys_janitor.api.values.base import Model


class RepairContactRequest(Model):
    """The contact whose sessions or keys are rebuilt."""

    contact_secret_name: SecretName = Field(
        description="Secret in this namespace. Its key contact has the contact's phone number with its country "
        "code, its LID such as 250000000000123@lid, or its hash. With a key group, the id of a "
        "group, only that contact's key in the group is rebuilt; with the key group alone, the "
        "tenant's own key in it. Create the Secret for the repair and delete it afterwards: the "
        "operator cannot. `kubectl baileys repair` does both."
    )
