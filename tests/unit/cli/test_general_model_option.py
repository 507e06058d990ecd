"""`--with MODEL` on the command line."""

import json
from pathlib import Path

import pytest
from tests.openai_server import serving
from tests.tiny_models import save_tiny_model
from tests.unit.cli.conftest import Run


def test_models_of_several_options_are_compared(run: Run, tuned: Path, quick: list[str]) -> None:
    one, other = (save_tiny_model(Path(kind), kind) for kind in ("qwen2", "qwen3"))
    ended = run("eval", "-p", tuned, *quick, "--with", one, "--with", other, "--json")
    assert ended.code == 0
    names = [result["general_model"]["name"] for result in ended.document["tasks"][0]["systems"] if result["general_model"]]
    assert names == ["qwen2", "qwen2", "qwen3", "qwen3"]
    assert ended.document["config"]["general_models"] == ["qwen2", "qwen3"]


def test_a_dry_run_shows_requests_and_sends_none(run: Run, tuned: Path, quick: list[str]) -> None:
    with serving(lambda _: "{}") as served:
        named = ("--with", f"{served.url}:m")
        ended = run("eval", "-p", tuned, *quick, *named, "--dry-run")
        assert ended.code == 0
        assert "12 requests" in ended.err
        assert "cap none" in ended.err
        assert "12 requests" in run("tune", "-p", tuned, *quick, *named, "--dry-run").err
        found = run("eval", "-p", tuned, *quick, *named, "--dry-run", "--json").document
        assert [one["requests"]["requests"] for one in found if one["requests"]] == [12]
        assert served.bodies == []


def test_an_address_without_a_model_is_refused_with_the_form(run: Run, tuned: Path, quick: list[str]) -> None:
    ended = run("eval", "-p", tuned, *quick, "--with", "http://localhost:8000/v1", "--json")
    assert ended.code == 1
    assert "http://localhost:8000/v1:MODEL" in ended.first_problem["fix"]


def test_rows_go_to_another_machine_only_when_somebody_agreed(run: Run, tuned: Path, quick: list[str]) -> None:
    ended = run("eval", "-p", tuned, *quick, "--with", "http://general.invalid/v1:m")
    assert ended.code == 1
    assert "test rows go to general.invalid" in ended.err
    assert "--yes" in ended.err


def test_each_endpoint_gets_the_key_of_its_variable(
    run: Run, tuned: Path, quick: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OWN_KEY", "sk-own")
    with serving(lambda _: json.dumps({"answer": "work"})) as served:
        host = served.url.split("/")[2]
        asked = ("eval", "-p", tuned, *quick, "-c", "systems=base", "--with", f"{served.url}:m", "--with-key")
        assert run(*asked, f"{host}=OWN_KEY").code == 0
    assert set(served.keys) == {"Bearer sk-own"}
    for pasted in (f"{host}=sk-0123456789", "sk-0123456789", f"{host}="):
        ended = run(*asked, pasted)
        assert ended.code == 2
        assert "--with-key api.deepseek.com=DEEPSEEK_API_KEY" in ended.err + ended.out
        assert "sk-0123456789" not in ended.err + ended.out
