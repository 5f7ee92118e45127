"""Plain manifests for those without Helm: the CRDs, everything in one file, and a base for kustomize."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import yaml

from release.chart import helm
from release.reproducible import ROOT

NAMESPACE: Final = "baileys-janitor"
_POLICIES: Final = "admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy"
_OVERLAY: Final = """\
# The image under a name of your own. It stands in two places: the operator's container, and the variable from which the
# operator knows the image of its Jobs. An admission policy names it, too, where kustomize cannot write: to have these
# policies as well (../admission), let `make release RELEASE_IMAGE=registry.example/baileys-janitor` write all files.
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [../base]
images:
- {name: @IMAGE@, newName: registry.example/baileys-janitor}
replacements:
- source:
    kind: Deployment
    name: janitor-baileys-janitor
    fieldPath: spec.template.spec.containers.[name=operator].image
  targets:
  - select: {kind: Deployment, name: janitor-baileys-janitor}
    fieldPaths: ["spec.template.spec.containers.[name=operator].env.[name=BAILEYS_JANITOR_IMAGE].value"]
"""
Object = dict[str, Any]


def rendered(chart: Path, *, policies: bool) -> list[Object]:
    """Return the objects that the chart installs with its defaults, without CRDs and hooks.

    `policies`: as on Kubernetes 1.30 and later, which has admission policies.
    """
    cluster = ["--api-versions", _POLICIES] if policies else ["--kube-version", "1.29.0"]
    text = helm(
        *(
            "template",
            "janitor",
            str(chart),
            "--namespace",
            NAMESPACE,
            "--no-hooks",
            "--skip-tests",
        ),
        *("--set", "crds.enabled=false", *cluster),
    )
    return [_plain(each) for each in yaml.safe_load_all(text) if each]


def _plain(found: Object) -> Object:
    """Remove Helm's labels from an object."""
    template = (
        found.get("spec", {}).get("template", {}) if isinstance(found.get("spec"), dict) else {}
    )
    for labelled in (found, template):
        labels = labelled.get("metadata", {}).get("labels", {})
        labels.pop("helm.sh/chart", None)
        if labels.get("app.kubernetes.io/managed-by") == "Helm":
            labels["app.kubernetes.io/managed-by"] = "kustomize"
    return found


def crds() -> bytes:
    """Return the CRDs as written by `make generate`."""
    return b"---\n".join(path.read_bytes() for path in sorted((ROOT / "crds").glob("*.yaml")))


def namespace() -> Object:
    """Return the operator's namespace, which enforces Pod Security."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": NAMESPACE, "labels": labels},
    }


def manifests(chart: Path, image: str) -> dict[str, bytes]:
    """Return the files, by path: `crds.yaml`, `install.yaml`, and the rest beneath `kustomize/`."""
    operator = rendered(chart, policies=False)
    known = {identity(each) for each in operator}
    policies = [each for each in rendered(chart, policies=True) if identity(each) not in known]
    files = {
        "crds.yaml": crds(),
        "install.yaml": b"---\n".join((_yaml([namespace()]), crds(), _yaml(operator))),
        "kustomize/base/crds.yaml": crds(),
        "kustomize/base/namespace.yaml": _yaml([namespace()]),
        "kustomize/base/operator.yaml": _yaml(operator),
        "kustomize/admission/policies.yaml": _yaml(policies),
        "kustomize/own-image/kustomization.yaml": _OVERLAY.replace("@IMAGE@", image).encode(),
    }
    kind = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
    base = kind | {"resources": ["namespace.yaml", "crds.yaml", "operator.yaml"]}
    files["kustomize/base/kustomization.yaml"] = _yaml([base])
    component = {"apiVersion": "kustomize.config.k8s.io/v1alpha1", "kind": "Component"}
    files["kustomize/admission/kustomization.yaml"] = _yaml(
        [component | {"resources": ["policies.yaml"]}]
    )
    return files


def identity(found: Object) -> tuple[str, str]:
    """Return an object's kind and name."""
    return found["kind"], found["metadata"]["name"]


def _yaml(objects: list[Object]) -> bytes:
    return yaml.safe_dump_all(objects, sort_keys=False, width=120).encode()
