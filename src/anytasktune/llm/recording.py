"""Answers written to a file, and given again from it: no endpoint, no key, the same every time."""

import contextlib
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from pydantic import ValidationError

from anytasktune.errors import DamagedError, StoreError, counted
from anytasktune.ids import text_hash
from anytasktune.llm.costs import Prices, Tally
from anytasktune.llm.endpoint import EndpointError
from anytasktune.llm.ledger import Spent
from anytasktune.llm.negotiation import Request
from anytasktune.schema.kept_answers import RecordedAnswer, TeacherAnswer
from anytasktune.text.plain_text import collapse_space

_SHOWN = 120
_BEGINNING = b'{"schema_version":'
"""First bytes of a line of a recording."""


class Recorder:
    """Adds each answer to a file of JSON lines, once; what a killed run left half written is cut off first."""

    def __init__(self, file: Path, model: str) -> None:
        self.file = file
        self._model = model

    def record(self, request: Request, answer: TeacherAnswer) -> None:
        """Add an answer, wherever it comes from, if it is not there yet.

        Raises:
            StoreError: the file cannot be written, or is no recording.
        """
        key = request.key(self._model)
        if key in self._known:
            return
        self._known.add(key)
        line = RecordedAnswer(
            model=self._model,
            messages=[dict(message) for message in request.messages],
            answer_schema=dict(request.schema),
            temperature=request.temperature,
            sample=request.sample,
            max_tokens=request.max_tokens,
            answer=answer,
        )
        with _file_errors(self.file), self.file.open("ab") as stream:
            stream.write(line.model_copy(update={"sha256": _hash(line)}).model_dump_json().encode() + b"\n")

    @cached_property
    def _known(self) -> set[str]:
        with _file_errors(self.file):
            self.file.parent.mkdir(parents=True, exist_ok=True)
            content = self.file.read_bytes() if self.file.exists() else b""
        whole = content.rfind(b"\n") + 1
        known = set(_read(self.file)) if whole else set()
        if not content[whole:].startswith(_BEGINNING[: len(content) - whole]):
            raise StoreError("not a recording; nothing is added to it", where=f"{self.file}", fix="give another file")
        if whole < len(content):
            with _file_errors(self.file), self.file.open("ab+") as stream:
                stream.truncate(whole)
        return known


@dataclass
class Replay:
    """Answers from a recording, and from nowhere else.

    Attributes:
        file: what a Recorder wrote.
        model: whose answers are given.
    """

    file: Path
    model: str
    prices: Prices = field(default_factory=Prices)
    tally: Tally = field(default_factory=Tally)
    answered: list[str] = field(default_factory=list)

    def paid_for(self, keys: Collection[str]) -> Spent:
        """Nothing."""
        return Spent()

    def holds(self, requests: Sequence[Request]) -> list[bool]:
        """All: nothing is ever sent."""
        return [True] * len(requests)

    @contextlib.asynccontextmanager
    async def session(self) -> AsyncIterator["Replaying"]:
        """Open it; StoreError if there is no such file, or it is no recording."""
        yield Replaying(self, self._answers)

    @cached_property
    def _answers(self) -> dict[str, RecordedAnswer]:
        return _read(self.file)


@dataclass
class Replaying:
    """Recorded answers, in the place of a session with an endpoint."""

    replay: Replay
    answers: dict[str, RecordedAnswer]

    async def answer(self, request: Request) -> TeacherAnswer:
        """The recorded answer; EndpointError, with what was asked, if there is none."""
        found = self.answers.get(request.key(self.replay.model))
        if found is None:
            raise self._missing(request)
        self.replay.tally.found += 1
        self.replay.answered.append(request.key(self.replay.model))
        return found.answer

    async def drain(self, seconds: float) -> None:
        """Nothing is under way."""

    def schema_ignored(self, request: Request) -> None:
        """Nothing is sent, so nothing is to be sent otherwise."""

    def _missing(self, request: Request) -> EndpointError:
        models = sorted({line.model for line in self.answers.values()})
        whose = f"; it holds {counted(len(self.answers), 'answer')} of {', '.join(models) or 'nobody'}"
        sampled = f", sample {request.sample}" if request.sample else ""
        asked = collapse_space(request.messages[-1]["content"])
        shown = asked if len(asked) <= _SHOWN else f"{asked[: _SHOWN // 2]} … {asked[-_SHOWN // 2 :]}"
        what = f"the recording has no answer of {self.replay.model}{sampled} to: {shown!r}{whose}"
        fix = "run the same command with --record instead of --replay; what it holds is kept"
        return EndpointError(what, where=str(self.replay.file), fix=fix)


def _read(file: Path) -> dict[str, RecordedAnswer]:
    """The whole lines, by the key of the request; the first of several for one."""
    found: dict[str, RecordedAnswer] = {}
    with _file_errors(file):
        lines = file.read_bytes().split(b"\n")[:-1]
    for number, text in enumerate(lines, 1):
        try:
            line = RecordedAnswer.model_validate_json(text)
        except ValidationError as error:
            what = f"not a recorded answer: {error.errors()[0]['msg']}"
            raise StoreError(what, where=f"{file}:{number}", fix="delete that line, or give another file") from None
        if line.sha256 and line.sha256 != _hash(line):
            fix = "delete that line; the other answers stay"
            raise DamagedError("the line does not match its checksum", where=f"{file}:{number}", fix=fix)
        request = Request(line.messages, line.answer_schema, "en", line.temperature, line.sample, line.max_tokens)
        found.setdefault(request.key(line.model), line)
    return found


def _hash(line: RecordedAnswer) -> str:
    return text_hash(line.model_dump_json(exclude={"sha256"}))


@contextlib.contextmanager
def _file_errors(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        fix = "check the name of the recording" if not file.is_file() else "check that you may read and write it"
        raise StoreError(f"cannot be used: {error.strerror or error}", where=str(file), fix=fix) from None
