"""`ask`: one input, one answer, and how far to rely on it."""

import io
import json
import shlex
import shutil
import sys
from pathlib import Path

import pytest
from tests.tiny_project import write_pool, write_project
from tests.unit.cli.conftest import WORDS, Run

from anytasktune import AnyTaskTuneError, TaskLM, Workspace, ask, open_system
from anytasktune.cli.app import run_safely
from anytasktune.schema import Example
from anytasktune.store import read_ref


@pytest.fixture(scope="module")
def pool_once(tmp_path_factory: pytest.TempPathFactory, quick: list[str]) -> Path:
    """A pool of which only an Action-LM and a Mixed-LM are trained."""
    folder = write_pool(tmp_path_factory.mktemp("pool") / "law", (18, 15, 12))
    for granularity in ("action", "mixed"):
        assert run_safely(["train", "-p", str(folder), "-g", granularity, "-c", "method=lora", *quick]) == 0
    return folder


def test_a_label_comes_with_probabilities_and_whether_it_is_unsure(run: Run, learned_once: Path) -> None:
    ended = run("ask", "team", "matter 7: landlord rent deposit rent", "-p", learned_once)
    assert (ended.code, ended.out.splitlines()[0]) == (0, "housing")
    assert "\n  housing  " in ended.out
    document = run("ask", "team", "matter 7: landlord rent deposit rent", "-p", learned_once, "--json").document
    assert (document["answer"], document["language"], document["system"]) == ("housing", "en", "tuned")
    assert sum(document["probabilities"].values()) == pytest.approx(1, abs=1e-4)
    threshold = document["threshold"]
    assert document["unsure"] is (document["probability"] < threshold["probability"])
    assert threshold["right"] >= 0.9 * threshold["answered"] > 0
    assert f"{threshold['right']} of {threshold['answered']} were right" in ended.out


def test_the_threshold_is_that_of_the_dev_answers_of_adapter_and_head_together(learned_once: Path) -> None:
    workspace = Workspace.open(learned_once)
    runs, data = workspace.project.runs("team"), workspace.project.datasets("team")
    task_lm = TaskLM.load(runs / str(read_ref(runs)) / "adapter")
    lines = (data / str(read_ref(data)) / "dev.jsonl").read_text(encoding="utf-8").splitlines()
    dev = [Example(**json.loads(line)) for line in lines]
    threshold, answers = task_lm.manifest.thresholds["team"], task_lm.answer(dev)
    assert task_lm.label_heads
    assert threshold.probability in [answer.probability for answer in answers]
    above = [
        answer.output == row.output
        for row, answer in zip(dev, answers, strict=True)
        if not threshold.is_unsure(answer.probability)
    ]
    assert (threshold.dev_rows, threshold.answered, threshold.right) == (len(dev), len(above), sum(above))


def test_the_language_is_told_by_the_letters_unless_it_is_given(run: Run, learned_once: Path) -> None:
    asked = ("ask", "team", "-p", learned_once, "--json", "--with", "nearest")
    assert run(*asked, "我们的房东不退押金").document["language"] == "zh"
    assert run(*asked, "我们的房东不退押金", "--language", "en").document["language"] == "en"


def test_the_text_may_stand_in_a_file_or_come_from_standard_input(
    run: Run, learned_once: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "第7件事情：离婚 child 离婚 school"
    asked = ("ask", "team", "-p", learned_once, "--json", "--with", "linear")
    expected = run(*asked, text).document
    Path("letter.txt").write_bytes(text.encode("gb18030"))
    assert run(*asked, "--file", "letter.txt").document == expected
    assert run(*asked, "--file", "letter.txt", "--encoding", "gbk").document == expected
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f"{text}\n".encode())))
    assert run(*asked).document == expected


def test_dev_with_few_rows_tells_no_threshold(run: Run, tuned_once: Path) -> None:
    ended = run("ask", "team", "matter 1: boss wage", "-p", tuned_once)
    assert (ended.code, "is not known: dev has 3 rows, 20 are needed" in ended.out) == (0, True)
    assert run("ask", "team", "matter 1: boss wage", "-p", tuned_once, "--json").document["unsure"] is None


@pytest.mark.parametrize("system", ["base", "few_shot", "linear", "nearest", "constant"])
def test_other_systems_answer_in_place_of_the_task_lm(run: Run, tuned_once: Path, system: str) -> None:
    ended = run("ask", "team", "matter 1: boss wage", "-p", tuned_once, "--with", system, "--json")
    assert (ended.code, ended.document["system"]) == (0, system)
    assert ended.document["answer"] in WORDS


def test_a_version_is_named_by_the_beginning_of_its_id(run: Run, tuned_once: Path) -> None:
    runs = Workspace.open(tuned_once).project.runs("team")
    version = str(read_ref(runs))
    task_lm = json.loads((runs / version / "adapter" / "task_lm.json").read_text(encoding="utf-8"))["id"]
    for prefix in (version[:6], task_lm[:6]):
        assert run("ask", "team", "boss", "-p", tuned_once, "--with", prefix, "--json").document["version"] == version
    ended = run("ask", "team", "boss", "-p", tuned_once, "--with", "bass")
    assert (ended.code, "did you mean 'base'?" in ended.err) == (1, True)


