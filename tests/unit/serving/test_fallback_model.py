"""The model `auto` with `router.fallback_url`: a real HTTP server answers what fits no task, and nothing else reaches it."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from openai import APIStatusError, BadRequestError, InternalServerError, OpenAI
from tests.openai_server import KEY, Served, error, in_turn, serving
from tests.tiny_project import quick_settings
from tests.unit.pipeline.recording import Recording
from tests.unit.serving.conftest import served
from tests.unit.serving.test_auto_model import PAYROLL, STRANGE, TENANCY, asked, trained_pool

from anytasktune.errors import ConsentError
from anytasktune.llm import EndpointError
from anytasktune.pipeline import Workspace
from anytasktune.pipeline.context import Context
from anytasktune.pipeline.router_fallback import ROUTER_API_KEY, open_fallback
from anytasktune.pipeline.starting_server import ServerOptions, prepare_server
from anytasktune.settings import Settings

DOWN = "http://127.0.0.1:9/v1"
HOST = "models.example"
PHONE = "13812345678"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    """A pool of three tasks, one of which has a Task-LM."""
    return trained_pool(tmp_path_factory.mktemp("fallback") / "law", tiny_model, "payroll")


def settings_for(model: Path, url: str) -> Settings:
    router = (f"router.fallback_url={url}", "router.fallback_model=big:7b", "teacher.attempts=1")
    return quick_settings(model, "train.dtype=float32", *router)


@contextmanager
def client_of(folder: Path, settings: Settings, **options: Any) -> Iterator[OpenAI]:
    with (
        served(folder, settings, **options) as running,
        OpenAI(base_url=f"{running.address}/v1", api_key="none", max_retries=0) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def remote() -> Iterator[Served]:
    with serving(lambda body: f"<think>hm</think>Bake {len(body['messages'])} loaf. Then rest.") as stub:
        yield stub


@pytest.fixture(scope="module")
def client(trained: Path, tiny_model: Path, remote: Served) -> Iterator[OpenAI]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ROUTER_API_KEY, KEY)
        patch.setenv("OPENAI_API_KEY", "sk-of-the-teacher")
        with client_of(trained, settings_for(tiny_model, remote.url)) as client:
            yield client


def test_what_fits_no_task_is_one_chat_completion_of_the_endpoint(client: OpenAI, remote: Served) -> None:
    before = len(remote.bodies)
    answer, facts = asked(client, "auto", STRANGE)
    assert (answer, facts["task"], facts["rendered"]) == ("Bake 1 loaf. Then rest.", None, "")
    route, name = facts["route"], f"big:7b@{remote.url.split('/')[2]}"
    assert (route["task"], route["abstained"], route["answered_by"], route["model"]) == (None, "unlike_pool", "endpoint", name)
    (body,) = remote.bodies[before:]
    said = [{"role": "user", "content": STRANGE}]
    assert body == {"model": "big:7b", "messages": said, "max_tokens": 8, "temperature": 0}
    assert remote.keys[-1] == f"Bearer {KEY}"
    completion = client.completions.create(model="auto", prompt=STRANGE, stop=["Then"], temperature=0.5, seed=3)
    assert completion.choices[0].text.strip() == "Bake 1 loaf."
    assert (remote.bodies[-1]["temperature"], remote.bodies[-1]["seed"]) == (0.5, 3)
    assert completion.usage is not None and completion.usage.completion_tokens == 7


def test_a_stream_is_one_piece_and_says_who_answered(client: OpenAI) -> None:
    turns: Any = [{"role": "user", "content": STRANGE}]
    parts = list(client.chat.completions.create(model="auto", messages=turns, stream=True))
    assert [choice.delta.content for part in parts for choice in part.choices if choice.delta.content] == [
        "Bake 1 loaf. Then rest."
    ]
    assert (parts[-1].model_extra or {})["anytasktune"]["route"]["answered_by"] == "endpoint"


def test_inputs_of_tasks_and_conversations_are_never_sent(client: OpenAI, remote: Served) -> None:
    before = len(remote.bodies)
    assert asked(client, "auto", PAYROLL)[1]["route"]["answered_by"] == "task"
    route = asked(client, "auto", TENANCY)[1]["route"]
    assert (route["abstained"], route["answered_by"]) == ("no_task_lm", "base")
    turns: Any = [{"role": role, "content": TENANCY} for role in ("user", "assistant", "user")]
    reply = client.chat.completions.create(model="auto", messages=turns, max_tokens=4)
    route = (reply.model_extra or {})["anytasktune"]["route"]
    assert (route["abstained"], route["answered_by"]) == ("conversation", "base")
    asked(client, "tiny", STRANGE)
    asked(client, "payroll", STRANGE)
    assert len(remote.bodies) == before


def test_several_answers_forms_and_scores_are_refused_before_anything_is_sent(client: OpenAI, remote: Served) -> None:
    before = len(remote.bodies)
    with pytest.raises(BadRequestError, match="asked for one answer"):
        asked(client, "auto", STRANGE, n=2)
    with pytest.raises(BadRequestError, match="is not asked for them"):
        asked(client, "auto", STRANGE, logprobs=True)
    with pytest.raises(BadRequestError, match="is told no form"):
        asked(client, "auto", STRANGE, response_format={"type": "json_object"})
    assert len(remote.bodies) == before


def test_the_endpoint_is_in_no_list_and_its_answers_are_counted(client: OpenAI, remote: Served) -> None:
    assert all("@127.0.0.1" not in model.id for model in client.models.list())
    asked(client, "auto", STRANGE)
    numbers = httpx.get(str(client.base_url).replace("/v1/", "/metrics")).text
    assert f'anytasktune_answers_total{{model="big:7b@{remote.url.split("/")[2]}"}}' in numbers


@pytest.mark.parametrize("streamed", [False, True])
def test_an_endpoint_that_is_down_is_a_502_and_nothing_else_answers(trained: Path, tiny_model: Path, streamed: bool) -> None:
    with client_of(trained, settings_for(tiny_model, DOWN)) as client:
        with pytest.raises(InternalServerError, match=r"big:7b@127\.0\.0\.1:9 does not answer: .*cannot be reached") as failed:
            asked(client, "auto", STRANGE, stream=streamed)
        assert (failed.value.status_code, failed.value.code) == (502, "fallback_failed")
        assert "check that the server at router.fallback_url runs" in str(failed.value)
        assert asked(client, "auto", PAYROLL)[1]["task"] == "payroll"


@pytest.mark.parametrize("answer", [error(401, f"wrong key {KEY}"), error(500, "no memory"), "<think>only thoughts"])
def test_a_refusal_or_an_empty_answer_is_a_502_without_the_key(
    trained: Path, tiny_model: Path, answer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ROUTER_API_KEY, KEY)
    with serving(in_turn(answer)) as stub, client_of(trained, settings_for(tiny_model, stub.url)) as client:
        with pytest.raises(APIStatusError) as failed:
            asked(client, "auto", STRANGE)
        assert failed.value.status_code == 502
        assert KEY not in str(failed.value)
        assert "OPENAI_" not in str(failed.value)


def test_a_slow_endpoint_holds_up_no_other_request_and_no_longer_than_the_timeout(trained: Path, tiny_model: Path) -> None:
    release = threading.Event()

    def slow(_: dict[str, Any]) -> str:
        release.wait(30)
        return "late"

    found: list[BaseException] = []

    def ask_outside(client: OpenAI) -> None:
        try:
            asked(client, "auto", STRANGE)
        except APIStatusError as failed:
            found.append(failed)

    with serving(slow) as stub, client_of(trained, settings_for(tiny_model, stub.url), answer_seconds=3.0) as client:
        outside = threading.Thread(target=ask_outside, args=(client,))
        outside.start()
        assert asked(client, "auto", PAYROLL)[1]["task"] == "payroll"
        outside.join(20)
        release.set()
    assert [failed.status_code for failed in found if isinstance(failed, APIStatusError)] == [504]


def test_the_key_of_another_program_is_not_sent(trained: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ROUTER_API_KEY, raising=False)
    with serving(in_turn("yes")) as stub:
        monkeypatch.setenv("OPENAI_BASE_URL", stub.url)
        for variable in ("OPENAI_API_KEY", "ANYTASKTUNE_EVAL_API_KEY"):
            monkeypatch.setenv(variable, KEY)
        with client_of(trained, settings_for(tiny_model, stub.url)) as client:
            asked(client, "auto", STRANGE)
        assert stub.keys == [""]


def test_another_machine_is_said_plainly_and_needs_consent(
    trained: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, settings = Path(shutil.copytree(trained, tmp_path / "law")), settings_for(tiny_model, f"http://{HOST}/v1")
    with pytest.raises(ConsentError, match=rf"inputs that fit no task go to {HOST}: .*nobody has agreed"):
        prepare_server(Workspace.open(folder), settings, ServerOptions(port=0))
    with pytest.raises(ConsentError, match=r"router\.fallback_url"):
        prepare_server(Workspace.open(folder), settings, ServerOptions(port=0, agreed="no"))
    with serving(lambda body: f"I call {body['messages'][0]['content'].split()[-1]} now") as stub:
        monkeypatch.setenv("http_proxy", stub.url.removesuffix("/v1"))
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        with client_of(folder, settings, agreed="masked") as client:
            answer, _ = asked(client, "auto", f"bake the bread and call {PHONE}")
    assert answer == f"I call {PHONE} now"
    assert [PHONE in str(body) for body in stub.bodies] == [False]
    events = Recording()
    open_fallback(Context(Workspace.open(folder), settings, events), None)
    assert f"inputs that fit no task leave this machine, for {HOST}" in events.notes


def test_an_address_that_is_none_is_refused_at_the_start(trained: Path, tiny_model: Path) -> None:
    with pytest.raises(EndpointError, match=r"router\.fallback_url is no http"):
        prepare_server(Workspace.open(trained), settings_for(tiny_model, "localhost:8000"), ServerOptions(port=0))
