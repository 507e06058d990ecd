"""The routes of the server."""

import asyncio
import contextlib
import random
import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, StreamingResponse
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.exceptions import HTTPException

from anytasktune.errors import AnyTaskTuneError
from anytasktune.inference.generation import Sampling
from anytasktune.schema import ActionResult, Route
from anytasktune.serving.api_errors import ApiError, ErrorBody, ErrorDetail, not_honoured
from anytasktune.serving.api_replies import (
    ChatReply,
    ModelEntry,
    ModelList,
    Reply,
    TextReply,
    model_entry,
    model_list,
)
from anytasktune.serving.api_requests import AnswerRequest, ChatRequest, CompletionRequest
from anytasktune.serving.auto_model import Routed, route_chat, route_prompt
from anytasktune.serving.engine_messages import Answered, AnswerEnd, Engine, Outcome, PendingQuestion, Piece, Question
from anytasktune.serving.fallback_model import FallbackModel
from anytasktune.serving.input_of_messages import input_of_chat, input_of_prompt, text_of_one_turn
from anytasktune.serving.reply_events import DONE_EVENT, ReplyStream, event
from anytasktune.serving.request_feedback import FeedbackReply, FeedbackRequest, RequestLog
from anytasktune.serving.request_guard import RequestGuardMiddleware, RequestRules
from anytasktune.serving.requested_form import RequestedForms
from anytasktune.serving.served_actions import ActionRequest, ServedActions
from anytasktune.serving.served_models import AUTO_MODEL, ModelCatalog, ServedModel
from anytasktune.serving.server_metrics import ServerMetrics
from anytasktune.version import __version__

_REFUSED = (400, 401, 404, 408, 413, 421, 429, 500, 502, 503, 504)
_ERRORS: dict[int | str, dict[str, Any]] = {status: {"model": ErrorBody} for status in _REFUSED}


