"""The parts of kube-controller-manager and kube-scheduler that the project needs.

They use the API server over HTTP, so that they work with a real one as well.
"""
