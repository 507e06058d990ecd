"""One request to a server that is slow, busy, broken, or not what it should be."""

import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.openai_server import KEY, Raw, error, in_turn, serving

from anytasktune.llm import Endpoint, EndpointError, Question, Teacher
from anytasktune.settings import TeacherConfig

QUICK = {"first_wait": 0.01, "timeout": 5.0}
ASKED = Question([{"role": "user", "content": "Well?"}], {"type": "object"}, lambda value: value)
YES = '{"yes": 1}'


@pytest.fixture
def asked(tmp_path: Path) -> Callable[..., Any]:
    """Asks an endpoint one question, and gives what was read."""

    def ask(endpoint: Endpoint, on_wait: Callable[[str, float], None] | None = None) -> Any:
        teacher = Teacher.at(endpoint, TeacherConfig(name="m"), tmp_path / "answers.sqlite", on_wait=on_wait)
        return teacher.ask(ASKED).value

    return ask


@pytest.mark.parametrize(
    "fault",
    [
        error(429, "slow down"),
        error(500, "oops"),
        error(503, "later"),
        Raw(200, "{half"),
        Raw(200, "{half", {"Content-Type": "text/html; charset=nonsense"}),
        Raw(200, '{"choices": [1, 2]}', cut=True),
        Raw(200, "", cut=True),
        Raw(200, "[" * 100_000),
    ],
    ids=["busy", "broken", "away", "no json", "other type", "cut", "empty", "deep"],
)
def test_a_passing_fault_is_tried_again(fault: Raw, asked: Any) -> None:
    waits: list[str] = []
    with serving(in_turn(fault, fault, YES)) as served:
        answer = asked(Endpoint(served.url, **QUICK), lambda why, _: waits.append(why))
    assert answer == {"yes": 1}
    assert len(served.bodies) == 3
    assert len(waits) == 2


def test_a_fault_that_does_not_pass_ends_with_what_the_server_said(asked: Any) -> None:
    said = r"answers 500 .*the disk is full, 3 times"
    with serving(in_turn(error(500, "the disk is full"))) as served, pytest.raises(EndpointError, match=said) as caught:
        asked(Endpoint(served.url, attempts=3, **QUICK))
    assert len(served.bodies) == 3
    assert caught.value.problems[0].where == served.url
    assert "kept" in caught.value.problems[0].fix


def test_the_server_says_how_long_to_wait(asked: Any) -> None:
    waits: list[float] = []
    with serving(in_turn(error(429, "slow down", Retry_After="0.05"), YES)) as served:
        asked(Endpoint(served.url, first_wait=9.0), lambda _, seconds: waits.append(seconds))
    assert waits == [0.05]


@pytest.mark.parametrize("date", ["Wed, 21 Oct 2015 07:28:00 GMT", "soon", "-3"])
def test_a_wait_that_is_over_or_no_time_is_passed_over(date: str, asked: Any) -> None:
    with serving(in_turn(error(429, "slow down", Retry_After=date), YES)) as served:
        assert asked(Endpoint(served.url, **QUICK)) == {"yes": 1}


def test_waits_get_longer_and_differ(asked: Any) -> None:
    waits: list[float] = []
    with serving(in_turn(error(500, "oops"))) as served, pytest.raises(EndpointError):
        asked(Endpoint(served.url, attempts=4, first_wait=0.02), lambda _, seconds: waits.append(seconds))
    assert all(0.5 * whole <= wait <= whole for wait, whole in zip(waits, (0.02, 0.04, 0.08), strict=True))


@pytest.mark.parametrize("status", [401, 402, 403, 404, 405])
def test_a_denial_is_not_tried_again(status: int, asked: Any) -> None:
    with serving(in_turn(error(status, "no"))) as served, pytest.raises(EndpointError) as caught:
        asked(Endpoint(served.url, **QUICK))
    assert len(served.bodies) == 1
    assert caught.value.status == status


def test_an_account_without_credit_is_not_asked_again_and_again(asked: Any) -> None:
    spent = Raw(429, '{"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}}')
    with serving(in_turn(spent)) as served, pytest.raises(EndpointError, match="exceeded your quota"):
        asked(Endpoint(served.url, **QUICK))
    assert len(served.bodies) == 1


