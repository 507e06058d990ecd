"""A server that fails in every way at once, and what it may cost: every question has a reply, and the cap holds."""

import json
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.openai_server import KEY, Answer, Raw, completion, error, in_turn, serving

from anytasktune.llm import Endpoint, EndpointError, MisfitError, Question, Reply, Teacher
from anytasktune.settings import TeacherConfig

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}
PATIENCE, SLOW = 0.4, 0.7
FAULTS = ("busy", "busy_a_while", "away", "broken", "gateway", "garbage", "half", "cut", "html", "chat", "no_usage", "slow")


def number(value: Any) -> int:
    if not isinstance(value.get("n"), int):
        raise MisfitError("n is no whole number")
    return int(value["n"])


def questions(count: int) -> list[Question[int]]:
    return [Question([{"role": "user", "content": f"第 {place} 题 of all?"}], SCHEMA, number) for place in range(count)]


@dataclass
class Faulty:
    """Answers every question with its number, fails by chance, and writes down what it would charge."""

    share: float
    answer_tokens: int = 40
    charged: int = 0
    answered: Counter[str] = field(default_factory=Counter)
    chance: random.Random = field(default_factory=lambda: random.Random(7))
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, body: dict[str, Any]) -> Answer:
        with self.lock:
            share = self.share if self.answered else 0.0  # the first answer shows that it is a teacher
            kind = self.chance.choice(FAULTS) if self.chance.random() < share else ""
            free: dict[str, Raw] = {
                "busy": error(429, "slow down"),
                "busy_a_while": error(429, "slow down", Retry_After="0.02"),
                "away": error(503, "later", Retry_After="0"),
                "broken": error(500, "something broke"),
            }
            if kind in free:
                return free[kind]
            asked = body["messages"][0]["content"]
            prompt = sum(
                len(message["content"].encode()) for message in body["messages"]
            )  # a token per byte: the most there is
            used = min(self.answer_tokens, body["max_tokens"])
            self.charged += prompt + used
            self.answered[asked] += 1
        whole = completion(json.dumps({"n": int(asked.split()[1])}))
        whole["usage"] = {"prompt_tokens": prompt, "completion_tokens": used}
        if kind == "slow":
            time.sleep(SLOW)
        spoilt: dict[str, Answer] = {
            "gateway": error(504, "the model took too long"),
            "garbage": Raw(200, "\x00\x01 no JSON"),
            "half": completion('{"n": '),
            "cut": Raw(200, json.dumps(whole), cut=True),
            "html": Raw(200, "<html>", {"Content-Type": "text/html"}),
            "chat": completion("I am sorry."),
            "no_usage": {"choices": whole["choices"]},
        }
        if kind in {"half", "chat"}:
            return spoilt[kind] | {"usage": whole["usage"]}  # type: ignore[operator]
        return spoilt.get(kind, whole)


def teacher_at(url: str, tmp_path: Path, **settings: Any) -> Teacher:
    endpoint = Endpoint(url, KEY, timeout=settings.pop("timeout", 10.0), attempts=8, first_wait=0.005)
    config = TeacherConfig(**{"name": "m", "answer_tokens": 64} | settings)
    return Teacher.at(endpoint, config, tmp_path / "answers.sqlite")


def faults_of(replies: list[Reply[int]]) -> dict[str, int]:
    return dict(Counter(reply.fault for reply in replies))


def test_with_a_third_of_all_answers_spoilt_every_question_has_its_reply_and_a_rerun_sends_nothing(tmp_path: Path) -> None:
    asked = questions(300)
    server = Faulty(0.3)
    with serving(server) as served:
        teacher = teacher_at(served.url, tmp_path, max_tokens=10**9, timeout=PATIENCE)
        replies = teacher.ask_all(asked)
        sent = len(served.bodies)
        unusable = [place for place, reply in enumerate(replies) if reply.fault == "unusable_answer"]
        assert all(reply.value == place for place, reply in enumerate(replies) if place not in unusable)
        assert len(unusable) < 12, "spoilt twice"
        again = teacher_at(served.url, tmp_path, max_tokens=10**9, timeout=PATIENCE)
        assert again.ask_all(asked) == replies
        assert len(served.bodies) == sent
    usage = teacher.usage
    assert server.charged <= usage.prompt_tokens + usage.answer_tokens
    assert again.usage.requests == 0
    assert KEY.encode() not in b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert KEY not in f"{replies}{teacher.activity}"


@pytest.mark.parametrize("share", [0.0, 0.3])
@pytest.mark.parametrize("cap", [0, 700, 4_000])
def test_no_run_nor_rerun_passes_the_cap(share: float, cap: int, tmp_path: Path) -> None:
    asked = questions(60)
    server = Faulty(share, answer_tokens=64)
    with serving(server) as served:
        for _ in range(4):
            replies = teacher_at(served.url, tmp_path, max_tokens=cap, timeout=PATIENCE).ask_all(asked)
            assert server.charged <= cap
            assert len(replies) == 60
            assert set(faults_of(replies)) <= {"", "over_budget", "unusable_answer"}
    assert faults_of(replies)["over_budget"] > 0
    assert "max_tokens" in next(reply.detail for reply in replies if reply.fault == "over_budget")


