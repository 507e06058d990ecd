"""New inputs: requested several at a time, with known rows or a demonstration before them, and checked one by one."""

import functools
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

from anytasktune.llm.asking import Asker, MisfitError, Question
from anytasktune.llm.prompts import render_prompt
from anytasktune.records import Language
from anytasktune.schema import Example, Passage, Span
from anytasktune.similarity import jaccard
from anytasktune.synthesis.brief import PROMPTS, Brief, Messages, as_json, object_schema
from anytasktune.synthesis.drafts import Draft, Meter, Refusal, Slot
from anytasktune.synthesis.excerpts import COPIED, quoted_span, text_at
from anytasktune.synthesis.retry_messages import say, sentences
from anytasktune.text.plain_text import copied_share, normalise
from anytasktune.text.scripts import is_in_script

REWORDED = 0.5
"""An input this similar to a row that was shown (Jaccard over character 5-grams) is that row in other words."""
COPIED_PASSAGE = 0.8
"""An input of which so many 5-grams stand in the passage says nothing new; a quotation within it may well stand there."""
TWINS = 0.8
_SHOWN_WITH_PASSAGE = 2
_NOT_ASKED_AGAIN = frozenset({"not_answered", "over_budget", "sealed", "not_masked"})


class Written(NamedTuple):
    """An input that can be used, with the words of the passage it rests on."""

    text: str
    span: Span | None = None


@dataclass(frozen=True)
class Request:
    """Slots of one language and kind whose inputs are requested together, and what is shown for them."""

    brief: Brief
    slots: tuple[Slot, ...]
    shown: tuple[Example, ...] = ()

    @property
    def passage(self) -> Passage | None:
        """The source of all these inputs."""
        return self.slots[0].passage

    @property
    def prompts(self) -> tuple[str, ...]:
        """Ids of the prompts."""
        own = {"passage": "from_passage", "example": "more", "task_only": "from_task"}[self.slots[0].kind]
        return self.brief.prompt_ids("from_task" if self.shown else "demo", own, "cell")

    @property
    def list_key(self) -> str:
        """The only key of the answer."""
        return "inputs" if self.passage is None else "items"

    @functools.cached_property
    def told(self) -> str:
        """All that was said to the teacher but for the material that inputs may be like, and the ways to find fault."""
        brief = self.brief
        bare = tuple(Slot(slot.number, slot.language, "task_only", slot.cell, slot.target) for slot in self.slots)
        said = [message["content"] for message in messages_of(Request(brief, bare))]
        wishes = [brief.wish(slot.cell, slot.target) for slot in self.slots]
        return "\n".join([*said, *wishes, *sentences(brief.language), *demonstration(brief.language).values()])


def requests(brief: Brief, slots: Sequence[Slot], wanted: Collection[int]) -> Iterator[Request]:
    """The requests for the inputs of the rows with the numbers in `wanted`.

    Args:
        slots: the whole plan of the language. A request is always sent for all its rows, also for those not wanted (yet): so it
            stays the same, and its answer is found, when more of them are.
    """
    groups: dict[tuple[str, int], list[Slot]] = {}
    for slot in sorted(slots, key=lambda slot: slot.kind):
        if slot.request is not None:
            groups.setdefault((slot.kind, slot.request), []).append(slot)
    most = {"passage": min(_SHOWN_WITH_PASSAGE, brief.config.shots), "example": brief.config.shots}
    for (kind, _), part in groups.items():
        if any(slot.number in wanted for slot in part):
            labels = [slot.target.label for slot in part]
            drawn = brief.shots.draw(brief.config.seed, "inputs", brief.language, part[0].number, first=labels)
            yield Request(brief, tuple(part), tuple(islice(drawn, most.get(kind, 0))))


