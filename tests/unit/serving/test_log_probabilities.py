"""`logprobs`: every token of a generated answer with its log probability under the model, in OpenAI's shape."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from openai import OpenAI
from tests.tiny_models import save_tiny_model
from tests.tiny_project import quick_settings, team_rows, write_project, write_rows
from tests.unit.serving.conftest import DOMAIN, served

from anytasktune.inference.constraint import token_table
from anytasktune.inference.generation import Limits, generate
from anytasktune.inference.task_constraint import TaskConstraint
from anytasktune.inference.task_lm import TaskLM
from anytasktune.models.load import load_base
from anytasktune.models.lora_stack import merged
from anytasktune.pipeline import Workspace, train

ROWS = team_rows(3, 5000)


def asked(model: str, text: str, **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": text}], "logprobs": True, "top_logprobs": 4, **more}


def reference(task_lm: TaskLM, row: Any) -> tuple[list[int], torch.Tensor]:
    """The tokens of the answer, and [tokens, vocabulary] log probabilities of the model's own forward pass."""
    predictor = task_lm.model()
    format_ = predictor.format or task_lm.base.format
    prompt = format_.prompt_ids(predictor.task, row)
    constraint = TaskConstraint(predictor.task, predictor.decoding, format_)
    limits = Limits(format_.rendering.end_of_turn, predictor.decoding.max_new_tokens, 8192)
    with merged(task_lm.base.model, task_lm.adapter), torch.inference_mode():
        (made,) = generate(task_lm.base.model, [prompt], limits, constrain=lambda _: constraint.on(row))
        logits = task_lm.base.model(torch.tensor([[*prompt, *made.ids]])).logits[0, len(prompt) - 1 : -1]
    return made.ids, logits.float().log_softmax(dim=-1)


@pytest.mark.parametrize("task", ["facts", "reply"])
def test_every_token_has_its_log_probability_under_the_task_lm(task: str, openai: OpenAI, task_lms: dict[str, TaskLM]) -> None:
    table = token_table(task_lms[task].base.format.tokenizer, task_lms[task].base.format.rendering.end_of_turn)
    for row in ROWS:
        plain = openai.chat.completions.create(**asked(task, row.input, logprobs=False, top_logprobs=None))
        reply = openai.chat.completions.create(**asked(task, row.input))
        assert reply.choices[0].message.content == plain.choices[0].message.content
        assert reply.choices[0].logprobs is not None
        found = reply.choices[0].logprobs.content or []
        ids, expected = reference(task_lms[task], row)
        assert b"".join(bytes(one.bytes or []) for one in found).decode().strip() == reply.choices[0].message.content
        assert [bytes(one.bytes or []) for one in found] == [table.shown(token) for token in ids]
        assert [one.logprob for one in found] == pytest.approx(
            [float(row[token]) for row, token in zip(expected, ids, strict=True)], abs=1e-4
        )
        for one, row_ in zip(found, expected, strict=True):
            values = [other.logprob for other in one.top_logprobs]
            assert values == sorted(values, reverse=True)
            assert values == pytest.approx(row_.topk(4).values.tolist(), abs=1e-4)
            assert sum(map(math.exp, values)) <= 1 + 1e-4
        assert reply.usage is not None and reply.usage.completion_tokens == len(found)


def test_completions_have_the_older_shape(openai: OpenAI) -> None:
    reply = openai.completions.create(model="tiny", prompt="the landlord", max_tokens=6, logprobs=3)
    scores = reply.choices[0].logprobs
    assert scores is not None and scores.tokens and scores.top_logprobs and scores.text_offset and scores.token_logprobs
    assert len(scores.tokens) == len(scores.top_logprobs) == len(scores.text_offset) == len(scores.token_logprobs) == 6
    assert scores.text_offset == sorted(scores.text_offset) and scores.text_offset[0] == 0
    for token, value, top in zip(scores.tokens, scores.token_logprobs, scores.top_logprobs, strict=True):
        assert top[token] == pytest.approx(value)
        assert list(top.values()) == sorted(top.values(), reverse=True)
        assert 1 <= len(top) <= 4
    none = openai.completions.create(model="tiny", prompt="the landlord", max_tokens=6, logprobs=0).choices[0].logprobs
    assert none is not None and none.top_logprobs == [{}] * 6
    assert none.token_logprobs == scores.token_logprobs


