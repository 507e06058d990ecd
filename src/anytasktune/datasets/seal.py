"""The test rows of a project, fixed before the first request, and the guard that keeps them from every teacher."""

import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from anytasktune.datasets.split import assign_documents, splits_to_fill
from anytasktune.errors import DataError
from anytasktune.ids import content_id, text_hash
from anytasktune.schema import Example, Seal, SplitName, Task
from anytasktune.settings import SplitConfig
from anytasktune.similarity import SHORT_TEXT
from anytasktune.text.plain_text import normalise, shorten

FEWEST_DOCUMENTS = 5
"""With fewer documents none is assigned to dev or test as a whole; rows are divided passage by passage then."""

Splits = Mapping[SplitName, Sequence[Example]]
_STRIDE = 8
_WINDOW = SHORT_TEXT - _STRIDE + 1
"""Wherever a long input begins in a text, one of its first `_STRIDE` windows begins at a multiple of `_STRIDE`."""
_SHOWN = 60
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|([nrtbf])|(.))", re.DOTALL)
_QUOTED = re.compile(r"[\"“「『‘']([^\"”」』’'\n]+)[\"”」』’']")
_MARKER = re.compile(r"^(?:[-*•>#]+|\(?\d{1,3}[.)、])\s*")


def seal(
    own: Mapping[str, Splits],
    *,
    documents: Mapping[str, int] | None = None,
    config: SplitConfig | None = None,
    before: Mapping[str, Mapping[str, SplitName]] = MappingProxyType({}),
) -> Seal:
    """Fix the test rows of a project.

    Args:
        own: task → its own rows, divided; all tasks of the Task Pool.
        documents: document → number of its passages, for the documents that rows are made from. For each task with too few
            test or dev rows of its own, so that some have to be made, each document is assigned to a split here, in the shares
            of `config`; with fewer than `FEWEST_DOCUMENTS` none is.
        config: shares and seed of the division.
        before: task → document → split, for documents that were assigned earlier and keep their split.

    Returns:
        The seal; equal rows and documents give an equal one, in whatever order they come.
    """
    config = config or SplitConfig()
    inputs = {task: found for task, splits in sorted(own.items()) if (found := _hashes(splits))}
    assigned: dict[str, dict[str, SplitName]] = {}
    if documents is not None and len(documents) >= FEWEST_DOCUMENTS:
        shares = {task: splits_to_fill(splits, config) for task, splits in sorted(own.items())}
        assigned = {
            task: assign_documents(documents, part, config.seed, before.get(task))
            for task, part in shares.items()
            if len(part) > 1
        }
    return Seal(id=content_id([inputs, assigned]), inputs=inputs, documents=assigned)


def input_hash(text: str) -> str:
    """SHA-256 of a normalised input, as a seal holds it."""
    return text_hash(normalise(text))


def _hashes(splits: Splits) -> list[str]:
    return sorted({input_hash(example.input) for example in splits.get("test", ())})


class SealGuard:
    """Refuses every request that would show a teacher a sealed test row.

    Inputs of at least `SHORT_TEXT` characters are looked for anywhere in a text; shorter ones, which may well stand in another
    sentence, only as a whole line, a quotation or what follows a colon. Case, width and white space make no difference, nor
    does it whether the text is written as JSON. Labels of any task are not secret.
    """

    def __init__(self, tasks: Sequence[Task], sealed: Seal, own: Mapping[str, Splits]) -> None:
        """Watch over the test rows in `own`, of which `sealed` was made.

        Raises:
            DataError: they have changed since.
        """
        if {task: found for task, splits in own.items() if (found := _hashes(splits))} != sealed.inputs:
            fix = "rows of the project have changed since: run the command again"
            raise DataError("the test rows are not those that were sealed", where="data", fix=fix)
        labels = {normalise(label) for task in tasks for code in task.languages for label in task.labels_in(code) or ()}
        self._task_of = {
            text: task
            for task, splits in own.items()
            for example in splits.get("test", ())
            if (text := normalise(example.input)) not in labels
        }
        self._short = {text for text in self._task_of if len(text) < SHORT_TEXT}
        self._long: dict[str, list[str]] = {}
        long = sorted(text for text in self._task_of if len(text) >= SHORT_TEXT)
        for text in long:
            for start in range(_STRIDE):
                self._long.setdefault(text[start : start + _WINDOW], []).append(text)
        self._all_long = "\n".join(long)

    def __call__(self, messages: Sequence[Mapping[str, str]]) -> str | None:
        """The reason not to send a conversation, each message with a `content`; None if no test input is in it."""
        found = next((found for message in messages if (found := self.find(message["content"])) is not None), None)
        return found and f"the request holds a test row of task {self._task_of[found]}: {shorten(found, _SHOWN)!r}"

    def touches(self, text: str) -> bool:
        """Whether a test input is in a passage, or the passage in a test input."""
        whole = normalise(text)
        return (len(whole) >= SHORT_TEXT and whole in self._all_long) or self.find(text) is not None

    def holds(self, example: Example) -> bool:
        """Whether a test input is in a row, so that the row must not be shown."""
        return self.find(example.input) is not None or self.find(example.output) is not None

    def find(self, text: str) -> str | None:
        """The first test input in `text`, normalised; None if there is none."""
        short = next((field for field in _fields(text) if field in self._short), None) if self._short else None
        if short is not None or not self._long:
            return short
        for reading in map(normalise, _readings(text)):
            for place in range(0, len(reading) - _WINDOW + 1, _STRIDE):
                for candidate in self._long.get(reading[place : place + _WINDOW], ()):
                    if candidate in reading:
                        return candidate
        return None


def _readings(text: str) -> tuple[str, ...]:
    """The text; where it may be JSON, also with its escapes replaced by the characters they stand for."""
    return (text, _ESCAPE.sub(_unescaped, text)) if "\\" in text else (text,)


def _unescaped(match: re.Match[str]) -> str:
    code, space, other = match.groups()
    if code is not None:
        return chr(int(code, 16))
    return "\n" if space is not None else str(other)


def _fields(text: str) -> Iterator[str]:
    """Everything that may be an input of its own: lines, text after a colon, quotations; normalised."""
    for reading in _readings(text):
        for line in reading.splitlines():
            bare = _MARKER.sub("", line.strip())
            after = [bare.partition(colon)[2] for colon in ":：" if colon in bare]
            yield from (normalise(field) for field in (line, bare, *after, *_QUOTED.findall(line)))