@dataclass(frozen=True)
class AnswerApi:
    """Requests for answers: from their bodies to questions for the engine, and from its answers to replies.

    Attributes:
        fallback: answers instead of the base model what the router sends to no task.
    """

    engine: Engine
    answer_seconds: float
    log: RequestLog | None = None
    fallback: FallbackModel | None = None

    @cached_property
    def forms(self) -> RequestedForms:
        """The forms that requests want."""
        return RequestedForms(self.engine.models)

    async def chat(self, http: Request, request: ChatRequest) -> Response:
        """Reply to a chat."""
        model, route = self._model(request, lambda models: route_chat(models, request.messages))
        top = (request.top_logprobs or 0) if request.logprobs else None
        _check_scores(model, top)
        if self.fallback is not None and self.fallback.takes(route):
            _check_scores(self.fallback.model, top)
            text = text_of_one_turn(request.messages)
            return await self._by_endpoint(http, request, self.fallback.answer(request, text, route), chat=True)
        form = await asyncio.to_thread(self.forms.form_for, model, request) if request.response_format else None
        question = replace(self._chat_question(model, request), route=route, form=form, top=top)
        questions = _drawn(model, [question], request)
        reply = _reply(request, questions[0], top)
        asked = self._ask(questions, reply)
        if request.stream:
            events = _streamed(asked, ReplyStream(reply, chat=True), request)
            return StreamingResponse(events, media_type="text/event-stream")
        return JSONResponse(reply.chat(await asked.answers(http)).model_dump())

    async def completion(self, http: Request, request: CompletionRequest) -> Response:
        """Reply to prompts."""
        model, route = self._model(request, lambda models: route_prompt(models, request.prompts))
        _check_scores(model, top := request.logprobs)
        if self.fallback is not None and self.fallback.takes(route):
            _check_scores(self.fallback.model, top)
            work = self.fallback.answer(request, request.prompts[0], route)
            return await self._by_endpoint(http, request, work, chat=False)
        each = (self._prompt_question(model, request, prompt) for prompt in request.prompts)
        questions = _drawn(model, [replace(question, route=route, top=top) for question in each], request)
        reply = _reply(request, questions[0], top)
        asked = self._ask(questions, reply)
        if request.stream:
            events = _streamed(asked, ReplyStream(reply, chat=False), request)
            return StreamingResponse(events, media_type="text/event-stream")
        return JSONResponse(reply.completion(await asked.answers(http)).model_dump())

    async def _by_endpoint(
        self, http: Request, request: AnswerRequest, work: Coroutine[Any, Any, Answered], *, chat: bool
    ) -> Response:
        """Reply with an answer of the fallback, in a stream as one piece: its errors have a status of their own in either."""
        since = time.monotonic()
        answered = await _while_awaited(http, work, self.answer_seconds)
        _count(self.engine.metrics, answered, since)
        reply = Reply(request.model)
        if not request.stream:
            return JSONResponse((reply.chat if chat else reply.completion)([answered]).model_dump())
        stream = ReplyStream(reply, chat=chat)
        usage = [stream.usage_event([answered])] if request.wants_usage else []
        events = [*stream.events(0, answered), *usage, DONE_EVENT]
        return StreamingResponse(iter(events), media_type="text/event-stream")

    def _ask(self, questions: Sequence[Question], reply: Reply) -> "_Asked":
        asked = _Asked.of(questions, self.engine, self.answer_seconds)
        if self.log is not None:
            asked.on_answer = partial(self.log.record, reply.id)
        return asked

    def _model(self, request: AnswerRequest, choose: Callable[[ModelCatalog], Routed]) -> tuple[ServedModel, Route | None]:
        model = self.engine.models.find(request.model)
        request.refuse_unhonoured()
        return choose(self.engine.models) if model is AUTO_MODEL else (model, None)

    def _chat_question(self, model: ServedModel, request: ChatRequest) -> Question:
        format_ = self.engine.models.format_of(model)
        end, streams = AnswerEnd(request.max_tokens, request.stops), bool(request.stream)
        if model.task is None:
            turns = [{"role": message.role, "content": message.text} for message in request.messages]
            return Question(model, format_.conversation_text(turns), end, stream=streams)
        example = input_of_chat(model.task, format_, request.messages, request.anytasktune.language)
        return Question(model, format_.prompt_text(model.task, example), end, example, stream=streams)

    def _prompt_question(self, model: ServedModel, request: CompletionRequest, prompt: str) -> Question:
        format_ = self.engine.models.format_of(model)
        end, streams = AnswerEnd(request.max_tokens, request.stops), bool(request.stream)
        if model.task is None:
            return Question(model, prompt, end, begins=True, stream=streams)
        example = input_of_prompt(model.task, format_, prompt, request.anytasktune.language)
        return Question(model, format_.prompt_text(model.task, example), end, example, stream=streams)


@dataclass
class _Asked:
    """Questions of one request on their way through the engine."""

    asked: list[PendingQuestion]
    arrived: "asyncio.Queue[tuple[int, Outcome]]"
    engine: Engine
    deadline: float
    on_answer: Callable[[int, Answered], None] = lambda _place, _answered: None

    @classmethod
    def of(cls, questions: Sequence[Question], engine: Engine, seconds: float) -> "_Asked":
        """Queue questions."""
        loop = asyncio.get_running_loop()
        arrived: asyncio.Queue[tuple[int, Outcome]] = asyncio.Queue()

        def pending(place: int, question: Question) -> PendingQuestion:
            def deliver(outcome: Outcome) -> None:
                with contextlib.suppress(RuntimeError):  # the loop was closed: nobody waits any more
                    loop.call_soon_threadsafe(arrived.put_nowait, (place, outcome))

            return PendingQuestion(question, deliver)

        asked = [pending(place, question) for place, question in enumerate(questions)]
        engine.submit(asked)
        return cls(asked, arrived, engine, loop.time() + seconds)

    async def each(self) -> AsyncGenerator[tuple[int, Piece | Answered], None]:
        """Pieces and answers with the places of their questions, as they come; ApiError for the first that failed."""
        left = len(self.asked)
        try:
            while left:
                async with asyncio.timeout_at(self.deadline):
                    place, outcome = await self.arrived.get()
                if isinstance(outcome, ApiError):
                    raise outcome
                if isinstance(outcome, Answered):
                    left -= 1
                    _count(self.engine.metrics, outcome, self.asked[place].since)
                    self.on_answer(place, outcome)
                yield place, outcome
        except TimeoutError:
            raise _too_long() from None
        finally:
            self.cancel()

    def cancel(self) -> None:
        """Tell the engine that nobody waits any more."""
        for pending in self.asked:
            pending.cancelled = True

    async def answers(self, http: Request) -> list[Answered]:
        """All answers, in the order of the questions; the engine is told when the client goes."""
        watch = asyncio.create_task(self._cancel_when_gone(http))
        try:
            async with contextlib.aclosing(self.each()) as answers:
                found = {place: answer async for place, answer in answers if isinstance(answer, Answered)}
        finally:
            watch.cancel()
        return [found[place] for place in range(len(self.asked))]

    async def _cancel_when_gone(self, http: Request) -> None:
        await _until_gone(http)
        self.cancel()
        self.arrived.put_nowait((0, _client_gone()))


