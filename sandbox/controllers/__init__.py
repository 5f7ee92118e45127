"""What kube-controller-manager and kube-scheduler do, as far as the project needs it.

All of it speaks to the API server over HTTP, so that it serves a real one as well.
"""
