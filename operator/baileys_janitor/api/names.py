"""The names of the resources, and the annotations that people set on them. Only this module contains the group."""

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
"""`kubectl get` with this name lists all of these kinds together."""

EMERGENCY_ANNOTATION = f"{GROUP}/emergency-cleanup"
"""Its value is a token: each new one requests one Emergency cleanup."""

NOTIFY_ANNOTATION = f"{GROUP}/notify"
"""Set to false, it mutes all notifications about this tenant."""

TOKEN_LENGTH = 256
"""Maximum characters of a token in `status.lastHandledRequest`."""

SET_KIND = "BaileysTenantSet"
SET_PLURAL = "baileystenantsets"
SET_SINGULAR = "baileystenantset"
SET_SHORT_NAME = "bts"

CONFIRM_ANNOTATION = f"{GROUP}/confirm"
"""Its value is a token: each new one allows tenants that were deleted by hand to be created again."""

SET_LABEL = f"{GROUP}/tenant-set"
"""The uid of the set that has created a tenant."""

TEMPLATE_ANNOTATION = f"{GROUP}/template"
"""The hash of the template that a tenant of a set was created from."""

ASK_ANNOTATION = f"{GROUP}/asked-by"
"""On the Lease of a shard: the replica that requests it from its holder."""

DRILLED_LABEL = f"{GROUP}/drilled-namespace"
"""On the Job of a drill, in the operator's namespace: the namespace whose archives are tried."""
