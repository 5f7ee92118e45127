"""Paths of the API server's resources."""

from __future__ import annotations

from baileys_janitor.controller.kube.client import path


def test_a_name_is_one_segment_of_the_path_whoever_wrote_it() -> None:
    assert path("nodes", name="node-1.example") == "/api/v1/nodes/node-1.example"
    assert path("nodes", name="../secrets?watch=1") == "/api/v1/nodes/..%2Fsecrets%3Fwatch%3D1"
    assert path("jobs", "a/b", group="/apis/batch/v1") == "/apis/batch/v1/namespaces/a%2Fb/jobs"
