"""The contract with vLLM, on a fake of it: arguments, requests, answers, and failures. No real vLLM is run."""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from openai import BadRequestError, OpenAI
from tests.tiny_project import team_rows

from anytasktune.errors import AnyTaskTuneError, ConfigError, ModelError
from anytasktune.inference.task_lm import TaskLM
from anytasktune.pipeline import Workspace
from anytasktune.pipeline.events import Event, Note
from anytasktune.pipeline.starting_server import ServerOptions, prepare_server
from anytasktune.serving.http_server import AnswerServer
from anytasktune.serving.vllm_engine import VllmEngine

ROOT = Path(__file__).parents[3]
ROWS = team_rows(4, 5000)
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="vLLM does not run on Windows")


@dataclass
class Fake:
    """The fake program and what it recorded."""

    program: Path
    file: Path

    def recorded(self) -> list[Any]:
        return [json.loads(line) for line in self.file.read_text(encoding="utf-8").splitlines()]

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [one for one in self.recorded() if isinstance(one, dict)]


@contextmanager
def environment(**values: str) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def fake_vllm(folder: Path, mode: str = "") -> Iterator[Fake]:
    program, record = folder / "vllm", folder / "record.jsonl"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {ROOT / "tests" / "fake_vllm.py"} "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    # an argument for vLLM may stand behind the program
    words = f"{program} --tensor-parallel-size 1"
    with environment(ANYTASKTUNE_VLLM=words, FAKE_VLLM=mode, FAKE_VLLM_RECORD=str(record)):
        yield Fake(program, record)


@contextmanager
def running(project: Path, events: list[Event], engine: str = "vllm") -> Iterator[AnswerServer]:
    options = ServerOptions(port=0, engine=engine, engine_wait=300)
    server = prepare_server(Workspace.open(project), None, options, events.append)
    failed: list[AnyTaskTuneError] = []

    def run() -> None:
        try:
            server.run()
        except AnyTaskTuneError as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    while not server.engine.is_ready and thread.is_alive():
        time.sleep(0.01)
    try:
        yield server
    finally:
        server.stop()
        thread.join()
    if failed:
        raise failed[0]


def notes(events: list[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, Note)]


@dataclass
class Through:
    """A server that answers through a fake vLLM."""

    server: AnswerServer
    fake: Fake
    events: list[Event]
    openai: OpenAI


@pytest.fixture(scope="module")
def through(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Through]:
    events: list[Event] = []
    with (
        fake_vllm(tmp_path_factory.mktemp("vllm")) as fake,
        running(project, events) as server,
        OpenAI(base_url=f"{server.address}/v1", api_key="none", max_retries=0) as client,
    ):
        yield Through(server, fake, events, client)


def ask(through: Through, task: str, text: str, **more: Any) -> Any:
    return through.openai.chat.completions.create(model=task, messages=[{"role": "user", "content": text}], **more)


@pytest.mark.parametrize("task", ["team", "facts", "reply"])
def test_answers_are_those_of_the_task_lm_without_its_head(task: str, task_lms: dict[str, TaskLM], through: Through) -> None:
    alone = replace(task_lms[task], label_heads={})
    for row, expected in zip(ROWS, alone.answer(ROWS), strict=True):
        reply = ask(through, task, row.input)
        facts = reply.model_extra["anytasktune"]
        assert reply.choices[0].message.content == expected.output
        assert reply.usage.prompt_tokens == expected.prompt_tokens
        assert facts["task_lm"] == alone.manifest.id
        assert facts["language"] == row.language
        assert facts["constrained"]
        assert facts["unsure"] is None
        assert (facts["probabilities"] or {}) == pytest.approx(expected.probabilities or {}, abs=1e-4)


def test_pieces_come_as_they_are_generated_and_make_the_same_answer(through: Through) -> None:
    whole = ask(through, "reply", "tell the tenant").choices[0].message.content
    parts = list(ask(through, "reply", "tell the tenant", stream=True))
    assert "".join(part.choices[0].delta.content or "" for part in parts if part.choices) == whole
    cut = ask(through, "reply", "tell the tenant", stop=[whole[2]])
    assert cut.choices[0].message.content == whole[: whole.index(whole[2])]
    base = through.openai.completions.create(model="tiny", prompt="the", max_tokens=3)
    assert base.usage is not None
    assert base.usage.completion_tokens == 3
    assert base.choices[0].finish_reason == "length"


