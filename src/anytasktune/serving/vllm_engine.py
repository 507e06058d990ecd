"""The engine of `serve --engine`: vLLM computes the tokens; checks, rendering, constraint and replies stay this server's."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Sequence

from anytasktune.errors import ModelError
from anytasktune.outputs.grammar import GrammarText, every, exactly, regex
from anytasktune.serving.api_errors import ApiError, engine_fault, require_room
from anytasktune.serving.engine_messages import Outcome, PendingQuestion, Piece, ShownText
from anytasktune.serving.served_models import ModelCatalog
from anytasktune.serving.server_metrics import ServerMetrics
from anytasktune.serving.vllm_client import VllmAddress, VllmClient, VllmError
from anytasktune.serving.vllm_process import VllmProcess
from anytasktune.serving.vllm_questions import VllmAbilities, VllmQuestions, VllmRequest

_LOOK_SECONDS = 0.2
"""Time between two looks for clients that have gone."""
_WORD = "honoured"
_OLD = "use vLLM 0.12 or newer"


class VllmEngine:
    """Answers questions through a vLLM server.

    Attributes:
        most_waiting: questions that may be on their way; more are refused.
        address: of vLLM.
        process: of vLLM, where it was started here.
        on_end: called when that process ends by itself.
    """

    def __init__(
        self,
        models: ModelCatalog,
        metrics: ServerMetrics,
        address: VllmAddress,
        abilities: VllmAbilities,
        *,
        process: VllmProcess | None = None,
        most_waiting: int = 256,
        on_fault: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.models = models
        self.metrics = metrics
        self.most_waiting = most_waiting
        self.on_end: Callable[[], None] = lambda: None
        self._questions = VllmQuestions(models, abilities)
        self.address = address
        self.process = process
        self._note = on_fault
        self._loop = asyncio.new_event_loop()
        self._client = VllmClient(address)
        self._running: dict[PendingQuestion, asyncio.Task[None]] = {}
        self._count = 0
        self._lock = threading.Lock()
        self._closing = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="vllm-engine", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    @property
    def is_ready(self) -> bool:
        """Whether questions are answered now."""
        ended = self.process is not None and self.process.exit_code is not None
        return self._thread.is_alive() and not self._closing.is_set() and not ended

    @property
    def running(self) -> int:
        """Number of questions on their way."""
        return self._count

    def submit(self, asked: Sequence[PendingQuestion]) -> None:
        """Send questions to vLLM, all or none.

        Raises:
            ApiError: too many are on their way (429), or the engine has ended or is closing (503).
        """
        with self._lock:
            if not self.is_ready:
                raise ApiError(503, "the engine is not running", kind="server_error", code="shutting_down")
            require_room(len(asked), self._count, self.most_waiting)
            self._count += len(asked)
        self.metrics.running.set(self._count)
        for pending in asked:
            self._loop.call_soon_threadsafe(self._begin, pending)

    def close(self) -> None:
        """Drop what nobody waits for any more, and end vLLM's process.

        Raises:
            ModelError: it had ended by itself.
        """
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._closing.set)
            self._thread.join()
        if self.process is not None:
            failed = self.process.failure()
            self.process.stop()
            if failed is not None:
                raise failed

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._watch())
        self._loop.close()

    async def _watch(self) -> None:
        """Look for clients that have gone and for the end of the process, until the engine is closed."""
        told = False
        async with self._client:
            while not self._closing.is_set():
                for pending, task in list(self._running.items()):
                    if pending.cancelled:
                        task.cancel()  # closes the connection, at which vLLM ends the answer
                if not told and self.process is not None and self.process.exit_code is not None:
                    told = True
                    self.on_end()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._closing.wait(), _LOOK_SECONDS)
            for task in list(self._running.values()):
                task.cancel()
            await asyncio.gather(*self._running.values(), return_exceptions=True)

    def _begin(self, pending: PendingQuestion) -> None:
        task = self._loop.create_task(self._answer(pending))
        self._running[pending] = task

        def end(_: "asyncio.Task[None]") -> None:
            del self._running[pending]
            with self._lock:
                self._count -= 1
            self.metrics.running.set(self._count)

        task.add_done_callback(end)

    async def _answer(self, pending: PendingQuestion) -> None:
        start = time.monotonic()
        try:
            outcome = await self._outcome(pending)
        except ApiError as error:
            outcome = error
        except VllmError as error:
            outcome = _refusal(error)
            self.metrics.faults.inc()
            self._note(f"vLLM failed with status {error.status} while {pending.question.model.name} answered")
        except Exception as error:  # of whatever kind: other requests must go on being answered
            outcome = engine_fault()
            self.metrics.faults.inc()
            self._note(f"{type(error).__name__} while {pending.question.model.name} answered")
        self.metrics.step_seconds.observe(time.monotonic() - start)
        pending.deliver(outcome)

    async def _outcome(self, pending: PendingQuestion) -> Outcome:
        question = pending.question
        request = self._questions.request_for(question)
        if request.possible:
            return self._questions.scored(question, request, await self._client.complete(request.body))
        if question.stream and question.grows:
            return await self._grown(pending, request)
        choice = (await self._client.complete(request.body))[0]
        ids, scored = choice.token_ids or [], []
        if (body := self._questions.scoring_of(question, request, ids)) is not None:
            scored = self._questions.token_scores(question, request, ids, await self._client.complete(body))
        return self._questions.generated(question, request, ids, choice.finish_reason, scored)

    async def _grown(self, pending: PendingQuestion, request: VllmRequest) -> Outcome:
        """The answer, whose parts are handed over as they come."""
        question = pending.question
        ids: list[int] = []
        finish, shown = None, ShownText(question.end)
        async with contextlib.aclosing(self._client.stream(request.body)) as parts:
            async for part in parts:
                ids += part.token_ids or []
                finish = part.finish_reason or finish
                piece = shown.grown_to(self._questions.text_of(question, ids))
                if piece is None:
                    break
                if piece:
                    pending.deliver(Piece(piece))
        return self._questions.generated(question, request, ids, finish)


async def find_abilities(address: VllmAddress, models: ModelCatalog, ends_agree: bool) -> VllmAbilities:
    """The abilities of a running server, found out by small requests.

    Args:
        ends_agree: the end-of-text token of its tokenizer is the one that ends answers.

    Raises:
        ModelError: it cannot be reached, or it lacks what is needed.
    """

    def unfit(what: str, fix: str = _OLD) -> ModelError:
        return ModelError(f"the engine {what}", where=address.url, fix=fix)

    format_ = models.info.format
    prompt = format_.text_ids("Answer:", begins=True)
    async with VllmClient(address) as client:
        try:
            known = await client.models()
            base = next((model.id for model in known if model.parent is None), None)
            if base is None:
                raise unfit("has no base model", "start it with a model")
            ask = {"model": base, "prompt": prompt, "max_tokens": 32, "temperature": 0.0, "return_token_ids": True}
            chosen = (await client.complete({**ask, "structured_outputs": {"choice": [_WORD]}}))[0]
            if chosen.text.strip() != _WORD:
                raise unfit("ignores structured_outputs, so answers would have any form")
            if not chosen.token_ids:
                raise unfit("does not send the tokens of its answers (return_token_ids)")
            scored = await client.complete({**ask, "max_tokens": 1, "prompt_logprobs": 1})
            if len(scored[0].prompt_logprobs or []) != len(prompt):
                raise unfit("does not send probabilities of the prompt (prompt_logprobs)")
        except VllmError as error:
            denied = error.status in {401, 403}
            raise unfit(f"refuses: {error}", "set VLLM_API_KEY to its key" if denied else _OLD) from None
        grammar = GrammarText()
        grammar_text = grammar.starting(grammar.terminal(every([regex("[a-z]{8}"), exactly(_WORD)])))
        try:
            held = (await client.complete({**ask, "structured_outputs": {"grammar": grammar_text}}))[0].text.strip() == _WORD
        except VllmError:
            held = False
    adapters = frozenset(model.id for model in known if model.parent is not None)
    return VllmAbilities(base, adapters, held and ends_agree)


def _refusal(error: VllmError) -> ApiError:
    if error.status in {429, 503}:
        return ApiError(503, f"vLLM is busy: {error}", kind="server_error", code="engine_busy", headers={"Retry-After": "1"})
    if error.status:
        what = f"vLLM refuses the request ({error.status}): {error}"
        return ApiError(500, what, kind="server_error", code="engine_refused")
    return ApiError(503, f"vLLM {error}", kind="server_error", code="engine_unreachable")
