"""What a system answers to examples. Nobody judges here."""

import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from anytasktune.errors import EvaluationError
from anytasktune.inference.generation import Limits, generate
from anytasktune.inference.label_scoring import score_labels
from anytasktune.models.load import BaseLM
from anytasktune.models.lora import Adapter
from anytasktune.models.lora_stack import merged
from anytasktune.records import Language, Usage
from anytasktune.schema import Example, LabelOutput, Prediction, Task
from anytasktune.settings import System


@dataclass(frozen=True)
class EvaluatedSystem:
    """A system that answers: the base model alone, shown examples, or with an adapter.

    Attributes:
        shots: examples shown before the question (`few_shot`); a question is preceded by those of its language only.
        adapter: folder of a LoRA adapter, for a Task-LM.
    """

    system: System
    shots: tuple[Example, ...] = ()
    adapter: Path | None = None

    @property
    def shown(self) -> int:
        """Most examples shown in one prompt."""
        return max(Counter(shot.language for shot in self.shots).values(), default=0)

    def shots_for(self, task: Task, example: Example) -> tuple[Example, ...]:
        """The examples shown before this question; those of another language where there are none of its own."""
        language = task.language_of(example.language)
        return tuple(shot for shot in self.shots if task.language_of(shot.language) == language) or self.shots


@dataclass(frozen=True)
class Budget:
    """How long answers may get and how many tokens go through the model at once."""

    max_new_tokens: int
    batch_tokens: int = 4096


OnRows = Callable[[int], None]


def predict(
    base: BaseLM,
    task: Task,
    examples: Sequence[Example],
    contestant: EvaluatedSystem,
    budget: Budget,
    on_rows: OnRows = lambda _: None,
) -> tuple[list[Prediction], Usage]:
    """Answer every example, in order.

    A prompt that does not fit the model's context gets a prediction with `error` set, which is unscored, not wrong.

    Args:
        on_rows: called with the number of examples answered since the last call.

    Raises:
        EvaluationError: if there are no examples.
        ModelError: if the adapter does not fit the model.
    """
    if not examples:
        raise EvaluationError(f"task {task.name} has no rows to answer", fix="import more rows, or lower the dev share")
    start = time.monotonic()
    prompts = [base.format.prompt_ids(task, example, contestant.shots_for(task, example)) for example in examples]
    room = base.info.context_length - (0 if isinstance(task.output, LabelOutput) else budget.max_new_tokens)
    fitting = [index for index, prompt in enumerate(prompts) if len(prompt) <= room]
    answer = _label_answers if isinstance(task.output, LabelOutput) else _texts
    answered: dict[int, Prediction] = {}
    with _adapter_on(base, contestant):
        for rows in _rows_by_language(task, examples, fitting):
            asked = _Question(task, contestant.system, [examples[row] for row in rows], [prompts[row] for row in rows])
            answered |= zip(rows, answer(base, asked, budget, on_rows), strict=True)
    predictions = [
        answered.get(index) or _too_long(example, contestant.system, len(prompts[index]), room)
        for index, example in enumerate(examples)
    ]
    tokens = sum(len(prompt) for prompt in prompts) + sum(prediction.tokens for prediction in predictions)
    return predictions, Usage(seconds=round(time.monotonic() - start, 3), tokens=tokens)


@dataclass(frozen=True)
class _Question:
    task: Task
    system: System
    examples: list[Example]
    prompts: list[list[int]]


def _rows_by_language(task: Task, examples: Sequence[Example], rows: Sequence[int]) -> list[list[int]]:
    """Rows of one language share the instruction, which is then read once, and the labels."""
    spoken: dict[Language, list[int]] = {}
    for row in rows:
        spoken.setdefault(task.language_of(examples[row].language), []).append(row)
    return list(spoken.values())


def _adapter_on(base: BaseLM, contestant: EvaluatedSystem) -> AbstractContextManager[None]:
    if contestant.adapter is None:
        return nullcontext()
    return merged(base.model, Adapter.load(base.model, contestant.adapter))


def _label_answers(base: BaseLM, asked: _Question, budget: Budget, on_rows: OnRows) -> list[Prediction]:
    labels = asked.task.labels_in(asked.examples[0].language) or []
    scores = score_labels(
        base.model, asked.prompts, [base.format.answer_ids(label) for label in labels], budget.batch_tokens, on_rows
    )
    probabilities = scores.double().softmax(dim=1).tolist()
    return [
        _label_prediction(example, asked.system, dict(zip(labels, row, strict=True)))
        for example, row in zip(asked.examples, probabilities, strict=True)
    ]


def _label_prediction(example: Example, system: System, probabilities: dict[str, float]) -> Prediction:
    best = max(probabilities, key=lambda label: probabilities[label])
    rounded = {label: round(value, 6) for label, value in probabilities.items()}
    return Prediction(example_id=example.id, system=system, output=best, probability=rounded[best], probabilities=rounded)


def _texts(base: BaseLM, asked: _Question, budget: Budget, on_rows: OnRows) -> list[Prediction]:
    limits = Limits(base.format.rendering.end_of_turn, budget.max_new_tokens, budget.batch_tokens)
    return [
        Prediction(
            example_id=example.id,
            system=asked.system,
            output=base.format.decode(generated.ids),
            tokens=len(generated.ids),
            truncated=generated.truncated,
        )
        for example, generated in zip(asked.examples, generate(base.model, asked.prompts, limits, on_rows), strict=True)
    ]


def _too_long(example: Example, system: System, length: int, room: int) -> Prediction:
    error = f"the prompt has {length} tokens, more than the {room} that fit"
    return Prediction(example_id=example.id, system=system, output="", error=error)


def choose_shots(task: Task, train: Sequence[Example], count: int) -> tuple[Example, ...]:
    """Examples to show: short ones, as different in their answers as can be, always the same ones; `count` per language.

    Label tasks: one example per label, as many labels as there are shots. Others: examples spread over the answer lengths.
    """
    spoken: dict[Language, list[Example]] = {}
    for example in train:
        spoken.setdefault(task.language_of(example.language), []).append(example)
    return tuple(shot for rows in spoken.values() for shot in _shots_of_one_language(task, rows, count))


def _shots_of_one_language(task: Task, train: Sequence[Example], count: int) -> tuple[Example, ...]:
    by_length = sorted(train, key=lambda example: (len(example.input) + len(example.output), example.id))
    usual = by_length[: max(count, math.ceil(len(by_length) * 0.6))]
    if isinstance(task.output, LabelOutput):
        return _one_per_label(usual, count)
    ordered = sorted(usual, key=lambda example: (len(example.output), example.id))
    stride = max(1, len(ordered) // max(1, count))
    return tuple(ordered[stride // 2 :: stride][:count])


def _one_per_label(examples: Sequence[Example], count: int) -> tuple[Example, ...]:
    typical = [*examples[len(examples) // 3 :], *examples[: len(examples) // 3]]
    first: dict[str, Example] = {}
    for example in typical:
        first.setdefault(example.output, example)
    return tuple(list(first.values())[:count])
