"""Bytes of files that can only be written to a place."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any


def bytes_written(write: Callable[[Path], Any], ending: str) -> bytes:
    """The file that `write` writes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"file{ending}"
        write(path)
        return path.read_bytes()