def test_the_key_is_sent_and_never_shown(asked: Any, tmp_path: Path) -> None:
    with serving(in_turn(error(401, f"Incorrect API key provided: {KEY}"))) as served:
        endpoint = Endpoint(served.url, KEY, **QUICK)
        with pytest.raises(EndpointError) as caught:
            asked(endpoint)
    assert served.keys == [f"Bearer {KEY}"]
    assert KEY not in f"{caught.value}{caught.value.problems}{endpoint!r}"
    assert "OPENAI_API_KEY" in caught.value.problems[0].fix
    assert KEY.encode() not in b"".join(path.read_bytes() for path in tmp_path.iterdir())


def test_a_redirect_does_not_take_the_key_elsewhere(asked: Any) -> None:
    with serving(in_turn("stolen")) as thief:
        away = Raw(307, "", {"Location": f"{thief.url}/chat/completions"})
        with serving(in_turn(away)) as served, pytest.raises(EndpointError, match="307"):
            asked(Endpoint(served.url, KEY, **QUICK))
    assert thief.bodies == []


def test_an_answer_without_end_is_given_up(asked: Any) -> None:
    endless = Raw(200, '"' + "x" * (17 * 2**20) + '"')
    with serving(in_turn(endless, YES)) as served:
        assert asked(Endpoint(served.url, **QUICK)) == {"yes": 1}
    assert len(served.bodies) == 2


def test_nobody_listening_is_said_so(asked: Any) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    with pytest.raises(EndpointError, match=r"cannot be reached: .*, 2 times"):
        asked(Endpoint(url, attempts=2, first_wait=0.01))


def test_a_server_that_never_answers_is_given_up(asked: Any) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        started = time.monotonic()
        with pytest.raises(EndpointError, match=r"no answer within 0\.2 s, 2 times"):
            asked(Endpoint(f"http://127.0.0.1:{silent.getsockname()[1]}/v1", timeout=0.2, first_wait=0.01))
    assert time.monotonic() - started < 60


def test_an_address_on_this_machine_is_not_asked_through_a_proxy(asked: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(in_turn("through the proxy")) as proxy, serving(in_turn(YES)) as served:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        assert asked(Endpoint(served.url, **QUICK)) == {"yes": 1}
        assert Endpoint("http://teacher.example/v1").proxy == proxy.url
        monkeypatch.setenv("no_proxy", "teacher.example")
        assert Endpoint("http://teacher.example/v1").proxy is None
    assert proxy.bodies == []


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("", "OPENAI_BASE_URL is not set"),
        ("localhost:8000", "no http"),
        ("http://[half/v1", "no http"),
        ("http://host:port/v1", "no http"),
        ("file:///etc/passwd", "no http"),
        ("http://me:secret@host/v1", "user name or password"),
    ],
)
def test_an_address_that_cannot_be_is_refused(url: str, what: str) -> None:
    with pytest.raises(EndpointError, match=what) as caught:
        Endpoint.from_environment({"OPENAI_BASE_URL": url})
    assert "secret" not in str(caught.value)


def test_a_key_with_a_line_break_in_it_is_refused_and_not_shown() -> None:
    with pytest.raises(EndpointError, match="OPENAI_API_KEY") as caught:
        Endpoint.from_environment({"OPENAI_BASE_URL": "http://localhost:1/v1", "OPENAI_API_KEY": f"{KEY}\nX-More: 1"})
    assert KEY not in str(caught.value)


def test_the_environment_names_address_and_key() -> None:
    endpoint = Endpoint.from_environment({"OPENAI_BASE_URL": "http://localhost:1/v1/ ", "OPENAI_API_KEY": f" {KEY}\n"})
    assert (endpoint.base_url, endpoint.key) == ("http://localhost:1/v1", KEY)


def test_the_room_writes_the_key_nowhere() -> None:
    room = Path(__file__).resolve().parents[3] / "src" / "anytasktune" / "llm"
    code = "\n".join(path.read_text(encoding="utf-8") for path in room.glob("*.py"))
    assert "logging" not in code
    assert "print(" not in code
