"""The system's own limits, set low for a moment."""

import contextlib
from collections.abc import Iterator

import pytest


@contextlib.contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """Inside, no file can get longer than `size` bytes: writing fails half-way, as on a full disk."""
    resource = pytest.importorskip("resource", reason="limits on file sizes are a POSIX thing")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
