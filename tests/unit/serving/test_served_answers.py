"""Answers of the server are those of the Task-LM, in the forms of OpenAI's API."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from openai import BadRequestError, OpenAI
from tests.tiny_project import team_rows

from anytasktune.inference.task_lm import TaskLM
from anytasktune.serving.answer_engine import AnswerEngine

TASKS = ("team", "facts", "reply")
ROWS = team_rows(6, 5000)


def chat(task: str, text: str, **more: Any) -> dict[str, Any]:
    return {"model": task, "messages": [{"role": "user", "content": text}], **more}


@pytest.mark.parametrize("task", TASKS)
def test_answers_to_the_official_client_are_those_of_the_task_lm(
    task: str, task_lms: dict[str, TaskLM], openai: OpenAI
) -> None:
    assert set(task_lms[task].label_heads) == ({task} if task == "team" else set())
    expected = task_lms[task].answer(ROWS)
    for row, answer in zip(ROWS, expected, strict=True):
        reply = openai.chat.completions.create(**chat(f"{task}@prod", row.input))
        facts = (reply.model_extra or {})["anytasktune"]
        assert reply.choices[0].message.content == answer.output
        assert reply.usage is not None
        assert reply.usage.prompt_tokens == answer.prompt_tokens
        assert facts["task_lm"] == task_lms[task].manifest.id
        assert facts["language"] == row.language
        assert facts["constrained"]
        assert (facts["probabilities"] or {}) == pytest.approx(answer.probabilities or {}, abs=1e-5)
        completion = openai.completions.create(model=task, prompt=row.input)
        assert completion.choices[0].text == answer.output


@pytest.mark.parametrize("task", TASKS)
def test_a_prompt_in_the_trained_shape_is_not_wrapped_again(task: str, task_lms: dict[str, TaskLM], openai: OpenAI) -> None:
    for row in ROWS[:3]:
        plain = openai.chat.completions.create(**chat(task, row.input))
        rendered = (plain.model_extra or {})["anytasktune"]["rendered"]
        instruction = task_lms[task].manifest.tasks[0].instruction[row.language or "en"]
        turns: Any = [{"role": "system", "content": instruction}, {"role": "user", "content": row.input}]
        whole = openai.chat.completions.create(model=task, messages=turns)
        completion = openai.completions.create(model=task, prompt=rendered)
        assert (whole.model_extra or {})["anytasktune"]["rendered"] == rendered
        assert (completion.model_extra or {})["anytasktune"]["rendered"] == rendered
        assert whole.choices[0].message.content == completion.choices[0].text == plain.choices[0].message.content


def test_models_are_the_base_and_the_task_lms_under_all_their_names(openai: OpenAI, task_lms: dict[str, TaskLM]) -> None:
    listed = {model.id: model for model in openai.models.list()}
    assert set(listed) == {
        "tiny",
        "auto",
        *TASKS,
        *(f"{task}@prod" for task in TASKS),
        *(f"{task}@{task_lms[task].manifest.id}" for task in TASKS),
    }
    assert (listed["team@prod"].model_extra or {})["task_lm"] == task_lms["team"].manifest.id
    assert openai.models.retrieve("team@prod").id == "team@prod"
    assert {model.id for model in listed.values() if not (model.model_extra or {})["in_use"]} == {"tiny", "auto"}


def test_the_base_model_answers_conversations_and_goes_on_with_prompts(openai: OpenAI) -> None:
    turns: Any = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yes"}, {"role": "user", "content": "no"}]
    reply = openai.chat.completions.create(model="tiny", messages=turns, max_tokens=5)
    rendered = (reply.model_extra or {})["anytasktune"]["rendered"]
    assert rendered.count("<|im_start|>") == 4
    same = openai.completions.create(model="tiny", prompt=rendered, max_tokens=5)
    assert same.choices[0].text == reply.choices[0].message.content
    assert (same.model_extra or {})["anytasktune"]["task_lm"] is None


def test_several_prompts_and_choices_are_answered_in_order(openai: OpenAI) -> None:
    prompts = [row.input for row in ROWS[:3]]
    single = [openai.completions.create(model="facts", prompt=prompt).choices[0].text for prompt in prompts]
    reply = openai.completions.create(model="facts", prompt=prompts, n=2)
    assert [choice.text for choice in reply.choices] == [text for text in single for _ in range(2)]
    assert [choice.index for choice in reply.choices] == list(range(6))


@pytest.mark.parametrize("task", TASKS)
def test_a_stream_joins_to_the_answer_and_ends_with_done(task: str, openai: OpenAI, http: httpx.Client) -> None:
    body = chat(task, ROWS[0].input)
    whole = openai.chat.completions.create(**body)
    parts = list(openai.chat.completions.create(**body, stream=True, stream_options={"include_usage": True}))
    text = "".join(choice.delta.content or "" for part in parts for choice in part.choices)
    assert text == whole.choices[0].message.content
    assert [choice.finish_reason for part in parts for choice in part.choices if choice.finish_reason] == [
        whole.choices[0].finish_reason
    ]
    assert parts[-1].usage == whole.usage
    lines = http.post("/v1/chat/completions", json=body | {"stream": True}).text.strip().split("\n\n")
    assert lines[-1] == "data: [DONE]"
    assert json.loads(lines[-2].removeprefix("data: "))["anytasktune"]["task"] == task
    streamed = openai.completions.create(model=task, prompt=ROWS[0].input, stream=True)
    assert "".join(part.choices[0].text for part in streamed) == text


def test_a_text_comes_in_pieces_and_other_forms_whole(openai: OpenAI) -> None:
    def pieces(model: str, text: str = ROWS[0].input) -> list[str]:
        parts = openai.chat.completions.create(**chat(model, text, max_tokens=12), stream=True)
        return [text for part in parts for choice in part.choices if (text := choice.delta.content)]

    assert len(pieces("tiny")) > 1
    assert max(len(pieces("reply", row.input)) for row in ROWS) > 1
    assert len(pieces("facts")) == 1


def test_a_stop_text_ends_a_stream_before_it_is_shown(openai: OpenAI) -> None:
    whole = openai.completions.create(model="tiny", prompt="the", max_tokens=12).choices[0].text
    stop = whole[4:7]
    parts = list(openai.completions.create(model="tiny", prompt="the", max_tokens=12, stop=stop, stream=True))
    assert "".join(part.choices[0].text for part in parts) == whole[: whole.find(stop)]
    assert parts[-1].choices[0].finish_reason == "stop"


def test_requests_that_run_together_get_the_answers_they_get_alone(openai: OpenAI) -> None:
    asked = [(("team", "facts", "reply", "tiny")[number % 4], row.input) for number, row in enumerate(team_rows(20, 7000))]

    def answer(one: tuple[str, str]) -> str | None:
        return openai.chat.completions.create(**chat(*one, max_tokens=10)).choices[0].message.content

    alone = list(map(answer, asked))
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(answer, asked)) == alone


def test_a_label_has_log_probabilities_and_counted_tokens(openai: OpenAI) -> None:
    reply = openai.chat.completions.create(**chat("team", ROWS[0].input, logprobs=True, top_logprobs=2))
    found = reply.choices[0].logprobs
    assert found is not None and found.content is not None
    assert found.content[0].token == reply.choices[0].message.content
    assert len(found.content[0].top_logprobs) == 2
    assert found.content[0].logprob == found.content[0].top_logprobs[0].logprob
    assert reply.usage is not None and reply.usage.completion_tokens > 0


def test_answers_end_before_a_stop_text_and_at_the_client_s_limit(openai: OpenAI, task_lms: dict[str, TaskLM]) -> None:
    whole = openai.chat.completions.create(**chat("facts", ROWS[0].input)).choices[0].message.content or ""
    stopped = openai.chat.completions.create(**chat("facts", ROWS[0].input, stop=[whole[5:8]]))
    assert stopped.choices[0].message.content == whole[: whole.find(whole[5:8])]
    assert stopped.choices[0].finish_reason == "stop"
    label = openai.chat.completions.create(**chat("team", ROWS[0].input))
    assert label.usage is not None
    tokens = label.usage.completion_tokens
    whole_label = openai.chat.completions.create(**chat("team", ROWS[0].input, max_completion_tokens=tokens))
    assert whole_label.choices[0].message.content == label.choices[0].message.content
    with pytest.raises(BadRequestError, match=f"send max_tokens={tokens} or more"):  # half of a label would be none
        openai.chat.completions.create(**chat("team", ROWS[0].input, max_completion_tokens=tokens - 1))
    long = openai.completions.create(model="tiny", prompt="the", max_tokens=3)
    assert long.usage is not None and long.usage.completion_tokens <= 3


def test_a_json_task_takes_response_format_json_object(openai: OpenAI) -> None:
    reply = openai.chat.completions.create(**chat("facts", ROWS[0].input, response_format={"type": "json_object"}))
    assert set(json.loads(reply.choices[0].message.content or "")) == {"kind", "urgent"}


def test_numbers_are_counted_by_model_and_route(http: httpx.Client, engine: AnswerEngine) -> None:
    http.post("/v1/chat/completions", json=chat("team@prod", ROWS[0].input))
    text = http.get("/metrics").text
    name = engine.models.find("team").name
    assert f'anytasktune_answers_total{{model="{name}"}}' in text
    assert 'anytasktune_requests_total{route="/v1/chat/completions",status="200"}' in text
    assert ROWS[0].input not in text
    assert http.get("/health").json() == {"status": "ok"}
    assert http.get("/ready").json() == {"status": "ready"}
