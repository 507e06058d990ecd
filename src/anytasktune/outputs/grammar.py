"""Grammars of answers: the text of a grammar in the Lark syntax of llguidance, put together piece by piece.

A terminal is a regular expression with `&` (and) and `~` (not); rules join terminals. How a grammar becomes choices of tokens
is not known here (`inference.constraint`).
"""

import json
from collections.abc import Sequence

from anytasktune.outputs.rules import Rules
from anytasktune.records import Language
from anytasktune.text.automaton_regex import automaton_regex
from anytasktune.text.plain_text import collapse_space
from anytasktune.text.scripts import script_regex

ANY = r"[^\x00-\x08\x0B\x0C\x0E-\x1F\x7F\x{85}\x{2028}\x{2029}]"
"""A character of a text: none that ends a line beside the usual ones, and no control character."""
IN_LINE = r"[^\x00-\x08\x0A-\x1F\x7F\x{85}\x{2028}\x{2029}]"
"""A character inside a line."""
INK = r"[^\s\x00-\x1F\x7F]"
"""A character that is not white space."""

NO_CHARACTER = "[a&&b]"
"""A regular expression that matches nothing."""


class GrammarText:
    """The definitions of a grammar; equal ones get one name."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._lines: list[str] = []
        self._own = 0

    def terminal(self, expression: str) -> str:
        """Name of a terminal with this definition."""
        return self._named("T", expression)

    def rule(self, expression: str) -> str:
        """Name of a rule with this definition."""
        return self._named("r", expression)

    def _named(self, kind: str, expression: str) -> str:
        key = f"{kind}: {expression}"
        if key not in self._names:
            self._names[key] = f"{kind}{len(self._names)}"
            self.define(self._names[key], expression)
        return self._names[key]

    def new_name(self) -> str:
        """A name for a rule that stands in its own definition."""
        self._own += 1
        return f"own{self._own}"

    def define(self, name: str, expression: str) -> None:
        """Define a rule with a `new_name`."""
        self._lines.append(f"{name}: {expression}")

    def starting(self, expression: str) -> str:
        """The whole grammar of answers that `expression` describes."""
        return "\n".join([f"start: {expression}", *self._lines])


def regex(text: str) -> str:
    """A regular expression as part of a definition."""
    return f"/{text.replace('/', chr(92) + '/')}/"


def exactly(text: str) -> str:
    """A fixed text as part of a definition."""
    return json.dumps(text)


def either(parts: Sequence[str]) -> str:
    """One of several."""
    return parts[0] if len(parts) == 1 else f"({' | '.join(parts)})"


def every(parts: Sequence[str]) -> str:
    """All of several descriptions of a terminal at once."""
    return " & ".join(f"({part})" for part in parts)


def times(low: int, high: int | None) -> str:
    """A number of repetitions, after the part that is repeated."""
    return f"{{{low},{'' if high is None else high}}}"


def copied(grammar: GrammarText, source: str, escape: dict[str, str] | None = None) -> str:
    """A terminal for what stands in `source` word for word, with its own white space or single spaces; possibly empty.

    Args:
        escape: how certain characters are written.
    """
    texts = dict.fromkeys([source.strip(), collapse_space(source)])
    written = [[(escape or {}).get(char, char) for char in text] for text in texts]
    parts = [grammar.terminal(f"%regex {json.dumps({'substring_chunks': chunks})}") for chunks in written if chunks]
    return grammar.terminal(either(parts)) if parts else grammar.terminal(exactly(""))


def rule_terms(grammar: GrammarText, rules: Rules, source: str, language: Language | None) -> list[str]:
    """Terminals that a whole answer in words must match too, as the rules say.

    The length is left to whoever counts characters, a pattern that no automaton can match to whoever checks the answer.
    """
    terms = [regex(script_regex(rules.language))] if rules.language else []
    if rules.copies_from_input:
        terms.append(copied(grammar, source))
    if rules.pattern is not None and (found := automaton_regex(rules.pattern)) is not None:
        terms += [regex(found), regex(rf"{INK}(?s:.*)")]
    return terms
