"""Answers to inputs of one task: the base model alone, with examples shown, or with an adapter.

Evaluation and serving answer here and nowhere else. Label tasks are answered by scoring their labels, number tasks of few
numbers by scoring these, others by greedy generation, as the task's `Decoding` says.
"""

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np

from anytasktune.chat import PromptFormat
from anytasktune.errors import ConfigError
from anytasktune.inference.best_of_samples import most_agreed
from anytasktune.inference.constraint import Constraint
from anytasktune.inference.features import feature_count, input_starts, pooled_features
from anytasktune.inference.few_shot import NO_SHOTS, Shots
from anytasktune.inference.generation import Limits, Sampling, generate
from anytasktune.inference.label_head import Array, LabelHead
from anytasktune.inference.label_scoring import score_labels, without_needless_ends
from anytasktune.inference.label_trie import LabelTrie
from anytasktune.inference.task_constraint import TaskConstraint
from anytasktune.models.load import BaseLM
from anytasktune.models.lora import Adapter
from anytasktune.models.lora_stack import attached
from anytasktune.records import Language
from anytasktune.schema import Answer, Decoding, Example, Task

BATCH_TOKENS = 8192

OnRows = Callable[[int], None]


def decoding_for(task: Task, train: Sequence[Example], longest_answer: int) -> Decoding:
    """Scoring where the possible answers are few; else greedy generation in the style of the train answers.

    Args:
        longest_answer: tokens of the longest train answer; an answer may have 1.5 times as many.
    """
    styles = {
        language: task.output.style_of([row.output for row in rows], language)
        for language, rows in task.by_language(train).items()
    }
    limit, known = math.ceil(longest_answer * 1.5) + 8, [row.output for row in train]
    possible = {
        language: task.output.possible_answers(task.rules, known, language, styles.get(language)) for language in task.languages
    }
    few = all(possible.values()) and len({len(answers) for answers in possible.values()}) == 1
    method = task.output.decoding if few else "greedy"
    numbers = possible if method == "number_scoring" else {}
    return Decoding(method=method, max_new_tokens=limit, styles=styles, numbers=numbers)


def label_tokens(task: Task, decoding: Decoding, format_: PromptFormat) -> int:
    """Tokens of all possible answers, what they share once: read for each input where they are scored; 0 where they are not."""
    if not decoding.scores_answers:
        return 0
    language = task.languages[0]
    possible = decoding.numbers.get(language) or task.labels_in(language) or []
    return max(1, len(LabelTrie.of([format_.answer_ids(answer) for answer in possible]).tokens))


