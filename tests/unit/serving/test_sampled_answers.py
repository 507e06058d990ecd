"""Answers of the server above temperature 0: drawn at random, repeatable by seed, and held to the task's rules."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from queue import Queue
from typing import Any

import httpx
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from openai import BadRequestError, OpenAI
from tests.tiny_models import save_tiny_model
from tests.tiny_project import team_rows
from tests.unit.serving.test_answer_engine import question

from anytasktune.inference.generation import GrowingAnswer, Limits, Sampling, generate
from anytasktune.inference.task_lm import TaskLM
from anytasktune.models.load import load_base
from anytasktune.serving.answer_engine import AnswerEngine
from anytasktune.serving.engine_messages import Answered, AnswerEnd, Outcome, PendingQuestion, Question
from anytasktune.serving.served_models import ServedModels
from anytasktune.serving.server_metrics import ServerMetrics

ROWS = team_rows(6, 5000)
GENERATED = ("facts", "reply", "tiny")


def asked(task: str, text: str = ROWS[0].input, **more: Any) -> dict[str, Any]:
    return {"model": task, "messages": [{"role": "user", "content": text}], "max_tokens": 12, **more}


def texts(openai: OpenAI, task: str, text: str = ROWS[0].input, **more: Any) -> list[str | None]:
    return [choice.message.content for choice in openai.chat.completions.create(**asked(task, text, **more)).choices]


@pytest.mark.parametrize("task", GENERATED)
def test_the_same_seed_gives_the_same_answer_and_other_seeds_others(task: str, openai: OpenAI) -> None:
    each = [texts(openai, task, temperature=1.5, seed=seed) for seed in range(8)]
    assert [texts(openai, task, temperature=1.5, seed=seed) for seed in range(8)] == each
    assert len({str(found) for found in each}) > 1


def test_without_a_seed_every_request_draws_anew(openai: OpenAI) -> None:
    assert len({str(texts(openai, "tiny", temperature=2)) for _ in range(4)}) > 1


@pytest.mark.parametrize("task", [*GENERATED, "team"])
def test_temperature_0_gives_the_most_probable_answer_whatever_else_is_sent(task: str, openai: OpenAI) -> None:
    greedy = texts(openai, task)
    assert texts(openai, task, temperature=0, seed=3, top_p=0.5, n=3) == greedy * 3
    assert texts(openai, task, temperature=1e-300, seed=3) == greedy


def test_each_of_several_choices_is_drawn_and_its_tokens_are_counted(openai: OpenAI) -> None:
    more = {"temperature": 2, "seed": 1}
    one = openai.chat.completions.create(**asked("tiny", **more))
    reply = openai.chat.completions.create(**asked("tiny", **more, n=3))
    assert [choice.index for choice in reply.choices] == [0, 1, 2]
    assert len({choice.message.content for choice in reply.choices}) == 3
    assert reply.choices[0].message.content == one.choices[0].message.content
    assert {choice.finish_reason for choice in reply.choices} == {"length"}
    assert reply.usage is not None and one.usage is not None
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (one.usage.prompt_tokens, 3 * 12)
    assert (reply.model_extra or {})["anytasktune"]["temperature_used"] == 2
    several = openai.completions.create(model="tiny", prompt=["the", "the"], n=2, max_tokens=12, temperature=2, seed=1)
    assert [choice.index for choice in several.choices] == [0, 1, 2, 3]
    assert len({choice.text for choice in several.choices}) == 4
    alone = openai.completions.create(model="tiny", prompt="the", max_tokens=12)
    assert several.usage is not None and alone.usage is not None
    assert several.usage.prompt_tokens == 2 * alone.usage.prompt_tokens


def test_drawn_answers_are_held_to_the_task_s_output(openai: OpenAI) -> None:
    found = [text for row in ROWS for text in texts(openai, "facts", row.input, temperature=2, seed=5, n=8, max_tokens=None)]
    read = [json.loads(text or "") for text in found]
    assert all(set(one) == {"kind", "urgent"} and one["kind"] in ("rent", "wage") for one in read)
    assert len({str(one) for one in read}) > 1


@pytest.mark.parametrize("task", GENERATED)
def test_streamed_choices_are_those_of_the_whole_reply(task: str, openai: OpenAI) -> None:
    body = asked(task, temperature=1.5, seed=7, n=2)
    whole = openai.chat.completions.create(**body)
    streamed = ["", ""]
    parts = list(openai.chat.completions.create(**body, stream=True, stream_options={"include_usage": True}))
    for part in parts:
        for choice in part.choices:
            streamed[choice.index] += choice.delta.content or ""
    assert streamed == [choice.message.content for choice in whole.choices]
    assert parts[-1].usage == whole.usage


def test_answers_drawn_in_company_are_those_drawn_alone(openai: OpenAI) -> None:
    bodies = [
        (GENERATED[number % 3], row.input, {"temperature": number % 2 * 1.5, "seed": number})
        for number, row in enumerate(team_rows(18, 7000))
    ]

    def answer(one: tuple[str, str, dict[str, float]]) -> list[str | None]:
        return texts(openai, one[0], one[1], **one[2])

    alone = list(map(answer, bodies))
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(answer, bodies)) == alone


@pytest.mark.parametrize("task", ["facts", "reply"])
def test_drawn_answers_are_those_of_the_task_lm(task: str, engine: AnswerEngine, task_lms: dict[str, TaskLM]) -> None:
    sampling, arrived = Sampling(3, 1.5), Queue[Outcome]()
    for row in ROWS[:3]:
        drawn = replace(question(engine, row.input, task), sampling=sampling)
        engine.submit([PendingQuestion(drawn, arrived.put)])
        found = arrived.get()
        assert isinstance(found, Answered)
        example = drawn.example
        assert example is not None
        assert replace(task_lms[task].model(), sampling=sampling).answer([example])[0].output == found.text


def test_scored_answers_stay_the_most_probable_ones(openai: OpenAI) -> None:
    for row in ROWS:
        greedy = openai.chat.completions.create(**asked("team", row.input))
        warm = openai.chat.completions.create(**asked("team", row.input, temperature=2, top_p=0.9, n=2, logprobs=True))
        assert [choice.message.content for choice in warm.choices] == [greedy.choices[0].message.content] * 2
        assert (warm.model_extra or {})["anytasktune"]["temperature_used"] == 0


@pytest.mark.parametrize("task", GENERATED)
def test_of_a_small_part_of_the_tokens_the_most_probable_is_drawn(task: str, openai: OpenAI) -> None:
    assert texts(openai, task, temperature=2, seed=3, top_p=1e-6, n=2) == texts(openai, task) * 2
    each = [texts(openai, task, temperature=2, seed=seed, top_p=0.9) for seed in range(6)]
    assert each == [texts(openai, task, temperature=2, seed=seed, top_p=0.9) for seed in range(6)]
    if task == "facts":
        whole = texts(openai, task, temperature=2, top_p=0.3, n=3, max_tokens=None)
        assert all(json.loads(found or "")["kind"] in {"rent", "wage"} for found in whole)


@given(st.lists(st.floats(-20, 20), min_size=2, max_size=30), st.floats(0.01, 0.99), st.floats(0.05, 2), st.integers(0, 99))
def test_only_the_fewest_tokens_that_reach_top_p_are_drawn(
    values: list[float], top_p: float, temperature: float, seed: int
) -> None:
    logits = torch.tensor(values, dtype=torch.float32)
    answer = GrowingAnswer(Limits([0], 4, 64), None, Sampling(seed, temperature, top_p))
    ranked = answer.ranked(logits)
    probabilities = (logits.double() / temperature).softmax(dim=-1)
    more_probable = probabilities[probabilities > probabilities[int(ranked.argmax())]].sum()
    assert more_probable < top_p + 1e-9


def test_values_out_of_range_are_refused(openai: OpenAI, http: httpx.Client) -> None:
    with pytest.raises(BadRequestError, match="top_p"):
        openai.chat.completions.create(**asked("reply", temperature=0.7, top_p=1.5))
    assert http.post("/v1/completions", json={"model": "tiny", "prompt": "x", "temperature": 2.5}).status_code == 400
    assert http.post("/v1/chat/completions", json=asked("reply", temperature=0.7, top_p=1)).status_code == 200


def test_a_model_that_answers_row_by_row_draws_too(tmp_path: Path) -> None:
    base = load_base(str(save_tiny_model(tmp_path / "bloom", "bloom")), dtype="float32", device="cpu")
    each = [None, Sampling(1, 1.5), Sampling(2, 1.5)]
    prompt, limits = base.format.text_ids("the roof", begins=True), Limits(base.format.rendering.end_of_turn, 8, 4096)
    expected = [base.format.decode(generate(base.model, [prompt], limits, sampling=one)[0].ids) for one in each]
    engine, arrived = AnswerEngine(ServedModels.of(base, []), ServerMetrics()), Queue[Outcome]()
    asked = [Question(engine.models.models[0], "the roof", AnswerEnd(8), begins=True, sampling=one) for one in each]
    engine.start()
    engine.submit([PendingQuestion(one, arrived.put) for one in asked])
    found = {outcome.question.sampling: outcome.text for _ in each if isinstance(outcome := arrived.get(), Answered)}
    engine.close()
    assert [found[one] for one in each] == expected
    assert len(set(expected)) == 3