def test_money_is_capped_like_tokens(tmp_path: Path) -> None:
    prices = {"price_in": 0.14, "price_out": 0.28, "max_cost": 0.0003, "currency": "CNY"}
    server = Faulty(0.0, answer_tokens=64)
    with serving(server) as served:
        teacher = teacher_at(served.url, tmp_path, **prices)
        replies = teacher.ask_all(questions(60))
    usage = teacher.usage
    assert 0 < faults_of(replies)["over_budget"] < 60
    assert usage.cost == pytest.approx((0.14 * usage.prompt_tokens + 0.28 * usage.answer_tokens) / 1e6, abs=1e-15)
    assert usage.cost <= 0.0003
    assert usage.currency == "CNY"
    assert "max_cost 0.0003 CNY" in next(reply.detail for reply in replies if reply.fault)


def test_what_is_only_reserved_makes_others_wait_and_turns_none_away(tmp_path: Path) -> None:
    """Each question could take some 750 tokens and takes less than 100."""
    with serving(in_turn('{"n": 1}')) as served:
        replies = teacher_at(served.url, tmp_path, max_tokens=3_000).ask_all(questions(50))
    assert faults_of(replies) == {"": 50}


def test_a_server_that_reports_no_tokens_is_counted_at_what_they_can_be_at_most(tmp_path: Path) -> None:
    with serving(in_turn({"choices": completion('{"n": 1}')["choices"]})) as served:
        teacher = teacher_at(served.url, tmp_path, max_tokens=3_000)
        replies = teacher.ask_all(questions(50))
    assert 0 < faults_of(replies)[""] < 5
    assert teacher.usage.prompt_tokens + teacher.usage.answer_tokens <= 3_000


def test_a_server_with_little_room_is_asked_less_at_once(tmp_path: Path) -> None:
    lock = threading.Lock()
    under_way, most = 0, 0

    def crowded(body: dict[str, Any]) -> Answer:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
            full = under_way > 6
        time.sleep(0.0 if full else 0.01)
        with lock:
            under_way -= 1
        return error(429, "too many at once") if full else '{"n": 1}'

    with serving(crowded) as served:
        teacher = teacher_at(served.url, tmp_path, concurrency=64)
        replies = teacher.ask_all(questions(300))
    assert faults_of(replies) == {"": 300}
    assert 1 <= teacher.activity.allowed <= 16
    assert len(served.bodies) < 500


def test_a_server_with_much_room_is_asked_as_much_at_once_as_allowed(tmp_path: Path) -> None:
    def answer(body: dict[str, Any]) -> str:
        time.sleep(0.02)
        return '{"n": 1}'

    with serving(answer) as served:
        teacher = teacher_at(served.url, tmp_path, concurrency=16)
        teacher.ask_all(questions(100))
    assert teacher.activity.allowed == 16
    assert teacher.activity.under_way == 0


def test_one_question_that_is_never_answered_does_not_stop_the_others(tmp_path: Path) -> None:
    def answer(body: dict[str, Any]) -> Answer:
        return error(500, "poison") if " 13 " in body["messages"][0]["content"] else '{"n": 1}'

    with serving(answer) as served:
        replies = teacher_at(served.url, tmp_path).ask_all(questions(40))
        assert faults_of(replies) == {"": 39, "not_answered": 1}
        assert "poison, 8 times" in replies[13].detail
        assert teacher_at(served.url, tmp_path).ask_all(questions(40)) == replies, "known to answer from the book"


@pytest.mark.parametrize("gone", [error(500, "gone"), error(401, "the key was revoked"), error(404, "unloaded")])
def test_a_server_that_stops_answering_ends_the_run_and_what_it_answered_is_kept(gone: Raw, tmp_path: Path) -> None:
    with serving(in_turn(*['{"n": 1}'] * 30, gone)) as served:
        with pytest.raises(EndpointError):
            teacher_at(served.url, tmp_path).ask_all(questions(1000))
        assert len(served.bodies) < 30 + 8 * 64
    with serving(in_turn('{"n": 1}')) as other:
        other.url = served.url
        teacher = teacher_at(served.url, tmp_path)
        with pytest.raises(EndpointError, match="cannot be reached"):
            teacher.ask_all(questions(1000))
        assert teacher.usage.reused == 30


def test_what_a_listener_raises_ends_the_run_and_answers_stay(tmp_path: Path) -> None:
    def stop(place: int, _: Reply[int]) -> None:
        raise KeyError(place)

    with serving(in_turn('{"n": 1}')) as served:
        with pytest.raises(KeyError):
            teacher_at(served.url, tmp_path).ask_all(questions(50), stop)
        again = teacher_at(served.url, tmp_path)
        again.ask_all(questions(50))
    assert again.usage.reused >= 1


def test_figures_can_be_read_while_it_runs(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    with serving(Faulty(0.2)) as served:
        teacher = teacher_at(served.url, tmp_path, price_in=1, price_out=2, timeout=PATIENCE)
        teacher.ask_all(questions(60), lambda *_: seen.append((teacher.usage.requests, teacher.activity.allowed)))
    assert [requests for requests, _ in seen] == sorted(requests for requests, _ in seen)
    assert seen[0][0] < seen[-1][0]
    assert all(1 <= allowed <= 32 for _, allowed in seen)
