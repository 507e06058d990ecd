"""Reasons for which a document is skipped."""

from anytasktune.errors import DataError


class SkippedFileError(DataError):
    """One file cannot or must not be read; the others can.

    Attributes:
        reason: short name, e.g. `encrypted`.
        detail: what is wrong and what to do, for a person.
    """

    def __init__(self, reason: str, what: str, fix: str = "") -> None:
        super().__init__(what, fix=fix)
        self.reason = reason
        self.detail = f"{what}; {fix}" if fix else what


def broken(what: str) -> SkippedFileError:
    """The file is damaged."""
    return SkippedFileError("broken", what, "open it in the program it came from, save it anew, or fetch it again")


def unsafe(what: str) -> SkippedFileError:
    """The file is built like an attack."""
    return SkippedFileError("unsafe", what, "leave it out, or save its text anew with a program you trust")


def encrypted(what: str) -> SkippedFileError:
    """The file needs a password."""
    return SkippedFileError("encrypted", what, "save a copy without a password")


def too_large(what: str) -> SkippedFileError:
    """Reading the file would take too much memory or time."""
    return SkippedFileError("too_large", what, "divide it into smaller files, or give an extract")


def empty(what: str = "it holds no text") -> SkippedFileError:
    """The file holds no text."""
    return SkippedFileError("empty", what, "leave it out")
