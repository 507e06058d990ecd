"""Bodies of requests: the fields of OpenAI's API that are honoured, and those that are refused by name.

Fields that are not named here are ignored: clients send many that do not change an answer.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, AliasChoices, BaseModel, ConfigDict, Field, JsonValue

from anytasktune.records import Language
from anytasktune.serving.api_errors import not_honoured

MOST_CHOICES = 16
MOST_STOPS = 16
MOST_PROMPTS = 64


def _encodable(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("half of a character (a lone surrogate) stands in it") from None
    return text


Text = Annotated[str, AfterValidator(_encodable)]
"""Text that can be written in UTF-8; JSON can hold other."""


class ApiRecord(BaseModel):
    """A part of a request; fields that it does not have are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class ContentPart(ApiRecord):
    """A part of a message."""

    type: Text
    text: Text | None = None


class Message(ApiRecord):
    """One turn of a conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: Text | list[ContentPart] | None = None

    @property
    def text(self) -> str:
        """The words of the message; ApiError where it holds something else."""
        if self.content is None or isinstance(self.content, str):
            return self.content or ""
        for part in self.content:
            if part.type != "text" or part.text is None:
                raise not_honoured("messages", f"a part of type {part.type!r} cannot be read; send text only")
        return "".join(part.text or "" for part in self.content)


class StreamOptions(ApiRecord):
    """Options of a streamed reply."""

    include_usage: bool | None = None


class NamedSchema(ApiRecord):
    """A JSON Schema in a request; its name and `strict` change nothing."""

    schema_: dict[str, JsonValue] | None = Field(None, alias="schema")


class ResponseFormat(ApiRecord):
    """The form that an answer must have."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: NamedSchema | None = None


class OwnOptions(ApiRecord):
    """Fields of our own, under `anytasktune` in a request."""

    language: Language | None = None
    """Language the input is handled in; told from its script unless given."""


class AnswerRequest(ApiRecord):
    """Fields that both kinds of requests have."""

    model: Text = Field(min_length=1, max_length=300)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: int | None = Field(None, ge=1)
    n: int | None = Field(None, ge=1, le=MOST_CHOICES)
    stop: Annotated[list[Annotated[Text, Field(min_length=1)]], Field(max_length=MOST_STOPS)] | Text | None = None
    seed: int | None = None
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logit_bias: dict[str, float] | None = None
    anytasktune: OwnOptions = OwnOptions()

    @property
    def stops(self) -> tuple[str, ...]:
        """Texts before which an answer ends."""
        stops = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return tuple(stop for stop in stops if stop)

    @property
    def wants_usage(self) -> bool:
        """Whether a streamed reply ends with the numbers of tokens."""
        return bool(self.stream_options and self.stream_options.include_usage)

    def refuse_unhonoured(self) -> None:
        """Raise ApiError for the first field that would change the answer in a way that cannot be done."""
        for name in ("presence_penalty", "frequency_penalty", "logit_bias"):
            if getattr(self, name):
                raise not_honoured(name, "answers are not steered; leave it out")


class ChatRequest(AnswerRequest):
    """The body of `POST /v1/chat/completions`."""

    messages: list[Message] = Field(min_length=1)
    max_tokens: int | None = Field(None, ge=1, validation_alias=AliasChoices("max_completion_tokens", "max_tokens"))
    response_format: ResponseFormat | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = Field(None, ge=0, le=20)
    tools: list[JsonValue] | None = None
    tool_choice: JsonValue = None
    functions: list[JsonValue] | None = None
    function_call: JsonValue = None
    modalities: list[str] | None = None
    audio: JsonValue = None
    prediction: JsonValue = None
    web_search_options: JsonValue = None

    def refuse_unhonoured(self) -> None:
        """As of every request; here also tools, sound and the like."""
        super().refuse_unhonoured()
        for name in ("tools", "functions", "audio", "prediction", "web_search_options"):
            if getattr(self, name):
                raise not_honoured(name, "a Task-LM answers with text only; leave it out")
        if set(self.modalities or ["text"]) != {"text"}:
            raise not_honoured("modalities", "answers are text; send ['text'] or leave it out")


class CompletionRequest(AnswerRequest):
    """The body of `POST /v1/completions`."""

    prompt: Text | Annotated[list[Text], Field(min_length=1, max_length=MOST_PROMPTS)]
    suffix: str | None = None
    echo: bool | None = None
    best_of: int | None = None
    logprobs: int | None = Field(None, ge=0, le=20)

    @property
    def prompts(self) -> list[str]:
        """The prompts, each of which is answered."""
        return [self.prompt] if isinstance(self.prompt, str) else self.prompt

    def refuse_unhonoured(self) -> None:
        """As of every request; here also what only this endpoint has."""
        super().refuse_unhonoured()
        if self.suffix:
            raise not_honoured("suffix", "text is continued at its end only; leave it out")
        if self.echo:
            raise not_honoured("echo", "the prompt is not repeated; leave it out")
        if (self.best_of or 1) > (self.n or 1):
            raise not_honoured("best_of", "no more answers are made than sent; leave it out")
