"""Answers held to a grammar, token by token.

The most probable token is taken where the grammar allows it, which costs almost nothing to ask; only where it does not are the
allowed ones computed, and the most probable of these is taken. Tokens that the grammar forces are not chosen at all. Grammars
are read by llguidance; how their text is made is in `outputs`.
"""

import json
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch

from anytasktune.errors import ConfigError
from anytasktune.text.plain_text import shorten

if TYPE_CHECKING:
    import numpy.typing as npt
    from llguidance import LLMatcher, LLTokenizer
    from transformers import PreTrainedTokenizerBase

_CLOSING = '"}]\n?？.。0!！123456789)）,;:；、 ae'
_MOST_STEPS = 60
_MOST_STEPS_AT_START = 400
_BREADTH = 8
_DEPTHS = (3, 8, 24, 10_000)
_STEPS_BACK = 24


class TokenTable:
    """A model's tokens as the grammar engine needs them; made once per tokenizer."""

    def __init__(self, tokenizer: "PreTrainedTokenizerBase", ends: Sequence[int]) -> None:
        from llguidance.hf import from_tokenizer  # noqa: PLC0415

        self.engine: LLTokenizer = from_tokenizer(tokenizer, eos_token=list(ends))
        self.ends = frozenset(ends)
        self._names = {token: str(name) for name, token in tokenizer.get_added_vocab().items()}
        self.opening = self.engine.decode_bytes(tokenizer.encode("a", add_special_tokens=False)).removesuffix(b"a").decode()
        """What the tokenizer puts before every text, such as a space."""

    @cached_property
    def characters(self) -> "npt.NDArray[np.int64]":
        """Of each token, the characters that begin in it."""
        every = map(self.bytes_of, range(self.engine.vocab_size))
        return np.array([sum(byte & 0xC0 != 0x80 for byte in each) for each in every])

    @cached_property
    def closing(self) -> list[int]:
        """Tokens that often end something, in the order they are tried in."""
        places = {char.encode(): place for place, char in enumerate(_CLOSING)}
        found = ((places.get(self.bytes_of(token)), token) for token in range(self.engine.vocab_size))
        return [token for _, token in sorted((place, token) for place, token in found if place is not None)]

    @cached_property
    def letters(self) -> frozenset[int]:
        """Tokens among the closing ones that are a letter on its own."""
        return frozenset(token for token in self.closing if self.bytes_of(token) == b"a")

    def ids_of(self, text: str) -> list[int]:
        """The tokens of a text that goes on from other tokens."""
        return [int(token) for token in self.engine.tokenize_str(text)]

    def opened(self, grammar: str) -> str:
        """A grammar of answers that begin with what the tokenizer puts before every text."""
        if not self.opening:
            return grammar
        return grammar.replace("start: ", f"start: {json.dumps(self.opening)} answer\nanswer: ", 1)

    def bytes_of(self, token: int) -> bytes:
        """The bytes of one token; none of a special one."""
        return b"" if self.engine.is_special_token(token) else self.engine.decode_bytes([token])

    def shown(self, token: int) -> bytes:
        """The bytes of one token, of a special one its name; none of a number that is no token."""
        if token >= self.engine.vocab_size:
            return b""
        return self.bytes_of(token) or self._names.get(token, "").encode()


_tables: "weakref.WeakKeyDictionary[PreTrainedTokenizerBase, dict[tuple[int, ...], TokenTable]]" = weakref.WeakKeyDictionary()


def token_table(tokenizer: "PreTrainedTokenizerBase", ends: Sequence[int]) -> TokenTable:
    """The table of a tokenizer whose answers end with one of `ends`."""
    tables = _tables.setdefault(tokenizer, {})
    if tuple(ends) not in tables:
        tables[tuple(ends)] = TokenTable(tokenizer, ends)
    return tables[tuple(ends)]