def messages_of(request: Request) -> Messages:
    """The prompt of a request.

    Known rows stand in it as what the teacher wrote before: small models follow that best. Where there are none, something
    written for quite another task stands there.
    """
    brief, shown = request.brief, request.shown
    passage = request.passage.text if request.passage else ""
    material = [brief.instruction, passage]
    told: dict[str, Any] = {"keys": ", ".join(brief.input_keys), "instruction": brief.instruction}
    if shown:
        known = [brief.wish_met_by(row) for row in shown]
        turns = brief.messages("from_task", material, count=len(known), wishes=known, **told)
        turns.append({"role": "assistant", "content": as_json({"inputs": [brief.as_value(row) for row in shown]})})
    else:
        turns = _demonstrated(brief, from_passage=bool(passage))
    wishes = [brief.wish(slot.cell, slot.target) for slot in request.slots]
    asked: dict[str, Any] = {"count": len(wishes), "wishes": wishes}
    if passage:
        return turns + brief.messages("from_passage", material, passage=passage, shown=bool(shown), **asked, **told)
    return turns + (brief.messages("more", (), **asked) if shown else brief.messages("from_task", material, **asked, **told))


@functools.cache
def demonstration(language: Language) -> dict[str, str]:
    """A task of no field of work, with a document and an input to it: `instruction`, `wish`, `passage`, `quote`, `input`."""
    found: dict[str, str] = json.loads(render_prompt(PROMPTS, "demo", language))
    return found


def _demonstrated(brief: Brief, *, from_passage: bool) -> Messages:
    demo = demonstration(brief.language)
    told: dict[str, Any] = {"count": 1, "wishes": [demo["wish"]], "keys": "", "instruction": demo["instruction"]}
    answer: dict[str, Any] = {"inputs": [demo["input"]]}
    name = "from_task"
    if from_passage:
        name, answer = "from_passage", {"items": [{"quote": demo["quote"], "input": demo["input"]}]}
        told |= {"passage": demo["passage"], "shown": False}
    asked = brief.messages(name, [demo["instruction"], demo["passage"]], **told)
    return [*asked, {"role": "assistant", "content": as_json(answer)}]


def question_for(request: Request) -> Question[list[Written | Refusal]]:
    """The question for the inputs of a request; its value is an input or a refusal per slot.

    Its sample is the number of its first row: the same prompt for other rows is to give other inputs.
    """
    brief, count = request.brief, len(request.slots)
    one: dict[str, Any] = {"type": "string"}
    if brief.input_keys:
        one = {"type": "object", "properties": {key: {} for key in brief.input_keys}, "required": list(brief.input_keys)}
    if request.passage is not None:
        one = object_schema({"quote": {"type": "string"}, "input": one})
    schema = object_schema({request.list_key: {"type": "array", "items": one, "minItems": count, "maxItems": count}})
    return Question(
        messages_of(request),
        schema,
        lambda said: _read(request, said),
        brief.language,
        temperature=brief.config.temperature,
        sample=request.slots[0].number,
    )


def _read(request: Request, said: Any) -> list[Written | Refusal]:
    """An input or a refusal per slot; MisfitError where nothing in the answer can be used."""
    given = said if isinstance(said, list) else []
    if isinstance(said, dict):  # the list may stand under another key; a single thing is a list of one
        value = said.get(request.list_key, next(iter(said.values()), None))
        single = said if request.list_key == "items" and "input" in said else value
        given = value if isinstance(value, list) else [single]
    found: list[Written | Refusal] = []
    for place, slot in enumerate(request.slots):
        one = _checked(request, slot, given[place]) if place < len(given) else _refusal(request.brief, "missing")
        if isinstance(one, Written) and any(
            isinstance(other, Written)
            and (normalise(other.text) == normalise(one.text) or jaccard(other.text, one.text) >= TWINS)
            for other in found
        ):
            one = _refusal(request.brief, "repeated")
        found.append(one)
    if not any(isinstance(one, Written) for one in found):
        first = next(one for one in found if isinstance(one, Refusal))
        raise MisfitError(first.detail, reason=first.reason)
    return found


