"""No key and no password is shown or kept, in whatever form a server gives it back."""

import base64
import json
import socket
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.openai_server import Answer, Raw, completion, error, in_turn, serving

from anytasktune.llm import Endpoint, EndpointError, Question, Teacher
from anytasktune.llm.redaction import MASK, Redactor
from anytasktune.settings import TeacherConfig

KEY = "sk-Canary_7Hq2/vT9+xLw0ZmR4cYb"
PASSWORD = "pr0xy:C@nary/55.lon9er"
ASKED = Question([{"role": "user", "content": "Well?"}], {"type": "object"}, lambda value: value)


def encoded(secret: str, start: str = "") -> str:
    return base64.b64encode(f"{start}{secret}".encode()).decode()


FORMS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "upper case": str.upper,
    "percent-encoded": lambda key: urllib.parse.quote(key, safe=""),
    "percent-encoded, small": lambda key: urllib.parse.quote(key, safe="").lower(),
    "every byte percent-encoded": lambda key: "".join(f"%{ord(char):02X}" for char in key),
    "JSON": lambda key: json.dumps(key)[1:-1].replace("/", "\\/"),
    "JSON escapes": lambda key: "".join(f"\\u{ord(char):04x}" for char in key),
    "Base64": encoded,
    "Base64 of a header": lambda key: encoded(key, "Bearer "),
    "Base64 of a pair": lambda key: encoded(key, "u:"),
    "URL-safe Base64": lambda key: base64.urlsafe_b64encode(key.encode()).decode(),
    "hexadecimal": lambda key: key.encode().hex(),
    "HTML": lambda key: "".join(char if char.isalnum() else f"&#{ord(char)};" for char in key),
    "in lines": lambda key: "\n".join(key[at : at + 5] for at in range(0, len(key), 5)),
    "spaced out": " ".join,
    "put together": lambda key: f'"{key[:9]}" + "{key[9:]}"',
    "invisibly broken": "\u200b".join,
    "without its end": lambda key: key[:-4],
    "without its beginning": lambda key: key[6:],
}


_NOT_SECRET = {"Base64 of a header": 9, "Base64 of a pair": 3}
"""Letters of a form before the secret itself begins."""


def leaks(text: str, secret: str) -> bool:
    """Whether eight letters and digits of a secret stand in a text one after the other."""
    compact = "".join(filter(str.isalnum, text)).lower()
    letters = "".join(filter(str.isalnum, secret)).lower()
    return any(letters[at : at + 8] in compact for at in range(len(letters) - 7))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("secret", [KEY, PASSWORD, "0123456789abcdef0123456789abcdef"])
def test_a_secret_is_replaced_in_every_form(form: str, secret: str) -> None:
    written = FORMS[form](secret)
    shown = Redactor.of([secret])(f"Incorrect key provided: {written}. Look at it.")
    assert MASK in shown
    assert written not in shown
    assert not leaks(shown, secret)
    assert not leaks(shown, written[_NOT_SECRET.get(form, 0) :])
    assert shown.startswith("Incorrect key provided: ")
    assert shown.endswith("Look at it.")


@given(st.text(max_size=60), st.text(alphabet="abcdefXYZ0189-_", min_size=12, max_size=40), st.text(max_size=60))
def test_wherever_a_secret_stands_it_is_gone_and_the_rest_stays(before: str, secret: str, after: str) -> None:
    shown = Redactor.of([secret])(f"{before}{secret}{after}")
    assert secret not in shown
    assert Redactor.of([secret])(before) in (before, shown[: len(before)]) or MASK in shown


@pytest.mark.parametrize("text", ["", "context length exceeded: 8192 tokens", "模型不存在，请检查模型名称", "x" * 100_000])
def test_texts_without_a_secret_stay_as_they_are(text: str) -> None:
    assert Redactor.of([KEY, PASSWORD])(text) == text[: 2**16]
    assert Redactor.of(["", " "])(text) == text


def test_an_answer_is_only_changed_where_it_holds_the_secret_itself() -> None:
    redact = Redactor.of([KEY])
    answer = {"text": f"Call {KEY} or 0123", "list": [KEY[:12], 3, None], KEY: True}
    assert redact.in_json(answer) == {"text": f"Call {MASK} or 0123", "list": [KEY[:12], 3, None], MASK: True}


