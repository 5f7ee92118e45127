"""Just enough of a Kubernetes API server and a node to run the operator anywhere.

For the demo and the tests; never shipped. See docs/sandbox.md for what it is and is not.
"""

from sandbox.cluster import Cluster

__all__ = ["Cluster"]