@dataclass(frozen=True)
class Constraint:
    """The constraint on the answer to one input.

    Attributes:
        matcher: the grammar before the first token; never changed.
        most_characters: of an answer.
        is_right: whether tokens are an answer that breaks no rule, for what a grammar cannot say.
        end_after: a short end after a beginning, where one is known without a search.
    """

    table: TokenTable
    matcher: "LLMatcher"
    most_characters: int | None = None
    is_right: Callable[[list[int]], bool] = field(default=lambda _: True)
    end_after: Callable[[list[int]], list[int] | None] = field(default=lambda _: None)

    @classmethod
    def of(
        cls,
        table: TokenTable,
        grammar: str,
        most_characters: int | None = None,
        otherwise: str = "no answer keeps to output and rules",
    ) -> "Constraint":
        """Compile a grammar.

        Args:
            otherwise: said before the reason where that fails.

        Raises:
            ConfigError: no text is in it, or it is too large.
        """
        from llguidance import LLMatcher  # noqa: PLC0415

        matcher = LLMatcher(table.engine, table.opened(grammar), log_level=0)
        if matcher.is_error():
            lines = [line.strip() for line in matcher.get_error().splitlines() if line.strip()]
            reason = lines[0] if not lines or not lines[0].endswith(":") else " ".join(lines)
            raise ConfigError(f"{otherwise}: {shorten(reason, 160)}", fix="change the output or its rules")
        return cls(table, matcher, most_characters)

    @property
    def room(self) -> int | None:
        """Most characters with what the tokenizer puts before them."""
        return None if self.most_characters is None else self.most_characters + len(self.table.opening)

    def begin(self) -> "ConstrainedAnswer":
        """An answer without tokens."""
        return ConstrainedAnswer(self)

    def shortest(self, most_tokens: int) -> list[int] | None:
        """Tokens of a short answer; None if none was found within `most_tokens`."""
        return self._ended([], most_tokens) or _Closing(self, most_tokens, _MOST_STEPS_AT_START).after([])

    def closed(self, tokens: Sequence[int], most_tokens: int) -> list[int] | None:
        """As much of a beginning as can be made a right answer within the limits, and its end; None if nothing was found."""
        steps = range(len(tokens), max(len(tokens) - _STEPS_BACK, 0), -1)
        cuts = [*steps, *range(max(len(tokens) - _STEPS_BACK, 0), 0, -4)]
        for cut in cuts:
            if (ended := self._ended(tokens[:cut], most_tokens)) is not None:
                return ended
            if cut <= most_tokens and (end := _Closing(self, most_tokens - cut, _MOST_STEPS).after(tokens[:cut])) is not None:
                return [*tokens[:cut], *end]
        return self.shortest(most_tokens)

    def _ended(self, tokens: Sequence[int], most_tokens: int) -> list[int] | None:
        """A beginning and its known end, if that is a right answer within the limit."""
        end = self.end_after(list(tokens))
        answer = None if end is None else [*tokens, *end]
        return answer if answer is not None and len(answer) <= most_tokens and self.is_right(answer) else None


