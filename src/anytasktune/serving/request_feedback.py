"""Records of answered requests, where the user wants them, and corrections of answers."""

from typing import Protocol

from pydantic import BaseModel, Field

from anytasktune.serving.api_requests import ApiRecord, Text
from anytasktune.serving.engine_messages import Answered


class FeedbackRequest(ApiRecord):
    """The body of a correction."""

    id: Text = Field(min_length=1, max_length=200)
    """Id of the reply whose answer was wrong."""
    answer: Text = Field(max_length=100_000)
    """The right answer."""


class FeedbackReply(BaseModel):
    """The reply to a correction."""

    id: str
    task: str
    status: str = "to_review"
    """It becomes a row of the task once a person has accepted it in `anytasktune review`."""


class RequestLog(Protocol):
    """Keeps requests and corrections."""

    def record(self, reply_id: str, place: int, answered: Answered) -> None:
        """Record an answered question, the one at `place` in its request."""

    def correct(self, request: FeedbackRequest) -> FeedbackReply:
        """Keep the right answer to a request; ApiError where the request is not known or the answer not of the task's form."""
