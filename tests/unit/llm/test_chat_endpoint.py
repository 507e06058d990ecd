"""Single inputs answered in words by a real HTTP server."""

import asyncio

import pytest
from tests.openai_server import Answer, Raw, completion, error, in_turn, serving

from anytasktune.llm import Endpoint, EndpointError
from anytasktune.llm.chat_endpoint import ChatEndpoint

NEW_NAME = error(400, "Unsupported parameter: 'max_tokens' is not supported; use 'max_completion_tokens'")
NO_TEMPERATURE = error(400, "Unsupported value: 'temperature' does not support 0 with this model")


def opened(url: str, attempts: int = 2) -> ChatEndpoint:
    endpoint = Endpoint.at(url, "", named="router.fallback_url", key_variable="SOME_KEY", attempts=attempts)
    return ChatEndpoint(endpoint, "big", 100)


def test_the_form_that_the_server_takes_is_found_and_kept() -> None:
    with serving(in_turn(NEW_NAME, NO_TEMPERATURE, "yes")) as stub:
        model = opened(stub.url)
        assert [model.ask("well?").content for _ in range(2)] == ["yes", "yes"]
    forms = [{name for name in body if name not in {"model", "messages"}} for body in stub.bodies]
    new = {"max_completion_tokens"}
    assert forms == [{"max_tokens", "temperature"}, new | {"temperature"}, new, new]


def test_a_temperature_that_was_asked_for_is_not_left_out_in_silence() -> None:
    with serving(in_turn(NO_TEMPERATURE)) as stub, pytest.raises(EndpointError, match="does not support"):
        asyncio.run(opened(stub.url).answer("well?", sampling={"temperature": 1.5}))
    assert [body["temperature"] for body in stub.bodies] == [1.5]


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (completion("", "stop"), "it is empty"),
        (completion("<think>so long", "length"), "still thinking"),
        (completion("half", "content_filter"), "content filter"),
        (error(404, "no such page"), "check router.fallback_url"),
        (error(401, "no"), "check SOME_KEY"),
        (Raw(200, "<html><title>Login</title></html>"), "Login"),
    ],
)
def test_what_is_no_answer_is_an_error_that_says_why(answer: Answer, what: str) -> None:
    with serving(in_turn(answer)) as stub, pytest.raises(EndpointError) as failed:
        opened(stub.url, attempts=1).ask("well?")
    assert what in str(failed.value)
    assert "OPENAI" not in str(failed.value)


def test_a_passing_fault_is_tried_again() -> None:
    with serving(in_turn(error(503, "busy"), "yes")) as stub:
        assert opened(stub.url).ask("well?").content == "yes"
    assert len(stub.bodies) == 2
