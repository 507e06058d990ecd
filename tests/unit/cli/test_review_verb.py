"""`anytasktune review`: keys through a pipe, several reviewers, what is said and what is written."""

import io
import re
import subprocess
import tomllib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from tests.tiny_project import write_lines, write_pool
from tests.unit.cli.conftest import Ended, Run
from tests.unit.pipeline.test_reviewing import DROPPED, KEPT, save_candidates
from tests.unit.review.rows import candidate, candidates, said, verdict

from anytasktune.pipeline.person_names import file_name_of
from anytasktune.schema import Review
from anytasktune.store import Project, read_lines


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save_candidates(tmp_path / "law").root


@dataclass(frozen=True)
class Reviewing:
    """`review` of the task `team` with lines piped in, in this process."""

    monkeypatch: pytest.MonkeyPatch
    run: Run
    folder: Path

    def __call__(self, keys: list[str], *options: str, who: str = "anna") -> Ended:
        typed = "".join(f"{key}\n" for key in keys).encode()
        self.monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(typed), encoding="utf-8"))
        ended = self.run("review", "team", "-p", self.folder, "--reviewer", who, "--language", "en", *options)
        assert ended.code == 0, ended.err
        return ended


@pytest.fixture
def piped(folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> Reviewing:
    return Reviewing(monkeypatch, run, folder)


def lines_of(folder: Path, who: str = "anna") -> list[Review]:
    return read_lines(Project(folder).reviews("team") / f"{who}.jsonl", Review)


def on_one_line(text: str) -> str:
    return " ".join(text.split())


def made_of(folder: Path, who: str = "anna") -> list[tuple[str, str]]:
    return [(line.decision, line.note) for line in lines_of(folder, who)]


def test_each_line_is_a_key_and_may_have_a_note(folder: Path, piped: Reviewing) -> None:
    ended = piped(["a", "r: too vague", "r", "s", "q"])
    assert ended.code == 0
    assert made_of(folder) == [("accept", ""), ("reject", "too vague"), ("reject", ""), ("skip", "")]
    assert "anna decided 3 (accepted 1, rejected 2, skipped 1)" in ended.out
    assert "left to review: 2" in ended.out
    assert "saved in reviews/team/anna.jsonl" in ended.out
    assert "1 of 5 · accepted 0" in ended.err


def test_the_screen_says_what_it_is_and_why_it_is_shown(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    close = KEPT[3]
    said_of = [verdict(close, score=0.61, border=0.95, detail="The team is right, the date is not.")]
    folder = save_candidates(tmp_path / "law", verdicts=said_of).root
    shown = Reviewing(monkeypatch, run, folder)([]).err
    assert close.input[:40] in shown
    assert re.search(r"why +close decision · low mark of the judge", shown)
    assert re.search(r"judge +0\.61 The team is right, the date is not\.", shown)
    assert "input · English" in shown
    assert "made" in shown
    assert "from examples" in shown


def test_the_whole_screen_speaks_chinese(piped: Reviewing) -> None:
    ended = piped(["?", "x", "a", "u"], "--language", "zh")
    for words in (
        "第 1 条，共 5 条",
        "输入 · 英文",
        "a 接受",
        "每一条都是教师模型写的样例",
        "这个键在这里没有作用",
        "已撤销：接受",
    ):
        assert words in ended.err
    assert "anna 审了 0 条" in ended.out


def test_full_width_keys_and_byte_order_marks_of_a_pipe_are_read(folder: Path, piped: Reviewing) -> None:
    piped(["\ufeffａ", "Ｒ：太含糊"], "--language", "zh")
    assert made_of(folder) == [("accept", ""), ("reject", "太含糊")]


def test_the_next_run_goes_on_and_undo_reaches_back_into_the_one_before(folder: Path, piped: Reviewing) -> None:
    piped(["a", "a"])
    ended = piped(["u", "u", "u", "r"])
    assert "Resumed: 2 decided before." in ended.err
    assert "3 of 5 · accepted 2" in ended.err
    assert "1 of 5 · accepted 0" in ended.err
    assert "There is nothing to undo." in ended.err
    assert [decision for decision, _ in made_of(folder)] == ["accept", "accept", "undo", "undo", "reject"]
    assert lines_of(folder)[-1].candidate == lines_of(folder)[0].candidate, "the first one was shown again"


def test_as_many_undos_as_decisions_leave_the_queue_as_it_was(piped: Reviewing) -> None:
    before = piped([], "--json").document
    keys = ["a", "r", "s", "a", "a"]
    ended = piped([*keys, *["u"] * len(keys)], "--json")
    assert ended.document["next"] == before["next"]
    assert ended.document["decided"] == {"accept": 0, "edit": 0, "reject": 0}


def test_an_edit_is_typed_line_by_line_and_checked(folder: Path, piped: Reviewing) -> None:
    ended = piped(["e", "", "houses", "", "e", "A new matter", "of two lines", "", "work", ""])
    assert "'houses' is not one of the task's 3 labels" in ended.err
    (line,) = lines_of(folder)
    assert (line.decision, line.input, line.output) == ("edit", "A new matter\nof two lines", "work")


def test_an_edit_that_changes_nothing_or_ends_early_is_no_decision(folder: Path, piped: Reviewing) -> None:
    assert "Nothing was changed" in piped(["e", "", "", "q"]).err
    assert piped(["e", "A new matter"]).code == 0
    assert not (folder / "reviews").exists()


def test_after_the_last_one_it_can_still_be_taken_back(folder: Path, piped: Reviewing) -> None:
    ended = piped(["a", "a", "u", "r", "q"], "--limit", "2")
    assert [decision for decision, _ in made_of(folder)] == ["accept", "accept", "undo", "reject"]
    assert "That was the last candidate." in ended.err
    assert "left to review: 3" in ended.out


def test_what_was_dropped_is_looked_at_with_the_reason_and_comes_back_unless_it_gives_away_a_test_row(
    folder: Path, piped: Reviewing
) -> None:
    ended = piped(["a", "a", "s", "a"], "--dropped")
    assert re.search(r"dropped +length", ended.err)
    assert "it is too close to a dev or test row" in ended.err
    accepted = {line.candidate for line in lines_of(folder) if line.decision == "accept"}
    assert accepted <= {DROPPED[0].id}


def test_two_reviewers_dispute_and_settle(folder: Path, piped: Reviewing) -> None:
    (of,) = piped([], "--json", "--limit", "1").document["next"][:1]
    mine, theirs = (label for label in ("housing", "work", "family") if label != of["output"])
    piped(["e", "", mine, ""], "--double", "1")
    piped(["e", "", theirs, ""], "--double", "1", who="ben")
    first = lines_of(folder)[0]
    ended = piped([], "--double", "1", who="cem")
    assert "reviewers disagree" in ended.err
    assert "version 1" not in ended.err, "a third opinion is to be one's own"
    settled = piped(["9", "1"], "--disputed", who="cem")
    assert "anna: edit" in settled.err
    assert "version 1" in settled.err
    assert "There is no version 9." in settled.err
    assert (lines_of(folder, "cem")[0].input, lines_of(folder, "cem")[0].output) == (first.input, first.output)
    assert "No candidates are left" in piped([], "--disputed", who="anna").out


def test_disputes_are_listed_at_the_end(folder: Path, piped: Reviewing) -> None:
    piped(["a"], "--double", "1")
    ended = piped(["r"], "--double", "1", who="ben")
    assert "reviewers disagree on 1; they stay out until settled: anytasktune review team --disputed" in ended.out
    document = piped([], "--json", who="ben").document
    assert [each["candidate"] for each in document["disputed"]] == [lines_of(folder)[0].candidate]


def test_agreement_is_shown_and_told_to_programs(tmp_path: Path, run: Run) -> None:
    rows = candidates(40)
    marks = [verdict(each, score=0.9 if number % 4 else 0.2, passed=bool(number % 4)) for number, each in enumerate(rows)]
    folder = save_candidates(tmp_path / "law", [each for n, each in enumerate(rows) if n % 4], rows[::4], marks).root
    for who, wrong in (("anna", 4), ("ben", 5)):
        decided = [said(who, "accept" if number % wrong else "reject", each) for number, each in enumerate(rows)]
        write_lines(folder / "reviews" / "team" / f"{who}.jsonl", [line.model_dump_json() for line in decided])
    ended = run("review", "--agreement", "-p", folder, "--language", "en")
    assert re.search(r"anna · ben +40 +", ended.out)
    assert re.search(r"anna · judge +40 +100% +1\.00", ended.out)
    assert "anna · judge: no difference in 40; the true rate of differences may still be up to 8%" in on_one_line(ended.out)
    assert "一致程度" in run("review", "team", "--agreement", "-p", folder, "--language", "zh").out
    told = {"·".join(each["raters"]): each for each in run("review", "--agreement", "-p", folder, "--json").document}
    assert told["anna·judge"]["kappa"] == pytest.approx(1)
    assert told["anna·ben"]["remark"] in {"", "wide"}
    assert told["anna·ben"]["low"] < told["anna·ben"]["kappa"] < told["anna·ben"]["high"]


def test_agreement_of_nobody_says_so(tmp_path: Path, run: Run) -> None:
    folder = save_candidates(tmp_path / "law", verdicts=[]).root
    assert "it takes two people" in run("review", "--agreement", "-p", folder, "--language", "en").out


def test_without_candidates_the_message_says_how_to_make_some(project: Path, run: Run) -> None:
    for options in ([], ["--agreement"]):
        ended = run("review", "-p", project, "--reviewer", "anna", *options)
        assert ended.code == 1
        assert "there are no candidates to review" in ended.err
        assert "anytasktune synth team" in ended.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--reviewer", "Anna Müller"], "anna_muller"),
        (["--reviewer", "../x"], "lower-case letters"),
        (["--reviewer", "con"], "cannot be the name of a file"),
        (["--reviewer", "com1"], "com1_"),
        (["--dropped", "--disputed"], "exclude each other"),
        (["--limit", "0"], "--limit"),
        (["--double", "2"], "--double"),
    ],
)
def test_options_that_cannot_be_meant_are_refused_with_advice(folder: Path, run: Run, options: list[str], words: str) -> None:
    ended = run("review", "team", "-p", folder, *options)
    assert ended.code == 2
    assert words in ended.err


