"""The operator's bench: the real operator against an API server, with everything else simulated.

docs/benchmarks.md describes the simulation and its accuracy.
"""
