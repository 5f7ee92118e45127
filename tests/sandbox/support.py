"""What the tests of the sandbox share: a definition, kubectl, and waiting for a condition."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sandbox.client import ApiError
from sandbox.tools import kubectl_path

Object = dict[str, Any]
PATIENCE = 120.0

DEFINITION: Object = yaml.safe_load("""
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.example.dev}
spec:
  group: example.dev
  scope: Namespaced
  names: {plural: things, kind: Thing, singular: thing, shortNames: [th]}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    additionalPrinterColumns:
    - {name: Level, type: string, jsonPath: .status.level}
    - {name: Ready, type: string, jsonPath: '.status.conditions[?(@.type=="Ready")].status'}
    - {name: Files, type: integer, jsonPath: .status.files}
    - {name: Last-Scan, type: date, jsonPath: .status.last}
    - {name: Claim, type: string, jsonPath: .spec.claim, priority: 1}
    - {name: Age, type: date, jsonPath: .metadata.creationTimestamp}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            required: [claim]
            x-kubernetes-validations:
            - rule: "!has(self.low) || !has(self.high) || self.low < self.high"
              message: low must be below high
            properties:
              claim: {type: string, minLength: 1, maxLength: 10, pattern: '^[a-z]+$'}
              mode: {type: string, enum: [A, B], default: A}
              low: {type: integer, minimum: 1}
              high: {type: integer, maximum: 100}
              ratio: {type: number}
              tags: {type: array, maxItems: 3, items: {type: string, maxLength: 5}}
              options:
                type: object
                properties:
                  left: {type: string}
                  right: {type: string}
              name:
                type: string
                maxLength: 20
                x-kubernetes-validations:
                - {rule: self == oldSelf, message: name is immutable}
          status:
            type: object
            default: {observedGeneration: -1}
            properties:
              observedGeneration: {type: integer}
              level: {type: string}
              files: {type: integer}
              last: {type: string, format: date-time}
              conditions:
                type: array
                x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [type]
                items:
                  type: object
                  required: [type, status]
                  properties:
                    type: {type: string}
                    status: {type: string}
""")


def thing(name: str = "acme", **spec: Any) -> Object:
    """A Thing; `claim` is filled in."""
    return {
        "apiVersion": "example.dev/v1",
        "kind": "Thing",
        "metadata": {"name": name},
        "spec": {"claim": "abc", **spec},
    }


def text(*values: Object) -> str:
    """A manifest."""
    return yaml.safe_dump_all(values)


@dataclass(frozen=True)
class Outcome:
    """What kubectl printed, and its exit code."""

    out: str
    err: str
    code: int

    @property
    def rows(self) -> list[list[str]]:
        """The words of each line of a table."""
        return [line.split() for line in self.out.splitlines()]


class Kubectl:
    """The real kubectl, in one namespace of one cluster."""

    def __init__(self, kubeconfig: Path, namespace: str, home: Path) -> None:
        self.namespace = namespace
        self._environment = {
            "KUBECONFIG": str(kubeconfig),
            "HOME": str(home),
            "PATH": os.environ["PATH"],
        }
        self._program = str(kubectl_path())

    async def start(self, *words: str, **environment: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            self._program,
            "--namespace",
            self.namespace,
            *words,
            env=self._environment | environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def __call__(
        self, *words: str, given: str = "", fails: bool = False, **environment: str
    ) -> Outcome:
        process = await self.start(*words, **environment)
        out, err = await process.communicate(given.encode())
        assert process.returncode is not None
        outcome = Outcome(out.decode(), err.decode(), process.returncode)
        assert bool(outcome.code) is fails, outcome
        return outcome


async def until(what: Callable[[], Any], patience: float = PATIENCE) -> Any:
    """Waits until something holds (a call or a coroutine function), and returns it."""
    end = time.monotonic() + patience
    while True:
        try:
            found = what()
            if asyncio.iscoroutine(found):
                found = await found
        except (ApiError, LookupError):
            found = None
        if found:
            return found
        assert time.monotonic() < end, "it never came to pass"
        await asyncio.sleep(0.02)
