"""The engine: one thread that answers the requests of all connections, those that wait together at a time.

It alone computes. The rest of the server hands it tickets and receives what comes of them; a ticket that is cancelled, because
its client has gone, is dropped before it is answered.
"""

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from anytasktune.chat import PromptFormat
from anytasktune.errors import AnyTaskTuneError
from anytasktune.inference.generation import Limits, generate
from anytasktune.schema import Answer, Example
from anytasktune.serving.api_errors import ApiError, engine_fault, too_busy
from anytasktune.serving.served_models import ServedModel, ServedModels
from anytasktune.serving.server_metrics import ServerMetrics

_BATCH_TOKENS = 8192
_USUAL_TOKENS = 256
"""Longest answer of the base model, unless a request asks for more or less."""


@dataclass(frozen=True)
class AnswerEnd:
    """Where a client wants answers to end.

    Attributes:
        most_tokens: of an answer; None: as the Task-LM was trained.
        stops: texts before which it ends.
    """

    most_tokens: int | None = None
    stops: tuple[str, ...] = ()


@dataclass(frozen=True)
class Question:
    """An input to answer.

    Attributes:
        rendered: the whole prompt as text.
        example: the input of a Task-LM; None where the base model goes on with `rendered`.
        begins: the base model's prompt needs the token that begins a text.
    """

    model: ServedModel
    rendered: str
    end: AnswerEnd
    example: Example | None = None
    begins: bool = False


@dataclass(frozen=True)
class Answered:
    """The answer to a question.

    Attributes:
        text: the answer, cut before a stop text.
        finish: `stop`, or `length` where a limit came first.
        tokens: of the answer.
        constrained: whether it was held to the task's output and rules.
    """

    question: Question
    text: str
    finish: str
    answer: Answer
    tokens: int
    constrained: bool


@dataclass(eq=False)
class Ticket:
    """A question on its way through the engine.

    Attributes:
        deliver: receives the answer or the error; called by the engine's thread.
        cancelled: nobody waits for the answer any more.
    """

    question: Question
    deliver: Callable[[Answered | ApiError], None]
    cancelled: bool = False
    since: float = field(default_factory=time.monotonic)


