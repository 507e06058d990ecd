"""What is asked for new inputs: several at a time, with what is shown for them."""

import functools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Any

from anytasktune.llm import render_prompt
from anytasktune.records import Language
from anytasktune.schema import Example, Passage
from anytasktune.synthesis.brief import PROMPTS, Brief, Messages, as_json, object_schema
from anytasktune.synthesis.generation_plan import Slot

PER_REQUEST = 4
_MOST_CHARACTERS = {"en": 2400, "zh": 960}
"""Of all inputs of one request together; longer answers are cut off by many servers."""
_SHOWN_WITH_PASSAGE = 2


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
        own = {"passage": "from_passage", "example": "more", "task_only": "from_task"}[self.slots[0].way]
        return ("from_task", own, "cell") if self.shown else ("demo", own, "cell")

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
                yield Request(brief, part, shown=_shown(brief, part, brief.config.shots) if way == "example" else ())


def _parts(slots: Sequence[Slot], size: int) -> Iterator[tuple[Slot, ...]]:
    for start in range(0, len(slots), size):
        yield tuple(slots[start : start + size])


def _shown(brief: Brief, slots: Sequence[Slot], most: int) -> tuple[Example, ...]:
    wanted = [slot.aim.label for slot in slots]
    drawn = brief.shots.draw(brief.config.seed, "inputs", brief.language, slots[0].number, first=wanted)
    return tuple(islice(drawn, min(most, brief.config.shots)))


def messages_of(request: Request) -> Messages:
    """The prompt of a request.

    Known rows stand in it as what the teacher wrote before: small models follow that best. Where there are none, something
    written for quite another task stands there.
    """
    brief = request.brief
    wishes = [brief.wish(slot.cell, slot.aim) for slot in request.slots]
    passage = request.passage.text if request.passage else ""
    material = [brief.instruction, passage]
    keys = ", ".join(brief.input_keys)
    turns: Messages = [] if request.shown else _demonstrated(brief, bool(passage))
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
    return turns + brief.messages("from_task", material, keys=keys, instruction=brief.instruction, **told)


@functools.cache
def demonstration(language: Language) -> dict[str, str]:
    """A task of no field of work, with a document and an input to it: `instruction`, `wish`, `passage`, `quote`, `input`."""
    found: dict[str, str] = json.loads(render_prompt(PROMPTS, "demo", language))
    return found


def _demonstrated(brief: Brief, from_passage: bool) -> Messages:
    demo = demonstration(brief.language)
    told: dict[str, Any] = {"count": 1, "wishes": [demo["wish"]], "keys": "", "instruction": demo["instruction"]}
    material = [demo["instruction"], demo["passage"]]
    if not from_passage:
        answer = as_json({"inputs": [demo["input"]]})
        return [*brief.messages("from_task", material, **told), {"role": "assistant", "content": answer}]
    answer = as_json({"items": [{"quote": demo["quote"], "input": demo["input"]}]})
    asked = brief.messages("from_passage", material, passage=demo["passage"], shown=False, **told)
    return [*asked, {"role": "assistant", "content": answer}]


def schema_of(request: Request) -> dict[str, Any]:
    """JSON Schema of the answer to a request."""
    keys = request.brief.input_keys
    one: dict[str, Any] = {"type": "string"}
    if keys:
        one = {"type": "object", "properties": {key: {} for key in keys}, "required": list(keys)}
    if request.passage is not None:
        one = object_schema({"quote": {"type": "string"}, "input": one})
    count = len(request.slots)
    return object_schema({list_key(request): {"type": "array", "items": one, "minItems": count, "maxItems": count}})


def list_key(request: Request) -> str:
    """The only key of the answer."""
    return "inputs" if request.passage is None else "items"