def test_an_unknown_task_is_answered_with_the_nearest(folder: Path, run: Run) -> None:
    assert "team" in run("review", "taem", "-p", folder, "--reviewer", "anna").err


def test_where_several_tasks_have_candidates_one_is_to_be_named(tmp_path: Path, run: Run) -> None:
    folder = write_pool(tmp_path / "law")
    save_candidates(folder)
    write_pool(folder)
    gated = Project(folder).gated("team")
    (gated.parent / "haste").mkdir()
    for path in [gated / "latest", *gated.glob("*/*")]:
        target = gated.parent / "haste" / path.relative_to(gated)
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(path.read_bytes())
    ended = run("review", "-p", folder, "--reviewer", "anna")
    assert ended.code == 2
    assert "name one of team, haste: anytasktune review team -p law" in ended.err


@pytest.mark.parametrize(
    ("text", "name"),
    [("Anna Müller", "anna_muller"), ("张三", ""), ("2nd reader", "nd_reader"), ("  ", ""), ("A-B.c", "a_b_c")],
)
def test_a_person_s_name_becomes_a_file_name(text: str, name: str) -> None:
    assert file_name_of(text) == name


def test_the_reviewer_is_who_git_says_works_here(folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    subprocess.run(["git", "-C", str(folder), "config", "user.name", "Berta Blum"], check=True)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    ended = run("review", "team", "-p", folder, "--json")
    assert ended.document["reviewer"] == "berta_blum"


def test_a_damaged_line_is_named_and_nothing_is_written(folder: Path, run: Run) -> None:
    path = write_lines(
        folder / "reviews" / "team" / "anna.jsonl", ["<<<<<<< HEAD", said("anna", "accept", KEPT[0]).model_dump_json()]
    )
    before = path.read_bytes()
    ended = run("review", "team", "-p", folder, "--reviewer", "anna")
    assert ended.code == 1
    assert "reviews/team/anna.jsonl:1" in ended.err
    assert "merge conflict" in ended.err
    assert path.read_bytes() == before


def test_texts_cannot_steer_the_terminal(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    trick = candidate(text="Look \x1b[2J\x1b]0;owned\x07 at \u202e this \u2066 matter")
    trick = trick.model_copy(update={"origin": trick.origin.model_copy(update={"teacher": "\x1b[31mred"})})
    folder = save_candidates(tmp_path / "law", [trick], [], [verdict(trick, score=0.2, detail="\x1b[2J bad\x07")]).root
    ended = Reviewing(monkeypatch, run, folder)(["r \x1b[2J", "q"])
    for sign in ("\x1b", "\x07", "\u202e", "\u2066"):
        assert sign not in ended.err + ended.out


def test_both_languages_say_the_same_things() -> None:
    spoken = {
        language: tomllib.loads((resources.files("anytasktune.cli") / f"review_{language}.toml").read_text(encoding="utf-8"))
        for language in ("en", "zh")
    }
    fields: dict[str, Any] = {
        language: {
            (topic, name): sorted(re.findall(r"\{(\w+)\}", text))
            for topic, texts in words.items()
            for name, text in texts.items()
        }
        for language, words in spoken.items()
    }
    assert fields["en"] == fields["zh"]
