"""New inputs: asked for several at a time, checked one by one."""

import functools
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from anytasktune.ids import text_hash
from anytasktune.llm.asking import MisfitError, Question
from anytasktune.schema import Span
from anytasktune.similarity import jaccard
from anytasktune.synthesis.brief import COPIED, as_json
from anytasktune.synthesis.excerpts import quoted_span
from anytasktune.synthesis.generation_plan import Slot
from anytasktune.synthesis.input_requests import Request, demonstration, list_key, messages_of, schema_of
from anytasktune.synthesis.misfits import say, sentences
from anytasktune.text.plain_text import copied_share, normalise
from anytasktune.text.scripts import is_in_script

REWORDED = 0.5
"""An input this similar to a row that was shown (Jaccard over character 5-grams) is that row in other words."""
COPIED_PASSAGE = 0.8
"""An input of which so many 5-grams stand in the passage says nothing new; a quotation within it may well stand there."""
TWINS = 0.8


@dataclass(frozen=True)
class Draft:
    """An input that can be used, with the words of the passage it rests on."""

    text: str
    span: Span | None = None


@dataclass(frozen=True)
class Refusal:
    """Why there is none: a short snake_case name, and the same in words."""

    reason: str
    detail: str = ""


@dataclass
class DraftReader:
    """Reads the answer to one request: a draft or a refusal per slot.

    Attributes:
        refused: why the last answer was sent back, as it is for a single slot, or where nothing in it can be used.
    """

    request: Request
    refused: Refusal | None = field(default=None, init=False)

    @functools.cached_property
    def _told(self) -> str:
        """All that was said to the teacher but for the material that inputs may be like, and the ways to find fault."""
        brief, slots = self.request.brief, self.request.slots
        bare = replace(self.request, passage=None, shown=())
        wishes = [part["content"] for part in messages_of(bare)]
        demo = demonstration(brief.language).values()
        return "\n".join([*wishes, *(brief.wish(slot.cell, slot.aim) for slot in slots), *sentences(brief.language), *demo])

    def __call__(self, said: Any) -> list[Draft | Refusal]:
        found = self._read(said)
        if not any(isinstance(one, Draft) for one in found):
            self.refused = next(one for one in found if isinstance(one, Refusal))
            raise MisfitError(self.refused.detail)
        return found

    def _read(self, said: Any) -> list[Draft | Refusal]:
        given = _listed(said, list_key(self.request))
        found: list[Draft | Refusal] = []
        for place, slot in enumerate(self.request.slots):
            one = self._one(slot, given[place]) if place < len(given) else self._refuse("missing")
            if isinstance(one, Draft) and _has_twin(one.text, found):
                one = self._refuse("repeated")
            found.append(one)
        return found

    def _one(self, slot: Slot, said: Any) -> Draft | Refusal:
        passage = self.request.passage
        quote, written = (said.get("quote"), said.get("input")) if passage and isinstance(said, dict) else ("", said)
        text = self._text(written)
        if isinstance(text, Refusal):
            return text
        if fault := self._fault(slot, text):
            return self._refuse(fault)
        if passage is None:
            return Draft(text)
        span = quoted_span(passage, quote) if isinstance(quote, str) else None
        return Draft(text, span) if span else self._refuse("not_grounded")

    def _text(self, written: Any) -> str | Refusal:
        brief = self.request.brief
        if brief.input_keys:
            return brief.input_style.dumps(written) if _has_keys(written, brief.input_keys) else self._refuse("bad_input_form")
        if isinstance(written, dict) and len(written) == 1:
            written = next(iter(written.values()))
        return written.strip() if isinstance(written, str) and written.strip() else self._refuse("missing")

    def _fault(self, slot: Slot, text: str) -> str:
        brief = self.request.brief
        if brief.in_script and not is_in_script(text, brief.language):
            return "wrong_language"
        if normalise(text) in {normalise(label) for label in (slot.aim.label, *brief.form.labels) if label}:
            return "gives_answer"
        if copied_share(text, self._told) >= COPIED:
            return "copied_prompt"
        if self.request.passage is not None and copied_share(text, self.request.passage.text) >= COPIED_PASSAGE:
            return "copied_passage"
        said, shown = brief.said_in(text), [brief.said_in(example.input) for example in self.request.shown]
        if any(normalise(said) == normalise(known) or jaccard(said, known) >= REWORDED for known in shown):
            return "reworded"
        return ""

    def _refuse(self, reason: str) -> Refusal:
        brief = self.request.brief
        return Refusal(reason, say(reason, brief.language, keys=", ".join(brief.input_keys)))


def _listed(said: Any, key: str) -> list[Any]:
    """The list an answer holds, under whatever key; a single thing is a list of one."""
    if isinstance(said, dict):
        given = said.get(key, next(iter(said.values()), None))
        if isinstance(given, list):
            return given
        return [said if key == "items" and "input" in said else given]
    return said if isinstance(said, list) else []


def _has_keys(written: Any, keys: Sequence[str]) -> bool:
    return isinstance(written, dict) and set(written) == set(keys)


def _has_twin(text: str, found: Sequence[Draft | Refusal]) -> bool:
    return any(
        isinstance(other, Draft) and (normalise(other.text) == normalise(text) or jaccard(other.text, text) >= TWINS)
        for other in found
    )


def question_for(request: Request, asked: Counter[str]) -> tuple[Question[list[Draft | Refusal]], DraftReader]:
    """What is asked for a request, and what reads the answer.

    Args:
        asked: how often each prompt was asked before; this one is added. The same prompt again is another sample.
    """
    brief, reader = request.brief, DraftReader(request)
    read: Callable[[Any], list[Draft | Refusal]] = reader
    messages = messages_of(request)
    key = text_hash(as_json(messages))
    asked[key] += 1
    temperature = brief.config.temperature
    question = Question(messages, schema_of(request), read, brief.language, temperature=temperature, sample=asked[key] - 1)
    return question, reader
