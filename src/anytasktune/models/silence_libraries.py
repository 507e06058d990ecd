"""Silences other libraries, and shortens their exceptions to one line."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Inside the block transformers, and what it calls, show no progress bars, warnings or messages.

    Not for use from several threads at once: standard output and error are process-wide.
    """
    from transformers.utils import logging

    # Asking for the level makes transformers bind its log handler now, to the real stderr and not to ours.
    level = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(level)


def reason_of(error: Exception) -> str:
    """The first line of an exception of another library, without its full stop; its class when it has no words."""
    lines = str(error).strip().splitlines()
    return lines[0].strip().rstrip(".") if lines else type(error).__name__
