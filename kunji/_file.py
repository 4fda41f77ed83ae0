"""The shape of a store file. Knows no key and nothing of what is sealed in it.

A file is one JSON object on three lines, replaced whole at every change:

    {"kunji": "tokens", "format": 1, "key": "<name of the key it is sealed with>",
    "tables": {"tokens": {"dhan": {"sealed": "…"}}},
    "sha256": "<of all bytes before this line>"}
"""

from __future__ import annotations

import json
import os
from hashlib import sha256
from typing import Any, NamedTuple

from kunji._errors import Damaged, StoreUnreadable
from kunji._seal import FORMAT

Tables = dict[str, dict[str, Any]]
"""Documents by table and id."""
COUNTERS = "counter"
"""The one table whose documents are not sealed: `{"next": …}`."""
Signature = tuple[int, int, int]
"""Tells one version of a file from another without reading it."""


class Contents(NamedTuple):
    key: str
    tables: Tables


def pack(kind: str, contents: Contents) -> bytes:
    head = json.dumps({"kunji": kind, "format": FORMAT, "key": contents.key})[:-1]
    tables = json.dumps(contents.tables, separators=(",", ":"))
    body = f'{head},\n"tables": {tables},\n'.encode("ascii")
    return body + _last_line(body)


def unpack(data: bytes, kind: str, place: str) -> Contents:
    """Raises StoreUnreadable if it is damaged, too new, or another kind of file."""
    body = data[: data.rfind(b'\n"sha256"') + 1]
    whole = data == body + _last_line(body)
    found = _parsed(data)
    if isinstance(found.get("format"), int) and found["format"] > FORMAT:
        raise StoreUnreadable(f"{place} was written by a newer version of kunji; install that one, nothing was changed")
    if not whole or not _is_ours(found):
        raise Damaged(f"{place} is damaged; it is left as it is")
    if found["kunji"] != kind:
        raise StoreUnreadable(f"{place} holds {found['kunji']}, where {kind} belong")
    return Contents(found["key"], found["tables"])


def signature(found: os.stat_result) -> Signature:
    """Writers see to it that the time rises with every version."""
    return found.st_ino, found.st_mtime_ns, found.st_size


def _last_line(body: bytes) -> bytes:
    return f'"sha256": "{sha256(body).hexdigest()}"}}\n'.encode()


def _is_ours(found: dict[str, Any]) -> bool:
    """A right sum does not make it so: somebody may have edited the file and summed it up again."""
    tables = found.get("tables")
    return (
        _is_name(found.get("kunji"))
        and isinstance(found.get("key"), str)
        and isinstance(tables, dict)
        and all(isinstance(table, dict) for table in tables.values())
        and all(_is_document(name, document) for name, table in tables.items() for document in table.values())
    )


def _is_name(kind: object) -> bool:
    """Whether it can be shown."""
    return isinstance(kind, str) and len(kind) < 100 and kind.isprintable()


def _is_document(table: str, document: object) -> bool:
    name, kind = ("next", int) if table == COUNTERS else ("sealed", str)
    return isinstance(document, dict) and isinstance(document.get(name), kind)


def _parsed(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