@dataclass(frozen=True)
class TaskPredictor:
    """A base model set up for one task.

    Attributes:
        task: its instruction opens every prompt; its labels are the possible answers of a label task.
        decoding: method and length limit of answers.
        shots: examples shown before each input.
        format: rendering of prompts; that of the base model's tokenizer unless given.
        adapter: LoRA weights beside those of the base model.
        head: joins other sources of the scores of possible answers with the tokens' own.
        adapted: puts an adapter on the model for the length of a block, in place of `adapter`.
        sampling: draws answers that are generated; None: greedy, or as the decoding says.
    """

    base: BaseLM
    task: Task
    decoding: Decoding
    shots: Shots = NO_SHOTS
    format: PromptFormat | None = None
    adapter: Adapter | None = None
    head: LabelHead | None = None
    adapted: Callable[[], AbstractContextManager[None]] | None = None
    sampling: Sampling | None = None

    def answer(
        self, examples: Sequence[Example], *, batch_tokens: int = BATCH_TOKENS, on_rows: OnRows = lambda _: None
    ) -> list[Answer]:
        """Answer every example, in order; their outputs are not read.

        A prompt that does not fit the model's context gets an answer with `error` set.

        Args:
            batch_tokens: most prompt tokens in a batch, the shared prefix not counted.
            on_rows: called with the number of examples answered since the last call.
        """
        task, format_ = self.task, self.format or self.base.format
        prompts = [format_.prompt_ids(task, example, self.shots.before(task, example)) for example in examples]
        scored = self.decoding.scores_answers
        room = self.base.info.context_length - (0 if scored else self.decoding.max_new_tokens)
        by_language: dict[Language, list[int]] = {}  # rows of one language share the instruction and the labels
        for row, (example, prompt) in enumerate(zip(examples, prompts, strict=True)):
            if len(prompt) <= room:
                by_language.setdefault(task.language_of(example.language), []).append(row)
        fitting = [row for rows in by_language.values() for row in rows]
        heads: dict[int, Array] = {}
        if self.head is not None and (scored or self.decoding.scores_label_sets):
            # on the base model as it is, before the adapter is added
            asked = [examples[row] for row in fitting], [prompts[row] for row in fitting]
            features = self._features(*asked, batch_tokens, lambda _: None)
            heads = dict(zip(fitting, features, strict=True))
        answers: dict[int, Answer] = {}
        # not merged into the weights: in bfloat16 that rounds the adapter, and the server's answers would be others
        attaching = attached(self.base.model, [self.adapter]) if self.adapter else nullcontext()
        with self.adapted() if self.adapted else attaching:
            for language, rows in by_language.items():
                chosen = [prompts[row] for row in rows]
                if scored:
                    possible = self.possible_answers(language)
                    scores = self._scores(format_, chosen, possible, batch_tokens, on_rows)
                    if self.head is not None:
                        features = np.stack([heads[row] for row in rows])
                        scores = self.head.log_probabilities(features, [examples[row] for row in rows], scores)
                    pairs = zip(chosen, np.exp(scores).tolist(), strict=True)
                    made = [chosen_answer(task, possible, len(prompt), row) for prompt, row in pairs]
                elif self.head is not None and self.decoding.scores_label_sets:
                    asked_rows = [(prompts[row], examples[row]) for row in rows]
                    features = np.stack([heads[row] for row in rows])
                    made = self._label_sets(self.head, format_, asked_rows, features, batch_tokens, on_rows)
                else:
                    made = self._generate(format_, [(prompts[row], examples[row]) for row in rows], batch_tokens, on_rows)
                answers |= zip(rows, made, strict=True)
        for row, length in enumerate(map(len, prompts)):
            if row not in answers:
                error = f"the prompt has {length} tokens, more than the {room} that fit"
                answers[row] = Answer(output="", prompt_tokens=length, error=error)
        return [answers[row] for row in range(len(prompts))]

    def prompt_text(self, example: Example) -> str:
        """The prompt of an example as the model reads it, with the examples shown before it."""
        return (self.format or self.base.format).prompt_text(self.task, example, self.shots.before(self.task, example))

    def possible_answers(self, language: Language) -> list[str]:
        """The answers whose probabilities are computed."""
        return self.decoding.numbers.get(language) or self.task.labels_in(language) or []

    def features(
        self, examples: Sequence[Example], *, batch_tokens: int = BATCH_TOKENS, on_rows: OnRows = lambda _: None
    ) -> Array:
        """Features [n, f] of examples for label heads (see `features`); the model must be the base model as it is."""
        format_ = self.format or self.base.format
        prompts = [format_.prompt_ids(self.task, example) for example in examples]
        return self._features(examples, prompts, batch_tokens, on_rows)

    def _features(self, examples: Sequence[Example], prompts: Sequence[list[int]], batch_tokens: int, on_rows: OnRows) -> Array:
        """Features [n, f] of examples whose prompts, without shots, are these."""
        starts = input_starts(self.format or self.base.format, self.task, examples, prompts)
        by_language: dict[Language, list[int]] = {}
        for row, example in enumerate(examples):
            by_language.setdefault(self.task.language_of(example.language), []).append(row)
        features = np.zeros((len(examples), feature_count(self.base.model)), np.float32)
        for rows in by_language.values():
            chosen, first = [prompts[row] for row in rows], [starts[row] for row in rows]
            features[rows] = pooled_features(self.base.model, chosen, first, batch_tokens, on_rows).numpy()
        return features

    def _scores(
        self, format_: PromptFormat, prompts: list[list[int]], possible: list[str], batch_tokens: int, on_rows: OnRows
    ) -> Array:
        """Log probabilities [n, answers] of the tokens of possible answers; uniform where a head does not use them."""
        if self.head is not None and self.head.weights.tokens == 0:
            on_rows(len(prompts))
            return np.full((len(prompts), len(possible)), -math.log(len(possible)))
        ids = [format_.answer_ids(answer) for answer in possible]
        if self.decoding.method == "number_scoring":
            ids = without_needless_ends(ids, len(format_.rendering.end_of_turn))
        scores = score_labels(self.base.model, prompts, ids, batch_tokens, on_rows)
        return np.asarray(scores.double().log_softmax(dim=1).numpy())

    def _generate(
        self, format_: PromptFormat, asked: Sequence[tuple[list[int], Example]], batch_tokens: int, on_rows: OnRows
    ) -> list[Answer]:
        """Greedy or sampled answers, or of several samples for each input the one that agrees best with the others."""
        if self.sampling or self.decoding.best_of == 1:
            return self._generate_once(format_, asked, batch_tokens, on_rows, self.sampling)
        drawn = [
            self._generate_once(format_, asked, batch_tokens, (lambda _: None) if seed else on_rows, Sampling(seed))
            for seed in reversed(range(self.decoding.best_of))
        ]
        each = zip(asked, zip(*drawn, strict=True), strict=True)
        return [most_agreed(self.task, example, answers) for (_, example), answers in each]

    def _generate_once(
        self,
        format_: PromptFormat,
        asked: Sequence[tuple[list[int], Example]],
        batch_tokens: int,
        on_rows: OnRows,
        sampling: Sampling | None,
    ) -> list[Answer]:
        limits = Limits(format_.rendering.end_of_turn, self.decoding.max_new_tokens, batch_tokens)
        task_constraint = TaskConstraint(self.task, self.decoding, format_)
        errors: dict[int, str] = {}

        def constrain(row: int) -> Constraint | None:
            try:
                return task_constraint.on(asked[row][1]) if self.decoding.constrained else None
            except ConfigError as error:  # this input has no answer, such as one that is copied from an empty text
                errors[row] = error.problems[0].what
                return None

        prompts = [prompt for prompt, _ in asked]
        made = generate(self.base.model, prompts, limits, on_rows, constrain, sampling)
        return [
            Answer(
                output="" if row in errors else format_.decode(generated.ids),
                prompt_tokens=len(prompt),
                tokens=len(generated.ids),
                truncated=generated.truncated,
                corrected=generated.corrected,
                error=errors.get(row),
            )
            for row, (prompt, generated) in enumerate(zip(prompts, made, strict=True))
        ]

    def _label_sets(
        self,
        head: LabelHead,
        format_: PromptFormat,
        asked: Sequence[tuple[list[int], Example]],
        features: Array,
        batch_tokens: int,
        on_rows: OnRows,
    ) -> list[Answer]:
        """The labels that a head chooses; answers are generated first, where it reads them."""
        if head.weights.tokens:
            generated = self._generate(format_, asked, batch_tokens, on_rows)
        else:
            generated = [Answer(output="", prompt_tokens=len(prompt)) for prompt, _ in asked]
            on_rows(len(asked))
        named = [answer.output for answer in generated] if head.weights.tokens else None
        chosen = head.answer_label_sets(features, [example for _, example in asked], named)
        counts = [{"prompt_tokens": answer.prompt_tokens, "tokens": answer.tokens} for answer in generated]
        return [answer.model_copy(update=count) for answer, count in zip(chosen, counts, strict=True)]


def chosen_answer(task: Task, possible: Sequence[str], prompt_tokens: int, probabilities: Sequence[float]) -> Answer:
    """The answer with the best expected score among possible ones with these probabilities."""
    best = task.output.best_place(probabilities)
    rounded = {answer: round(value, 6) for answer, value in zip(possible, probabilities, strict=True)}
    return Answer(
        output=possible[best],
        probability=rounded[possible[best]],
        probabilities=rounded,
        prompt_tokens=prompt_tokens,
    )
