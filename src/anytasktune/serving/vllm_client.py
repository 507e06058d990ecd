"""An HTTP client of vLLM's OpenAI-compatible server: completions, whole or as they grow, and the models it has."""

import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import aiohttp
from pydantic import BaseModel, ValidationError

from anytasktune.text.plain_text import shorten

_CONNECT_SECONDS = 20.0
_LONGEST_LINE = 1 << 20


@dataclass(frozen=True)
class VllmAddress:
    """The address of a vLLM server.

    Attributes:
        url: up to and without `/v1`.
        key: sent with every request; empty where none is needed. Neither shown nor written anywhere.
    """

    url: str
    key: str = field(default="", repr=False)


class VllmError(Exception):
    """A request that vLLM did not answer.

    Attributes:
        status: of its reply; 0 where there was none.
    """

    def __init__(self, what: str, status: int = 0) -> None:
        super().__init__(what)
        self.status = status


class TokenLogprob(BaseModel):
    """The log probability of a token."""

    logprob: float


class VllmChoice(BaseModel):
    """One answer, or the next part of it.

    Attributes:
        token_ids: of the answer, its end among them.
        prompt_logprobs: per token of the prompt but the first, by token id.
    """

    index: int = 0
    text: str = ""
    token_ids: list[int] | None = None
    finish_reason: str | None = None
    prompt_logprobs: list[dict[str, TokenLogprob] | None] | None = None


class VllmReply(BaseModel):
    """The reply to a completion, or a part of it."""

    choices: list[VllmChoice]


class VllmModel(BaseModel):
    """A model that vLLM has; an adapter where it has a parent."""

    id: str
    parent: str | None = None


class VllmModels(BaseModel):
    """The reply to `GET /v1/models`."""

    data: list[VllmModel]


class VllmClient:
    """Connections to one vLLM server, kept open between requests; an async context."""

    def __init__(self, address: VllmAddress) -> None:
        self._address = address
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        headers = {"Authorization": f"Bearer {self._address.key}"} if self._address.key else {}
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=None, connect=_CONNECT_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            read_bufsize=_LONGEST_LINE,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def is_healthy(self) -> bool:
        """Whether it answers requests."""
        try:
            async with self._asked("GET", "/health"):
                return True
        except (VllmError, aiohttp.ClientError, OSError, TimeoutError):
            return False

    async def models(self) -> list[VllmModel]:
        """The models it has; VllmError where it does not say."""
        return VllmModels.model_validate_json(await self._text("GET", "/v1/models")).data

    async def complete(self, body: Mapping[str, Any]) -> list[VllmChoice]:
        """The choices of a completion; VllmError where there are none."""
        try:
            return VllmReply.model_validate_json(await self._text("POST", "/v1/completions", body)).choices
        except ValidationError as error:
            raise VllmError(f"its reply is no completion: {shorten(str(error), 200)}") from None

    async def stream(self, body: Mapping[str, Any]) -> AsyncGenerator[VllmChoice, None]:
        """The parts of one completion as they come; VllmError where it breaks off."""
        try:
            async with self._asked("POST", "/v1/completions", {**body, "stream": True}) as response:
                async for line in response.content:
                    data = line.decode("utf-8", "replace").strip().removeprefix("data:").strip()
                    if data == "[DONE]":
                        return
                    if data:
                        for choice in _part(data).choices:
                            yield choice
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise VllmError(f"the connection broke: {shorten(str(error), 200)}") from None
        raise VllmError("the connection was closed before the answer was complete")

    async def _text(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> bytes:
        try:
            async with self._asked(method, path, body) as response:
                return await response.read()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise VllmError(f"cannot be reached: {shorten(str(error) or type(error).__name__, 200)}") from None

    @contextlib.asynccontextmanager
    async def _asked(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        if self._session is None:
            raise RuntimeError("the connections are not open")
        async with self._session.request(method, self._address.url + path, json=body, allow_redirects=False) as response:
            if response.status != 200:
                raise VllmError(_message((await response.read()).decode("utf-8", "replace")), response.status)
            yield response


def _part(data: str) -> VllmReply:
    found = json.loads(data)
    if isinstance(found, dict) and "error" in found:
        raise VllmError(_message(data), 500)
    return VllmReply.model_validate(found)


def _message(said: str) -> str:
    """The message of an error as vLLM words it, or as other servers do."""
    try:
        found = json.loads(said)
        error = found.get("error", found)
        text = error.get("message") or error.get("detail") or said
    except (ValueError, AttributeError):
        text = said
    return shorten(" ".join(str(text).split()), 300)
