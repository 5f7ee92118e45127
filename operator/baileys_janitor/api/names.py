"""What the resource is called, and the annotations people set on it. No other module spells the group."""

from __future__ import annotations

GROUP = "janitor.baileys.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
KIND = "BaileysTenant"
PLURAL = "baileystenants"
SINGULAR = "baileystenant"
SHORT_NAME = "bt"

STORE_KIND = "BaileysKeyStore"
STORE_PLURAL = "baileyskeystores"
STORE_SINGULAR = "baileyskeystore"
STORE_SHORT_NAME = "bks"

OPERATION_KIND = "BaileysOperation"
OPERATION_PLURAL = "baileysoperations"
OPERATION_SINGULAR = "baileysoperation"
OPERATION_SHORT_NAME = "bop"

CATEGORY = "baileys"
"""`kubectl get` by it shows all of these kinds together."""

EMERGENCY_ANNOTATION = f"{GROUP}/emergency-cleanup"
"""Its value is a token: each new one asks for one Emergency cleanup."""

NOTIFY_ANNOTATION = f"{GROUP}/notify"
"""Set to false, nobody is told of this tenant."""

TOKEN_LENGTH = 256
"""How much of the token `status.lastHandledRequest` can hold."""

SET_KIND = "BaileysTenantSet"
SET_PLURAL = "baileystenantsets"
SET_SINGULAR = "baileystenantset"
SET_SHORT_NAME = "bts"

CONFIRM_ANNOTATION = f"{GROUP}/confirm"
"""Its value is a token: each new one lets tenants that were deleted by hand come back."""

SET_LABEL = f"{GROUP}/tenant-set"
"""The uid of the set that has created a tenant."""

TEMPLATE_ANNOTATION = f"{GROUP}/template"
"""Which template a tenant of a set was made from."""

ASK_ANNOTATION = f"{GROUP}/asked-by"
"""On the Lease of a shard: which replica asks its holder for it."""

DRILLED_LABEL = f"{GROUP}/drilled-namespace"
"""On the Job of a drill, in the operator's namespace: the namespace whose archives are tried."""
