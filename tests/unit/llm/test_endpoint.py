"""One request to a server that is slow, busy, broken, or not what it should be."""

import socket
import time
from pathlib import Path

import pytest
from tests.openai_server import KEY, Raw, completion, error, in_turn, serving

from anytasktune.llm import Endpoint, EndpointError

PATH = "/chat/completions"
BODY = {"model": "m", "messages": []}
QUICK = {"first_wait": 0.01, "timeout": 5.0}


@pytest.mark.parametrize(
    "fault",
    [
        error(429, "slow down"),
        error(500, "oops"),
        error(503, "later"),
        Raw(200, "<html>"),
        Raw(200, '{"choices": [1, 2]}', cut=True),
    ],
    ids=["busy", "broken", "away", "no json", "cut"],
)
def test_a_passing_fault_is_tried_again(fault: Raw) -> None:
    waits: list[str] = []
    with serving(in_turn(fault, fault, "yes")) as served:
        answer = Endpoint(served.url, **QUICK).post(PATH, BODY, lambda why, _: waits.append(why))
    assert answer == completion("yes")
    assert len(served.bodies) == 3
    assert len(waits) == 2


def test_a_fault_that_does_not_pass_ends_with_what_the_server_said() -> None:
    said = r"answers 500 .*the disk is full, 3 times"
    with serving(in_turn(error(500, "the disk is full"))) as served, pytest.raises(EndpointError, match=said) as caught:
        Endpoint(served.url, attempts=3, **QUICK).post(PATH, BODY)
    assert len(served.bodies) == 3
    assert caught.value.problems[0].where == served.url
    assert "kept" in caught.value.problems[0].fix


def test_the_server_says_how_long_to_wait() -> None:
    waits: list[float] = []
    with serving(in_turn(error(429, "slow down", Retry_After="0.05"), "yes")) as served:
        Endpoint(served.url, first_wait=9.0).post(PATH, BODY, lambda _, seconds: waits.append(seconds))
    assert waits == [0.05]


def test_waits_get_longer_and_differ() -> None:
    waits: list[float] = []
    with serving(in_turn(error(500, "oops"))) as served, pytest.raises(EndpointError):
        Endpoint(served.url, attempts=4, first_wait=0.02).post(PATH, BODY, lambda _, seconds: waits.append(seconds))
    assert all(0.5 * whole <= wait <= whole for wait, whole in zip(waits, (0.02, 0.04, 0.08), strict=True))


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_refusal_is_not_tried_again(status: int) -> None:
    with serving(in_turn(error(status, "no"))) as served, pytest.raises(EndpointError) as caught:
        Endpoint(served.url, **QUICK).post(PATH, BODY)
    assert len(served.bodies) == 1
    assert caught.value.status == status


def test_the_key_is_sent_and_never_shown() -> None:
    with serving(in_turn(error(401, f"Incorrect API key provided: {KEY}"))) as served:
        endpoint = Endpoint(served.url, KEY, **QUICK)
        with pytest.raises(EndpointError) as caught:
            endpoint.post(PATH, BODY)
    assert served.keys == [f"Bearer {KEY}"]
    assert KEY not in f"{caught.value}{caught.value.problems}{endpoint!r}"
    assert "OPENAI_API_KEY" in caught.value.problems[0].fix


def test_a_redirect_does_not_take_the_key_elsewhere() -> None:
    with serving(in_turn("stolen")) as thief:
        away = Raw(307, "", {"Location": f"{thief.url}{PATH}"})
        with serving(in_turn(away)) as served, pytest.raises(EndpointError, match="307"):
            Endpoint(served.url, KEY, **QUICK).post(PATH, BODY)
    assert thief.bodies == []


def test_nobody_listening_is_said_so() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    with pytest.raises(EndpointError, match="cannot be reached"):
        Endpoint(url, attempts=2, first_wait=0.01).post(PATH, BODY)


def test_a_server_that_never_answers_is_given_up() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        started = time.monotonic()
        with pytest.raises(EndpointError, match=r"no answer within 0\.2 s, 2 times"):
            Endpoint(f"http://127.0.0.1:{silent.getsockname()[1]}/v1", timeout=0.2, attempts=2, first_wait=0.01).post(
                PATH, BODY
            )
    assert time.monotonic() - started < 3


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("", "OPENAI_BASE_URL is not set"),
        ("localhost:8000", "no http"),
        ("file:///etc/passwd", "no http"),
        ("http://me:secret@host/v1", "user name or password"),
    ],
)
def test_an_address_that_cannot_be_is_refused(url: str, what: str) -> None:
    with pytest.raises(EndpointError, match=what) as caught:
        Endpoint.from_environment({"OPENAI_BASE_URL": url})
    assert "secret" not in str(caught.value)


def test_the_environment_names_address_and_key() -> None:
    endpoint = Endpoint.from_environment({"OPENAI_BASE_URL": "http://localhost:1/v1/ ", "OPENAI_API_KEY": f" {KEY}\n"})
    assert (endpoint.base_url, endpoint.key) == ("http://localhost:1/v1", KEY)


def test_the_room_writes_the_key_nowhere() -> None:
    room = Path(__file__).resolve().parents[3] / "src" / "anytasktune" / "llm"
    code = "\n".join(path.read_text(encoding="utf-8") for path in room.glob("*.py"))
    assert "logging" not in code
    assert "print(" not in code