async def _while_awaited(http: Request, work: Coroutine[Any, Any, Answered], seconds: float) -> Answered:
    """The result of work that ends when its time is over or its client goes."""
    answer, gone = asyncio.create_task(work), asyncio.create_task(_until_gone(http))
    try:
        done, _ = await asyncio.wait({answer, gone}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if answer in done:
            return answer.result()
        raise _client_gone() if gone in done else _too_long()
    finally:
        answer.cancel()
        gone.cancel()


async def _until_gone(http: Request) -> None:
    while (await http.receive())["type"] != "http.disconnect":
        pass


def _client_gone() -> ApiError:
    return ApiError(499, "the client has gone", code="client_gone")


def _too_long() -> ApiError:
    message = "the answer took too long; send the request again, or raise --timeout"
    return ApiError(504, message, kind="timeout_error", code="answer_timeout")


def _count(metrics: ServerMetrics, answered: Answered, since: float) -> None:
    metrics.answers.labels(answered.question.model.name).inc()
    metrics.tokens.labels("prompt").inc(answered.answer.prompt_tokens)
    metrics.tokens.labels("answer").inc(answered.tokens)
    metrics.answer_seconds.observe(time.monotonic() - since)


async def _streamed(asked: _Asked, stream: ReplyStream, request: AnswerRequest) -> AsyncIterator[str]:
    """The events of a reply."""
    found: list[Answered] = []
    try:
        async with contextlib.aclosing(asked.each()) as outcomes:
            async for place, outcome in outcomes:
                if isinstance(outcome, Answered):
                    found.append(outcome)
                for line in stream.events(place, outcome):
                    yield line
    except ApiError as error:
        yield event(ErrorBody(error=error.detail))
        return
    if request.wants_usage:
        yield stream.usage_event(found)
    yield DONE_EVENT


def _drawn(model: ServedModel, questions: Sequence[Question], request: AnswerRequest) -> list[Question]:
    """Each question once for every answer that is drawn at random, with a seed of its own; as it is where none is drawn."""
    temperature = request.temperature
    if not temperature or model.chooses_by_score:
        return list(questions)
    top_p = 1.0 if request.top_p is None else request.top_p
    seed = secrets.randbits(63) if request.seed is None else request.seed

    def sampling(place: int) -> Sampling:
        return Sampling(random.Random(f"{seed} {place}").getrandbits(63), temperature, top_p)  # noqa: S311

    each = (question for question in questions for _ in range(request.n or 1))
    return [replace(question, sampling=sampling(place)) for place, question in enumerate(each)]


def _reply(request: AnswerRequest, first: Question, top: int | None) -> Reply:
    """The reply in which drawn answers stand once each, and other answers as often as the request wants."""
    count = request.n or 1
    repeats, samples = (1, count) if first.sampling else (count, 1)
    return Reply(request.model, repeats, samples, top)


def _check_scores(model: ServedModel, top: int | None) -> None:
    """Refuse log probabilities of answers that have none: of another endpoint, and sets of labels which a head chooses."""
    if top is None:
        return
    if model.is_remote:
        raise not_honoured("logprobs", "the input fits no task and goes to another endpoint, which is not asked for them")
    decoding = model.source.manifest.decoding[model.task.name] if model.source and model.task else None
    if decoding is not None and model.chooses_by_score and not decoding.scores_answers:
        raise not_honoured("logprobs", f"a label head chooses the labels of {model.name} one by one; leave it out")


def http_app(
    engine: Engine,
    rules: RequestRules,
    answer_seconds: float,
    run_action: ServedActions,
    log: RequestLog | None = None,
    fallback: FallbackModel | None = None,
) -> FastAPI:
    """The whole application. Pages that fetch scripts from elsewhere are left out.

    Args:
        log: records requests and takes corrections; None: nothing is recorded.
        fallback: answers what the router sends to no task; None: the base model does.
    """
    app = FastAPI(
        title="AnyTaskTune",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        responses=_ERRORS,
    )
    api, metrics = AnswerApi(engine, answer_seconds, log, fallback), engine.metrics

    @app.get("/v1/models")
    def models() -> ModelList:
        """List the base model and all Task-LMs."""
        return model_list(engine.models)

    @app.get("/v1/models/{name:path}")
    def model(name: str) -> ModelEntry:
        """Show one model."""
        return model_entry(name, engine.models.find(name))

    @app.post("/v1/chat/completions", response_model=ChatReply)
    async def chat(http: Request, request: ChatRequest) -> Response:
        """Answer the input in a conversation."""
        return await api.chat(http, request)

    @app.post("/v1/completions", response_model=TextReply)
    async def completion(http: Request, request: CompletionRequest) -> Response:
        """Answer one input or several."""
        return await api.completion(http, request)

    @app.post("/v1/actions/{name}")
    def action(name: str, request: ActionRequest) -> ActionResult:
        """Run the steps of an action."""
        return run_action(name, request)

    @app.post("/v1/feedback")
    def feedback(request: FeedbackRequest) -> FeedbackReply:
        """Take the right answer to a request that was answered wrongly."""
        if log is None:
            message = "this server does not record requests: start it with --record-requests"
            raise ApiError(404, message, code="not_recording")
        return log.correct(request)

    _tell_state(app, engine)
    known = {getattr(route, "path", "") for route in app.routes}

    def on_reply(path: str, status: int) -> None:
        metrics.requests.labels(path if path in known else "other", str(status)).inc()

    _handle_errors(app)
    app.add_middleware(RequestGuardMiddleware, rules=rules, on_reply=on_reply)
    return app


def _tell_state(app: FastAPI, engine: Engine) -> None:
    """Add what programs that watch the server ask for."""

    @app.get("/health")
    def health() -> dict[str, str]:
        """Say that the process is alive."""
        return {"status": "ok"}

    @app.get("/ready")
    def ready() -> dict[str, str]:
        """Say whether requests are answered now."""
        if not engine.is_ready:
            raise ApiError(503, "the engine is not running", kind="server_error", code="not_ready")
        return {"status": "ready"}

    @app.get("/metrics", response_class=PlainTextResponse)
    def numbers() -> Response:
        """Show numbers for Prometheus."""
        return Response(engine.metrics.text(), media_type=CONTENT_TYPE_LATEST)


def _handle_errors(app: FastAPI) -> None:
    """Give every error OpenAI's form."""

    @app.exception_handler(ApiError)
    async def refused(_: Request, error: ApiError) -> Response:
        return error.response()

    @app.exception_handler(AnyTaskTuneError)
    async def unusable(_: Request, error: AnyTaskTuneError) -> Response:
        return ApiError(400, str(error)).response()

    @app.exception_handler(RequestValidationError)
    async def wrong_body(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"] if part != "body")
        message = f"{place or 'body'}: {first['msg']}"
        if not place and "json" not in request.headers.get("content-type", ""):
            message = "the body is not read as JSON: send the header Content-Type: application/json"
        detail = ErrorDetail(message=message, type="invalid_request_error", param=place or None)
        return JSONResponse(ErrorBody(error=detail).model_dump(), 400)

    @app.exception_handler(HTTPException)
    async def no_route(_: Request, error: HTTPException) -> Response:
        return ApiError(error.status_code, str(error.detail), headers=dict(error.headers or {})).response()

    @app.exception_handler(Exception)
    async def fault(_: Request, error: Exception) -> Response:
        message = f"the server failed on this request: {type(error).__name__}"
        return ApiError(500, message, kind="server_error").response()
