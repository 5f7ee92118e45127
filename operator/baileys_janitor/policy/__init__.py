"""The rules: a listing, an identity and times go in; counts, levels and plans come out.

No clock, no disk, no network, and nothing outside the standard library. A Job process imports these modules for
every scan, so of the standard library there are only `dataclasses`, `hashlib` and `json`. A class that is compared or
shown is a dataclass; each costs a scan half a millisecond, so one that is only passed on has `__slots__` and no more.
"""
