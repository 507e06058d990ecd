"""Personal data in requests: replaced by placeholders such as `[PHONE_1]` before anything is sent, put back in the answers.

The same text has the same placeholder everywhere in a project. The map lies in a file of the project and is sent nowhere.
"""

import functools
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from anytasktune.llm.asking import MisfitError
from anytasktune.schema.consent import PlaceholderLine
from anytasktune.store import append_line, read_lines
from anytasktune.text.personal_data import PersonalKind, find_personal_data

PLACEHOLDERS_FILE = "placeholders.jsonl"
INVENTED = "invented_placeholder"
_NAMES: dict[PersonalKind, str] = {
    "email": "EMAIL",
    "phone": "PHONE",
    "identity_number": "IDENTITY",
    "bank_card": "BANK",
    "postal_address": "ADDRESS",
}
_ANY_NAME = "|".join(_NAMES.values())
_PLACEHOLDER = re.compile(
    rf"[\[［【]\s?(?P<name>(?i:{_ANY_NAME}))\\?[_\s-](?P<number>\d{{1,9}})\s?[\]］】]"
    rf"|(?<![A-Za-z0-9_])(?P<bare>{_ANY_NAME})\\?_(?P<count>\d{{1,9}})(?![A-Za-z0-9_])",
    re.ASCII,
)
"""A placeholder as models write it: in other brackets or none, in small letters, with an escaped underscore."""
_MOST_PASSES = 8
_PATTERN_KEY = "pattern"


class UnmaskableError(ValueError):
    """Personal data that is still found in a request after it was replaced."""


@dataclass(frozen=True)
class Masking:
    """The replacements of one request.

    Attributes:
        given: personal data, and what looked like a placeholder before, → its placeholder.
    """

    given: Mapping[str, str]

    def hide(self, text: str) -> str:
        """`text` with the placeholders of this request."""
        return "".join(
            self.given[part]
            if place % 2
            else _PLACEHOLDER.sub(lambda found: self.given.get(found.group(), found.group()), part)
            for place, part in enumerate(self._parts(text))
        )

    def unlike(self, text: str) -> list[re.Match[str]]:
        """Matches between the texts that look like placeholders and have none of their own yet."""
        return [
            found for part in self._parts(text)[::2] for found in _PLACEHOLDER.finditer(part) if found.group() not in self.given
        ]

    def restore(self, text: str) -> str:
        """`text` as it was before `hide`.

        Raises:
            MisfitError: it holds a placeholder that is none of this request.
        """
        return _PLACEHOLDER.sub(self._original, text)

    def hide_in(self, schema: Any) -> Any:
        """A JSON Schema with the placeholders; regular expressions stay."""
        return _mapped(schema, self.hide)

    def restore_in(self, value: Any) -> Any:
        """A JSON value with the texts that placeholders stand for; MisfitError as `restore`."""
        return _mapped(value, self.restore)

    def _original(self, found: re.Match[str]) -> str:
        placeholder = _canonical(found)
        if placeholder not in self._originals:
            what = f"{found.group()} stands for nothing in what you were given: copy placeholders as they are, add none"
            raise MisfitError(what, INVENTED)
        return self._originals[placeholder]

    def _parts(self, text: str) -> list[str]:
        """`text` in parts, every second of which is one of the texts to hide."""
        return self._texts.split(text) if self._texts else [text]

    @cached_property
    def _texts(self) -> re.Pattern[str] | None:
        personal = [text for text in self.given if not _PLACEHOLDER.fullmatch(text)]
        longest_first = sorted(personal, key=len, reverse=True)
        return re.compile(f"({'|'.join(map(re.escape, longest_first))})") if personal else None

    @cached_property
    def _originals(self) -> dict[str, str]:
        return {placeholder: text for text, placeholder in self.given.items()}


class Placeholders:
    """The placeholders of a project, in an append-only file; each text gets the next number of its kind."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def masking(self, texts: Iterable[str]) -> Masking:
        """The replacements for the texts of one request, which are recorded first.

        Raises:
            UnmaskableError: after some passes there is still personal data in them.
            StoreError: the file is damaged or cannot be written.
        """
        said = list(dict.fromkeys(texts))
        given: dict[str, str] = {}
        for _ in range(_MOST_PASSES):
            unlike = [found for text in said for found in Masking(given).unlike(text)]
            given |= {found.group(): self._of(found.group(), _name(found)) for found in unlike}
            masking = Masking(dict(given))
            # beside a placeholder there may be more to find, and what is found may hold placeholders of the pass before
            pieces = [piece for text in said for piece in _personal(masking.hide(text))]
            if not pieces:
                return masking
            given |= {text: self._of(text, name) for text, name in ((masking.restore(text), name) for name, text in pieces)}
        raise UnmaskableError("personal data could not be replaced in it")

    def _of(self, text: str, name: str) -> str:
        if text not in self._known:
            self._last[name] = self._last.get(name, 0) + 1
            self._known[text] = f"[{name}_{self._last[name]}]"
            append_line(self.file, PlaceholderLine(placeholder=self._known[text], text=text))
        return self._known[text]

    @cached_property
    def _known(self) -> dict[str, str]:
        lines = read_lines(self.file, PlaceholderLine)
        texts: dict[str, str] = {}
        for line in lines:  # two processes may have taken one number: the first text keeps it
            texts.setdefault(line.placeholder, line.text)
        return {text: placeholder for placeholder, text in texts.items()}

    @cached_property
    def _last(self) -> dict[str, int]:
        """The last number of each kind."""
        last: dict[str, int] = {}
        for placeholder in self._known.values():
            name, _, number = placeholder.strip("[]").rpartition("_")
            last[name] = max(last.get(name, 0), int(number))
        return last


def _name(found: re.Match[str]) -> str:
    return str(found["name"] or found["bare"]).upper()


def _canonical(found: re.Match[str]) -> str:
    return f"[{_name(found)}_{int(found['number'] or found['count'])}]"


@functools.lru_cache(maxsize=1024)
def _personal(text: str) -> tuple[tuple[str, str], ...]:
    """Name and words of each piece of personal data in a text; placeholders in it are taken whole.

    Many requests begin with the same messages, so results are kept for a while.
    """
    taken = [found.span() for found in _PLACEHOLDER.finditer(text)]
    pieces: list[tuple[str, str]] = []
    for piece in find_personal_data(text):
        over = [span for span in taken if span[0] < piece.end and piece.start < span[1]]
        start, end = (min([piece.start, *(span[0] for span in over)]), max([piece.end, *(span[1] for span in over)]))
        if (start, end) not in over:
            pieces.append((_NAMES[piece.kind], text[start:end]))
    return tuple(pieces)


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    """A JSON value with all its texts and keys changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {change(key): part if key == _PATTERN_KEY else _mapped(part, change) for key, part in value.items()}
    return [_mapped(part, change) for part in value] if isinstance(value, list | tuple) else value