def everything_shown(folder: Path, endpoint: Endpoint, **settings: Any) -> str:
    """All that asking shows, raises and writes."""
    waits: list[str] = []
    config = TeacherConfig(name="m", attempts=2)
    teacher = Teacher.at(
        endpoint, config, folder / "answers.sqlite", record=folder / "record.jsonl", on_wait=lambda why, _: waits.append(why)
    )
    seen = [repr(endpoint)]
    try:
        seen.append(repr(teacher.ask(ASKED)))
    except EndpointError as caught:
        seen += [str(caught), repr(caught), repr(caught.problems)]
    seen += [*waits, repr(teacher.activity), repr(teacher.usage)]
    seen += [path.read_bytes().decode("utf-8", "replace") for path in folder.iterdir()]
    return "\n".join(seen)


def echoing(form: str) -> dict[str, Answer]:
    """Ways in which a server gives a key back."""
    written = FORMS[form](KEY)
    long = f"{'very ' * 55}{written} and more"
    return {
        "401": error(401, f"Incorrect API key provided: {written}"),
        "429": error(429, f"key {written} is too fast"),
        "500": error(500, f"cannot log {written}"),
        "where messages are cut": error(403, long),
        "plain text": Raw(403, f"forbidden for {written}"),
        "web page": Raw(200, f"<html><title>Key {written}</title></html>"),
        "200 with an error": {"code": 401, "msg": f"token {written} expired"},
        "redirect": Raw(302, "", {"Location": f"http://elsewhere/?key={urllib.parse.quote(written)}"}),
        "other JSON": {"headers": {"authorization": f"Bearer {written}"}, "detail": f"unknown {written}"},
        "refused": error(400, f"no: {written}"),
    }


@pytest.mark.parametrize("form", ["plain", "percent-encoded", "Base64 of a header", "in lines", "without its end"])
def test_a_key_that_a_server_echoes_is_neither_shown_nor_kept(form: str, tmp_path: Path) -> None:
    for name, answer in echoing(form).items():
        folder = tmp_path / name
        folder.mkdir()
        with serving(in_turn(answer)) as served:
            shown = everything_shown(folder, Endpoint(served.url, KEY, first_wait=0.01, attempts=2))
        assert served.keys[0] == f"Bearer {KEY}"
        assert not leaks(shown, KEY), name
        assert not leaks(shown, FORMS[form](KEY)[_NOT_SECRET.get(form, 0) :]), name


def test_a_key_in_an_answer_is_not_kept(tmp_path: Path) -> None:
    with serving(in_turn(completion(json.dumps({"n": f"Bearer {KEY}"})))) as served:
        shown = everything_shown(tmp_path, Endpoint(served.url, KEY))
    assert "Bearer ***" in shown
    assert not leaks(shown, KEY)


@pytest.mark.parametrize("name", ["key", "api_key", "subscription-key", "sig"])
def test_a_key_in_the_address_is_sent_and_not_shown(name: str, tmp_path: Path) -> None:
    with serving(in_turn(error(403, f"forbidden: /v1/chat/completions?{name}={urllib.parse.quote(KEY)}"))) as served:
        address = f"{served.url}?api-version=2024-10-21&{name}={urllib.parse.quote(KEY)}"
        shown = everything_shown(tmp_path, Endpoint.from_environment({"OPENAI_BASE_URL": address}))
    assert urllib.parse.parse_qs(served.paths[0].partition("?")[2]) == {"api-version": ["2024-10-21"], name: [KEY]}
    assert not leaks(shown, KEY)
    assert served.url in shown


@contextmanager
def proxy_that_refuses(status: str, body: str) -> Iterator[int]:
    """A proxy that wants another password, whatever it is asked for."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(20)

        def serve() -> None:
            for _ in range(4):
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    connection.settimeout(5)
                    head = connection.recv(65536).decode()
                    said = body + head
                    connection.sendall(
                        f"HTTP/1.1 {status}\r\nContent-Length: {len(said)}\r\nConnection: close\r\n\r\n{said}".encode()
                    )

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1]


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("status", ["407 Proxy Authentication Required", "403 Forbidden", "502 Bad Gateway"])
def test_the_password_of_a_proxy_is_not_shown(
    scheme: str, status: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with proxy_that_refuses(status, f"no such user: me:{PASSWORD} ") as port:
        monkeypatch.setenv(f"{scheme}_proxy", f"http://me:{urllib.parse.quote(PASSWORD, safe='')}@127.0.0.1:{port}")
        shown = everything_shown(tmp_path, Endpoint(f"{scheme}://teacher.example/v1", KEY, first_wait=0.01, attempts=2))
    assert not leaks(shown, PASSWORD)
    assert not leaks(shown, encoded(f"me:{PASSWORD}")[4:])
    assert not leaks(shown, KEY)
    assert status[:3] in shown
    if status.startswith("407"):
        assert "https_proxy" in shown
