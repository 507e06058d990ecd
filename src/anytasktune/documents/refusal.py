"""Why a file is not read."""

from anytasktune.errors import DataError


class RefusedError(DataError):
    """One file cannot or must not be read; the others can.

    Attributes:
        reason: short name, e.g. `encrypted`.
        detail: what is wrong and what to do, for a person.
    """

    def __init__(self, reason: str, what: str, fix: str = "") -> None:
        super().__init__(what, fix=fix)
        self.reason = reason
        self.detail = f"{what}; {fix}" if fix else what


def broken(what: str) -> RefusedError:
    """The file is damaged."""
    return RefusedError("broken", what, "open it in the program it came from, save it anew, or fetch it again")


def unsafe(what: str) -> RefusedError:
    """The file is made like one that is meant to do harm."""
    return RefusedError("unsafe", what, "leave it out, or save its text anew with a program you trust")


def encrypted(what: str) -> RefusedError:
    """The file needs a password."""
    return RefusedError("encrypted", what, "save a copy without a password")


def too_large(what: str) -> RefusedError:
    """Reading the file would take more memory or time than a document is worth."""
    return RefusedError("too_large", what, "divide it into smaller files, or give an extract")
