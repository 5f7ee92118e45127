"""The spec of a requested repair: the Secret that names the contact. No resource contains the contact itself."""

from __future__ import annotations

from pydantic import Field

from baileys_janitor.api.backup.backup_spec import SecretName
from baileys_janitor.api.values.base import Model


class RepairContactRequest(Model):
    """Whose sessions or keys are built anew."""

    contact_secret_name: SecretName = Field(
        description="Secret in this namespace whose key contact is the contact's phone number with its country code, "
        "its LID such as 250000000000123@lid, or its hash; with a key group, the id of a group, that author's key "
        "there; with the key group alone, the tenant's own key there. Make it for the repair, and delete it "
        "afterwards: the operator cannot. `kubectl baileys repair` does both."
    )
