"""Content hashes: the names of artefacts.

Two artefacts with the same content have the same id on every machine, so a rerun can see that nothing changed.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

ID_LENGTH = 12


def text_hash(text: str) -> str:
    """SHA-256 of the UTF-8 bytes of `text`, as 64 hex digits."""
    return hashlib.sha256(text.encode()).hexdigest()


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
