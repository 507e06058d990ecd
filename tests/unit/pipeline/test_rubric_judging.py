"""`judge` and `mark`, end to end: a real report, a real HTTP server that judges, planted biases, human marks."""

import json
import random
import shutil
from pathlib import Path

import pytest
from tests.judge_stub import JudgeStub
from tests.openai_server import serving
from tests.tiny_project import quick_settings, write_project, write_rows

from anytasktune.errors import ConfigError, ConsentError, EvaluationError
from anytasktune.pipeline import Workspace, evaluate
from anytasktune.pipeline.judging import JudgeOptions, forecast_judging, judge
from anytasktune.pipeline.marking import MarkingSession
from anytasktune.pipeline.reporting import load_report
from anytasktune.pipeline.verifying import verify
from anytasktune.schema import Example, Report
from anytasktune.schema.judgement import JudgedScores
from anytasktune.settings import Settings

DOMAIN = """\
schema_version: 1
name: law
tasks:
  - name: reply
    instruction: {en: Answer the letter., zh: 回信。}
    output: {kind: text}
    rules: {max_length: 60}
    rubric:
      en: [It answers the question., It invents nothing.]
      zh: [回答了问题。, 没有编造。]
"""
_WORDS = "landlord deposit letter rent boss wage fired child school divorce shop heating refund".split()  # noqa: SIM905


def rows(count: int) -> list[Example]:
    drawn = random.Random(5)
    found = []
    for number in range(count):
        words = drawn.choices(_WORDS, k=6)
        found.append(Example(input=f"letter {number}: {' '.join(words)}", output=f"we reply on {' '.join(words[:3])}"))
    return found


