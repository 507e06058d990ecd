"""Wiring of the steps of an action: where each takes its input from, when it runs, and where a person comes in."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import Field
from pydantic_core import PydanticCustomError

from anytasktune.outputs import OutputKind
from anytasktune.records import Record, fault
from anytasktune.schema.task import Task
from anytasktune.settings import OwnSystem

INPUT, ITEM = "input", "item"
"""Names in a template for the action's input, and for the item a step is run for."""
_PIECE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_SOURCE = re.compile(r"([a-z][a-z0-9_]*)(?:\.(\S+))?")
PersonRole = Literal["approve", "edit", "takeover"]


class StepWiring(Record):
    """How one step of an action is run. Everything has a default."""

    input: str = ""
    """Template of the step's input: `{input}` is the action's input, `{STEP}` the answer of an earlier step, `{STEP.KEY}` a
    value of its JSON, `{item}` the item of `for_each`; `{{` and `}}` are braces. Default: the item, else the answer of the
    task's `input_from`, else the action's input."""
    add: dict[str, str] = Field(default_factory=dict)
    """Keys put into an input that is a JSON object, each with a template of its value."""
    for_each: str = ""
    """`STEP` or `STEP.KEY`: the step is run once for each item of that list."""
    only_if: dict[str, list[str]] = Field(default_factory=dict)
    """`STEP` or `STEP.KEY` → values: the step is run only if the answer is one of them."""
    person: PersonRole | None = None
    """A person approves the answer or stops the action; or may also edit it; or gives it, and no model is asked."""
    person_when: Literal["always", "unsure_or_violation"] = "always"
    """`unsure_or_violation`: only where the answer is unsure or has a violation."""
    retry_with: OwnSystem | None = None
    """The system that is asked once more where the answer has a violation."""


@dataclass(frozen=True)
class StepReference:
    """A step (or `input`, `item`) that text comes from, and the key in its JSON, if any."""

    name: str
    key: str = ""

    @classmethod
    def of(cls, text: str) -> "StepReference":
        """Read `STEP` or `STEP.KEY`; ValueError if it is neither."""
        found = _SOURCE.fullmatch(text)
        if not found:
            raise ValueError(f"{text!r} is no step and no key of one: write STEP or STEP.KEY")
        return cls(found[1], found[2] or "")

    def __str__(self) -> str:
        return f"{self.name}.{self.key}" if self.key else self.name


Template = tuple[str | StepReference, ...]


def read_template(text: str) -> Template:
    """The fixed text and the sources of a template, in order; ValueError where a brace is open or empty."""
    pieces: list[str | StepReference] = []
    end = 0
    for found in _PIECE.finditer(text):
        pieces.append(text[end : found.start()])
        end = found.end()
        if found[0] in {"{", "}"}:
            raise ValueError(f"a single {found[0]} in {text!r}: write {found[0] * 2} for the sign itself")
        pieces.append(found[0][0] if found[0] in {"{{", "}}"} else StepReference.of(found[1]))
    pieces.append(text[end:])
    return tuple(piece for piece in pieces if piece != "")


