"""The inputs of a step: templates filled with the action's input and the answers of earlier steps."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from anytasktune.errors import DataError
from anytasktune.outputs import json_text
from anytasktune.schema.wiring import INPUT, ITEM, StepReference, WiredAction, read_template
from anytasktune.text.json_values import try_json

_ABSENT = object()


@dataclass(frozen=True)
class StepPlan:
    """The inputs of a step.

    Attributes:
        inputs: its input; several, or none, where it is run for each item of a list.
        is_list: whether it is run for each item.
        not_run: the reason why it is not run; empty if it is.
    """

    inputs: tuple[str, ...] = ()
    is_list: bool = False
    not_run: str = ""


@dataclass
class ActionState:
    """The answers of an action run so far, and the inputs that follow from them.

    Attributes:
        given: the action's input.
        answers: step → its answer, or its answers where it is run for each item; None for a step that was not run.
    """

    action: WiredAction
    given: str
    answers: dict[str, str | tuple[str, ...] | None] = field(default_factory=dict)

    def plan(self, step: str) -> StepPlan:
        """The inputs of a step, all earlier steps being done.

        Raises:
            DataError: an answer has not the form that the wiring counts on.
        """
        wiring = self.action.wiring[step]
        for text, values in wiring.only_if.items():
            source = StepReference.of(text)
            value = self._text(step, source)
            output = self.action.output_of(source)
            if value is None:
                return StepPlan(not_run=f"{source.name} was not run")
            if output is not None and not output.meets(value, values):
                return StepPlan(not_run=f"{source} is {value}")
        items = self._items(step, StepReference.of(wiring.for_each)) if wiring.for_each else (None,)
        if items is None:
            return StepPlan(not_run=f"{StepReference.of(wiring.for_each).name} was not run")
        inputs = []
        for item in items:
            filled = self._filled(step, wiring.input, item)
            if filled is None:
                sources = [piece for piece in read_template(wiring.input) if isinstance(piece, StepReference)]
                missing = next(source.name for source in sources if self._text(step, source, item) is None)
                return StepPlan(not_run=f"{missing} was not run")
            inputs.append(self._with_added(step, filled, wiring.add, item) if wiring.add else filled)
        empty = [text for text in inputs if not text.strip()]
        if empty and not wiring.for_each:
            return StepPlan(not_run="its input is empty")
        return StepPlan(tuple(text for text in inputs if text.strip()), is_list=bool(wiring.for_each))

    def _items(self, step: str, source: StepReference) -> Sequence[str] | None:
        answer = self.answers[source.name]
        if not isinstance(answer, str):
            return answer
        output, text = self.action.output_of(source), self._text(step, source)
        return output.items(text) if output is not None and text is not None else ()

    def _filled(self, step: str, template: str, item: str | None) -> str | None:
        """A template with its texts; None where a step it needs was not run."""
        pieces = [piece if isinstance(piece, str) else self._text(step, piece, item) for piece in read_template(template)]
        return None if None in pieces else "".join(piece for piece in pieces if piece is not None)

    def _with_added(self, step: str, text: str, added: Mapping[str, str], item: str | None) -> str:
        """A JSON object with more keys; a key whose step was not run is left out."""
        record = try_json(text)
        if not isinstance(record, dict):
            what = f"step {step} adds {', '.join(added)} to its input, which is no JSON object: {text[:60]!r}"
            raise DataError(what, where=f"action {self.action.name}", fix="give JSON, or change `add` in domain.yaml")
        for key, template in added.items():
            pieces = read_template(template)
            alone = pieces[0] if len(pieces) == 1 else ""
            if isinstance(alone, StepReference):
                value = self._value(step, alone, item)
            else:
                filled = self._filled(step, template, item)
                value = _ABSENT if filled is None else filled
            if value is not _ABSENT:
                record[key] = value
        return json.dumps(record, ensure_ascii=False)

    def _text(self, step: str, source: StepReference, item: str | None = None) -> str | None:
        """The text of a source; None where its step was not run."""
        whole = self._whole(source.name, item)
        if whole is None or not source.key:
            return whole
        return json_text(self._value(step, source, item))

    def _value(self, step: str, source: StepReference, item: str | None) -> Any:
        """The JSON value of a source; `_ABSENT` where its step was not run."""
        whole = self._whole(source.name, item)
        if whole is None:
            return _ABSENT
        if not source.key:
            task = self.action.tasks.get(source.name)
            value = task.output.to_json(whole) if task else None
            return try_json(whole, whole) if value is None else value
        decoded = try_json(whole)
        value = decoded.get(source.key, _ABSENT) if isinstance(decoded, dict) else _ABSENT
        if value is _ABSENT:
            what = f"step {step} takes {{{source}}}, and {source.name} has no JSON with that key: {whole[:60]!r}"
            fix = f"give the {source.name} as JSON with the key {source.key}"
            raise DataError(what, where=f"action {self.action.name}", fix=fix)
        return value

    def _whole(self, name: str, item: str | None) -> str | None:
        if name == INPUT:
            return self.given
        if name == ITEM:
            return item
        answer = self.answers[name]
        return "\n".join(answer) if isinstance(answer, tuple) else answer
