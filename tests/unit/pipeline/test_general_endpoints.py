"""General models behind a real HTTP server: asked once, under the cap, unscored where they do not answer."""

import json
import socket
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests.openai_server import Answer, Served, completion, error, serving
from tests.tiny_project import LABELS, quick_settings, team_rows, write_project
from tests.unit.pipeline.recording import Recording

from anytasktune.errors import ConfigError, ConsentError
from anytasktune.pipeline import Event, Workspace, evaluate
from anytasktune.pipeline.events import Progress
from anytasktune.pipeline.expected_answers import expected_requests
from anytasktune.pipeline.general_endpoints import EVAL_API_KEY, EndpointSpec
from anytasktune.pipeline.verifying import verify
from anytasktune.schema import Report, SystemResult
from anytasktune.settings import SIMPLE, Settings, TeacherConfig
from anytasktune.settings.systems import general_system

ROWS = 6
"""Test rows of the project (30 rows, the usual split)."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path / "law")


def right_label(body: dict[str, Any]) -> str:
    """The label of the row that a request asks about."""
    asked = body["messages"][-1]["content"]
    return next(row.output for row in team_rows() if row.input in asked)


def in_json(body: dict[str, Any]) -> Answer:
    return json.dumps({"answer": right_label(body)})


def settings_for(model: Path, served: Served | str, *more: str) -> Settings:
    url = served if isinstance(served, str) else served.url
    return quick_settings(model, f"general_models=['{url}:big:7b']", "systems=base", "teacher.attempts=2", *more)


def results(report: Report) -> dict[str, SystemResult]:
    """Results of the model without and with examples, as `plain` and `shown`."""
    found = {result.system: result for result in report.tasks[0].systems if result.general_model}
    return {"shown" if system.startswith("general_few_shot:") else "plain": result for system, result in found.items()}


def test_it_is_asked_for_json_under_the_schema_with_and_without_examples(project: Path, tiny_model: Path) -> None:
    with serving(in_json) as served:
        report = evaluate(Workspace.open(project), settings=settings_for(tiny_model, served))
    name = f"big:7b@{served.url.split('/')[2]}"
    systems = [result.system for result in report.tasks[0].systems]
    assert systems == [*SIMPLE, "base", general_system(name, few_shot=False), general_system(name, few_shot=True)]
    assert len(served.bodies) == 2 * ROWS
    schema = served.bodies[0]["response_format"]["json_schema"]
    assert schema["schema"]["properties"]["answer"]["enum"] == list(LABELS)
    assert schema["strict"] is True
    assert {len(body["messages"]) > 2 for body in served.bodies} == {False, True}
    assert all(result.score and result.score.value == 1 for result in results(report).values())
    assert report.config.general_models == [name]
    assert verify(Workspace.open(project)).mismatches == ()


def test_reference_answers_of_the_rows_are_not_sent(project: Path, tiny_model: Path) -> None:
    with serving(in_json) as served:
        report = evaluate(Workspace.open(project), settings=settings_for(tiny_model, served))
    assert report.tasks[0].test_rows == ROWS
    for body in served.bodies:
        assert body["messages"][-1]["role"] == "user"
        assert right_label(body) not in body["messages"][-1]["content"]


@pytest.mark.parametrize("said", ["{label}", "<think>is it {other}?</think>{label}", '```json\n{{"answer": "{label}"}}\n```'])
def test_an_answer_that_is_no_json_is_read_like_any_other_and_asked_for_once(
    said: str, project: Path, tiny_model: Path
) -> None:
    def answers(body: dict[str, Any]) -> Answer:
        label = right_label(body)
        return said.format(label=label, other=next(one for one in LABELS if one != label))

    with serving(answers) as served:
        report = evaluate(Workspace.open(project), settings=settings_for(tiny_model, served))
    assert len(served.bodies) == 2 * ROWS
    assert all(result.score and result.score.value == 1 for result in results(report).values())


def test_a_server_without_schemas_is_asked_in_words(project: Path, tiny_model: Path) -> None:
    def answers(body: dict[str, Any]) -> Answer:
        return error(400, "response_format is not supported") if "response_format" in body else in_json(body)

    with serving(answers) as served:
        report = evaluate(Workspace.open(project), settings=settings_for(tiny_model, served))
    assert "JSON Schema" in served.bodies[-1]["messages"][0]["content"]
    assert all(result.scored == ROWS for result in results(report).values())


def test_a_wrong_answer_is_wrong_and_one_that_was_refused_is_unscored_with_its_reason(project: Path, tiny_model: Path) -> None:
    def answers(body: dict[str, Any]) -> Answer:
        label = right_label(body)
        return {
            LABELS[0]: json.dumps({"answer": "no label at all"}),
            LABELS[1]: completion("", "content_filter"),
            LABELS[2]: json.dumps({"answer": label}),
        }[label]

    with serving(answers) as served:
        report = evaluate(Workspace.open(project), settings=settings_for(tiny_model, served))
    plain = results(report)["plain"]
    by_label = Counter(right_label(body) for body in served.bodies)
    assert plain.unscored == by_label[LABELS[1]] // 2
    assert plain.right == by_label[LABELS[2]] // 2
    assert plain.well_formed < 1
    (reason,) = plain.unscored_reasons
    assert "content filter" in reason
    assert "unscored" in {caveat.code for caveat in report.tasks[0].caveats}


def test_answers_are_paid_for_once_also_when_the_command_was_killed(project: Path, tiny_model: Path) -> None:
    asked: Counter[str] = Counter()

    def answers(body: dict[str, Any]) -> Answer:
        asked[json.dumps(body["messages"], ensure_ascii=False)] += 1
        return in_json(body)

    def stop(event: Event) -> None:
        if isinstance(event, Progress) and event.done >= 3 and (event.system or "").startswith("general:"):
            raise KeyboardInterrupt

    with serving(answers) as served:
        settings = settings_for(tiny_model, served, "teacher.concurrency=1")
        with pytest.raises(KeyboardInterrupt):
            evaluate(Workspace.open(project), settings=settings, on_event=stop)
        answered = sum(asked.values())
        assert 3 <= answered < ROWS
        report = evaluate(Workspace.open(project), settings=settings)
    assert set(asked.values()) == {1}
    assert len(asked) == 2 * ROWS
    plain = results(report)["plain"]
    assert plain.scored == ROWS
    with serving(answers) as served:  # another address: nobody is there at the old one, and nobody is needed
        again = Recording()
        assert evaluate(Workspace.open(project), settings=settings, on_event=again).id == report.id
    assert not [line for line in again.made if "general" in line]


def test_the_cap_is_not_passed_and_what_was_not_asked_is_unscored(project: Path, tiny_model: Path) -> None:
    prices = "eval.prices={'big:7b': {price_in: 1000, price_out: 1000}}"
    with serving(in_json) as served:
        capped = settings_for(tiny_model, served, prices, "teacher.max_cost=1.5", "teacher.answer_tokens=16")
        report = evaluate(Workspace.open(project), settings=capped)
        sent = len(served.bodies)
        assert 0 < sent < 2 * ROWS
        found = results(report)
        assert found["plain"].unscored + found["shown"].unscored == 2 * ROWS - sent
        assert any("max_cost" in reason for result in found.values() for reason in result.unscored_reasons)
        raised = settings_for(tiny_model, served, prices, "teacher.answer_tokens=16")
        report = evaluate(Workspace.open(project), settings=raised)
    assert len(served.bodies) == 2 * ROWS
    assert all(result.scored == ROWS for result in results(report).values())
    assert results(report)["plain"].cost_per_1000 == pytest.approx((30 + 7) * 1000 / 1e6 * 1000)


def test_a_cap_in_money_needs_the_price_of_the_model(project: Path, tiny_model: Path) -> None:
    with serving(in_json) as served, pytest.raises(ConfigError, match="big:7b has no price"):
        evaluate(Workspace.open(project), settings=settings_for(tiny_model, served, "teacher.max_cost=1"))
    assert served.bodies == []


def test_an_endpoint_that_is_down_leaves_its_rows_unscored_and_the_report_is_made(project: Path, tiny_model: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        events = Recording()
        report = evaluate(Workspace.open(project), settings=settings_for(tiny_model, url), on_event=events)
    for result in results(report).values():
        assert (result.scored, result.unscored, result.score) == (0, ROWS, None)
        assert any("cannot be reached" in reason for reason in result.unscored_reasons)
    assert any("run it again" in note for note in events.notes)
    told = [event for event in events.finished if event.stage == "answer" and (event.system or "").startswith("general")]
    assert [(event.reused, event.detail) for event in told] == [(False, "6 rows without an answer")] * 2


def test_a_dry_run_sends_nothing_and_says_requests_tokens_and_money(project: Path, tiny_model: Path) -> None:
    prices = "eval.prices={'big:7b': {price_in: 2, price_out: 4}}"
    with serving(in_json) as served:
        settings = settings_for(tiny_model, served, prices)
        ((name, (expected, config)),) = expected_requests(Workspace.open(project), settings=settings).items()
        assert served.bodies == []
        assert expected.requests == 2 * ROWS
        assert expected.likely_cost is not None
        assert expected.most_cost is not None
        assert 0 < expected.likely_cost <= expected.most_cost
        assert "12 requests" in expected.in_words(config)
        assert name.startswith("big:7b@127.0.0.1:")
        evaluate(Workspace.open(project), settings=settings)
        ((_, (left, _)),) = expected_requests(Workspace.open(project), settings=settings).items()
    assert left.requests == 0


def test_rows_do_not_leave_this_machine_before_somebody_agreed(project: Path, tiny_model: Path) -> None:
    url = "http://general.invalid/v1"
    events = Recording()
    with pytest.raises(ConsentError, match=r"test rows go to general\.invalid: the inputs of 6 test rows of team"):
        evaluate(Workspace.open(project), settings=settings_for(tiny_model, url), on_event=events)
    evaluate(Workspace.open(project), settings=settings_for(tiny_model, url), on_event=events, agreed="masked")
    assert any("6 test rows leave this machine, for general.invalid" in note for note in events.notes)


def test_what_was_sent_elsewhere_is_in_the_report(project: Path, tiny_model: Path) -> None:
    report = evaluate(Workspace.open(project), settings=settings_for(tiny_model, "http://general.invalid/v1"), agreed="masked")
    (caveat,) = (caveat for caveat in report.tasks[0].caveats if caveat.code.startswith("rows_sent"))
    assert caveat.code == "rows_sent_masked"
    assert caveat.values == {"count": ROWS, "endpoint": "http://general.invalid/v1"}


def test_personal_data_is_masked_in_what_is_sent_and_put_back_in_answers(tmp_path: Path, tiny_model: Path) -> None:
    domain = """\
