"""Writes the CustomResourceDefinition from the models.

`python -m baileys_janitor.api.crd` prints what is kept in `crds/`; a test compares the two.
"""

from __future__ import annotations

import sys
from typing import Any

import yaml

from baileys_janitor.api import names
from baileys_janitor.api.openapi import in_sentences, structural
from baileys_janitor.api.printer_columns import printer_columns
from baileys_janitor.api.spec import tenant_schema
from baileys_janitor.api.status import TenantStatus

_META = {
    "apiVersion": {
        "description": "Version of this kind's schema; see kubectl explain.",
        "type": "string",
    },
    "kind": {"description": "The kind of this object: BaileysTenant.", "type": "string"},
    "metadata": {"type": "object"},
}


def crd() -> dict[str, Any]:
    """Return the CustomResourceDefinition as plain data."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{names.PLURAL}.{names.GROUP}"},
        "spec": {
            "group": names.GROUP,
            "names": {
                "kind": names.KIND,
                "listKind": f"{names.KIND}List",
                "plural": names.PLURAL,
                "singular": names.SINGULAR,
                "shortNames": [names.SHORT_NAME],
            },
            "scope": "Namespaced",
            "versions": [
                {
                    "name": names.VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": printer_columns(),
                    "schema": {"openAPIV3Schema": _schema()},
                }
            ],
        },
    }


def _schema() -> dict[str, Any]:
    # kstatus and Argo CD call a resource without status current. A default on the field alone is
    # never applied, because there is no status to put it into; the whole status must have it.
    status = structural(TenantStatus) | {"default": {"observedGeneration": -1}}
    return {
        "description": "A company's WhatsApp session directory on a volume, kept healthy by the "
        "janitor.",
        "type": "object",
        "required": ["spec"],
        "properties": _META | {"spec": in_sentences(tenant_schema()), "status": status},
    }


class _Dumper(yaml.SafeDumper):
    """Without anchors, and with quotes where YAML would read a word as something else."""

    def ignore_aliases(self, _data: object) -> bool:
        return True


def crd_yaml() -> str:
    """Return the CustomResourceDefinition as it is kept in `crds/`."""
    text = yaml.dump(crd(), Dumper=_Dumper, sort_keys=False, width=100, allow_unicode=True)
    return f"# Written by `baileys-janitor crd` from the models; do not edit.\n{text}"


if __name__ == "__main__":
    sys.stdout.write(crd_yaml())