def test_vllm_is_started_on_this_machine_with_padded_adapters_and_a_key_that_nobody_sees(
    through: Through, project: Path, task_lms: dict[str, TaskLM]
) -> None:
    words = through.fake.recorded()[0]
    assert words[words.index("--host") + 1] == "127.0.0.1"
    assert words[words.index("--max-lora-rank") + 1] == "8"
    assert words[-2:] == ["--tensor-parallel-size", "1"]
    modules = [json.loads(word) for word in words if word.startswith("{")]
    assert {module["name"] for module in modules} == {task_lm.manifest.id for task_lm in task_lms.values()}
    ranks = {json.loads((Path(each["path"]) / "adapter_config.json").read_text(encoding="utf-8"))["r"] for each in modules}
    assert ranks == {8}
    engine = through.server.engine
    assert isinstance(engine, VllmEngine)
    assert engine.address.key not in repr(engine.address) + " ".join(words) + repr(through.events)
    assert engine.address.key not in (project / "artifacts" / "engine" / "vllm.log").read_text(encoding="utf-8")
    assert httpx.get(f"{engine.address.url}/v1/models").status_code == 401


def test_requests_hold_what_vllm_reads(through: Through) -> None:
    for task in ("team", "facts", "reply"):
        ask(through, task, "the landlord")
    team, facts, reply = through.fake.bodies[-3:]
    assert all(isinstance(ids, list) for ids in team["prompt"]), "labels are scored behind the prompt, as tokens"
    assert team["prompt_logprobs"] == 1
    assert set(facts["structured_outputs"]) == set(reply["structured_outputs"]) == {"grammar"}
    for body in (facts, reply):
        assert body["temperature"] == 0
        assert body["repetition_penalty"] == 1, "else vLLM takes the model's own from generation_config.json"
        assert not {name for name in body if name.startswith("guided")}


def test_a_requested_schema_is_told_to_vllm(through: Through) -> None:
    schema = {"type": "object", "properties": {"n": {"enum": [1, 22]}}, "required": ["n"], "additionalProperties": False}
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}
    reply = ask(through, "tiny", "the landlord", response_format=form)
    assert json.loads(reply.choices[0].message.content) in ({"n": 1}, {"n": 22})
    assert set(through.fake.bodies[-1]["structured_outputs"]) == {"grammar"}
    assert reply.model_extra["anytasktune"]["constrained"]
    plain = ask(through, "facts", "the landlord").choices[0].message.content
    assert ask(through, "facts", "the landlord", response_format={"type": "json_object"}).choices[0].message.content == plain
    with pytest.raises(BadRequestError, match="/kind: a value may stand there"):
        ask(through, "facts", "the landlord", response_format=form)


def test_tokens_of_answers_have_the_log_probabilities_they_have_here(through: Through, openai: OpenAI) -> None:
    more: dict[str, Any] = {"logprobs": True, "top_logprobs": 3}
    for task in ("facts", "reply", "tiny"):
        more |= {"max_tokens": 9} if task == "tiny" else {}  # an answer that is cut there is closed here
        there = ask(through, task, "the landlord", **more).choices[0]
        turns: Any = [{"role": "user", "content": "the landlord"}]
        here = openai.chat.completions.create(model=task, messages=turns, **more).choices[0]
        assert there.message.content == here.message.content or task == "tiny"  # half a character is left out there
        assert here.logprobs is not None
        assert [one.token for one in there.logprobs.content] == [one.token for one in here.logprobs.content or ()]
        for one, other in zip(there.logprobs.content, here.logprobs.content or (), strict=True):
            assert one.logprob == pytest.approx(other.logprob, abs=1e-3)
            assert len(one.top_logprobs) == 3
            values = [top.logprob for top in one.top_logprobs]
            assert values == pytest.approx([top.logprob for top in other.top_logprobs], abs=1e-3)


def test_losses_are_said_by_name_at_the_start(through: Through, task_lms: dict[str, TaskLM]) -> None:
    assert notes(through.events) == [
        f"team@{task_lms['team'].manifest.id}: through vLLM its label head does not take part, so answers differ from the "
        "report, and none is called unsure"
    ]


def test_a_client_that_goes_ends_its_request(through: Through) -> None:
    body = {"model": "tiny", "messages": [{"role": "user", "content": "go on"}], "stream": True, "max_tokens": 400}
    with httpx.stream("POST", f"{through.server.address}/v1/chat/completions", json=body, timeout=60):
        pass
    engine = through.server.engine
    assert isinstance(engine, VllmEngine)
    while engine.running or through.fake.recorded()[-1] != "the client has gone":
        time.sleep(0.01)


