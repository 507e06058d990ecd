"""The model behind an endpoint that answers where the router chooses no task; the engine has no part in it."""

from anytasktune.errors import AnyTaskTuneError
from anytasktune.inference.generation import Sampling
from anytasktune.llm.chat_endpoint import ChatEndpoint
from anytasktune.schema import Answer, Route
from anytasktune.serving.api_errors import ApiError, not_honoured, require_room
from anytasktune.serving.api_requests import AnswerRequest, ChatRequest, CompletionRequest
from anytasktune.serving.engine_messages import Answered, AnswerEnd, Question
from anytasktune.serving.served_models import ServedModel


class FallbackModel:
    """Answers requests by an endpoint, one chat completion each."""

    def __init__(self, endpoint: ChatEndpoint, most_waiting: int) -> None:
        self.endpoint = endpoint
        self.model = ServedModel(endpoint.name, is_remote=True)
        self._most_waiting = most_waiting
        self._waiting = 0

    def takes(self, route: Route | None) -> bool:
        """Whether a request goes to the endpoint: the router saw its input and found that it fits no task.

        An input of a task without a Task-LM does not, nor a conversation, which may hold inputs of tasks.
        """
        return route is not None and route.abstained in {"unsure", "unlike_pool"}

    async def answer(self, request: ChatRequest | CompletionRequest, text: str, route: Route | None) -> Answered:
        """The answer of the endpoint to one input.

        Raises:
            ApiError: the request asks for what an endpoint is not asked for, too many wait, or there is no answer (502).
        """
        if (request.n or 1) > 1:
            raise not_honoured("n", "the input fits no task and goes to another endpoint, which is asked for one answer")
        if isinstance(request, ChatRequest) and request.response_format and request.response_format.type != "text":
            raise not_honoured("response_format", "the input fits no task and goes to another endpoint, which is told no form")
        require_room(1, self._waiting, self._most_waiting)
        self._waiting += 1
        try:
            answer = await self.endpoint.answer(text.strip(), request.max_tokens, _sampling_fields(request))
        except AnyTaskTuneError as error:
            message = f"the input fits no task, and {self.model.name} does not answer: {error.problems[0]}"
            raise ApiError(502, message, kind="server_error", code="fallback_failed") from None
        finally:
            self._waiting -= 1
        end = AnswerEnd(request.max_tokens, request.stops)
        said, is_cut = end.cut(answer.content), answer.finish == "length"
        drawn = Sampling(request.seed or 0, request.temperature) if request.temperature else None
        return Answered(
            question=Question(self.model, "", end, sampling=drawn, route=route),
            text=said,
            finish="length" if is_cut and said == answer.content else "stop",
            answer=Answer(output=said, prompt_tokens=answer.prompt_tokens, tokens=answer.answer_tokens, truncated=is_cut),
            tokens=answer.answer_tokens,
            constrained=False,
        )


def _sampling_fields(request: AnswerRequest) -> dict[str, float] | None:
    """Fields of a request that draw answers at random; None where it wants the most probable one."""
    if not request.temperature:
        return None
    fields = {"temperature": request.temperature, "top_p": request.top_p, "seed": request.seed}
    return {name: value for name, value in fields.items() if value is not None}
