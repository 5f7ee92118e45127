"""A minimal Kubernetes API server and node, enough to run the operator anywhere.

For the demo and the tests; never shipped. See docs/sandbox.md for its scope and limits.
"""

from sandbox.cluster import Cluster

__all__ = ["Cluster"]
