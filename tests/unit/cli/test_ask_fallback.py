"""`ask auto` with `router.fallback_url`: the endpoint answers what fits no task, or the command fails."""

import json
from pathlib import Path

import pytest
from tests.openai_server import KEY, serving
from tests.tiny_project import write_project, write_rows
from tests.unit.baselines.test_task_router import WORDS, inputs
from tests.unit.cli.conftest import Run
from tests.unit.cli.test_ask_auto import DOMAIN

from anytasktune.pipeline.router_fallback import ROUTER_API_KEY

STRANGE = "bake the bread at 220 degrees"
KNOWN = "matter 7: landlord deposit heating lease"
HOST = "models.example"


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    folder = write_project(tmp_path_factory.mktemp("fallback") / "law", rows=[], domain=DOMAIN)
    for task in WORDS:
        write_rows(folder / "data" / f"{task}.jsonl", inputs(task, 60))
    text = f"schema_version: 1\ntrain:\n  model: {tiny_model}\n  device: cpu\nteacher:\n  attempts: 1\n"
    (folder / "settings.yaml").write_text(text, encoding="utf-8")
    return folder


def fallback(url: str) -> tuple[str, ...]:
    return ("-c", f"router.fallback_url={url}", "-c", "router.fallback_model=qwen3:14b")


def test_the_endpoint_answers_what_fits_no_task_and_sees_nothing_else(
    run: Run, pool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ROUTER_API_KEY, KEY)
    with serving(lambda _: "An hour.") as stub:
        known = run("ask", "auto", KNOWN, "--with", "nearest", "-p", pool, *fallback(stub.url), "--json").document
        assert (known["answered_by"], stub.bodies) == ("task", [])
        ended = run("ask", "auto", STRANGE, "-p", pool, *fallback(stub.url))
        document = run("ask", "auto", STRANGE, "-p", pool, *fallback(stub.url), "--json").document
    name = f"qwen3:14b@{stub.url.split('/')[2]}"
    assert ended.out.startswith("→ no task: unlike the inputs of all tasks (")
    assert f"answered by {name}" in ended.out
    assert ended.out.splitlines()[-1] == "An hour."
    assert (document["answered_by"], document["model"], document["text"]) == ("endpoint", name, "An hour.")
    assert (stub.bodies[0]["model"], stub.bodies[0]["messages"]) == ("qwen3:14b", [{"role": "user", "content": STRANGE}])
    assert set(stub.keys) == {f"Bearer {KEY}"}
    assert KEY not in ended.out + ended.err


def test_an_endpoint_that_is_down_is_an_error_and_nothing_else_answers(run: Run, pool: Path) -> None:
    ended = run("ask", "auto", STRANGE, "-p", pool, *fallback("http://127.0.0.1:9/v1"), "--json")
    problem = ended.first_problem
    assert (ended.code, set(ended.document)) == (1, {"error", "problems"})
    assert (problem["what"].partition(":")[0], problem["where"]) == ("cannot be reached", "http://127.0.0.1:9/v1")
    assert "router.fallback_url" in problem["fix"]


def test_another_machine_needs_consent_which_is_kept(run: Run, pool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(lambda _: "An hour.") as stub:
        monkeypatch.setenv("http_proxy", stub.url.removesuffix("/v1"))
        monkeypatch.setenv("no_proxy", "")
        asked = ("ask", "auto", f"{STRANGE}, call 13812345678", "-p", pool, *fallback(f"http://{HOST}/v1"))
        refused = run(*asked)
        assert (refused.code, stub.bodies) == (1, [])
        assert f"inputs that fit no task go to {HOST}" in refused.err
        assert "--yes" in refused.err
        ended = run(*asked, "--yes")
        assert f"inputs that fit no task leave this machine, for {HOST}" in ended.err
        assert run(*asked).code == 0
    assert [body["messages"][0]["content"] for body in stub.bodies] == [f"{STRANGE}, call [PHONE_1]"] * 2
    kept = (pool / "artifacts" / "teacher" / "consents.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["host"] for line in kept] == [HOST]


@pytest.mark.parametrize("setting", ["router.fallback_url=http://localhost:8000/v1", "router.fallback_model=big"])
def test_address_and_model_are_set_together(run: Run, pool: Path, setting: str) -> None:
    problem = run("ask", "auto", STRANGE, "-p", pool, "-c", setting, "--json").first_problem
    assert "fallback_url and fallback_model are set together" in problem["what"]
