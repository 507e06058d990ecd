"""A model behind an endpoint that answers single inputs in words; neither its answers nor what they cost is kept."""

import asyncio
import functools
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from anytasktune.llm.asking import MisfitError
from anytasktune.llm.completions import read_completion, without_thoughts
from anytasktune.llm.costs import Tally, Tokens, most_prompt_tokens
from anytasktune.llm.endpoint import Endpoint, RequestError, UnansweredError
from anytasktune.llm.negotiation import RequestForm
from anytasktune.llm.placeholders import Masking, Placeholders, UnmaskableError
from anytasktune.llm.retries import Pace, Retries
from anytasktune.llm.teacher import run_to_end
from anytasktune.schema.kept_answers import TeacherAnswer

if TYPE_CHECKING:
    from anytasktune.llm.wire import Wire


@dataclass
class ChatEndpoint:
    """Answers of one model, with the time limit and the attempts of its endpoint.

    Attributes:
        most_tokens: longest answer, where a question names none.
        concurrency: requests under way at most; others wait.
        placeholders: replace personal data in what is sent; None: it is sent as it is.
    """

    endpoint: Endpoint
    model: str
    most_tokens: int
    concurrency: int = 32
    placeholders: Placeholders | None = None
    _form: RequestForm = field(default_factory=lambda: RequestForm(format="words"))
    _masking: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._places = asyncio.Semaphore(self.concurrency)
        later = f"check that the server at {self.endpoint.named} runs, then ask again"
        # a pace of one: who is turned away counts it as a failed attempt, since a person waits
        self._retries = Retries(self.endpoint, Pace(1), Tally(), later=later)

    @property
    def name(self) -> str:
        """`MODEL@HOST:PORT`."""
        return f"{self.model}@{self.endpoint.netloc}"

    def ask(self, text: str) -> TeacherAnswer:
        """Answer one input; as `answer`."""
        return run_to_end(self.answer(text))

    async def answer(
        self, text: str, most_tokens: int | None = None, sampling: Mapping[str, Any] | None = None
    ) -> TeacherAnswer:
        """The answer to one input, without thoughts and with the personal data that placeholders stand for.

        Args:
            sampling: fields such as `temperature`, which are sent or the request fails; None: temperature 0 where the server
                takes it.

        Raises:
            EndpointError: there is no answer.
            StoreError: the placeholders cannot be read or written.
        """
        from anytasktune.llm.wire import Wire  # noqa: PLC0415

        try:
            masking = await asyncio.to_thread(self._masking_of, text)
            async with self._places, Wire(self.endpoint) as wire:
                answer = await self._negotiated(
                    wire, masking.hide(text) if masking else text, most_tokens or self.most_tokens, sampling
                )
            content = _words_of(answer)
            return answer.model_copy(update={"content": masking.restore(content) if masking else content})
        except UnmaskableError as found:
            raise self.endpoint.error(f"nothing was sent: {found}", fix="leave the personal data out") from None
        except (UnansweredError, MisfitError) as failed:
            what = failed.detail if isinstance(failed, UnansweredError) else str(failed)
            raise self.endpoint.error(f"{self.model} gives no answer: {what}", fix="ask again, or another model") from None

    def _masking_of(self, text: str) -> Masking | None:
        with self._masking:  # numbers of placeholders are given one after the other
            return self.placeholders.masking([text]) if self.placeholders is not None else None

    async def _negotiated(self, wire: "Wire", text: str, most_tokens: int, sampling: Mapping[str, Any] | None) -> TeacherAnswer:
        """The answer to the first form of the request that the server accepts."""
        form, messages = self._form, [{"role": "user", "content": text}]
        wanted = sampling or {"temperature": 0}
        form = replace(form, sampled=True) if sampling else form
        while True:
            body = json.dumps(form.fields(self.model, messages, most_tokens, wanted), ensure_ascii=False).encode()
            try:
                answer = await self._retries.send(functools.partial(self._once, wire, body, most_tokens))
            except RequestError as refused:
                simpler = form.simpler(refused.what) if refused.negotiable else None
                # what a client asks for is not left out in silence
                if simpler is None or (sampling and not simpler.sampled):
                    raise self.endpoint.error(refused.what, refused.status, refused.fix) from None
                form = simpler
            else:
                self._form = replace(form, divided=1, sampled=form.sampled and (not sampling or self._form.sampled))
                return answer

    async def _once(self, wire: "Wire", body: bytes, most_tokens: int) -> TeacherAnswer:
        worst = Tokens(most_prompt_tokens(body), most_tokens)
        return read_completion(await wire.send(body), self.model, worst, self.endpoint)


def _words_of(answer: TeacherAnswer) -> str:
    """The answer without thoughts; UnansweredError where nothing is left, or a filter stopped it."""
    said = without_thoughts(answer.content).strip()
    if answer.finish == "content_filter":
        raise UnansweredError("not_answered", "the content filter of the server stopped the answer")
    if not said:
        thinking = answer.finish == "length"
        raise UnansweredError("not_answered", "it was still thinking at the longest answer" if thinking else "it is empty")
    return said
