"""Requests that cannot be answered are refused with the right status, OpenAI's form of errors, and the name of the field."""

import json
import socket
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from openai import AuthenticationError, BadRequestError, NotFoundError, OpenAI
from tests.unit.serving.conftest import served

from anytasktune.errors import ConfigError
from anytasktune.pipeline import Workspace
from anytasktune.pipeline.starting_server import ServerOptions, prepare_server
from anytasktune.serving.http_listener import HeaderTimeoutProtocol
from anytasktune.serving.http_server import AnswerServer

CHAT = {"model": "team", "messages": [{"role": "user", "content": "the landlord"}]}
TEXT = {"model": "team", "prompt": "the landlord"}


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"temperature": 2.1}, "temperature"),
        ({"model": "reply", "temperature": 0.7, "top_p": 0}, "top_p"),
        ({"max_tokens": 1}, "max_tokens"),
        ({"presence_penalty": 1}, "presence_penalty"),
        ({"logit_bias": {"5": 1}}, "logit_bias"),
        ({"tools": [{"type": "function"}]}, "tools"),
        ({"functions": [{"name": "look_up"}]}, "functions"),
        ({"audio": {"voice": "alloy", "format": "wav"}}, "audio"),
        ({"messages": "the landlord"}, "messages"),
        ({"stop": ["x"] * 17}, "stop"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"response_format": {"type": "json_schema", "json_schema": {}}}, "response_format"),
        ({"model": "reply", "logprobs": True, "top_logprobs": 21}, "top_logprobs"),
        ({"n": 0}, "n"),
        ({"n": "many"}, "n"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "user", "content": "  "}]}, "messages"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages"),
        ({"messages": [{"role": "system", "content": "Be brief."}, CHAT["messages"][0]]}, "messages"),
        ({"messages": [CHAT["messages"][0]] * 2}, "messages"),
        ({"messages": [{"role": "user", "content": "long " * 600}]}, "messages"),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_name(http: httpx.Client, more: dict[str, Any], field: str) -> None:
    reply = http.post("/v1/chat/completions", json=CHAT | more)
    error = reply.json()["error"]
    assert reply.status_code == 400, reply.text
    assert error["param"].partition(".")[0] in (field, "max_completion_tokens" if field == "max_tokens" else field)
    assert field in error["message"] or field == "messages"


def test_unknown_fields_and_neutral_values_are_ignored(http: httpx.Client) -> None:
    more = {"temperature": 0, "top_p": 1, "user": "me", "store": False, "frequency_penalty": 0, "what": [1], "tools": None}
    assert http.post("/v1/chat/completions", json=CHAT | more).status_code == 200
    assert http.post("/v1/completions", json=TEXT | {"echo": False, "best_of": 1}).status_code == 200


@pytest.mark.parametrize(
    "more",
    [
        {"model": "reply", "stop": ["\n", "END"]},
        {"model": "reply", "stop": "END", "max_completion_tokens": 5},
        {"model": "reply", "n": 2, "seed": 7, "temperature": 1},
        {"model": "reply", "logprobs": True, "top_logprobs": 2},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "the landlord"}]}]},
        {"response_format": {"type": "text"}, "tools": [], "tool_choice": "none", "logit_bias": {}},
        {"model": "facts", "response_format": {"type": "json_object"}, "parallel_tool_calls": True, "service_tier": "auto"},
    ],
)
def test_bodies_of_openai_s_documentation_are_answered(http: httpx.Client, more: dict[str, Any]) -> None:
    body = CHAT | more
    reply = http.post("/v1/chat/completions", json=body)
    assert reply.status_code == 200, reply.text
    choices = reply.json()["choices"]
    assert len(choices) == body.get("n", 1)
    assert all(choice["message"]["content"] is not None for choice in choices)
    assert all((choice["logprobs"] is not None) == bool(body.get("logprobs")) for choice in choices)


def test_a_stream_with_usage_counts_the_tokens_in_its_last_piece(http: httpx.Client) -> None:
    body = CHAT | {"model": "reply", "stream": True, "stream_options": {"include_usage": True}}
    lines = [line for line in http.post("/v1/chat/completions", json=body).text.splitlines() if line]
    assert lines[-1] == "data: [DONE]"
    last = json.loads(lines[-2].removeprefix("data: "))
    assert last["choices"] == [] and last["usage"]["completion_tokens"] > 0


