"""The model `auto`: the router chooses the Task-LM, or the base model answers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openai import BadRequestError, OpenAI
from tests.tiny_project import quick_settings, write_project, write_rows
from tests.unit.baselines.test_task_router import WORDS, inputs
from tests.unit.pipeline.recording import Recording
from tests.unit.serving.conftest import served

from anytasktune.pipeline import Workspace, train
from anytasktune.pipeline.context import Context
from anytasktune.pipeline.routing import served_router

INSTRUCTIONS = {"tenancy": "Is it urgent? Answer yes or no.", "payroll": "Repeat the first word.", "marriage": "Repeat it."}
DOMAIN = f"""\
schema_version: 1
name: law
tasks:
  - name: tenancy
    instruction: {{en: "{INSTRUCTIONS["tenancy"]}", zh: 是否紧急？}}
    output: {{kind: label, labels: ["yes", "no"]}}
  - name: payroll
    instruction: {{en: {INSTRUCTIONS["payroll"]}, zh: 重复第一个词。}}
    output: {{kind: text}}
  - name: marriage
    instruction: {{en: {INSTRUCTIONS["marriage"]}, zh: 重复。}}
    output: {{kind: text}}
"""
TENANCY = "matter 7: landlord deposit heating lease rent"
PAYROLL = "matter 8: boss wage overtime bonus"
STRANGE = "bake the bread at 220 degrees"


def trained_pool(folder: Path, model: Path, *tasks: str) -> Path:
    """A pool of three tasks, of which these have a Task-LM."""
    write_project(folder, rows=[], domain=DOMAIN)
    for task in WORDS:
        rows = [row.model_copy(update={"output": ("yes", "no")[place % 2]}) for place, row in enumerate(inputs(task, 60))]
        write_rows(folder / "data" / f"{task}.jsonl", rows)
    train(Workspace.open(folder), tasks, quick_settings(model, "train.dtype=float32"))
    return folder


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Iterator[OpenAI]:
    """A client of a server with Task-LMs for two of the three tasks of a pool."""
    folder = trained_pool(tmp_path_factory.mktemp("auto") / "law", tiny_model, "tenancy", "payroll")
    with served(folder) as running, OpenAI(base_url=f"{running.address}/v1", api_key="none", max_retries=0) as openai:
        yield openai


def asked(client: OpenAI, model: str, text: str, **more: Any) -> tuple[str, dict[str, Any]]:
    reply = client.chat.completions.create(model=model, messages=[{"role": "user", "content": text}], max_tokens=8, **more)
    return reply.choices[0].message.content or "", (reply.model_extra or {})["anytasktune"]


@pytest.mark.parametrize(("task", "text"), [("tenancy", TENANCY), ("payroll", PAYROLL)])
def test_the_answer_is_that_of_the_chosen_task(client: OpenAI, task: str, text: str) -> None:
    answer, facts = asked(client, "auto", text)
    named, of_named = asked(client, task, text)
    assert (answer, facts["task"], facts["task_lm"], facts["rendered"]) == (
        named,
        task,
        of_named["task_lm"],
        of_named["rendered"],
    )
    assert (facts["route"]["task"], of_named["route"]) == (task, None)
    assert facts["route"]["probability"] == facts["route"]["probabilities"][task] > 0.5
    completion = client.completions.create(model="auto", prompt=text, max_tokens=8)
    assert completion.choices[0].text == named
    assert (completion.model_extra or {})["anytasktune"]["route"] == facts["route"]


def test_what_is_unlike_the_pool_is_answered_by_the_base_model(client: OpenAI) -> None:
    answer, facts = asked(client, "auto", STRANGE)
    of_base, named = asked(client, "tiny", STRANGE)
    assert (answer, facts["rendered"]) == (of_base, named["rendered"])
    assert (facts["task"], facts["route"]["task"], facts["route"]["abstained"]) == (None, None, "unlike_pool")


def test_a_task_without_a_task_lm_and_a_conversation_are_left_to_the_base_model(client: OpenAI) -> None:
    _, facts = asked(client, "auto", "matter 5: divorce custody child school")
    assert (facts["task"], facts["route"]["abstained"]) == (None, "no_task_lm")
    assert next(iter(facts["route"]["probabilities"])) == "marriage"
    turns: Any = [{"role": role, "content": TENANCY} for role in ("user", "assistant", "user")]
    reply = client.chat.completions.create(model="auto", messages=turns, max_tokens=4)
    facts = (reply.model_extra or {})["anytasktune"]
    assert (facts["task"], facts["route"]["abstained"]) == (None, "conversation")


def test_a_prompt_in_the_trained_shape_goes_to_its_task_without_the_router(client: OpenAI) -> None:
    system = {"role": "system", "content": INSTRUCTIONS["payroll"]}
    turns: Any = [system, {"role": "user", "content": TENANCY}]
    reply = client.chat.completions.create(model="auto", messages=turns, max_tokens=8)
    facts = (reply.model_extra or {})["anytasktune"]
    named, of_named = asked(client, "payroll", TENANCY)
    assert (facts["task"], facts["route"]["by_prompt"], facts["route"]["probability"]) == ("payroll", True, None)
    assert reply.choices[0].message.content == named
    completion = client.completions.create(model="auto", prompt=of_named["rendered"], max_tokens=8)
    assert completion.choices[0].text == named
    assert (completion.model_extra or {})["anytasktune"]["route"] == facts["route"]


def test_what_a_task_can_answer_is_asked_of_the_chosen_one(client: OpenAI) -> None:
    reply = client.chat.completions.create(
        model="auto", messages=[{"role": "user", "content": TENANCY}], logprobs=True, top_logprobs=2
    )
    assert reply.choices[0].logprobs is not None
    reply = client.chat.completions.create(model="auto", messages=[{"role": "user", "content": STRANGE}], logprobs=True)
    assert reply.choices[0].logprobs is not None and len(reply.choices[0].logprobs.content or ()) > 1
    with pytest.raises(BadRequestError, match="auto takes one prompt at a time"):
        client.completions.create(model="auto", prompt=[TENANCY, PAYROLL])


def test_a_stream_says_how_it_was_routed(client: OpenAI) -> None:
    turns: Any = [{"role": "user", "content": PAYROLL}]
    parts = list(client.chat.completions.create(model="auto", messages=turns, max_tokens=8, stream=True))
    text = "".join(choice.delta.content or "" for part in parts for choice in part.choices)
    assert text == asked(client, "payroll", PAYROLL)[0]
    assert (parts[-1].model_extra or {})["anytasktune"]["route"]["task"] == "payroll"


def test_it_is_listed(client: OpenAI) -> None:
    listed = {model.id: model.model_extra or {} for model in client.models.list()}
    assert (listed["auto"]["task"], listed["auto"]["in_use"]) == (None, False)
    assert client.models.retrieve("auto").id == "auto"


def test_a_pool_of_one_task_has_no_router_and_one_without_rows_says_so(tmp_path: Path) -> None:
    assert served_router(Context(Workspace.open(write_project(tmp_path / "one")))) is None
    events = Recording()
    empty = write_project(tmp_path / "empty", rows=[], domain=DOMAIN)
    assert served_router(Context(Workspace.open(empty), on_event=events)) is None
    assert events.notes[-1].startswith("no model auto is served: fewer than two tasks have training rows")