@dataclass(frozen=True)
class WiredAction:
    """The steps of an action with their tasks and wiring, defaults filled in."""

    name: str
    steps: tuple[str, ...]
    tasks: Mapping[str, Task]
    wiring: Mapping[str, StepWiring]

    @classmethod
    def of(cls, name: str, steps: Sequence[str], wiring: Mapping[str, StepWiring], tasks: Mapping[str, Task]) -> "WiredAction":
        """The action, its tasks by name."""
        filled = {}
        for place, step in enumerate(steps):
            own, source = wiring.get(step, StepWiring()), tasks[step].input_from
            usual = ITEM if own.for_each else source if source in steps[:place] else INPUT
            filled[step] = own.model_copy(update={"input": own.input or f"{{{usual}}}"})
        return cls(name, tuple(steps), {step: tasks[step] for step in steps}, filled)

    def faults(self) -> Iterator[PydanticCustomError]:
        """Wiring that cannot work, each with its path below the action."""
        for step in self.steps:
            yield from self._faults_of(step, self.wiring[step])

    def _faults_of(self, step: str, own: StepWiring) -> Iterator[PydanticCustomError]:
        at = ("wiring", step)
        named = [("input", own.input), *((("add", key), text) for key, text in own.add.items())]
        for field, text in named:
            place = (*at, *([field] if isinstance(field, str) else field))
            try:
                sources = [piece for piece in read_template(text) if isinstance(piece, StepReference)]
            except ValueError as error:
                yield fault(f"step {step}: {error}", *place)
                continue
            for source in sources:
                yield from self._source_faults(step, source, place)
        if own.add and not self._may_be_object(own.input):
            yield fault(f"step {step}: add needs an input that is one JSON object, not {own.input!r}", *at, "add")
        for text, place in [(own.for_each, (*at, "for_each"))] * bool(own.for_each) + [
            (text, (*at, "only_if", text)) for text in own.only_if
        ]:
            try:
                source = StepReference.of(text)
            except ValueError as error:
                yield fault(f"step {step}: {error}", *place)
                continue
            found = list(self._source_faults(step, source, place, of_step=True))
            yield from found or (
                self._list_faults(step, source, place)
                if place[2] == "for_each"
                else self._condition_faults(step, source, place)
            )

    def _source_faults(
        self, step: str, source: StepReference, at: Sequence[str], *, of_step: bool = False
    ) -> Iterator[PydanticCustomError]:
        """Faults of a source that does not exist when the step is run, or has not the key."""
        own, earlier = self.wiring[step], self.steps[: self.steps.index(step)]
        known = [*earlier, *(() if of_step else (INPUT, *([ITEM] if own.for_each else [])))]
        if source.name not in known:
            what = f"step {step} takes {{{source}}}, but {source.name} is no earlier step of action {self.name}"
            yield fault(what, *at, known=known)
        elif source.key and source.name in earlier:
            keys = self.tasks[source.name].output.keys
            if self.wiring[source.name].for_each:
                what = f"step {step} takes {{{source}}}, but {source.name} has an answer for each item, not one with keys"
                yield fault(what, *at)
            elif keys is not None and source.key not in keys:
                yield fault(
                    f"step {step} takes {{{source}}}, but answers of {source.name} have no key {source.key}", *at, known=keys
                )

    def needs(self, step: str) -> frozenset[str]:
        """The earlier steps that a step's input, its list or its conditions are taken from."""
        own = self.wiring[step]
        pieces = [piece for text in (own.input, *own.add.values()) for piece in read_template(text)]
        sources = [StepReference.of(text) for text in (*([own.for_each] if own.for_each else []), *own.only_if)]
        names = {piece.name for piece in (*pieces, *sources) if isinstance(piece, StepReference)}
        return frozenset(names & set(self.steps[: self.steps.index(step)]))

    def needs_of_needs(self, step: str) -> frozenset[str]:
        """All steps whose answers a step rests on, directly or through others."""
        direct = self.needs(step)
        return direct.union(*(self.needs_of_needs(earlier) for earlier in direct))

    def output_of(self, source: StepReference) -> OutputKind | None:
        """The form of what a step gives there; None where nothing is known of it."""
        output: OutputKind | None = self.tasks[source.name].output if source.name in self.tasks else None
        return output.at_key(source.key) if output is not None and source.key else output

    def _list_faults(self, step: str, source: StepReference, at: Sequence[str]) -> Iterator[PydanticCustomError]:
        output = self.output_of(source)
        if output is not None and not output.has_items and not self.wiring[source.name].for_each:
            yield fault(f"step {step} is run for each item of {source}, which is one value and no list", *at)

    def _condition_faults(self, step: str, source: StepReference, at: Sequence[str]) -> Iterator[PydanticCustomError]:
        output, values = self.output_of(source), self.wiring[step].only_if[str(source)]
        if self.wiring[source.name].for_each:
            yield fault(f"step {step} depends on {source}, which has an answer for each item, not one", *at)
        for place, value in enumerate(values):
            if output is not None and (why := output.condition_fault(value)):
                yield fault(f"step {step} depends on {source}, and {value!r} {why}", *at, place)
        if not values:
            yield fault(f"step {step} would never run: only_if has no value for {source}", *at)

    def _may_be_object(self, text: str) -> bool:
        try:
            template = read_template(text)
        except ValueError:
            return True  # said already
        if len(template) != 1 or not isinstance(template[0], StepReference):
            return False
        output = self.output_of(template[0])
        return output is None or output.keys != ()
