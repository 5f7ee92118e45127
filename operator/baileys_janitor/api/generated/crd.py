"""Writes the CustomResourceDefinitions from the models.

`python -m baileys_janitor.api.generated.crd crds` writes the files in `crds/`; with `--check` it compares them.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

import yaml

from baileys_janitor.api import names
from baileys_janitor.api.generated.openapi import in_sentences, structural
from baileys_janitor.api.generated.printer_columns import (
    key_store_columns,
    operation_columns,
    printer_columns,
    tenant_set_columns,
)
from baileys_janitor.api.keystores.spec import KeyStoreSpec
from baileys_janitor.api.keystores.status import KeyStoreStatus
from baileys_janitor.api.operations.spec import OperationSpec
from baileys_janitor.api.operations.status import OperationStatus
from baileys_janitor.api.spec import tenant_schema
from baileys_janitor.api.status import TenantStatus
from baileys_janitor.api.tenant_sets.spec import TenantSetSpec
from baileys_janitor.api.tenant_sets.status import TenantSetStatus


def _meta(kind: str) -> dict[str, Any]:
    return {
        "apiVersion": {
            "description": "Version of this kind's schema; see kubectl explain.",
            "type": "string",
        },
        "kind": {"description": f"The kind of this object: {kind}.", "type": "string"},
        "metadata": {"type": "object"},
    }


def crd() -> dict[str, Any]:
    """Return the CustomResourceDefinition of tenants as plain data."""
    return _definition(
        (names.KIND, names.PLURAL, names.SINGULAR, names.SHORT_NAME),
        "A company's WhatsApp session directory on a volume, kept healthy by the janitor.",
        printer_columns(),
        in_sentences(tenant_schema()),
        structural(TenantStatus),
    )


def store_crd() -> dict[str, Any]:
    """Return the CustomResourceDefinition of key stores as plain data."""
    return _definition(
        (names.STORE_KIND, names.STORE_PLURAL, names.STORE_SINGULAR, names.STORE_SHORT_NAME),
        "A PostgreSQL database that keeps the keys of many WhatsApp sessions, kept small by the janitor.",
        key_store_columns(),
        in_sentences(structural(KeyStoreSpec)),
        structural(KeyStoreStatus),
    )


def operation_crd() -> dict[str, Any]:
    """Return the CustomResourceDefinition of operations as plain data."""
    return _definition(
        (
            names.OPERATION_KIND,
            names.OPERATION_PLURAL,
            names.OPERATION_SINGULAR,
            names.OPERATION_SHORT_NAME,
        ),
        "One act on one tenant, on request, with an answer: the janitor does it once and says what became of it.",
        operation_columns(),
        in_sentences(structural(OperationSpec)),
        structural(OperationStatus),
    )


def set_crd() -> dict[str, Any]:
    """Return the CustomResourceDefinition of sets of tenants as plain data."""
    return _definition(
        (names.SET_KIND, names.SET_PLURAL, names.SET_SINGULAR, names.SET_SHORT_NAME),
        "BaileysTenants for whatever session directories a volume has, or for claims with certain labels.",
        tenant_set_columns(),
        in_sentences(structural(TenantSetSpec)),
        structural(TenantSetStatus),
    )


SELECTABLE: Final = {
    names.PLURAL: (".status.level", ".status.attention", ".spec.volume.claimName"),
    names.OPERATION_PLURAL: (".spec.tenant", ".spec.action", ".status.phase"),
}
"""The fields for `kubectl get --field-selector`, by the plural of the kind."""


def crds(field_selectors: bool = False) -> list[dict[str, Any]]:
    """Return every CustomResourceDefinition as plain data.

    `field_selectors`: with `selectableFields`, which API servers before 1.30 refuse as an unknown field.
    """
    definitions = [crd(), store_crd(), operation_crd(), set_crd()]
    return [_selectable(each) for each in definitions] if field_selectors else definitions


def _selectable(definition: dict[str, Any]) -> dict[str, Any]:
    paths = SELECTABLE.get(definition["spec"]["names"]["plural"], ())
    fields = {"selectableFields": [{"jsonPath": path} for path in paths]} if paths else {}
    versions = [each | fields for each in definition["spec"]["versions"]]
    return definition | {"spec": definition["spec"] | {"versions": versions}}


def _definition(
    words: tuple[str, str, str, str],
    about: str,
    columns: list[dict[str, Any]],
    spec: dict[str, Any],
    status: dict[str, Any],
) -> dict[str, Any]:
    kind, plural, singular, short = words
    # kstatus and Argo CD treat a resource without status as current. A default on the field alone is never applied,
    # because there is no status to add it to; the whole status must have it.
    status = status | {"default": {"observedGeneration": -1}}
    schema = {
        "description": about,
        "type": "object",
        "required": ["spec"],
        "properties": _meta(kind) | {"spec": spec, "status": status},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{names.GROUP}"},
        "spec": {
            "group": names.GROUP,
            "names": {
                "kind": kind,
                "listKind": f"{kind}List",
                "plural": plural,
                "singular": singular,
                "shortNames": [short],
                "categories": [names.CATEGORY],
            },
            "scope": "Namespaced",
            "versions": [
                {
                    "name": names.VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": columns,
                    "schema": {"openAPIV3Schema": schema},
                }
            ],
        },
    }


class _Dumper(yaml.SafeDumper):
    """Without anchors, and with quotes if YAML would read a word as another type."""

    def ignore_aliases(self, _data: object) -> bool:
        return True


_HEAD = "# Written by `baileys-janitor crd` from the models; do not edit.\n"


def _yaml(definition: dict[str, Any]) -> str:
    return yaml.dump(definition, Dumper=_Dumper, sort_keys=False, width=100, allow_unicode=True)


def crd_yaml(field_selectors: bool = False) -> str:
    """Return all CustomResourceDefinitions in one document after the other."""
    return _HEAD + "---\n".join(_yaml(each) for each in crds(field_selectors))


def files() -> dict[str, str]:
    """Return the files of `crds/` by their names, one for each kind."""
    return {
        f"{names.GROUP}_{each['spec']['names']['plural']}.yaml": _HEAD + _yaml(each)
        for each in crds()
    }


def main(arguments: list[str]) -> int:
    """Write the files into a directory, or compare them with the existing ones."""
    directory = Path(arguments[0])
    stale = {
        directory / name: text
        for name, text in files().items()
        if not (directory / name).exists() or (directory / name).read_text("utf-8") != text
    }
    if "--check" in arguments:
        for path in stale:
            sys.stderr.write(f"{path} is not current\n")
        return 1 if stale else 0
    for path, text in stale.items():
        path.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