schema_version: 1
name: law
tasks:
  - name: phone
    instruction: {en: Copy the phone number.}
    output: {kind: text}
"""
    project = write_project(tmp_path / "law", rows=[], domain=domain)
    numbers = [f"1381234{number:04}" for number in range(20)]
    lines = [{"input": f"Call {number} about matter {place}.", "output": number} for place, number in enumerate(numbers)]
    path = project / "data" / "phone.jsonl"
    path.parent.mkdir()
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")

    def answers(body: dict[str, Any]) -> Answer:
        return json.dumps({"answer": body["messages"][-1]["content"].split()[1]})

    with serving(answers) as served:
        settings = settings_for(tiny_model, served, "teacher.mask_personal_data=true")
        report = evaluate(Workspace.open(project), settings=settings)
    sent = json.dumps(served.bodies)
    assert not [number for number in numbers if number in sent]
    assert all(result.score and result.score.value == 1 for result in results(report).values())


@pytest.mark.parametrize(
    ("name", "url", "model"),
    [
        ("http://localhost:8000/v1:qwen3:14b", "http://localhost:8000/v1", "qwen3:14b"),
        ("https://api.example.com/v1:Org/Model-7B", "https://api.example.com/v1", "Org/Model-7B"),
        ("http://[::1]:8000/v1:m", "http://[::1]:8000/v1", "m"),
        ("http://localhost:8000/v1/chat/completions:m", "http://localhost:8000/v1", "m"),
        ("https://NAME.openai.azure.com/openai/deployments/D?api-version=2024-10-21:gpt", None, "gpt"),
    ],
)
def test_address_and_model_are_told_apart(name: str, url: str | None, model: str) -> None:
    spec = EndpointSpec.parse(name, TeacherConfig())
    assert spec.model == model
    assert url in (None, spec.endpoint.base_url)


@pytest.mark.parametrize(
    "name", ["http://localhost:8000/v1", "http://localhost:8000", "https://host:model", "http://h/v1:", "http://"]
)
def test_an_address_without_a_model_is_answered_with_the_form(name: str) -> None:
    with pytest.raises(ConfigError, match="the name of a model is missing"):
        EndpointSpec.parse(name, TeacherConfig())


def test_the_key_of_the_teacher_goes_to_no_other_host(project: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-teacher")
    monkeypatch.setenv("OPENAI_BASE_URL", "https://teacher.example.com/v1")
    with serving(in_json) as served:
        evaluate(Workspace.open(project), settings=settings_for(tiny_model, served))
        assert set(served.keys) == {""}
        monkeypatch.setenv(EVAL_API_KEY, "sk-for-evaluation")
        evaluate(Workspace.open(project), settings=settings_for(tiny_model, served, "teacher.answer_tokens=99"))
        assert served.keys[-1] == "Bearer sk-for-evaluation"
    kept = b"".join(path.read_bytes() for path in (project / "artifacts").rglob("*") if path.is_file())
    assert b"sk-for-evaluation" not in kept


def test_two_endpoints_get_a_key_each_and_prices_of_their_own(
    project: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRST_KEY", "sk-first")
    monkeypatch.setenv("SECOND_KEY", "sk-second")
    monkeypatch.setenv(EVAL_API_KEY, "sk-of-all-others")
    with serving(in_json) as first, serving(in_json) as second, serving(in_json) as third:
        hosts = [one.url.split("/")[2] for one in (first, second, third)]
        names = [f"{one.url}:big" for one in (first, second, third)]
        variables = {hosts[0]: "FIRST_KEY", hosts[1]: "SECOND_KEY"}
        prices = {f"big@{hosts[0]}": {"price_in": 1, "price_out": 1}, "big": {"price_in": 2, "price_out": 2}}
        more = f"eval.general_models={names}", f"eval.key_variables={variables}", f"eval.prices={prices}", "systems=base"
        report = evaluate(Workspace.open(project), settings=quick_settings(tiny_model, *more))
    asked = [set(one.keys) for one in (first, second, third)]
    assert asked == [{"Bearer sk-first"}, {"Bearer sk-second"}, {"Bearer sk-of-all-others"}]
    costs = {one.general_model.name: one.cost_per_1000 for one in report.tasks[0].systems if one.general_model}
    assert [costs[f"big@{host}"] for host in hosts] == [pytest.approx(37e-3), pytest.approx(74e-3), pytest.approx(74e-3)]
    assert verify(Workspace.open(project)).mismatches == ()
    kept = b"".join(path.read_bytes() for path in (project / "artifacts").rglob("*") if path.is_file())
    assert not [word for word in (b"sk-first", b"sk-second", b"FIRST_KEY") if word in kept]


def test_an_empty_variable_is_named_before_anything_is_sent(project: Path, tiny_model: Path) -> None:
    with serving(in_json) as served, pytest.raises(ConfigError, match="the environment variable NOT_SET_KEY is empty"):
        evaluate(Workspace.open(project), settings=settings_for(tiny_model, served, "key_variables={127.0.0.1: NOT_SET_KEY}"))
    assert served.bodies == []


@pytest.mark.parametrize("pasted", ["sk-local-0123456789", "c0ffee0123456789", ""])
def test_a_key_in_place_of_its_variable_is_refused(tiny_model: Path, pasted: str) -> None:
    with pytest.raises(ConfigError, match="needs the name of an environment variable"):
        quick_settings(tiny_model, f"eval.key_variables={{'api.example.com': '{pasted}'}}")