def test_errors_are_those_the_official_client_knows(openai: OpenAI) -> None:
    with pytest.raises(NotFoundError, match="did you mean 'team"):
        openai.chat.completions.create(**CHAT | {"model": "taem"})
    with pytest.raises(BadRequestError, match="presence_penalty"):
        openai.chat.completions.create(**CHAT, presence_penalty=1.0)
    with pytest.raises(NotFoundError, match="no model"):
        openai.models.retrieve("nobody")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/v1/none", 404), ("GET", "/v1/completions", 405), ("POST", "/v1/chat/completions", 400), ("GET", "/docs", 404)],
)
def test_every_error_has_openai_s_form(http: httpx.Client, method: str, path: str, status: int) -> None:
    reply = http.request(method, path, content=b"{")
    assert reply.status_code == status
    assert set(reply.json()["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"[" * 200_000,
        b'{"model": "team", "messages": [{"role": "user", "content": "\\ud800"}]}',
        b'{"model": "team", "messages": [{"role": "user", "content": "x"}], "n": ' + b"9" * 5000 + b"}",
        b'{"model": "team", "messages": [{"role": "user", "content": "x"}], "temperature": NaN}',
        b'{"model": "tiny", "prompt": "\\ud800"}',
        b'{"model": "tiny", "prompt": "x", "stop": ["\\ud800"]}',
        b'{"model": "\\udfff", "prompt": "x", "messages": [{"role": "user", "content": "x"}]}',
        b'{"model": "\\u0000", "messages": 5}',
        b"\xff\xfe{}",
    ],
)
def test_malformed_bodies_are_refused(http: httpx.Client, body: bytes) -> None:
    for path in ("/v1/chat/completions", "/v1/completions"):
        reply = http.post(path, content=body, headers={"Content-Type": "application/json"})
        assert reply.status_code == 400, reply.text
        assert reply.json()["error"]["message"]


def test_a_body_that_is_not_announced_as_json_is_refused_with_the_header_to_send(http: httpx.Client) -> None:
    reply = http.post("/v1/chat/completions", content=json.dumps(CHAT), headers={"Content-Type": "text/plain"})
    assert reply.status_code == 400
    assert "Content-Type: application/json" in reply.json()["error"]["message"]


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "localhost.evil.example", "", "[evil]"])
def test_foreign_hosts_are_refused(http: httpx.Client, host: str) -> None:
    assert http.get("/v1/models", headers={"Host": host}).status_code in (400, 421)


def test_other_origins_are_not_told_that_they_may_read(http: httpx.Client) -> None:
    reply = http.get("/v1/models", headers={"Origin": "https://evil.example"})
    assert not [name for name in reply.headers if name.startswith("access-control")]


def test_large_bodies_are_refused_by_their_announced_and_their_real_length(http: httpx.Client) -> None:
    large = json.dumps(CHAT | {"user": "x" * (1 << 20)}).encode()
    assert http.post("/v1/chat/completions", content=large).status_code == 413
    parts = (large[start : start + 65536] for start in range(0, len(large), 65536))
    assert http.post("/v1/chat/completions", content=parts).status_code == 413


def test_another_address_needs_a_token(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = Workspace.open(project)
    with pytest.raises(ConfigError, match="no token is asked for"):
        prepare_server(workspace, None, ServerOptions("0.0.0.0", 0))
    monkeypatch.setenv("SERVER_KEY", " ")
    with pytest.raises(ConfigError, match="SERVER_KEY is empty"):
        prepare_server(workspace, None, ServerOptions("0.0.0.0", 0, "SERVER_KEY"))


def test_a_taken_port_is_named(project: Path, server: AnswerServer) -> None:
    port = int(server.address.rpartition(":")[2])
    with pytest.raises(ConfigError, match=f"port {port}.*in use"):
        prepare_server(Workspace.open(project), None, ServerOptions(port=port))


def test_a_server_with_a_token_answers_those_who_send_it(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVER_KEY", "long-and-random")
    with served(project, host="0.0.0.0", token_env="SERVER_KEY") as running:
        port = running.address.rpartition(":")[2]
        address = f"http://127.0.0.1:{port}"
        with OpenAI(base_url=f"{address}/v1", api_key="wrong", max_retries=0) as client:
            with pytest.raises(AuthenticationError):
                client.models.list()
            assert client.with_options(api_key="long-and-random").models.list().data
        assert httpx.get(f"{address}/metrics").status_code == 401
        assert httpx.get(f"{address}/health").status_code == 200


def test_half_sent_heads_are_closed(server: AnswerServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HeaderTimeoutProtocol, "head_seconds", 0.2)
    port = int(server.address.rpartition(":")[2])
    for start in (b"", b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nX-Slow"):
        with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
            client.sendall(start)
            assert client.recv(100) == b""


def test_a_kept_connection_may_not_half_send_its_next_head(server: AnswerServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HeaderTimeoutProtocol, "head_seconds", 0.2)
    port = int(server.address.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
        client.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        time.sleep(0.1)
        reply = b""
        while not reply.endswith(b"}") and (part := client.recv(4000)):  # head and body may come apart
            reply += part
        assert b"200 OK" in reply
        client.sendall(b"GET /health HTTP/1.1\r\nHo")
        assert client.recv(100) == b""
