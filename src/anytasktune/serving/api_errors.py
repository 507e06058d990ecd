"""Errors of the API: HTTP statuses with a JSON body of the form that OpenAI's clients read."""

from typing import Literal

from fastapi.responses import JSONResponse
from pydantic import BaseModel

ErrorType = Literal["invalid_request_error", "authentication_error", "rate_limit_error", "timeout_error", "server_error"]


class ErrorDetail(BaseModel):
    """The fault of a request, or of the server."""

    message: str
    type: ErrorType
    param: str | None = None
    """The field of the request that is wrong."""
    code: str | None = None


class ErrorBody(BaseModel):
    """The body of every reply that is no answer."""

    error: ErrorDetail


class ApiError(Exception):
    """A request that is refused, or one that could not be answered.

    Attributes:
        status: of the HTTP reply.
        detail: its body.
        headers: more headers of the reply.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: ErrorType = "invalid_request_error",
        param: str | None = None,
        code: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.detail = ErrorDetail(message=message, type=kind, param=param, code=code)
        self.headers = headers or {}

    def response(self) -> JSONResponse:
        """The HTTP reply."""
        return JSONResponse(ErrorBody(error=self.detail).model_dump(), self.status, self.headers)


def not_honoured(field: str, why: str) -> ApiError:
    """The refusal of a field that would change the answer in a way this server cannot."""
    return ApiError(400, f"{field}: {why}", param=field, code="unsupported_parameter")


def require_room(asked: int, waiting: int, most: int) -> None:
    """Raise ApiError where the queue has no room for the answers that a request asks for.

    Args:
        waiting: answers that wait already.
        most: answers that may wait; a request for more can never be taken.
    """
    if asked > most:
        what = f"the request asks for {asked} answers, and at most {most} may wait; send fewer prompts or a smaller n"
        raise ApiError(400, what, param="n", code="too_many_answers")
    if waiting + asked > most:
        message = f"{waiting} answers are waited for already; send it again in a second"
        raise ApiError(429, message, kind="rate_limit_error", code="queue_full", headers={"Retry-After": "1"})


def engine_fault() -> ApiError:
    """The reply to requests whose answers failed by a fault of the program."""
    return ApiError(500, "the engine failed on this request; others are answered", kind="server_error", code="engine_fault")