def test_a_stream_has_the_same_scores_in_one_piece(openai: OpenAI) -> None:
    whole = openai.chat.completions.create(**asked("reply", ROWS[0].input)).choices[0]
    parts = list(openai.chat.completions.create(**asked("reply", ROWS[0].input), stream=True))
    scored = [choice.logprobs for part in parts for choice in part.choices if choice.logprobs]
    assert len(scored) == 1
    assert whole.logprobs is not None
    assert scored[0].content == whole.logprobs.content


def test_drawn_answers_and_cut_ones_are_scored_as_the_model_sees_them(openai: OpenAI) -> None:
    drawn = openai.chat.completions.create(**asked("tiny", "go", n=3, temperature=2, seed=1, max_tokens=8))
    assert len({choice.message.content for choice in drawn.choices}) > 1
    for choice in drawn.choices:
        assert choice.logprobs is not None and len(choice.logprobs.content or ()) > 0
    whole = openai.completions.create(model="tiny", prompt="the", max_tokens=12, logprobs=0).choices[0]
    assert whole.logprobs is not None and whole.logprobs.token_logprobs is not None
    stop = whole.text[4:7]
    cut = openai.completions.create(model="tiny", prompt="the", max_tokens=12, logprobs=0, stop=stop).choices[0]
    assert cut.logprobs is not None and cut.logprobs.tokens is not None and cut.logprobs.token_logprobs is not None
    assert "".join(cut.logprobs.tokens).strip().startswith(cut.text)
    assert cut.logprobs.token_logprobs == whole.logprobs.token_logprobs[: len(cut.logprobs.tokens)]
    assert len(cut.logprobs.tokens) < len(whole.logprobs.token_logprobs)


def test_the_base_model_is_scored_without_an_adapter(openai: OpenAI, tiny_model: Path) -> None:
    base = load_base(str(tiny_model), dtype="float32", device="cpu")
    reply = openai.completions.create(model="tiny", prompt="the landlord", max_tokens=5, logprobs=1)
    prompt = base.format.text_ids("the landlord", begins=True)
    (made,) = generate(base.model, [prompt], Limits(base.format.rendering.end_of_turn, 5, 8192))
    with torch.inference_mode():
        logits = base.model(torch.tensor([[*prompt, *made.ids]])).logits[0, len(prompt) - 1 : -1].float().log_softmax(dim=-1)
    expected = [float(row[token]) for row, token in zip(logits, made.ids, strict=True)]
    assert reply.choices[0].logprobs is not None
    assert reply.choices[0].logprobs.token_logprobs == pytest.approx(expected, abs=1e-4)


def test_models_that_answer_one_row_at_a_time_are_scored_and_held_to_schemas_too(tmp_path: Path) -> None:
    folder = write_project(tmp_path / "law", rows=[], domain=DOMAIN)
    write_rows(folder / "data" / "reply.jsonl", [row.model_copy(update={"output": "matter one"}) for row in team_rows(12)])
    model = save_tiny_model(tmp_path / "tiny", "bloom")
    train(Workspace.open(folder), ("reply",), quick_settings(model, "train.dtype=float32", "train.learning_rate=1e-2"))
    with served(folder) as server, OpenAI(base_url=f"{server.address}/v1", api_key="none", max_retries=0) as client:
        form: Any = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"enum": [[1, 22], [3]]}}}
        held = client.chat.completions.create(**asked("tiny", "go", response_format=form))
        reply = client.chat.completions.create(**asked("reply", "the landlord"))
    for choice in (held.choices[0], reply.choices[0]):
        assert choice.logprobs is not None
        joined = b"".join(bytes(one.bytes or []) for one in choice.logprobs.content or ())
        assert joined.decode(errors="replace").strip() == choice.message.content
    assert json.loads(held.choices[0].message.content or "") in ([1, 22], [3])
