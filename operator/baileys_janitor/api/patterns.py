"""The forms that texts must have, as patterns (RE2 as well as Python) and in words."""

from __future__ import annotations

OBJECT_NAME = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
COMPANY_ID = r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$"
RELATIVE_PATH = r"^[^/\x00-\x1f\x7f][^\x00-\x1f\x7f]*$"
TIME_ZONE = r"^[A-Za-z][A-Za-z0-9_+/-]*$"
LABEL = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
KEY_NAME = r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$"
MILLISECONDS = r"^[0-9]{1,6}(ms|s)$"
SCHEMA_NAME = r"^[a-z_][a-z0-9_]*$"

IN_WORDS = {
    OBJECT_NAME: 'give the name of an object: lower-case letters, digits, "-" and "."',
    COMPANY_ID: 'use letters and digits, and ".", "_" or "-" between them',
    RELATIVE_PATH: 'give a path that does not begin with "/" and has no control characters',
    LABEL: 'use lower-case letters and digits, and "-" between them',
    KEY_NAME: 'give a key of a Secret: letters, digits, "_", "." and "-"',
    MILLISECONDS: "give a number with ms or s, such as 50ms or 5s",
    SCHEMA_NAME: 'use lower-case letters, digits and "_"',
    TIME_ZONE: "give an IANA name such as UTC or America/Sao_Paulo",
}
"""How to get each form right, for messages."""
