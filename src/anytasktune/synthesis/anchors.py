"""Parts of an input that must stay as they are: words the answer copies, fixed words of the task, and the input's form."""

import re
from collections.abc import Iterator

from anytasktune.schema import Example, Task
from anytasktune.text.json_values import layout_of, try_json
from anytasktune.text.plain_text import occurs_in
from anytasktune.text.scripts import HAN

_FIELD_LINE = re.compile(r"^([^:：\n,.;!?，。；！？、()（）]{1,20})[:：][ \t]*(\S[^\n]*)$", re.M)
_FEWEST_FIELDS = 2
"""A single line with a colon in it is a sentence."""
_LONGEST_FIELD = 40
_WORD = re.compile(rf"[{HAN}]+|[^\W{HAN}]{{3,}}")


def free_strings(task: Task, example: Example) -> tuple[str, ...]:
    """The pieces of an answer that are words of their own: list items, strings inside JSON, the text; no fixed words."""
    fixed = task.output.fixed_words
    pieces = (text for _, text in task.output.pieces(example.output, task.language_of(example.language)))
    return tuple(dict.fromkeys(text for text in pieces if text.strip() and text not in fixed))


def copied_strings(task: Task, example: Example) -> tuple[str, ...]:
    """The pieces of the answer that stand in the input word for word, whether the task's rules demand it or not."""
    return tuple(string for string in free_strings(task, example) if occurs_in(string, example.input))


def shared_words(task: Task, example: Example) -> Iterator[str]:
    """Words of a free answer that are in the input too: of Chinese every pair of characters."""
    for string in free_strings(task, example):
        for word in _WORD.findall(string):
            pieces = [word] if word.isascii() or len(word) < 2 else [word[at : at + 2] for at in range(len(word) - 1)]
            yield from (piece for piece in pieces if piece in example.input)


def field_words(text: str) -> Iterator[str]:
    """Names of the fields of an input (`Entity 1: Acme`), and short values that stand in it more than once."""
    lines = list(_FIELD_LINE.finditer(text))
    for match in lines if len(lines) >= _FEWEST_FIELDS else []:
        name, value = match[1].strip(), match[2].strip()
        if name:
            yield name
        if len(value) <= _LONGEST_FIELD and text.count(value) > 1:
            yield value


def json_form(text: str) -> frozenset[str] | None:
    """The key paths of an input that is a JSON object or list; None for any other text."""
    if text.lstrip()[:1] not in {"{", "["}:
        return None
    value = try_json(text)
    return None if value is None else frozenset(layout_of(value))
