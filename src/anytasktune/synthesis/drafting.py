"""New inputs: asked for several at a time, checked one by one."""

import functools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby, islice
from typing import Any

from anytasktune.ids import text_hash
from anytasktune.llm.asking import MisfitError, Question
from anytasktune.schema import Example, Passage, Span
from anytasktune.scorers.text import is_in_script
from anytasktune.similarity import jaccard, normalise
from anytasktune.synthesis.faults import say, sentences
from anytasktune.synthesis.grounding import quoted_span
from anytasktune.synthesis.planning import Slot
from anytasktune.synthesis.telling import Brief, Messages, as_json, object_schema

PER_REQUEST = 4
REWORDED = 0.5
"""An input this similar to a row that was shown (Jaccard over character 5-grams) is that row in other words."""
COPIED = 0.6
"""An input of which so many 5-grams stand in what the teacher was told is no input."""
TWINS = 0.8
_MOST_CHARACTERS = {"en": 2400, "zh": 960}
"""Of all inputs of one request together; longer answers are cut off by many servers."""
_SHOWN_WITH_PASSAGE = 2


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


@dataclass(frozen=True)
class Request:
    """Slots of one language and way whose inputs are asked for together, and what is shown for them."""

    brief: Brief
    slots: tuple[Slot, ...]
    passage: Passage | None = None
    shown: tuple[Example, ...] = ()

    @property
    def prompts(self) -> tuple[str, ...]:
        """Names of the prompts."""
        own = {"passage": "from_passage", "seed": "more", "plan": "from_task"}[self.slots[0].way]
        return ("from_task", own, "cell") if self.shown else (own, "cell")

    def alone(self) -> Iterator["Request"]:
        """A request for each slot by itself."""
        for slot in self.slots:
            yield Request(self.brief, (slot,), self.passage, self.shown)


def requests(brief: Brief, slots: Sequence[Slot]) -> Iterator[Request]:
    """Slots of one language whose inputs are to be written, as requests; those of one passage go together."""
    size = max(1, min(PER_REQUEST, _MOST_CHARACTERS[brief.language] // max(1, brief.lengths.edges[-1])))
    for way, of_way in groupby(sorted(slots, key=lambda slot: slot.way), key=lambda slot: slot.way):
        if way == "passage":
            by_passage: dict[str, list[Slot]] = {}
            for slot in of_way:
                by_passage.setdefault(slot.passage.id if slot.passage else "", []).append(slot)
            for together in by_passage.values():
                for part in _parts(together, size):
                    yield Request(brief, part, part[0].passage, _shown(brief, part, _SHOWN_WITH_PASSAGE))
        else:
            for part in _parts(list(of_way), size):
                yield Request(brief, part, shown=_shown(brief, part, brief.config.shots) if way == "seed" else ())


def _parts(slots: Sequence[Slot], size: int) -> Iterator[tuple[Slot, ...]]:
    for start in range(0, len(slots), size):
        yield tuple(slots[start : start + size])


def _shown(brief: Brief, slots: Sequence[Slot], most: int) -> tuple[Example, ...]:
    wanted = [slot.aim.label for slot in slots]
    drawn = brief.shots.draw(brief.config.seed, "inputs", brief.language, slots[0].number, first=wanted)
    return tuple(islice(drawn, min(most, brief.config.shots)))


def messages_of(request: Request) -> Messages:
    """The prompt of a request. Known rows stand in it as what the teacher wrote before: small models follow that best."""
    brief = request.brief
    wishes = [brief.wish(slot.cell, slot.aim) for slot in request.slots]
    passage = request.passage.text if request.passage else ""
    material = [brief.instruction, passage]
    keys = ", ".join(brief.input_keys)
    turns: Messages = []
    if request.shown:
        known = [brief.wish_met_by(example) for example in request.shown]
        told = {"count": len(known), "wishes": known, "keys": keys, "instruction": brief.instruction}
        turns = brief.messages("from_task", material, **told)
        turns.append({"role": "assistant", "content": as_json({"inputs": [brief.as_value(one) for one in request.shown]})})
    told = {"count": len(wishes), "wishes": wishes}
    if passage:
        told |= {"passage": passage, "shown": bool(request.shown), "keys": keys, "instruction": brief.instruction}
        return turns + brief.messages("from_passage", material, **told)
    if request.shown:
        return turns + brief.messages("more", (), **told)
    return brief.messages("from_task", material, keys=keys, instruction=brief.instruction, **told)


def schema_of(request: Request) -> dict[str, Any]:
    """JSON Schema of the answer to a request."""
    keys = request.brief.input_keys
    one: dict[str, Any] = {"type": "string"}
    if keys:
        one = {"type": "object", "properties": {key: {} for key in keys}, "required": list(keys)}
    if request.passage is not None:
        one = object_schema({"quote": {"type": "string"}, "input": one})
    count = len(request.slots)
    return object_schema({_list_key(request): {"type": "array", "items": one, "minItems": count, "maxItems": count}})


def _list_key(request: Request) -> str:
    return "inputs" if request.passage is None else "items"


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
        return "\n".join([*wishes, *(brief.wish(slot.cell, slot.aim) for slot in slots), *sentences(brief.language)])

    def __call__(self, said: Any) -> list[Draft | Refusal]:
        found = self._read(said)
        if not any(isinstance(one, Draft) for one in found):
            self.refused = next(one for one in found if isinstance(one, Refusal))
            raise MisfitError(self.refused.detail)
        return found

    def _read(self, said: Any) -> list[Draft | Refusal]:
        given = _listed(said, _list_key(self.request))
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
        if contained(text, self._told) >= COPIED:
            return "copied_prompt"
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


def contained(text: str, told: str) -> float:
    """Share of the character 5-grams of `text` that stand in `told`, both normalised, from 0 to 1."""
    first, second = normalise(text), normalise(told)
    grams = [first[start : start + 5] for start in range(max(1, len(first) - 4))]
    return sum(gram in second for gram in grams) / len(grams)


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
