"""Content hashes: the names of artefacts, and orders that depend on nothing else.

Two artefacts with the same content have the same id on every machine, so a rerun can see that nothing changed.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

ID_LENGTH = 12
Thing = TypeVar("Thing")


def bytes_hash(data: bytes) -> str:
    """SHA-256 of `data`, as 64 hex digits."""
    return hashlib.sha256(data).hexdigest()


def text_hash(text: str) -> str:
    """SHA-256 of the UTF-8 bytes of `text`, as 64 hex digits."""
    return bytes_hash(text.encode())


def file_hash(path: Path) -> str:
    """SHA-256 of a file, read in blocks, as 64 hex digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def canonical_json(value: Any) -> str:
    """`value` as JSON with sorted keys and no spaces: equal values give equal text."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def content_id(value: Any) -> str:
    """Short id (12 hex digits) of any JSON-like value."""
    return text_hash(canonical_json(value))[:ID_LENGTH]


def rank(*parts: object) -> bytes:
    """Where the thing named by `parts` stands in a shuffled order: the same on every machine, after any interruption."""
    return hashlib.blake2b("\x1f".join(map(str, parts)).encode("utf-8", "surrogatepass"), digest_size=12).digest()


def shuffled(things: Sequence[Thing], *parts: object) -> list[Thing]:
    """`things` in an order that depends on `parts` and on nothing else but their places."""
    order = sorted(range(len(things)), key=lambda place: rank(*parts, place))
    return [things[place] for place in order]