def _checked(request: Request, slot: Slot, said: Any) -> Written | Refusal:
    brief, passage = request.brief, request.passage
    quote, written = (said.get("quote"), said.get("input")) if passage and isinstance(said, dict) else ("", said)
    if brief.input_keys:
        if not isinstance(written, dict) or set(written) != set(brief.input_keys):
            return _refusal(brief, "bad_input_form")
        text = brief.input_style.dumps(written)
    else:
        written = next(iter(written.values())) if isinstance(written, dict) and len(written) == 1 else written
        text = written.strip() if isinstance(written, str) else ""
    reason = _fault(request, slot, text) if text else "missing"
    if reason or passage is None:
        return _refusal(brief, reason) if reason else Written(text)
    span = quoted_span(passage, quote) if isinstance(quote, str) else None
    return Written(text, span) if span else _refusal(brief, "not_grounded")


def _fault(request: Request, slot: Slot, text: str) -> str:
    """Reason why a text cannot be the input of a slot; empty if it can."""
    brief, passage = request.brief, request.passage
    if brief.in_script and not is_in_script(text, brief.language):
        return "wrong_language"
    if normalise(text) in {normalise(label) for label in (slot.target.label, *brief.labels) if label}:
        return "gives_answer"
    if copied_share(text, request.told) >= COPIED:
        return "copied_prompt"
    if passage is not None and copied_share(text, passage.text) >= COPIED_PASSAGE:
        return "copied_passage"
    content, shown = brief.content_of(text), [brief.content_of(row.input) for row in request.shown]
    if any(normalise(content) == normalise(known) or jaccard(content, known) >= REWORDED for known in shown):
        return "reworded"
    return ""


def _refusal(brief: Brief, reason: str) -> Refusal:
    return Refusal(reason, say(reason, brief.language, keys=", ".join(brief.input_keys)))


@dataclass
class InputWriter:
    """Writes the inputs of new rows.

    Attributes:
        plan: all rows of all languages, also those that are not written.
        seen: inputs there are, normalised.
    """

    asker: Asker
    briefs: Mapping[Language, Brief]
    plan: Sequence[Slot]
    seen: set[str]

    def write(self, drafts: Sequence[Draft], meter: Meter) -> None:
        """Give every draft an input, or the reason why there is none.

        Raises:
            EndpointError: the teacher cannot be asked at all.
        """
        for draft in drafts:
            slot = draft.slot
            if slot.passage is not None and slot.excerpt is not None:
                draft.text, draft.span = text_at(slot.passage, slot.excerpt), slot.excerpt
                meter.step("inputs", slot)
        open_ones = {draft.slot.key: draft for draft in drafts if not draft.text}
        first = [
            request
            for language, brief in self.briefs.items()
            for request in requests(
                brief,
                [slot for slot in self.plan if slot.language == language],
                {number for of, number in open_ones if of == language},
            )
        ]
        again = self._ask(first, open_ones, meter)
        self._ask(again, open_ones)
        for draft in drafts:
            text = normalise(draft.text)
            if draft.refusal is None and text in self.seen:
                draft.refusal = Refusal("repeated_input", "there is the same input already")
            elif draft.refusal is None:
                self.seen.add(text)
        meter.close("answers", [draft for draft in drafts if draft.refusal is not None])

    def _ask(
        self, asked: Sequence[Request], drafts: Mapping[tuple[Language, int], Draft], meter: Meter | None = None
    ) -> list[Request]:
        """Ask for the inputs of requests.

        Returns:
            Slots that failed in company, each by itself: a teacher often writes one input where it could not write four.
        """

        def count(place: int, _: object) -> None:
            if meter is not None:
                meter.step("inputs", *(slot for slot in asked[place].slots if slot.key in drafts))

        again = []
        for request, reply in zip(asked, self.asker.ask_all([question_for(one) for one in asked], count), strict=True):
            unanswered = Refusal(reply.fault or "not_answered", reply.detail)
            for slot, one in zip(request.slots, reply.value or [unanswered] * len(request.slots), strict=True):
                if (draft := drafts.get(slot.key)) is None:
                    continue
                draft.shown, draft.prompts = request.shown, request.prompts
                if isinstance(one, Written):
                    draft.text, draft.span, draft.refusal = one.text, one.span, None
                    continue
                draft.refusal = one
                if len(request.slots) > 1 and one.reason not in _NOT_ASKED_AGAIN:
                    again.append(Request(request.brief, (slot,), request.shown))
        return again
