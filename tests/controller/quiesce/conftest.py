"""As for the tests of operations: one cluster for a worker, a namespace for each test."""

from tests.controller.operations.conftest import (
    cluster,
    nothing_unforeseen,
    operator,
    process,
    sandbox_only,
    world,
)

__all__ = ["cluster", "nothing_unforeseen", "operator", "process", "sandbox_only", "world"]
