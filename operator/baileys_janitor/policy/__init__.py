"""The rules: they take a listing, an identity and times, and return counts, levels and plans.

No clock, no disk, no network, and nothing outside the standard library. A Job process imports these modules for every
scan, so of the standard library they use only `dataclasses`, `hashlib` and `json`. A class that is compared or printed
is a dataclass. Each dataclass costs a scan half a millisecond, so a class that is only passed on just has `__slots__`.
"""
