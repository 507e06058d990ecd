"""Short ends for texts that are to match a user's regular expression: what must still come after a beginning.

The pattern becomes a nondeterministic automaton (Thompson 1968) over single characters. Beside what `automaton_regex` reads, it
may look one character ahead.
"""

import functools
import heapq
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from re import _constants as ops  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

from anytasktune.text.automaton_regex import NotRegularError, single_character

_MOST_STATES = 20_000
_TRIED = 'a?.!: 。？！：\n的-1,，"()[]{}'
"""Characters that may stand for a class, the plainest first."""
_Guard = tuple[str, bool]
"""A class that the next character must (True) or must not (False) be of."""
_Place = tuple[int, frozenset[_Guard]]


class PatternCompletion:
    """The ends that make a text match a pattern."""

    def __init__(self, automaton: "_Automaton", last: int) -> None:
        self._automaton = automaton
        self._last = last
        self._text, self._places = "", [automaton.closure({(0, frozenset())})]

    @classmethod
    def of(cls, pattern: str) -> "PatternCompletion | None":
        """The ends of a pattern; None where it needs what such an automaton cannot do, or is too large."""
        try:
            parsed = parser.parse(pattern)
            automaton = _Automaton(parsed.state.flags)
            return cls(automaton, automaton.sequence(list(parsed), automaton.new(), (True, True)))
        except (NotRegularError, RecursionError):
            return None

    def after(self, text: str, plain: str = "") -> str | None:
        """A short text that makes `text` match; None if nothing does.

        Args:
            plain: characters to use where any will do, before the usual ones.
        """
        same = next((place for place, pair in enumerate(zip(text, self._text, strict=False)) if pair[0] != pair[1]), None)
        known = min(len(text), len(self._text)) if same is None else same
        if known < len(text):  # else a beginning of the last text
            self._text = text
            del self._places[known + 1 :]
            for char in text[known:]:
                self._places.append(self._automaton.step(self._places[-1], char))
        return self._end(self._places[len(text)], plain)

    def _end(self, places: frozenset[_Place], plain: str) -> str | None:
        waiting: list[tuple[int, str, int, _Place]] = [(0, "", number, place) for number, place in enumerate(places)]
        heapq.heapify(waiting)
        seen: set[_Place] = set()
        while waiting:
            cost, text, _, place = heapq.heappop(waiting)
            if place in seen:
                continue
            seen.add(place)
            if place[0] == self._last and not any(wanted for _, wanted in place[1]):
                return text
            for char, further in self._automaton.nexts(place, plain):
                if further not in seen:
                    heapq.heappush(waiting, (cost + len(char.encode()), text + char, len(seen), further))
        return None


@dataclass
class _Automaton:
    """States, joined by characters and by guards; the first is 0."""

    flags: int
    characters: list[list[tuple[str, int]]] = field(default_factory=list)
    guarded: list[list[tuple[_Guard | None, int]]] = field(default_factory=list)

    def new(self) -> int:
        if len(self.characters) >= _MOST_STATES:
            raise NotRegularError
        self.characters.append([])
        self.guarded.append([])
        return len(self.characters) - 1

    def sequence(self, nodes: Sequence[tuple[Any, Any]], start: int, edges: tuple[bool, bool]) -> int:
        """Add what `nodes` stand for after the state `start`; returns the last state. `edges`: see `automaton_regex`."""
        for place, (op, value) in enumerate(nodes):
            start = self.node(op, value, start, (edges[0] and place == 0, edges[1] and place == len(nodes) - 1))
        return start

    def node(self, op: Any, value: Any, start: int, edges: tuple[bool, bool]) -> int:
        match op:
            case ops.BRANCH:
                ends, last = [self.sequence(list(branch), start, edges) for branch in value[1]], self.new()
                for end in ends:
                    self.guarded[end].append((None, last))
                return last
            case ops.SUBPATTERN:
                _, added, removed, part = value
                before, self.flags = self.flags, (self.flags | added) & ~removed
                last = self.sequence(list(part), start, edges)
                self.flags = before
                return last
            case ops.MAX_REPEAT | ops.MIN_REPEAT:
                return self.repeat(value, start)
            case ops.ASSERT | ops.ASSERT_NOT if value[0] == 1 and len(value[1]) == 1:
                last = self.new()
                ((kind, inside),) = value[1]
                guard = (single_character(kind, inside, self.flags), op is ops.ASSERT)
                self.guarded[start].append((guard, last))
                return last
            case ops.AT if any(edges):
                return start
        last = self.new()
        self.characters[start].append((single_character(op, value, self.flags), last))
        return last

    def repeat(self, value: tuple[Any, Any, Any], start: int) -> int:
        low, high, part = value
        for _ in range(int(low)):
            start = self.sequence(list(part), start, (False, False))
        if high == ops.MAXREPEAT:
            loop = self.new()
            self.guarded[start].append((None, loop))
            self.guarded[self.sequence(list(part), loop, (False, False))].append((None, loop))
            return loop
        last = self.new()
        for _ in range(int(high) - int(low)):
            self.guarded[start].append((None, last))
            start = self.sequence(list(part), start, (False, False))
        self.guarded[start].append((None, last))
        return last

    def closure(self, places: set[_Place]) -> frozenset[_Place]:
        """Places with those reached from them without a character."""
        found, waiting = set(places), list(places)
        while waiting:
            state, guards = waiting.pop()
            for guard, further in self.guarded[state]:
                place = (further, guards if guard is None else guards | {guard})
                if place not in found:
                    found.add(place)
                    waiting.append(place)
        return frozenset(found)

    def step(self, places: frozenset[_Place], char: str) -> frozenset[_Place]:
        """The places after one more character."""
        reached = {
            (further, frozenset[_Guard]())
            for state, guards in places
            if all(_is_of(kind, char) == wanted for kind, wanted in guards)
            for kind, further in self.characters[state]
            if _is_of(kind, char)
        }
        return self.closure(reached)

    def nexts(self, place: _Place, plain: str) -> Iterator[tuple[str, _Place]]:
        """The places one character further, or none further, with a character that leads there."""
        state, guards = place
        for guard, further in self.guarded[state]:
            yield "", (further, guards if guard is None else guards | {guard})
        for kind, further in self.characters[state]:
            if char := _one_of(kind, guards, plain):
                yield char, (further, frozenset())


@functools.lru_cache(maxsize=65536)
def _is_of(kind: str, char: str) -> bool:
    return re.fullmatch(kind, char) is not None


@functools.lru_cache(maxsize=4096)
def _one_of(kind: str, guards: frozenset[_Guard], plain: str) -> str:
    """A character of a class that breaks no guard; empty if none was found."""
    codes = chain(range(0x20, 0x250), range(0x3000, 0xA000), range(0x250, 0x3000))
    for char in chain(plain, _TRIED, map(chr, codes)):
        if _is_of(kind, char) and all(_is_of(other, char) == wanted for other, wanted in guards):
            return char
    return ""
