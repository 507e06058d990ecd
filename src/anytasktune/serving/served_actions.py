"""Actions behind the server: the body of a request, and the engine as what answers the steps."""

import queue
import time
from collections.abc import Callable, Sequence

from pydantic import Field

from anytasktune.records import Language
from anytasktune.schema import ActionResult, Answer, Example
from anytasktune.serving.api_errors import ApiError
from anytasktune.serving.api_requests import ApiRecord
from anytasktune.serving.engine_messages import Answered, AnswerEnd, Engine, Outcome, PendingQuestion, Question
from anytasktune.serving.served_models import ServedModel


class ActionRequest(ApiRecord):
    """The body of a request to run an action."""

    input: str = Field(min_length=1)
    language: Language | None = None
    """Language of the input; detected from its script unless given."""
    people: dict[str, str] = Field(default_factory=dict)
    """Step → what the person there answers; an empty text approves the model's answer."""


ServedActions = Callable[[str, ActionRequest], ActionResult]
"""Runs the action of a name; ApiError (404) where there is none."""


def answer_by_engine(engine: Engine, model: ServedModel, examples: Sequence[Example], deadline: float) -> list[Answer]:
    """Answers of a Task-LM, in the queue with all other requests; waits in the calling thread.

    Args:
        deadline: on the monotonic clock.

    Raises:
        ApiError: the queue is full, an answer failed, or the deadline is over.
    """
    if model.task is None:
        raise ValueError(f"{model.name} is no Task-LM")
    format_, task = engine.models.format_of(model), model.task
    arrived: queue.Queue[tuple[int, Outcome]] = queue.Queue()

    def pending(place: int, example: Example) -> PendingQuestion:
        question = Question(model, format_.prompt_text(task, example), AnswerEnd(), example)
        return PendingQuestion(question, lambda outcome: arrived.put((place, outcome)))

    asked = [pending(place, example) for place, example in enumerate(examples)]
    engine.submit(asked)
    found: dict[int, Answer] = {}
    try:
        while len(found) < len(asked):
            place, outcome = arrived.get(timeout=max(0.0, deadline - time.monotonic()))
            if isinstance(outcome, ApiError):
                raise outcome
            if isinstance(outcome, Answered):
                found[place] = outcome.answer
    except queue.Empty:
        message = "the answers took too long; send the request again, or raise --timeout"
        raise ApiError(504, message, kind="timeout_error", code="answer_timeout") from None
    finally:
        for one in asked:
            one.cancelled = True
    return [found[place] for place in range(len(asked))]
