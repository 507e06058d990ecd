"""A teacher model that is asked for JSON, many questions at a time: put right once, paid once."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from anytasktune.errors import ConfigError
from anytasktune.llm.asking import MisfitError, Question, Reply
from anytasktune.llm.completions import UndecodableError, decode, without_thoughts
from anytasktune.llm.conversation import Conversation
from anytasktune.llm.costs import PICO, Expected, Prices, Tally, expected_cost, in_pico
from anytasktune.llm.endpoint import Endpoint, EndpointError, UnansweredError
from anytasktune.llm.ledger import Caps, Spent
from anytasktune.llm.live import LiveAnswers, Terms
from anytasktune.llm.negotiation import Request, schema_in_words
from anytasktune.llm.placeholders import Placeholders, UnmaskableError
from anytasktune.llm.prompts import OWN, render_prompt
from anytasktune.llm.recording import Recorder, Replay
from anytasktune.llm.retries import OnWait
from anytasktune.schema.kept_answers import TeacherAnswer, TeacherUsage
from anytasktune.settings import TeacherConfig

_GRACE = 2.0
"""Seconds in which requests under way may still be answered when another one ends everything."""
_MOST_SPEECHLESS = 16
"""Answers in a row in which a server let the model say nothing, after which it is not the questions."""
_LONGER = "raise teacher.answer_tokens, or name a model that thinks less"
Value = TypeVar("Value")
Result = TypeVar("Result")
Guard = Callable[[Sequence[Mapping[str, str]]], str | None]
"""The reason not to send a conversation; None if it may be sent."""


class Answering(Protocol):
    """Gives answers as long as it is open."""

    async def answer(self, request: Request) -> TeacherAnswer:
        """The answer to a request.

        Raises:
            UnansweredError: this one has none.
            EndpointError: none will have one.
        """

    async def drain(self, seconds: float) -> None:
        """Send nothing more, and wait no longer than this for what is under way."""

    def schema_ignored(self, request: Request) -> None:
        """Its answer was no JSON at all."""


class Source(Protocol):
    """Source of answers: an endpoint or a recording."""

    tally: Tally
    answered: list[str]
    """Keys of the answers that were given, new ones and kept ones."""

    def paid_for(self, keys: Collection[str]) -> Spent:
        """Cost of these answers, whichever process sent the requests."""

    @property
    def model(self) -> str:
        """Name of the model that answers."""

    @property
    def prices(self) -> Prices:
        """Prices of its tokens."""

    def holds(self, requests: Sequence[Request]) -> list[bool]:
        """Which of them would be answered without being sent."""

    def session(self) -> AbstractAsyncContextManager[Answering]:
        """Open it."""


@dataclass(frozen=True)
class Activity:
    """Requests under way at this moment.

    Attributes:
        under_way: requests sent and not answered yet, those that wait to be sent again included.
        allowed: how many there may be at present.
        waiting: why some wait, in words; empty if none does.
    """

    under_way: int = 0
    allowed: int = 0
    waiting: str = ""


class Teacher:
    """A model that answers questions; an Asker."""

    def __init__(
        self,
        source: Source,
        config: TeacherConfig,
        recorder: Recorder | None = None,
        guard: Guard | None = None,
        placeholders: Placeholders | None = None,
    ) -> None:
        """A teacher; `guard` sees every conversation first, and one that it refuses is neither sent nor looked up."""
        self._guard = guard
        self._placeholders = placeholders
        self._recorder = recorder
        self._source = source
        self._config = config
        self._seconds = 0.0
        self._speechless = 0

    @classmethod
    def open(
        cls,
        config: TeacherConfig,
        environment: Mapping[str, str],
        answers_file: Path,
        *,
        record: Path | None = None,
        replay: Path | None = None,
        on_wait: OnWait | None = None,
        guard: Guard | None = None,
    ) -> "Teacher":
        """The teacher of a config, at the endpoint that the environment names.

        Args:
            answers_file: where its answers are kept, and counted what they cost.
            record: a file to which every answer is also added, with what was asked; it holds neither key nor address.
            replay: such a file, from which all answers are taken; then no endpoint is needed, and nothing is paid or kept.
            on_wait: is told why, and for how many seconds, before a request is sent again.
            guard: sees every conversation before it is sent; one that it refuses gives a reply with the fault `sealed`.

        Raises:
            EndpointError: the environment names no endpoint.
            ConfigError: both `record` and `replay` are given.
        """
        if replay is not None:
            if record is not None:
                raise ConfigError("a recording is either made or replayed", fix="give --record or --replay, not both")
            return cls.replaying(replay, config, guard)
        endpoint = Endpoint.from_environment(environment, timeout=config.timeout, attempts=config.attempts)
        return cls.at(endpoint, config, answers_file, record=record, on_wait=on_wait, guard=guard)

    @classmethod
    def at(
        cls,
        endpoint: Endpoint,
        config: TeacherConfig,
        answers_file: Path,
        *,
        record: Path | None = None,
        on_wait: OnWait | None = None,
        guard: Guard | None = None,
        placeholders: Placeholders | None = None,
    ) -> "Teacher":
        """The teacher at a given endpoint, with the timeout and attempts of that endpoint, not those of the config.

        Args:
            placeholders: replace personal data in everything that is sent, recorded or kept; None: it is sent as it is.
        """
        source = LiveAnswers(endpoint, config.name, answers_file, terms_of(config), on_wait)
        recorder = Recorder(record, config.name) if record is not None else None
        return cls(source, config, recorder, guard, placeholders)

    @classmethod
    def replaying(
        cls, file: Path, config: TeacherConfig, guard: Guard | None = None, placeholders: Placeholders | None = None
    ) -> "Teacher":
        """The teacher whose answers are taken from a recording; nothing is sent, paid or kept."""
        return cls(Replay(file, config.name, Prices.of(config)), config, guard=guard, placeholders=placeholders)

    @property
    def model(self) -> str:
        """Its name."""
        return self._source.model

    @property
    def masks(self) -> bool:
        """Whether personal data is replaced by placeholders in what it is sent."""
        return self._placeholders is not None

    def tell_damage(self, on_damage: Callable[[str], None]) -> None:
        """Have a function told how many answers are lost, if the file they are kept in is found damaged."""
        if isinstance(self._source, LiveAnswers):
            self._source.on_damage = on_damage

    @property
    def usage(self) -> TeacherUsage:
        """Usage so far; may be read at any time."""
        tally, prices = self._source.tally, self._source.prices
        return TeacherUsage(
            requests=tally.requests,
            reused=tally.found,
            prompt_tokens=tally.prompt_tokens,
            answer_tokens=tally.answer_tokens,
            cost=tally.cost / PICO if prices.currency else None,
            currency=prices.currency,
            seconds=self._seconds,
        )

    @property
    def answered(self) -> list[str]:
        """Keys of the answers it gave so far, new ones and kept ones, in their order."""
        return list(self._source.answered)

    def usage_of(self, keys: Collection[str]) -> TeacherUsage:
        """Usage behind these answers, whichever process sent the requests; it has no `seconds`."""
        spent, prices = self._source.paid_for(keys), self._source.prices
        return TeacherUsage(
            requests=spent.requests,
            reused=len(keys) - min(len(keys), spent.requests),
            prompt_tokens=spent.tokens.prompt,
            answer_tokens=spent.tokens.answer,
            cost=spent.cost / PICO if prices.currency else None,
            currency=prices.currency,
        )

    @property
    def activity(self) -> Activity:
        """Requests under way; may be read at any time."""
        if not isinstance(self._source, LiveAnswers):
            return Activity()
        retries = self._source.retries
        return Activity(retries.pace.under_way, int(retries.pace.allowed), retries.waiting)

    def expected(self, questions: Sequence[Question[Any]], likely_answer: int | None = None) -> Expected:
        """Expected cost of these questions now; those whose answers are kept cost nothing.

        Args:
            likely_answer: tokens an answer likely has; None: a quarter of the longest.
        """
        rest = (question for question, there in zip(questions, self.holds(questions), strict=True) if not there)
        return expected_cost(rest, self._config, likely_answer)

    def holds(self, questions: Sequence[Question[Any]]) -> list[bool]:
        """Which of these questions have an answer that is kept."""
        requests: dict[int, Request] = {}
        for place, question in enumerate(questions):
            with contextlib.suppress(UnmaskableError):  # it will not be asked
                requests[place] = self._request(question, Conversation.of(question, self._placeholders))
        kept = dict(zip(requests, self._source.holds(list(requests.values())), strict=True))
        return [kept.get(place, False) for place in range(len(questions))]

    def ask(self, question: Question[Value]) -> Reply[Value]:
        """Answer one question; as `ask_all`."""
        return self.ask_all([question])[0]

    def ask_all(
        self, questions: Sequence[Question[Value]], on_reply: Callable[[int, Reply[Value]], None] | None = None
    ) -> list[Reply[Value]]:
        """Answer many questions, several at a time.

        Args:
            on_reply: receives the place of a question and its reply as soon as there is one, in any order.

        Returns:
            A reply per question, in their order.

        Raises:
            EndpointError: the teacher cannot be asked at all; what was answered is kept.
            StoreError: its answers cannot be kept.
        """
        started = time.monotonic()
        try:
            return run_to_end(self._all(questions, on_reply))
        finally:
            self._seconds += time.monotonic() - started

    async def _all(
        self, questions: Sequence[Question[Value]], on_reply: Callable[[int, Reply[Value]], None] | None
    ) -> list[Reply[Value]]:
        replies: dict[int, Reply[Value]] = {}
        rest = iter(enumerate(questions))

        async def work(answering: Answering) -> None:
            for place, question in rest:
                replies[place] = await self._reply(answering, question)
                if on_reply is not None:
                    on_reply(place, replies[place])
                await asyncio.sleep(0)  # answers that are there already leave no other moment for Ctrl-C

        async with self._source.session() as answering:
            await _together([work(answering) for _ in range(min(self._config.concurrency, len(questions)))], answering)
        return [replies[place] for place in range(len(questions))]

    async def _reply(self, answering: Answering, question: Question[Value]) -> Reply[Value]:
        """Ask, and once more if the answer cannot be used."""
        try:
            talk = Conversation.of(question, self._placeholders)
        except UnmaskableError as found:
            return Reply(None, "not_masked", str(found))
        fault, reason = "", ""
        for repaired in (False, True):
            if self._guard is not None and (refusal := self._guard(talk.said)) is not None:
                return Reply(None, "sealed", refusal)
            request = self._request(question, talk)
            try:
                answer = await answering.answer(request)
            except UnansweredError as unanswered:
                return Reply(None, unanswered.fault, unanswered.detail)
            if self._recorder is not None:
                self._recorder.record(request, answer)
            words = ""
            try:
                value = question.read(talk.meant(decode(answer.content, request.schema)))
                self._speechless = 0
                return Reply(value, repaired=repaired, truncated=answer.finish == "length")
            except UndecodableError as misfit:
                fault, reason, words = str(misfit), misfit.reason, schema_in_words(request.schema, question.language)
                if answer.finish == "stop":
                    answering.schema_ignored(request)
                if (plain := _read_as_text(question, talk, answer)) is not None:
                    return plain
            except MisfitError as misfit:
                fault, reason = str(misfit), misfit.reason
            if answer.finish == "length":
                fault = f"it was cut off: {fault}"
            said = without_thoughts(answer.content).strip()
            if words and (answer.finish == "content_filter" or (answer.finish == "length" and not said)):
                return self._without_words(answer, request)
            repair = render_prompt(OWN, "repair", question.language, fault=fault)
            talk.add(answer.content, f"{repair}\n\n{words}".strip())
        return Reply(None, reason, f"{fault}; {_LONGER}" if answer.finish == "length" else fault)

    def _without_words(self, answer: TeacherAnswer, request: Request) -> Reply[Any]:
        """The reply where a server let the model say nothing; asked again, it would say nothing again.

        Raises:
            EndpointError: so it was with every answer so far, and there were several.
        """
        what = "the content filter of the server stopped the answer"
        fix = "name another teacher, or leave out the texts it does not like"
        if answer.finish == "length":
            what, fix = f"the model was still thinking after {request.max_tokens} tokens, the longest answer allowed", _LONGER
        self._speechless += 1
        if self._speechless >= _MOST_SPEECHLESS:
            raise EndpointError(f"{what}, {self._speechless} times in a row", fix=fix)
        return Reply(None, "unusable_answer", f"{what}; {fix}")

    def _request(self, question: Question[Any], talk: Conversation) -> Request:
        tokens = question.max_tokens or self._config.answer_tokens
        return Request(list(talk.sent), talk.schema, question.language, question.temperature, question.sample, tokens)


def _read_as_text(question: Question[Value], talk: Conversation, answer: TeacherAnswer) -> Reply[Value] | None:
    """The reply to an answer that is no JSON, where the question takes one; None where the model was not let say anything."""
    said = without_thoughts(answer.content).strip()
    if question.read_text is None or answer.finish == "content_filter" or (answer.finish == "length" and not said):
        return None
    try:
        return Reply(question.read_text(talk.meant(said)), truncated=answer.finish == "length")
    except MisfitError as misfit:
        return Reply(None, misfit.reason, str(misfit))


def terms_of(config: TeacherConfig) -> Terms:
    """Prices, caps and concurrency of a config."""
    cost = None if config.max_cost is None else in_pico(config.max_cost)
    return Terms(Prices.of(config), Caps(config.max_tokens, cost), config.concurrency)


async def _together(works: Sequence[Coroutine[Any, Any, None]], answering: Answering) -> None:
    """Until all are done, or one fails: then the others end, too, but may still hear what is under way and perhaps paid for."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        if tasks:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in tasks:
            if task.done():
                task.result()
    except BaseException:
        await answering.drain(_GRACE)
        raise
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def run_to_end(work: Coroutine[Any, Any, Result]) -> Result:
    """Run to the end; in a thread of its own where an event loop runs already, as in a notebook."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    ended: list[Result | BaseException] = []

    def run() -> None:
        try:
            ended.append(asyncio.run(work))
        except BaseException as error:
            ended.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if isinstance(ended[0], BaseException):
        raise ended[0]
    return ended[0]
