"""More made rows are added to those there are: candidates, verdicts and reviews stay, and only the difference is paid for."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.openai_server import KEY, Served
from tests.scripted_teacher import Script, scripted_teacher
from tests.tiny_project import team_rows, write_project
from tests.unit.pipeline.recording import Recording

from anytasktune.errors import DataError
from anytasktune.pipeline import BuildOptions, Workspace, build
from anytasktune.pipeline.building import Built, forecast_build
from anytasktune.pipeline.candidate_runs import latest_gated
from anytasktune.pipeline.reviewing import ReviewSession
from anytasktune.store import Project, read_ref

FEW, MORE = 16, 24
NAMED = ("teacher.name=scripted", "timeout=5", "feasibility_rows=0")
RULE = "Letter {0} is answered within {1} days, and a copy of it is kept in folder {0} of the office in {2} Street."


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    with scripted_teacher() as served:
        monkeypatch.setenv("OPENAI_BASE_URL", served.url)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        yield served


@pytest.fixture
def firm(tmp_path: Path) -> Path:
    return write_firm(tmp_path / "firm")


def write_firm(folder: Path, rows: int = 120) -> Path:
    write_project(folder, team_rows(rows))
    (folder / "documents").mkdir()
    for number in range(6):
        write_document(folder, number)
    return folder


def write_document(folder: Path, number: int) -> None:
    text = "\n\n".join(RULE.format(number, place + 3, street) for place, street in enumerate(("High", "Mill", "Bank")))
    (folder / "documents" / f"rule {number}.md").write_text(f"# Rule {number}\n\n{text}\n", encoding="utf-8", newline="\n")


def grown(folder: Path, rows: int, *more: str, events: Recording | None = None, **options: bool) -> Built:
    workspace = Workspace.open(folder)
    settings = workspace.settings([*NAMED, f"rows={rows}", *more])
    (one,) = build(workspace, ("team",), settings, events, BuildOptions(languages=("en",), **options))
    return one


def reviewed(folder: Path, one: Built) -> list[str]:
    """Accept the last kept candidate, and reject the one before; their ids."""
    project = Project(folder)
    session = ReviewSession.open(project, Workspace.open(folder).domain.tasks[0], "ann")
    accepted, rejected = one.gated.kept[-1], one.gated.kept[-2]
    session.accept(accepted)
    session.reject(rejected)
    return [accepted.id, rejected.id]


def assert_kept(before: Built, after: Built) -> None:
    """All candidates and verdicts of one build are the first of the other."""
    count = len(before.gated.kept) + len(before.gated.dropped)
    assert after.gated.kept[: len(before.gated.kept)] == before.gated.kept
    assert [verdict for verdict in after.gated.verdicts if verdict.position < count] == before.gated.verdicts
    assert len(after.gated.kept) > len(before.gated.kept)
    assert after.gated.manifest.counts.balanced


def decisions(one: Built) -> dict[str, int]:
    assert one.dataset.manifest.generated is not None
    return {name: count for name, count in one.dataset.manifest.generated.decisions.items() if name != "unseen"}


def test_growing_keeps_candidates_verdicts_and_reviews_and_asks_only_for_the_difference(firm: Path, served: Served) -> None:
    first = grown(firm, FEW)
    once = len(served.bodies)
    ids = reviewed(firm, first)
    second = grown(firm, MORE)
    assert_kept(first, second)
    assert decisions(second) == {"accepted": 1, "rejected": 1}
    assert ids[0] in {row.id for row in second.dataset.splits["train"]}
    assert second.gated.manifest.counts.planned == MORE
    twice = len(served.bodies) - once
    assert twice <= once * (MORE - FEW) / FEW * 1.5
    third = grown(firm, MORE + 4)
    assert_kept(second, third)
    asked = len(served.bodies)
    assert grown(firm, MORE + 4).dataset.manifest.id == third.dataset.manifest.id
    assert len(served.bodies) == asked


def test_rows_grown_in_steps_are_made_by_the_requests_of_rows_made_at_once(firm: Path, tmp_path: Path, served: Served) -> None:
    grown(firm, FEW)
    grown(firm, MORE)
    asked = {str(body["messages"]) for body in served.bodies}
    served.bodies.clear()
    grown(write_firm(tmp_path / "other"), MORE)
    once = {str(body["messages"]) for body in served.bodies}
    assert once <= asked and len(asked) <= len(once) + 4  # rows judged although near rows are made later


def test_documents_can_be_added_between(firm: Path, served: Served) -> None:
    first = grown(firm, FEW, "inputs_from=[passage]")
    reviewed(firm, first)
    for number in range(6, 9):
        write_document(firm, number)
    second = grown(firm, MORE, "inputs_from=[passage]")
    assert_kept(first, second)
    assert decisions(second) == {"accepted": 1, "rejected": 1}
    assert len(second.dataset.manifest.generated.passages if second.dataset.manifest.generated else []) == 2


def test_where_test_rows_are_made_too_documents_keep_their_split_when_others_are_added(tmp_path: Path, served: Served) -> None:
    folder = write_firm(tmp_path / "new", rows=0)
    first = grown(folder, FEW, "inputs_from=[passage]")
    for number in range(6, 9):
        write_document(folder, number)
    second = grown(folder, MORE, "inputs_from=[passage]")
    assert_kept(first, second)
    before = {line.example: line.split for line in first.dataset.lineage}
    after = {line.example: line.split for line in second.dataset.lineage}
    assert before.items() <= after.items()


@pytest.mark.parametrize("setting", ["temperature=0.1", "inputs_from=[task_only]", "augmentations=[typos]"])
def test_a_setting_that_changed_holds_for_the_rows_that_are_added(firm: Path, served: Served, setting: str) -> None:
    first, events = grown(firm, FEW), Recording()
    reviewed(firm, first)
    same = grown(firm, FEW, setting, events=events)
    if "augmentations" not in setting:
        assert same.dataset.manifest.generated is not None
        assert same.gated.manifest.id == first.gated.manifest.id
        assert [note for note in events.notes if "--fresh" in note and setting.partition("=")[0] in note]
    second = grown(firm, MORE, setting)
    assert_kept(first, second)
    assert decisions(second) == {"accepted": 1, "rejected": 1}


def test_augmented_rows_stay_when_rows_are_added(firm: Path, served: Served) -> None:
    first = grown(firm, FEW, "augmentations=[paraphrase,typos]")
    asked = len(served.bodies)
    second = grown(firm, MORE, "augmentations=[paraphrase,typos]")
    assert_kept(first, second)
    assert len(served.bodies) - asked < asked / 2
    kinds = [candidate.origin.kind for candidate in second.gated.kept]
    assert kinds.count("typos") > [candidate.origin.kind for candidate in first.gated.kept].count("typos")


def test_candidates_for_another_instruction_are_set_aside_on_disk_and_their_reviews_are_named(
    firm: Path, served: Served
) -> None:
    first, events = grown(firm, FEW), Recording()
    ids = reviewed(firm, first)
    domain = firm / "domain.yaml"
    domain.write_text(
        domain.read_text(encoding="utf-8").replace("Which team", "Say which team"), encoding="utf-8", newline="\n"
    )
    second = grown(firm, MORE, events=events)
    assert not set(first.gated.manifest.candidate_sets) & set(second.gated.manifest.candidate_sets)
    notes = "\n".join(events.notes)
    assert "candidates were made for another instruction, output or rules of the task" in notes
    assert (firm / "artifacts" / "gated" / "team" / first.gated.manifest.id).is_dir()
    made = {candidate.id for candidate in (*second.gated.kept, *second.gated.dropped)}
    lost = [key for key in ids if key not in made]
    assert lost and all(key in notes for key in lost)


def test_fewer_rows_never_become_current_unasked_and_reviewed_ones_come_first(firm: Path, served: Served) -> None:
    first, events = grown(firm, MORE), Recording()
    accepted, _ = reviewed(firm, first)
    asked = len(served.bodies)
    same = grown(firm, 8, events=events)
    assert same.gated.manifest.id == first.gated.manifest.id
    assert [note for note in events.notes if "--allow-fewer" in note and "stays in use" in note]
    fewer = grown(firm, 8, allow_fewer=True)
    assert len(fewer.gated.kept) <= 8 and fewer.gated.manifest.counts.balanced
    assert fewer.gated.manifest.counts.planned == MORE
    assert accepted in {candidate.id for candidate in fewer.gated.kept}
    assert {verdict.gate for verdict in fewer.gated.verdicts if not verdict.passed} >= {"rows"}
    assert read_ref(Project(firm).datasets("team")) == fewer.dataset.manifest.id
    assert grown(firm, 8).gated.manifest.id == fewer.gated.manifest.id
    assert grown(firm, MORE).gated.manifest.id == first.gated.manifest.id
    assert len(served.bodies) == asked


def test_stricter_gates_that_leave_fewer_rows_do_not_become_current_unasked(firm: Path, served: Served) -> None:
    first, events = grown(firm, FEW), Recording()
    assert grown(firm, FEW, "leak=0.05", events=events).gated.manifest.id == first.gated.manifest.id
    assert [note for note in events.notes if "--allow-fewer" in note]
    assert len(grown(firm, FEW, "leak=0.05", allow_fewer=True).gated.kept) < len(first.gated.kept)


def test_beginning_anew_uses_the_settings_of_today_and_keeps_what_was_made_on_disk(firm: Path, served: Served) -> None:
    first, events = grown(firm, FEW), Recording()
    anew = grown(firm, FEW // 2, "temperature=0.1", fresh=True, events=events)
    assert not set(first.gated.manifest.candidate_sets) & set(anew.gated.manifest.candidate_sets)
    assert [note for note in events.notes if "set aside" in note]
    assert (firm / "artifacts" / "candidates" / "team" / first.gated.manifest.candidate_sets[0]).is_dir()
    latest = latest_gated(Project(firm), "team")
    assert latest is not None and latest.manifest.id == anew.gated.manifest.id
    assert_kept(anew, grown(firm, FEW, "temperature=0.1"))


def test_a_cap_that_does_not_reach_adds_what_it_can_and_raising_it_adds_the_rest(firm: Path, served: Served) -> None:
    first = grown(firm, FEW, "judge_threshold=0")
    (runs,) = [first.gated.manifest.candidate_sets]
    spent = _spent(firm)
    partly = grown(firm, MORE, "judge_threshold=0", f"max_tokens={spent + 9000}", "answer_tokens=256", "concurrency=1")
    assert partly.gated.manifest.counts.failed.get("over_budget", 0) > 0
    assert partly.gated.kept[: len(first.gated.kept)] == first.gated.kept
    assert partly.gated.manifest.candidate_sets[:1] == runs
    whole = grown(firm, MORE, "judge_threshold=0", "answer_tokens=256", "concurrency=1")
    assert_kept(first, whole)
    assert "over_budget" not in whole.gated.manifest.counts.failed
    assert whole.gated.manifest.counts.planned == MORE


def _spent(firm: Path) -> int:
    import contextlib
    import sqlite3

    with contextlib.closing(sqlite3.connect(firm / "artifacts" / "teacher" / "answers.sqlite")) as book:
        (tokens,) = book.execute("SELECT SUM(prompt_tokens + answer_tokens) FROM spent").fetchone()
    return int(tokens)


def test_another_teacher_is_asked_for_the_rows_that_are_added(firm: Path, served: Served) -> None:
    first, events = grown(firm, FEW), Recording()
    assert grown(firm, FEW, "teacher.name=other", "judge=scripted", events=events).gated.kept == first.gated.kept
    assert [note for note in events.notes if "teacher other (was scripted)" in note]
    second = grown(firm, MORE, "teacher.name=other", "judge=scripted")
    assert_kept(first, second)
    assert {candidate.origin.teacher for candidate in second.gated.kept} == {"scripted", "other"}


def test_nothing_left_is_told_with_the_way_to_begin_anew(firm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted_teacher(Script(values={"right": lambda *_: 1})) as served:
        monkeypatch.setenv("OPENAI_BASE_URL", served.url)
        with pytest.raises(DataError, match="--fresh"):
            grown(firm, 8)


def test_a_dry_run_counts_only_the_rows_that_are_missing(firm: Path, served: Served) -> None:
    workspace = Workspace.open(firm)

    def requests(rows: int) -> int:
        settings = workspace.settings([*NAMED, f"rows={rows}"])
        return forecast_build(workspace, ("team",), settings, None, BuildOptions(languages=("en",)))["team"].requests

    whole = requests(MORE)
    grown(firm, FEW)
    assert requests(FEW) == 0
    assert 0 < requests(MORE) < whole / 2


@pytest.mark.parametrize("name", ["manifest.json", "candidates.jsonl", "answers.jsonl"])
def test_a_damaged_run_is_named_and_made_anew_from_the_answers_that_were_paid(firm: Path, served: Served, name: str) -> None:
    first, events = grown(firm, FEW), Recording()
    asked = len(served.bodies)
    path = firm / "artifacts" / "candidates" / "team" / first.gated.manifest.candidate_sets[0] / name
    path.write_bytes(path.read_bytes().replace(b"a", b"b", 1))
    assert grown(firm, FEW, events=events).gated.kept == first.gated.kept
    assert [note for note in events.notes if name in note and "made anew" in note]
    assert len(served.bodies) == asked