def test_a_prompt_that_is_too_long_is_refused_here(through: Through) -> None:
    body = {"model": "reply", "messages": [{"role": "user", "content": "long " * 600}]}
    refused = httpx.post(f"{through.server.address}/v1/chat/completions", json=body, timeout=60)
    assert refused.status_code == 400
    assert "more than the" in refused.json()["error"]["message"]


def test_a_running_vllm_is_fronted_by_its_address(through: Through, project: Path, task_lms: dict[str, TaskLM]) -> None:
    engine = through.server.engine
    assert isinstance(engine, VllmEngine)
    with pytest.raises(ModelError, match="set VLLM_API_KEY"), running(project, [], engine.address.url):
        pass
    events: list[Event] = []
    with (
        environment(VLLM_API_KEY=engine.address.key),
        running(project, events, f"{engine.address.url}/v1") as server,
        OpenAI(base_url=f"{server.address}/v1", api_key="none") as client,
    ):
        reply = client.chat.completions.create(model="facts", messages=[{"role": "user", "content": "the landlord"}])
    answer = json.loads(reply.choices[0].message.content or "")
    assert set(answer) == {"kind", "urgent"}
    assert through.fake.bodies[-1]["structured_outputs"] == {"json": task_lms["facts"].manifest.tasks[0].output.text_schema}
    assert any("facts" in note and "held to its JSON Schema alone" in note for note in notes(events))
    assert engine.is_ready, "a vLLM that was not started here is left running"


def test_a_vllm_that_ends_is_quoted_without_its_key(project: Path, tmp_path: Path) -> None:
    with fake_vllm(tmp_path, "dies"), pytest.raises(ModelError) as error, running(project, []):
        pass
    said = str(error.value)
    assert "exit code 3" in said
    assert "key [key] | RuntimeError: no GPU here" in said


@pytest.mark.skipif(threading.current_thread() is not threading.main_thread(), reason="signals reach the main thread")
def test_sigterm_while_vllm_starts_ends_vllm_too(project: Path, tmp_path: Path) -> None:
    with fake_vllm(tmp_path, "hangs") as fake:

        def end_this() -> None:
            while not fake.file.exists():
                time.sleep(0.01)
            os.kill(os.getpid(), signal.SIGTERM)

        threading.Thread(target=end_this).start()
        with pytest.raises(KeyboardInterrupt), running(project, []):
            pass
        while fake.recorded()[-1] != "SIGTERM":
            time.sleep(0.01)


def test_a_vllm_that_does_not_answer_in_time_is_ended(project: Path, tmp_path: Path) -> None:
    with fake_vllm(tmp_path, "hangs"), pytest.raises(ModelError, match="does not answer after 1 seconds") as error:
        prepare_server(Workspace.open(project), None, ServerOptions(port=0, engine="vllm", engine_wait=1))
    assert "--engine-wait" in error.value.problems[0].fix


def test_an_engine_that_ignores_structured_outputs_is_refused(project: Path, tmp_path: Path) -> None:
    with fake_vllm(tmp_path, "no-structure") as fake:
        with pytest.raises(ModelError, match="ignores structured_outputs"), running(project, []):
            pass
        assert fake.recorded()[-1] == "SIGTERM"


def test_the_server_ends_with_vllm(project: Path, tmp_path: Path) -> None:
    with (
        fake_vllm(tmp_path, "no-model"),
        pytest.raises(ModelError, match="vLLM ended with exit code"),
        running(project, []) as server,
    ):
        body = {"model": "team", "messages": [{"role": "user", "content": "the landlord"}]}
        reply = httpx.post(f"{server.address}/v1/chat/completions", json=body, timeout=60).json()
        assert reply["anytasktune"]["probability"] > 0
        engine = server.engine
        assert isinstance(engine, VllmEngine)
        assert engine.process is not None
        os.kill(engine.process.pid, signal.SIGKILL)
        while engine.is_ready:
            time.sleep(0.01)


def test_no_vllm_here_is_said_with_what_to_do(project: Path, tmp_path: Path) -> None:
    with environment(PATH=str(tmp_path), ANYTASKTUNE_VLLM=""), pytest.raises(ConfigError) as error, running(project, []):
        pass
    assert "ANYTASKTUNE_VLLM=" in error.value.problems[0].fix
    with pytest.raises(ConfigError, match="unknown engine"), running(project, [], "vlm"):
        pass
