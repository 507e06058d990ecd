"""The test rows of a task, fixed before anything is made, and the watch that no teacher is shown one of them."""

import re
from collections.abc import Iterator, Mapping, Sequence

from anytasktune.datasets.split_assignment import deal_documents, receiving
from anytasktune.errors import DataError
from anytasktune.ids import content_id, text_hash
from anytasktune.schema import Example, Seal, SplitName, Task
from anytasktune.settings import SplitConfig
from anytasktune.similarity import SHORT_TEXT
from anytasktune.text.plain_text import normalise, shorten

FEWEST_DOCUMENTS = 5
"""With fewer documents none can be set aside whole for dev and test; rows are divided passage by passage then."""

_STRIDE = 8
_WINDOW = SHORT_TEXT - _STRIDE + 1
"""Wherever a long input begins in a text, one of its first `_STRIDE` windows begins at a multiple of `_STRIDE`."""
_SHOWN = 60
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|([nrtbf])|(.))", re.DOTALL)
_QUOTED = re.compile(r"[\"“「『‘']([^\"”」』’'\n]+)[\"”」』’']")
_MARKER = re.compile(r"^(?:[-*•>#]+|\(?\d{1,3}[.)、])\s*")


def seal(
    task: Task,
    splits: Mapping[SplitName, Sequence[Example]],
    *,
    documents: Mapping[str, int] | None = None,
    config: SplitConfig | None = None,
) -> Seal:
    """Fix the test rows of `task`.

    Args:
        task: its name is part of the seal.
        splits: the rows the task has of its own, divided.
        documents: what rows may be made from, each with its number of passages. Where the task has too few test or dev rows of
            its own, so that some have to be made, each document is dealt to a split here, in the shares of `config`. With
            fewer than `FEWEST_DOCUMENTS` none is.
        config: shares and seed of the division.

    Returns:
        The seal; the same rows and documents give the same one, in whatever order they come.
    """
    config = config or SplitConfig()
    inputs = sorted({input_hash(example.input) for example in splits.get("test", ())})
    shares = receiving(splits, config)
    enough = documents is not None and len(documents) >= FEWEST_DOCUMENTS
    dealt = deal_documents(documents, shares, config.seed) if documents and enough and len(shares) > 1 else {}
    return Seal(id=content_id([task.name, inputs, dealt]), task=task.name, inputs=inputs, documents=dealt)


def input_hash(text: str) -> str:
    """What a seal knows an input by: the SHA-256 of its normalised text."""
    return text_hash(normalise(text))


class SealGuard:
    """Raises an error before a teacher would be shown a sealed test row.

    Inputs of at least `SHORT_TEXT` characters are looked for anywhere in a text; shorter ones, which may well stand in another
    sentence, only as a whole line, a quotation or what follows a colon. Case, width and white space make no difference, nor
    does it whether the text is written as JSON.
    """

    def __init__(self, task: Task, seal: Seal, tests: Sequence[Example]) -> None:
        """Watch over `tests`, the rows that `seal` was made of; DataError if they are others."""
        if sorted({input_hash(example.input) for example in tests}) != seal.inputs:
            fix = "the task's rows have changed since: run the command again"
            raise DataError("the test rows are not those that were sealed", where=f"task {task.name}", fix=fix)
        self._task = task.name
        known = {normalise(label) for language in task.languages for label in task.labels_in(language) or ()}
        inputs = {normalise(example.input) for example in tests} - known
        self._short = {text for text in inputs if len(text) < SHORT_TEXT}
        self._long: dict[str, list[str]] = {}
        long = sorted(text for text in inputs if len(text) >= SHORT_TEXT)
        for text in long:
            for start in range(_STRIDE):
                self._long.setdefault(text[start : start + _WINDOW], []).append(text)
        self._all_long = "\n".join(long)

    def __call__(self, messages: Sequence[Mapping[str, str]]) -> None:
        """Pass a conversation, each message with a `content`; DataError if a test input stands in it."""
        for message in messages:
            if (found := self.find(message["content"])) is not None:
                what = f"a request to the teacher would show it a test row: {shorten(found, _SHOWN)!r}"
                fix = "nothing was sent; take the row out of the other rows and documents, or out of the test rows"
                raise DataError(what, where=f"task {self._task}", fix=fix)

    def touches(self, text: str) -> bool:
        """Whether a test input stands in a passage, or the passage in a test input."""
        whole = normalise(text)
        return (len(whole) >= SHORT_TEXT and whole in self._all_long) or self.find(text) is not None

    def find(self, text: str) -> str | None:
        """The first test input that stands in `text`, normalised; None if none does."""
        short = next((field for field in _fields(text) if field in self._short), None) if self._short else None
        if short is not None or not self._long:
            return short
        return next((found for reading in _readings(text) if (found := self._find_long(reading)) is not None), None)

    def _find_long(self, text: str) -> str | None:
        for place in range(0, len(text) - _WINDOW + 1, _STRIDE):
            for candidate in self._long.get(text[place : place + _WINDOW], ()):
                if candidate in text:
                    return candidate
        return None


def _readings(text: str) -> Iterator[str]:
    """Normalised text; where it may be JSON, also with what is escaped as the characters that are meant."""
    yield normalise(text)
    if "\\" in text:
        yield normalise(_ESCAPE.sub(_unescaped, text))


def _unescaped(match: re.Match[str]) -> str:
    code, space, other = match.groups()
    if code is not None:
        return chr(int(code, 16))
    return "\n" if space is not None else str(other)


def _fields(text: str) -> Iterator[str]:
    """Whatever may be an input of its own: lines, what follows a colon, quotations; normalised."""
    for reading in (text, _ESCAPE.sub(_unescaped, text)) if "\\" in text else (text,):
        for line in reading.splitlines():
            bare = _MARKER.sub("", line.strip())
            after = [bare.partition(colon)[2] for colon in ":：" if colon in bare]
            yield from (normalise(field) for field in (line, bare, *after, *_QUOTED.findall(line)))
