"""Places on this machine that artefacts must not name: local base models and folders of documents, kept in the user's cache.

An artefact that is shared holds the last part of a path at most. The whole path is found here, by an id of what lies there.
"""

import contextlib
from pathlib import Path

from anytasktune.errors import StoreError
from anytasktune.models.cache import cache_root
from anytasktune.store import write_atomic

_FOLDER = "places"


def remember(identity: str, place: Path) -> None:
    """Note where the thing with this id lies; without effect where the cache cannot be written."""
    if recall(identity) != place.absolute():
        with contextlib.suppress(StoreError):
            write_atomic(cache_root() / _FOLDER / identity, str(place.absolute()))


def recall(identity: str) -> Path | None:
    """The place where the thing with this id lay last on this machine; None if it is not known or there no more."""
    try:
        place = Path((cache_root() / _FOLDER / identity).read_text(encoding="utf-8"))
        return place if place.exists() else None
    except (OSError, ValueError):
        return None