class ConstrainedAnswer:
    """An answer being generated under a constraint.

    Attributes:
        corrected: whether the most probable token was not allowed somewhere.
        full: whether it can only be closed: its length allows no further token.
    """

    def __init__(self, constraint: Constraint) -> None:
        self.constraint = constraint
        self.corrected = False
        self.full = False
        self._matcher = constraint.matcher.deep_copy()
        self._room = constraint.room

    @property
    def complete(self) -> bool:
        """Whether nothing but an end token may follow."""
        return bool(self._matcher.is_stopped() and not self._matcher.is_error())

    def choose(self, likeliest: int, logits: torch.Tensor) -> int:
        """The most probable allowed token, which becomes part of the answer; an end token where the answer ends.

        Args:
            likeliest: the most probable token of all.
            logits: [vocabulary]
        """
        if self._take(likeliest):
            return likeliest
        if self._matcher.is_error():  # a grammar the engine gives up on; the answer is still checked at its end
            return likeliest
        self.corrected = True
        if self.complete:
            return min(self.constraint.table.ends)
        allowed = np.flatnonzero(allowed_mask(self._matcher)[: len(logits)])
        if self._room is not None:
            allowed = allowed[self.constraint.table.characters[allowed] <= self._room]
        if not len(allowed):
            self.full = True
            return likeliest
        order = torch.from_numpy(allowed).to(logits.device)
        chosen = int(order[logits[order].argmax()])
        self.full = not self._take(chosen)
        return chosen

    def forced(self) -> list[int]:
        """Tokens that must follow, which become part of the answer."""
        if self.complete or self.full or self._matcher.is_error():
            return []
        tokens = list(self._matcher.compute_ff_tokens())
        taken = 0
        for token in tokens:
            if not self._take(token):
                break
            taken += 1
        return tokens[:taken]

    def _take(self, token: int) -> bool:
        if token in self.constraint.table.ends:
            return bool(self._matcher.is_accepting())
        size = 0 if self._room is None else int(self.constraint.table.characters[token])
        if self._room is not None and size > self._room:
            return False
        if self._matcher.is_stopped() or self._matcher.try_consume_tokens([token]) != 1:
            return False
        if self._room is not None:
            self._room -= size
        return True


def allowed_mask(matcher: "LLMatcher") -> "npt.NDArray[np.bool_]":
    """Of each token, whether it may come next."""
    return np.unpackbits(np.frombuffer(matcher.compute_bitmask(), dtype=np.uint8), bitorder="little").astype(bool)


class _Closing:
    """A search for a short end of an answer: deeper and deeper, what often ends something first."""

    def __init__(self, constraint: Constraint, most_tokens: int, most_steps: int) -> None:
        self.constraint = constraint
        self.most_tokens = most_tokens
        self.most_steps = most_steps
        self.steps = 0
        self.before: list[int] = []

    def after(self, tokens: Sequence[int]) -> list[int] | None:
        """The end after `tokens`; None if none was found."""
        table, room = self.constraint.table, self.constraint.room
        self.before = list(tokens)
        if room is not None:
            room -= sum(table.characters[token] for token in tokens)
        matcher = self.constraint.matcher.deep_copy()
        if (room is not None and room < 0) or matcher.try_consume_tokens(self.before) != len(tokens):
            return None
        for depth in _DEPTHS:
            self.steps = 0
            found = self._within(matcher, [], min(depth, self.most_tokens), 10**9 if room is None else room)
            if found is not None or depth >= self.most_tokens:
                return found
        return None

    def _within(self, matcher: "LLMatcher", path: list[int], depth: int, room: int) -> list[int] | None:
        if matcher.is_accepting() and self.constraint.is_right([*self.before, *path]):
            return path
        self.steps += 1
        if depth <= 0 or matcher.is_stopped() or self.steps > self.most_steps:
            return None
        for tokens in self._next(matcher):
            size = sum(self.constraint.table.characters[token] for token in tokens)
            if len(tokens) > depth or size > room:
                continue
            further = matcher.deep_copy()
            if further.try_consume_tokens(tokens) != len(tokens):
                continue
            found = self._within(further, [*path, *tokens], depth - len(tokens), room - size)
            if found is not None or self.steps > self.most_steps:
                return found
        return None

    def _next(self, matcher: "LLMatcher") -> list[list[int]]:
        """Continuations: one token each, or the forced ones."""
        if forced := matcher.compute_ff_tokens():
            return [forced]
        table = self.constraint.table
        ranked = [token for token in table.closing if matcher.validate_tokens([token]) == 1]
        if table.letters.isdisjoint(ranked):  # in a number, which what follows it ends sooner than more digits
            ranked.sort(key=lambda token: table.bytes_of(token) not in (b"}", b"]", b","))
        if not ranked:
            others = np.flatnonzero(allowed_mask(matcher))[:1000].tolist()
            ranked = sorted(
                (token for token in others if token not in table.ends), key=lambda token: len(table.bytes_of(token))
            )
        return [[token] for token in ranked[:_BREADTH]]
