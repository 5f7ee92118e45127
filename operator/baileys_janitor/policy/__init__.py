"""The rules: a listing, an identity and times go in; counts, levels and plans come out.

No clock, no disk, no network, and nothing outside the standard library: what a Job process
imports from here must also be cheap to import, so there are no dataclasses, enums or regular
expressions in this package.
"""
