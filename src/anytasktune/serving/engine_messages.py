"""Questions to the engine and what comes of them."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Protocol

from anytasktune.chat import PromptFormat
from anytasktune.inference.generation import Sampling
from anytasktune.inference.token_scores import ScoredToken, texts_of
from anytasktune.schema import Answer, Example, Route
from anytasktune.serving.api_errors import ApiError
from anytasktune.serving.requested_form import RequestedForm
from anytasktune.serving.served_models import ModelCatalog, ServedModel
from anytasktune.serving.server_metrics import ServerMetrics


@dataclass(frozen=True)
class AnswerEnd:
    """Where a client wants answers to end.

    Attributes:
        most_tokens: of an answer; None: as the Task-LM was trained.
        stops: texts before which it ends.
    """

    most_tokens: int | None = None
    stops: tuple[str, ...] = ()

    def cut(self, text: str) -> str:
        """`text` up to the first stop text in it."""
        places = [place for stop in self.stops if (place := text.find(stop)) >= 0]
        return text[: min(places)] if places else text

    def settled(self, text: str) -> str:
        """The part of a growing text that no stop text can take back."""
        held = max((len(stop) - 1 for stop in self.stops), default=0)
        return text[: len(text) - held] if held else text


@dataclass
class ShownText:
    """The part of a growing answer that a client was shown."""

    end: AnswerEnd
    sent: str = ""

    def grown_to(self, text: str) -> str | None:
        """The next part to show of an answer that is `text` so far; None where a stop text has come, which ends it."""
        if self.end.cut(text) != text:
            return None
        settled = self.end.settled(text).rstrip("\ufffd").rstrip()
        new = settled[len(self.sent) :] if settled.startswith(self.sent) else ""
        self.sent += new
        return new


@dataclass(frozen=True)
class Question:
    """An input to answer.

    Attributes:
        rendered: the whole prompt as text.
        example: the input of a Task-LM; None where the base model goes on with `rendered`.
        begins: the base model's prompt needs the token that begins a text.
        stream: pieces of the answer are wanted as they come.
        sampling: draws the answer; None: the most probable one.
        route: the way the model was chosen, where the request named `auto`.
        form: the answer of the base model is held to it.
        top: the tokens of a generated answer are scored, and so many others in the place of each; None: they are not.
    """

    model: ServedModel
    rendered: str
    end: AnswerEnd
    example: Example | None = None
    begins: bool = False
    stream: bool = False
    sampling: Sampling | None = None
    route: Route | None = None
    form: RequestedForm | None = None
    top: int | None = None

    @property
    def grows(self) -> bool:
        """Whether the answer can be shown while it is generated: no later token changes what stands before it.

        Scores of tokens come with the whole answer.
        """
        if self.top is not None:
            return False
        task, source = self.model.task, self.model.source
        if task is None or source is None:
            return self.form is None
        return not source.manifest.decoding[task.name].constrained or task.output.shows_beginnings(task.rules)


@dataclass(frozen=True)
class Piece:
    """A part of an answer that is still being generated."""

    text: str


@dataclass(frozen=True)
class Answered:
    """The answer to a question.

    Attributes:
        text: the answer, cut before a stop text.
        finish: `stop`, or `length` where a limit came first.
        tokens: of the answer.
        constrained: whether it was held to the task's output and rules.
        scored: its tokens, up to the first that begins behind `text`; none where they are not wanted.
    """

    question: Question
    text: str
    finish: str
    answer: Answer
    tokens: int
    constrained: bool
    scored: tuple[ScoredToken, ...] = ()

    @classmethod
    def of(
        cls,
        format_: PromptFormat,
        question: Question,
        answer: Answer,
        *,
        constrained: bool,
        scored: Sequence[ScoredToken] = (),
    ) -> "Answered | ApiError":
        """The answer as it is sent: label tokens counted, cut before the first stop text; labels are whole or refused."""
        if answer.error is not None:
            return ApiError(400, answer.error, param="messages", code="unanswerable_input")
        text, tokens, finish = answer.output, answer.tokens, "length" if answer.truncated else "stop"
        if answer.probabilities is not None:
            ids = format_.answer_ids(text)[: -len(format_.rendering.end_of_turn)]
            tokens, most = len(ids), question.end.most_tokens or math.inf
            if tokens > most:  # half of a label would be none
                what = f"the answer is whole or none and has {tokens} tokens: send max_tokens={tokens} or more, or leave it out"
                return ApiError(400, what, param="max_tokens", code="limit_too_short")
        if (cut := question.end.cut(text)) != text:
            text, finish = cut, "stop"
            pieces = texts_of(scored)
            end = len(text) + len("".join(pieces)) - len("".join(pieces).lstrip())
            starts = accumulate(map(len, pieces), initial=0)
            scored = [one for one, start in zip(scored, starts, strict=False) if start < end]
        return cls(question, text, finish, answer, tokens, constrained, tuple(scored))


Outcome = Piece | Answered | ApiError


@dataclass(eq=False)
class PendingQuestion:
    """A question on its way through the engine.

    Attributes:
        deliver: receives pieces, then the answer or the error; called by the engine's thread.
        cancelled: nobody waits for the answer any more.
    """

    question: Question
    deliver: Callable[[Outcome], None]
    cancelled: bool = False
    since: float = field(default_factory=time.monotonic)


class Engine(Protocol):
    """The part of a server that answers questions."""

    metrics: ServerMetrics
    on_end: Callable[[], None]
    """Called where the engine ends by itself."""

    @property
    def models(self) -> ModelCatalog:
        """The models that answer."""

    @property
    def is_ready(self) -> bool:
        """Whether questions are answered now."""

    def start(self) -> None:
        """Begin to answer."""

    def submit(self, asked: Sequence[PendingQuestion]) -> None:
        """Queue questions, all or none; ApiError where there is no room for them."""

    def close(self) -> None:
        """End; AnyTaskTuneError where it had ended by itself."""