def test_a_task_lm_of_an_older_version_has_no_thresholds_and_answers(run: Run, tuned: Path) -> None:
    (record,) = tuned.glob("artifacts/runs/team/*/adapter/task_lm.json")
    fields = json.loads(record.read_text(encoding="utf-8"))
    del fields["thresholds"], fields["record_sha256"]
    record.write_text(json.dumps(fields), encoding="utf-8")
    (record.parent / "SHA256SUMS").unlink()
    ended = run("ask", "team", "boss", "-p", tuned, "--json")
    assert (ended.code, ended.document["threshold"]) == (0, None)


def test_without_a_task_lm_of_its_own_that_of_an_action_answers_else_that_of_the_pool(run: Run, pool_once: Path) -> None:
    asked = ("-p", pool_once, "--json")
    assert run("ask", "reply", "matter 9: boss wage", *asked).document["system"] == "action"
    assert run("ask", "reply", "matter 9: boss wage", *asked, "--with", "mixed").document["system"] == "mixed"
    ended = run("ask", "reply", "matter 9: boss wage", *asked, "--with", "tuned")
    assert (ended.code, ended.first_problem["what"]) == (1, "task reply has no Task-LM yet")


def test_without_any_task_lm_it_says_what_to_do(run: Run, tuned: Path) -> None:
    shutil.rmtree(tuned / "artifacts" / "runs")
    problem = run("ask", "team", "boss", "-p", tuned, "--json").first_problem
    assert problem["what"] == "task team has no Task-LM yet"
    assert "tune team -p tuned" in problem["fix"]
    assert "the linear model was not beaten: answer with it by --with linear" in problem["fix"]
    shutil.rmtree(tuned / "artifacts" / "reports")
    assert "--with base" in run("ask", "team", "boss", "-p", tuned, "--json").first_problem["fix"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("team", "  "), 1, "the text is empty"),
        (("teem", "boss"), 1, "did you mean 'team'?"),
        (("team", "boss " * 3000), 1, "more than the 512 that fit"),
        (("team", "a\0b"), 1, "NUL character"),
        (("team", "--file", "nothing.txt"), 1, "nothing.txt"),
        (("team", "boss", "--file", "x.txt"), 2, "exclude each other"),
        (("team", "boss", "--language", "de"), 2, "--language"),
    ],
)
def test_bad_input_ends_with_what_to_do(run: Run, tuned_once: Path, words: tuple[str, ...], code: int, said: str) -> None:
    ended = run("ask", *words, "-p", tuned_once)
    assert (ended.code, said in ended.err, ended.out) == (code, True, "")
    assert "→" in ended.err


def test_a_language_the_task_does_not_speak_is_refused(run: Run, tmp_path: Path) -> None:
    domain = "schema_version: 1\nname: law\ntasks:\n  - {name: team, instruction: {en: Which?}, output: {kind: text}}\n"
    project = write_project(tmp_path / "law", rows=[], domain=domain)
    ended = run("ask", "team", "boss", "-p", project, "--language", "zh")
    assert (ended.code, "task team has no instruction in zh" in ended.err) == (1, True)


def test_python_asks_as_the_command_line_does(learned_once: Path) -> None:
    given = ask(Workspace.open(learned_once), "team", "matter 9: boss wage fired wage", system="linear")
    assert (given.answer, given.unsure) == ("work", False)


def test_a_system_stays_open_for_many_questions(learned_once: Path) -> None:
    system = open_system(Workspace.open(learned_once), "team", "linear")
    texts = {"boss wage fired": "work", "rent deposit rent": "housing", "child 离婚 school": "family"}
    assert {text: system.ask(text).answer for text in texts} == texts
    with pytest.raises(AnyTaskTuneError, match="the text is empty"):
        system.ask(" ")


def test_a_changed_instruction_is_named_and_the_old_one_answers(run: Run, tuned: Path) -> None:
    domain = (tuned / "domain.yaml").read_text(encoding="utf-8")
    (tuned / "domain.yaml").write_text(domain.replace("Which team takes it?", "Which team?"), encoding="utf-8")
    ended = run("ask", "team", "boss", "-p", tuned)
    assert (ended.code, "instruction in domain.yaml changed since the Task-LM was trained" in ended.err) == (0, True)


def test_answers_are_those_of_the_report(run: Run, tuned_once: Path) -> None:
    (folder,) = (tuned_once / "artifacts" / "datasets" / "team").glob("*/test.jsonl")
    rows = [Example(**json.loads(line)) for line in folder.read_text(encoding="utf-8").splitlines()]
    for path in (tuned_once / "artifacts" / "predictions" / "team").glob("*.json"):
        record = json.loads(path.read_text(encoding="utf-8"))
        if record["split"] != "test" or record["system"] not in {"tuned", "linear", "few_shot"}:
            continue
        row, predicted = rows[0], record["predictions"][0]
        asked = ("ask", "team", row.input, "--language", row.language or "en", "--with", record["system"])
        document = run(*asked, "-p", tuned_once, "--json").document
        assert document["answer"] == predicted["output"]
        assert document["probability"] == pytest.approx(predicted["probability"], abs=0.01)  # bfloat16 rounds by batch


def test_a_report_ends_with_a_question_that_can_be_pasted(run: Run, tuned_once: Path) -> None:
    for language, words in (("en", "Try it: "), ("zh", "试一试：")):
        (line,) = [line for line in run("report", "-p", tuned_once, "--language", language).out.splitlines() if words in line]
        ended = run(*shlex.split(line.partition(words)[2])[1:])
        assert (ended.code, ended.out.splitlines()[0] in WORDS) == (0, True)