@pytest.fixture(scope="module")
def evaluated_once(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    project = write_project(tmp_path_factory.mktemp("judged") / "law", rows=[], domain=DOMAIN)
    write_rows(project / "data" / "reply.jsonl", rows(120))
    settings = quick_settings(tiny_model, "systems=base", "split.test=0.3", "max_new_tokens=24")
    evaluate(Workspace.open(project), settings=settings)
    return project


@pytest.fixture
def evaluated(evaluated_once: Path, tmp_path: Path) -> Path:
    """A project with a report on a text task."""
    return Path(shutil.copytree(evaluated_once, tmp_path / "law"))


def judged_by(project: Path, monkeypatch: pytest.MonkeyPatch, bias: str = "fair", model: str = "judge-1") -> Report:
    with serving(JudgeStub(bias)) as served:
        monkeypatch.setenv("OPENAI_BASE_URL", served.url)
        return judge(Workspace.open(project), settings=settings_of(model))


def settings_of(model: str) -> Settings:
    return Settings.model_validate({"teacher": {"judge": model, "attempts": 1}})


def scores(report: Report) -> JudgedScores:
    found = report.tasks[0].judged
    assert found is not None
    return found


def test_a_fair_judge_passes_and_the_ordinary_metric_stays(evaluated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = load_report(Workspace.open(evaluated))
    report = judged_by(evaluated, monkeypatch)
    found = scores(report)
    assert {one.system for one in found.systems} == {"constant", "nearest", "base"}
    assert found.audit.biased_by == []
    assert found.audit.flipped == 0
    assert found.audit.pairs > 10
    assert found.audit.agreement is None
    assert {one.correction for one in found.systems} == {"none"}
    assert [result.score for result in report.tasks[0].systems] == [result.score for result in before.tasks[0].systems]
    assert report.tasks[0].recommendation == before.tasks[0].recommendation
    assert load_report(Workspace.open(evaluated)).id == report.id
    assert verify(Workspace.open(evaluated)).mismatches == ()


@pytest.mark.parametrize("bias", ["position", "length"])
def test_a_planted_bias_is_found(bias: str, evaluated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert scores(judged_by(evaluated, monkeypatch, bias)).audit.biased_by == [bias]


def test_a_judge_of_the_same_family_is_named(evaluated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert scores(judged_by(evaluated, monkeypatch, model="tiny-max")).audit.same_family == ["base"]
    assert scores(judged_by(evaluated, monkeypatch, model="judge-1")).audit.same_family == []


def test_human_marks_correct_a_lenient_judge_and_enter_the_interval(evaluated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = scores(judged_by(evaluated, monkeypatch))
    (task,) = Workspace.open(evaluated).tasks()
    session = MarkingSession.open(Workspace.open(evaluated), task, "anna")
    assert len({answer.output for answer in session.answers}) > 20
    stub = JudgeStub()
    for answer in session.answers[:60]:
        stern = max(1, stub._mark(answer.item.reference, answer.output) - (1 if len(answer.output) % 3 else 0))
        session.keep(answer, (stern, stern))
    again = MarkingSession.open(Workspace.open(evaluated), task, "anna")
    assert len(again.answers) == len(session.answers) - 60
    corrected = scores(judged_by(evaluated, monkeypatch))
    assert corrected.human_marks == 60
    assert corrected.audit.agreement is not None
    assert corrected.audit.agreement.lenience > 0
    assert (corrected.audit.agreement.correlation or 0) > 0.5
    for one, other in zip(plain.systems, corrected.systems, strict=True):
        assert one.own_mean == other.own_mean
        assert other.correction in ("own", "pooled")
        assert other.score.value <= one.score.value
    assert verify(Workspace.open(evaluated)).mismatches == ()


def test_a_changed_mark_of_the_judge_is_found(evaluated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = scores(judged_by(evaluated, monkeypatch))
    path = evaluated / "artifacts" / "judgements" / "reply" / f"{found.judgement}.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["answers"][0]["marks"] = [5, 5]
    path.write_text(json.dumps(content), encoding="utf-8")
    assert verify(Workspace.open(evaluated)).mismatches
    path.unlink()
    assert verify(Workspace.open(evaluated)).mismatches


def test_an_equal_report_keeps_the_marks_and_one_of_other_rows_or_another_rubric_does_not(
    evaluated: Path, monkeypatch: pytest.MonkeyPatch, tiny_model: Path
) -> None:
    judged = judged_by(evaluated, monkeypatch)
    settings = quick_settings(tiny_model, "systems=base", "split.test=0.3", "max_new_tokens=24")
    assert evaluate(Workspace.open(evaluated), settings=settings).id == judged.id
    other = quick_settings(tiny_model, "systems=base", "split.test=0.3", "max_new_tokens=24", "eval.split=dev")
    assert evaluate(Workspace.open(evaluated), settings=other).tasks[0].judged is None
    (evaluated / "domain.yaml").write_text(DOMAIN.replace("invents nothing", "makes nothing up"), encoding="utf-8")
    assert evaluate(Workspace.open(evaluated), settings=settings).tasks[0].judged is None


def test_what_cannot_be_judged_is_not_a_low_mark(evaluated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EvaluationError, match="the judge marked none of"):
        judged_by(evaluated, monkeypatch, "silent")


def test_nothing_is_sent_without_a_judge_a_rubric_or_consent(
    evaluated: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    workspace = Workspace.open(evaluated)
    with pytest.raises(EvaluationError, match="a judge is needed"):
        judge(workspace, settings=Settings())
    monkeypatch.setenv("OPENAI_BASE_URL", "https://judge.example.com/v1")
    with pytest.raises(ConsentError, match="test rows with references"):
        judge(workspace, settings=settings_of("judge-1"), options=JudgeOptions())
    (forecast,) = forecast_judging(workspace, settings=settings_of("judge-1"))
    assert forecast.answers > 20
    assert forecast.expected[0].requests == forecast.answers + forecast.repeated
    (evaluated / "domain.yaml").write_text(DOMAIN.split("    rubric:", maxsplit=1)[0], encoding="utf-8")
    with pytest.raises(ConfigError, match="has no rubric"):
        judge(Workspace.open(evaluated), ["reply"], settings=settings_of("judge-1"))
