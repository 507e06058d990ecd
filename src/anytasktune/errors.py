"""Everything that can go wrong in a way the user can mend.

    AnyTaskTuneError
    ├── ConfigError      domain.yaml, settings.yaml or a -c override is wrong  (also a ValueError)
    ├── DataError        a data file cannot be read, or nothing in it is kept  (also a ValueError)
    ├── PreflightError   the data would train the wrong thing                  (also a ValueError)
    ├── ConsentError     documents or rows would leave the machine, and nobody has agreed
    ├── ModelError       a base model cannot be found, fetched or used
    ├── TrainingError    a run cannot start or go on
    ├── EvaluationError  predictions or scores cannot be made or compared
    ├── ExportError      a Task-LM cannot be written in a form, or the copy answers otherwise
    └── StoreError       the disk is full, read-only, or holds something foreign (also an OSError)
        └── DamagedError what the program wrote is not there as it was written

Every error carries :class:`Problem` records: what was wrong, where, and what to do. The command line prints them
and exits with :attr:`AnyTaskTuneError.exit_code`; a traceback is always a bug of ours.
"""

import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass

_DISK_ADVICE = {
    errno.ENOSPC: "the disk is full: free some space, then run the same command again",
    errno.EDQUOT: "your disk quota is used up: free some space, then run the same command again",
    errno.EROFS: "the disk is read-only: copy the project to a folder you can write to",
    errno.EFBIG: "files may not get that large here: check `ulimit -f` and the file system",
    errno.EACCES: "this user may not do that here: check the permissions of file and folder, or copy the project elsewhere",
    errno.EPERM: "this user may not do that here: check the permissions of file and folder, or copy the project elsewhere",
    errno.ENAMETOOLONG: "most systems take names of up to 255 bytes: give a shorter name",
    errno.ELOOP: "the path is a loop of symbolic links: give the file or folder itself",
    errno.ENOTDIR: "a file stands where a folder belongs: check the path, or move the file away",
    errno.EISDIR: "a folder stands where a file belongs: check the path, or move the folder away",
    errno.ENOENT: "check the path, and that no other program removed it",
    errno.EMFILE: "too many files are open: close other programs, or raise `ulimit -n`",
    errno.EIO: "the disk or its connection fails: check it, and copy the project elsewhere",
}
_LONGEST_PLACE = 200


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        what: the fault, in one sentence.
        where: ``file``, ``file:line`` or ``file:row``; empty when there is no place to point at.
        fix: what the user can do about it; empty when `what` says it all.
    """

    what: str
    where: str = ""
    fix: str = ""

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        advice = f" → {self.fix}" if self.fix else ""
        return f"{place}{self.what}{advice}"


class AnyTaskTuneError(Exception):
    """Base of all errors a user can act on."""

    exit_code = 1

    def __init__(self, problems: str | Problem | Sequence[Problem], *, where: str = "", fix: str = "") -> None:
        if isinstance(problems, str):
            problems = Problem(problems, where, fix)
        self.problems: tuple[Problem, ...] = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class ConfigError(AnyTaskTuneError, ValueError):
    """A field of a configuration file or an override is missing, unknown or out of range."""


class DataError(AnyTaskTuneError, ValueError):
    """A data file cannot be read, or none of its rows can be used."""


class PreflightError(AnyTaskTuneError, ValueError):
    """Training on this data would teach something other than the task."""


class ConsentError(AnyTaskTuneError):
    """Documents or rows would leave the machine, and nobody has agreed to it."""


class ModelError(AnyTaskTuneError):
    """A base model or adapter cannot be found, fetched, verified or used."""


class TrainingError(AnyTaskTuneError):
    """A training run cannot start or go on."""


class EvaluationError(AnyTaskTuneError):
    """Predictions or scores cannot be made or compared."""


class ExportError(AnyTaskTuneError):
    """A Task-LM cannot be written in the form asked for, or the exported copy does not answer as it does."""


class StoreError(AnyTaskTuneError, OSError):
    """Something on disk is full, read-only, half-written or not ours."""


class DamagedError(StoreError):
    """Something the program made was damaged or changed since: its checksum is another one."""


_REFUSED_MEMORY = (
    *("not enough memory", "can't allocate memory", "cannot allocate memory", "out of memory", "bad alloc", "bad_alloc"),
    "cublas_status_alloc_failed",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error is a failed allocation; of most devices PyTorch says so only in the message."""
    if isinstance(error, MemoryError):
        return True
    message = str(error).lower()
    return isinstance(error, RuntimeError) and any(words in message for words in _REFUSED_MEMORY)


def counted(number: int, noun: str, plural: str = "") -> str:
    """A number of things in a message: `1 row`, `2,300 rows`, `1 reply`, `2 replies`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def disk_error(error: OSError, what: str = "cannot be read or written", where: str | os.PathLike[str] = "") -> StoreError:
    """The error of a file or folder that the system refuses: its reason, the place, and what to do.

    Args:
        where: the place; the one the system named unless given.
    """
    place = os.fspath(where) or os.fsdecode(error.filename if isinstance(error.filename, (str, bytes)) else "")
    if len(place) > _LONGEST_PLACE:
        place = f"{place[: _LONGEST_PLACE // 2]}…{place[-_LONGEST_PLACE // 2 :]}"
    advice = _DISK_ADVICE.get(error.errno or 0, "check that the disk works and the path is right")
    return StoreError(f"{what}: {error.strerror or error}", where=place, fix=advice)
