"""The operator's bench: the real operator against an API server, with everything else simulated.

See docs/benchmarks.md for what is simulated and how faithfully.
"""
