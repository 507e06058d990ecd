"""Records of jobs: commands of the program that run in a process of their own."""

from typing import Literal

from pydantic import Field

from anytasktune.records import Artifact

JobState = Literal["starting", "running", "done", "failed", "stopped", "killed"]
"""`done`: it ended well, though rows may have been dropped; `stopped`: by Ctrl-C or a request; `killed`: it ended without
saying how, because of the memory, the power or `kill -9`. The same command, started again, goes on where a job was."""


class BackgroundJob(Artifact):
    """A command in a process of its own. Its id is chosen at random: the same command may be started again."""

    id: str
    words: list[str] = Field(min_length=1)
    """The command line without the program."""
    created: str
    """UTC, to the second."""
    version: str


class JobProcess(Artifact):
    """The process of a job; written when it has begun."""

    pid: int
    started: str


class JobEnd(Artifact):
    """The end of a job."""

    exit_code: int
    ended: str