class AnswerEngine:
    """Answers questions in a thread of its own.

    Attributes:
        most_waiting: questions that may wait; more are refused.
        most_at_once: questions that are answered together.
    """

    def __init__(
        self,
        models: ServedModels,
        metrics: ServerMetrics,
        *,
        most_waiting: int = 256,
        most_at_once: int = 64,
        on_fault: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.models = models
        self.metrics = metrics
        self.most_waiting = most_waiting
        self.most_at_once = most_at_once
        self._on_fault = on_fault
        self._waiting: deque[Ticket] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="answer-engine", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def close(self) -> None:
        """Answer what waits, then end the thread."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join()

    @property
    def is_ready(self) -> bool:
        """Whether questions are answered now."""
        return self._thread.is_alive() and not self._closing

    def submit(self, tickets: Sequence[Ticket]) -> None:
        """Queue tickets, all or none.

        Raises:
            ApiError: too many are waiting (429), or the engine is closing (503).
        """
        with self._changed:
            if not self.is_ready:
                raise ApiError(503, "the server is shutting down", kind="server_error", code="shutting_down")
            if self._waiting and len(self._waiting) + len(tickets) > self.most_waiting:
                raise too_busy(len(self._waiting))
            self._waiting.extend(tickets)
            self.metrics.waiting.set(len(self._waiting))
            self._changed.notify_all()

    def _run(self) -> None:
        while batch := self._next_batch():
            start = time.monotonic()
            try:
                answers: Sequence[Answered | ApiError] = self._answers([ticket.question for ticket in batch])
            except AnyTaskTuneError as error:
                answers = [ApiError(500, str(error), kind="server_error", code="model_unusable")] * len(batch)
            except Exception as error:  # of whatever kind: the others' requests must go on being answered
                self._on_fault(f"{type(error).__name__} while {batch[0].question.model.name} answered")
                self.metrics.faults.inc()
                answers = [engine_fault()] * len(batch)
            self.metrics.batch(len(batch), time.monotonic() - start)
            for ticket, answer in zip(batch, answers, strict=True):
                ticket.deliver(answer)

    def _next_batch(self) -> list[Ticket]:
        """Tickets that one pass can answer, the oldest first; none when the engine is closed. Waits until there is one."""
        with self._changed:
            while True:
                self._waiting = deque(ticket for ticket in self._waiting if not ticket.cancelled)
                if self._waiting or self._closing:
                    break
                self._changed.wait()
            chosen: list[Ticket] = []
            if self._waiting:
                first = self._waiting[0].question
                alike = (first.model.name, first.end.most_tokens)
                same = [one for one in self._waiting if (one.question.model.name, one.question.end.most_tokens) == alike]
                chosen = same[: self.most_at_once]
                taken = set(map(id, chosen))
                self._waiting = deque(ticket for ticket in self._waiting if id(ticket) not in taken)
            self.metrics.waiting.set(len(self._waiting))
            return chosen

    def _answers(self, questions: Sequence[Question]) -> list[Answered | ApiError]:
        """Answers to questions of one model with the same limit."""
        model = questions[0].model
        if model.source is None:
            answers, format_ = self._continued(questions), self.models.base.format
        else:
            predictor = self.models.predictor(model)
            format_ = predictor.format or self.models.base.format
            if (most := questions[0].end.most_tokens) is not None:
                limit = min(most, predictor.decoding.max_new_tokens)
                predictor = replace(predictor, decoding=predictor.decoding.model_copy(update={"max_new_tokens": limit}))
            answers = predictor.answer([question.example for question in questions if question.example is not None])
        return [_finished(format_, question, answer) for question, answer in zip(questions, answers, strict=True)]

    def _continued(self, questions: Sequence[Question]) -> list[Answer]:
        """Continuations of the base model."""
        base, limit = self.models.base, questions[0].end.most_tokens or _USUAL_TOKENS
        prompts = [base.format.text_ids(question.rendered, begins=question.begins) for question in questions]
        room = base.info.context_length - limit
        fitting = [prompt for prompt in prompts if len(prompt) <= room]
        made = iter(generate(base.model, fitting, Limits(base.format.rendering.end_of_turn, limit, _BATCH_TOKENS)))
        answers = []
        for prompt in prompts:
            if len(prompt) > room:
                error = f"the prompt has {len(prompt)} tokens, more than the {max(room, 0)} that fit"
                answers.append(Answer(output="", prompt_tokens=len(prompt), error=error))
                continue
            one = next(made)
            text = base.format.decode(one.ids)
            answers.append(Answer(output=text, prompt_tokens=len(prompt), tokens=len(one.ids), truncated=one.truncated))
        return answers


def _finished(format_: PromptFormat, question: Question, answer: Answer) -> Answered | ApiError:
    """The answer as it is sent: label tokens counted, cut at the client's limit and before the first stop text."""
    if answer.error is not None:
        return ApiError(400, answer.error, param="messages", code="unanswerable_input")
    text, tokens, finish = answer.output, answer.tokens, "length" if answer.truncated else "stop"
    if answer.probabilities is not None:
        ids = format_.answer_ids(text)[: -len(format_.rendering.end_of_turn)]
        most = question.end.most_tokens or math.inf
        tokens = len(ids)
        if tokens > most:
            text, tokens, finish = format_.decode(ids[: question.end.most_tokens]), int(most), "length"
    places = [place for stop in question.end.stops if (place := text.find(stop)) >= 0]
    if places:
        text, finish = text[: min(places)], "stop"
    return Answered(question, text, finish, answer, tokens, _is_constrained(question))


def _is_constrained(question: Question) -> bool:
    """Whether its answer is one of the task's labels, or held to a grammar."""
    task, source, example = question.model.task, question.model.source, question.example
    if task is None or source is None or example is None:
        return False
    decoding, language = source.manifest.decoding[task.name], task.language_of(example.language)
    if decoding.method == "label_scoring":
        return True
    style = decoding.styles.get(language)
    return decoding.constrained and task.output.grammar(task.rules, example.input, language, style) is not None
