"""The required forms of texts, as patterns (RE2 as well as Python) and in words."""

from __future__ import annotations

OBJECT_NAME = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
STORE_NAME = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?/[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
"""NAMESPACE/NAME of a resource."""
COMPANY_ID = r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$"
RELATIVE_PATH = r"^[^/\x00-\x1f\x7f][^\x00-\x1f\x7f]*$"
TIME_ZONE = r"^[A-Za-z][A-Za-z0-9_+/-]*$"
LABEL = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
KEY_NAME = r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$"
MILLISECONDS = r"^[0-9]{1,6}(ms|s)$"
SOME_MILLISECONDS = r"^[1-9][0-9]{0,5}(ms|s)$"
SCHEMA_NAME = r"^[a-z_][a-z0-9_]*$"

DURATION = r"^([0-9]{1,6}d)?([0-9]{1,6}h)?([0-9]{1,8}m)?([0-9]{1,9}s)?$"
QUANTITY = r"^[0-9]{1,15}(\.[0-9]{1,9})?(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$"

NEVER = "Never"
"""The value of `dailyCleanup` that turns the daily cleanup off."""


def _field(number: str, alone: str = "") -> str:
    item = rf"(\*|({number})(-({number}))?)(/0*[1-9][0-9]*)?{alone}"
    return f"({item})(,({item}))*"


_MINUTE, _HOUR, _DAY = "0*[1-5]?[0-9]", "0*(1?[0-9]|2[0-3])", "0*([1-9]|[12][0-9]|3[01])"
_MONTH = "0*([1-9]|1[0-2])|JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC"
_WEEKDAY = "0*[0-7]|SUN|MON|TUE|WED|THU|FRI|SAT"
_FIELDS = (
    _field(_MINUTE),
    _field(_HOUR),
    _field(_DAY, r"|LW?(/0*[1-9][0-9]*)?"),
    _field(_MONTH),
    _field(_WEEKDAY, rf"|0*[0-7]L|({_WEEKDAY})#0*[1-5]"),
)
_SPACE = r"\s+"
CRON = rf"(?i)^\s*{_SPACE.join(_FIELDS)}\s*$"
"""The form of every cron expression of five fields."""


def _list(item: str) -> str:
    return rf"({item})(-({item}))?(,({item})(-({item}))?)*"


_THIRTIETH_ON, _FEBRUARY = _list("0*3[01]"), _list("0*2|FEB")
_THIRTY_FIRST, _SHORT_MONTHS = (
    _list("0*31"),
    "({0})(,({0}))*".format("0*([2469]|11)|FEB|APR|JUN|SEP|NOV"),
)
CRON_NEVER_COMES = (
    rf"(?i)^\s*[^\s]+{_SPACE}[^\s]+{_SPACE}({_THIRTIETH_ON}{_SPACE}{_FEBRUARY}"
    rf"|{_THIRTY_FIRST}{_SPACE}{_SHORT_MONTHS}){_SPACE}\*"
)
"""Days that no month has, such as 31 February; the operator finds other expressions that never come true."""
CRON_NEVER_SENTENCE = f"never comes: choose a day that the month has, or {NEVER}"
CRON_WAY_OUT = f'write it as "minute hour day month weekday", such as "0 3 * * *", or {NEVER}'

DURATION_WAY_OUT = "write it as days, hours, minutes and seconds, such as 14d, 6h or 1m30s"
QUANTITY_WAY_OUT = "write it as 100m, 1, 64Mi or 1Gi"

CHAT = r"^(-?[0-9]+|@[A-Za-z0-9_]+)$"
HOST_PORT = r"^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}$"
URL = r"^https?://[^\s?#@]+$"
ENDPOINT = r"^https?://[^\s?#@/][^\s?#@]*$"
STORE_URL = r"^((s3|gs|az|file)://|/)[^\s?#@]*[^\s?#@/]/*$"
BUCKET_URL = r"^(s3|gs|az)://[^\s?#@/][^\s?#@]*$"
RECIPIENT = r"^(age1[02-9ac-hj-np-z]{58}|(ssh-ed25519|ssh-rsa) [A-Za-z0-9+/]+=*( .*)?)$"

IN_WORDS = {
    CHAT: 'give the number of the chat in quotes, such as "-1001234567890", or "@channel"',
    HOST_PORT: "give an address and a port such as 127.0.0.1:9090",
    STORE_URL: "give s3://bucket/prefix, gs://bucket/prefix, az://container/prefix or an absolute path, without "
    "credentials",
    BUCKET_URL: "give s3://bucket/prefix, gs://bucket/prefix or az://container/prefix, without credentials",
    RECIPIENT: "give a public key: age1... (baileys-janitor backup keygen prints one), or ssh-ed25519 AAAA...",
    ENDPOINT: "give a URL such as https://s3.example, without a query and without credentials",
    URL: "give a URL such as https://telegram.example, without a query and without credentials",
    DURATION: f"is no duration: {DURATION_WAY_OUT}",
    QUANTITY: f"is no quantity: {QUANTITY_WAY_OUT}",
    OBJECT_NAME: 'give the name of an object: lower-case letters, digits, "-" and "."',
    STORE_NAME: "give the namespace and the name of a BaileysKeyStore, such as support/main",
    COMPANY_ID: 'use letters and digits, and ".", "_" or "-" between them',
    RELATIVE_PATH: 'give a path that does not begin with "/" and has no control characters',
    LABEL: 'use lower-case letters and digits, and "-" between them',
    KEY_NAME: 'give a key of a Secret: letters, digits, "_", "." and "-"',
    MILLISECONDS: "give a number with ms or s, such as 50ms or 5s",
    SOME_MILLISECONDS: "give 1ms or more, such as 200ms or 5s",
    SCHEMA_NAME: 'use lower-case letters, digits and "_"',
    TIME_ZONE: "give an IANA name such as UTC or America/Sao_Paulo",
}
"""How to get each form right, for messages."""
