"""Answers recorded with what was asked, and given again without any endpoint."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.bit_flips import flip_bit
from tests.openai_server import KEY, in_turn, serving

from anytasktune.errors import ConfigError, StoreError
from anytasktune.llm import EndpointError, MisfitError, Question, Reply, Teacher
from anytasktune.settings import TeacherConfig

CONFIG = TeacherConfig(name="big", price_in=1, price_out=2)
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}}


def number(value: Any) -> int:
    if value["n"] == 4:
        raise MisfitError("4 brings bad luck")
    return int(value["n"])


QUESTIONS = [Question([{"role": "user", "content": f"怎么办？{place}"}], SCHEMA, number, "zh") for place in range(6)]


def answer(body: dict[str, Any]) -> str:
    return '{"n": 9}' if len(body["messages"]) > 1 else json.dumps({"n": int(body["messages"][0]["content"][-1])})


def recorded(tmp_path: Path, questions: list[Question[int]] = QUESTIONS, file: str = "asked.jsonl") -> list[Reply[int]]:
    with serving(answer) as served:
        environment = {"OPENAI_BASE_URL": served.url, "OPENAI_API_KEY": KEY}
        teacher = Teacher.open(CONFIG, environment, tmp_path / "answers.sqlite", record=tmp_path / "runs" / file)
        return teacher.ask_all(questions)


def replaying(tmp_path: Path, config: TeacherConfig = CONFIG, file: str = "runs/asked.jsonl") -> Teacher:
    return Teacher.open(config, {}, tmp_path / "none.sqlite", replay=tmp_path / file)


def test_a_recording_gives_the_same_replies_and_costs_nothing(tmp_path: Path) -> None:
    replies = recorded(tmp_path)
    assert [reply.value for reply in replies] == [0, 1, 2, 3, 9, 5]
    teacher = replaying(tmp_path)
    assert teacher.ask_all(QUESTIONS[::-1]) == replies[::-1]
    assert (teacher.model, teacher.usage.reused, teacher.usage.requests, teacher.usage.cost) == ("big", 7, 0, 0.0)
    assert not (tmp_path / "none.sqlite").exists()


def test_a_recording_holds_neither_key_nor_address(tmp_path: Path) -> None:
    recorded(tmp_path)
    text = (tmp_path / "runs" / "asked.jsonl").read_text(encoding="utf-8")
    assert KEY not in text
    assert "127.0.0.1" not in text
    assert "怎么办" in text


def test_answers_that_were_there_already_are_recorded_too_and_each_once(tmp_path: Path) -> None:
    recorded(tmp_path, file="first.jsonl")
    recorded(tmp_path)
    recorded(tmp_path)
    first, again = ((tmp_path / "runs" / name).read_bytes().splitlines() for name in ("first.jsonl", "asked.jsonl"))
    assert (len(again), sorted(again)) == (7, sorted(first))


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    recorded(tmp_path, QUESTIONS[:2])
    with pytest.raises(EndpointError, match=r"no answer of big to: '怎么办？2'; it holds 2 answers of big") as caught:
        replaying(tmp_path).ask_all(QUESTIONS)
    assert caught.value.problems[0].where.endswith("asked.jsonl")
    assert "--record" in caught.value.problems[0].fix
    with pytest.raises(EndpointError, match="no answer of small"):
        replaying(tmp_path, CONFIG.model_copy(update={"name": "small"})).ask_all(QUESTIONS[:1])


def test_a_recording_that_was_cut_off_goes_on(tmp_path: Path) -> None:
    replies = recorded(tmp_path)
    file = tmp_path / "runs" / "asked.jsonl"
    os.truncate(file, file.stat().st_size - 10)
    with pytest.raises(EndpointError):
        replaying(tmp_path).ask_all(QUESTIONS)
    recorded(tmp_path)
    assert replaying(tmp_path).ask_all(QUESTIONS) == replies


def test_a_file_that_is_no_recording_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "odd.jsonl").write_text('{"model": "big"}\n', encoding="utf-8")
    with pytest.raises(StoreError, match=r"odd\.jsonl:1: not a recorded answer"):
        replaying(tmp_path, file="odd.jsonl").ask(QUESTIONS[0])
    with pytest.raises(StoreError, match=r"none\.jsonl: cannot be used"):
        replaying(tmp_path, file="none.jsonl").ask(QUESTIONS[0])


def test_a_recording_is_not_made_of_a_replay(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="either made or replayed"):
        Teacher.open(CONFIG, {}, tmp_path / "a", record=tmp_path / "b", replay=tmp_path / "c")


def test_the_guard_looks_at_what_is_replayed(tmp_path: Path) -> None:
    recorded(tmp_path)
    file = tmp_path / "runs" / "asked.jsonl"
    teacher = Teacher.open(CONFIG, {}, tmp_path / "none", replay=file, guard=lambda said: said[0]["content"])
    replies = teacher.ask_all(QUESTIONS[:3])
    assert [(reply.fault, reply.detail) for reply in replies] == [("sealed", f"怎么办？{place}") for place in range(3)]


def test_a_live_answer_is_the_same_with_and_without_a_recorder(tmp_path: Path) -> None:
    with serving(in_turn('{"n": 1}')) as served:
        teacher = Teacher.open(CONFIG, {"OPENAI_BASE_URL": served.url}, tmp_path / "plain.sqlite")
        assert teacher.ask_all(QUESTIONS[:1]) == [Reply(1)]


@settings(deadline=None, max_examples=50)
@given(place=st.integers(0, 10**9))
def test_no_other_answer_is_given_from_a_damaged_recording(one_recording: tuple[Path, list[Reply[int]]], place: int) -> None:
    folder, replies = one_recording
    whole = (folder / "runs" / "asked.jsonl").read_bytes()
    (folder / "damaged.jsonl").write_bytes(whole)
    flip_bit(folder / "damaged.jsonl", place)
    with pytest.raises((StoreError, EndpointError), match=r"damaged\.jsonl"):
        assert replaying(folder, file="damaged.jsonl").ask_all(QUESTIONS) == replies
        pytest.fail("nothing was said")


@pytest.fixture(scope="module")
def one_recording(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Reply[int]]]:
    folder = tmp_path_factory.mktemp("recording")
    return folder, recorded(folder)
