"""Reviews in a project folder: what is on disk after each decision, damaged files, what comes out."""

from pathlib import Path

import pytest
from tests.tiny_project import write_lines, write_project
from tests.unit.review.rows import TEAM, candidate, candidates, said, verdict

from anytasktune.errors import DataError, StoreError
from anytasktune.pipeline.candidate_runs import (
    CANDIDATE_RUNS,
    GATED_CANDIDATES,
    PASSAGE_SETS,
    CandidateRun,
    GatedCandidates,
    Passages,
    passages_of,
)
from anytasktune.pipeline.reviewing import (
    RefusedDecisionError,
    ReviewSession,
    agreement_of,
    gated_rows,
    read_reviews,
    reviewed_rows,
)
from anytasktune.schema import Candidate, CandidateCounts, CandidateSet, GatedSet, Passage, PassageSet, Span, Verdict
from anytasktune.settings import DocumentsConfig, GateConfig, SynthesisConfig
from anytasktune.store import Project, hash_of_rows, save_artifact

KEPT = candidates(5)
DROPPED = [candidate(10), candidate(11, "nonsense"), candidate(12, "work")]
VERDICTS = [
    verdict(DROPPED[0], "length", passed=False),
    verdict(DROPPED[1], "schema", passed=False),
    verdict(DROPPED[2], "leak", passed=False),
    *(verdict(each, score=0.8) for each in KEPT),
]


def save_candidates(
    folder: Path,
    kept: list[Candidate] = KEPT,
    dropped: list[Candidate] = DROPPED,
    verdicts: list[Verdict] = VERDICTS,
    made: tuple[str, ...] = (),
    identity: str = "abc123def456",
) -> Project:
    """A project whose task `team` has gated candidates."""
    project = Project(write_project(folder))
    manifest = GatedSet(
        id=identity,
        task="team",
        candidate_sets=list(made),
        counts=CandidateCounts(planned=len(kept) + len(dropped), kept=len(kept), dropped={"any": len(dropped)}),
        sha256=hash_of_rows(kept),
        config=GateConfig(),
        code_version="0",
    )
    save_artifact(project.gated("team"), GATED_CANDIDATES, GatedCandidates(manifest, kept, dropped, verdicts))
    return project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return save_candidates(tmp_path / "law")


def opened(project: Project, reviewer: str = "anna") -> ReviewSession:
    return ReviewSession.open(project, TEAM, reviewer)


def lines_in(held: ReviewSession) -> list[str]:
    return held.path.read_text(encoding="utf-8").splitlines()


def test_every_decision_is_a_line_on_disk_before_the_next(project: Project) -> None:
    held = opened(project)
    held.accept(KEPT[0])
    assert len(lines_in(held)) == 1
    held.edit(KEPT[1], KEPT[1].input, "family", "not about work")
    held.reject(KEPT[2], "too vague")
    held.skip(KEPT[3])
    assert len(lines_in(held)) == 4
    read = read_reviews(project, TEAM)
    assert [(line.decision, line.note) for line in read] == [
        ("accept", ""),
        ("edit", "not about work"),
        ("reject", "too vague"),
        ("skip", ""),
    ]
    assert held.path == project.root / "reviews" / "team" / "anna.jsonl"


def test_undo_reaches_back_across_runs_until_nothing_is_left(project: Project) -> None:
    first = opened(project)
    first.accept(KEPT[0])
    first.reject(KEPT[1])
    second = opened(project)
    second.skip(KEPT[2])
    undone = [second.undo() for _ in range(4)]
    assert [line and line.candidate for line in undone] == [KEPT[2].id, KEPT[1].id, KEPT[0].id, None]
    assert len(lines_in(second)) == 6, "nothing is ever removed"
    assert opened(project).decided == {}
    assert len(opened(project).queue()) == len(KEPT)


def test_two_reviewers_write_two_files_and_make_one_outcome(project: Project) -> None:
    anna, ben = opened(project), opened(project, "ben")
    anna.accept(KEPT[0])
    ben.reject(KEPT[0])
    ben.accept(KEPT[1])
    assert {path.name for path in project.reviews("team").iterdir()} == {"anna.jsonl", "ben.jsonl"}
    result = reviewed_rows(project, TEAM)
    assert result.disputed == [KEPT[0]]
    assert result.rows == KEPT[1:]
    assert [kappa.raters for kappa in agreement_of(project, TEAM)] == [("anna", "ben"), ("anna", "judge"), ("ben", "judge")]


def test_an_edit_that_breaks_the_rules_is_refused_and_not_written(project: Project) -> None:
    held = opened(project)
    with pytest.raises(RefusedDecisionError, match="not one of the task's 3 labels"):
        held.edit(KEPT[0], KEPT[0].input, "houses")
    with pytest.raises(RefusedDecisionError, match="input is empty"):
        held.edit(KEPT[0], "\n", "work")
    with pytest.raises(RefusedDecisionError, match="a candidate with this text is there already"):
        held.edit(KEPT[0], KEPT[1].input, KEPT[1].output)
    with pytest.raises(RefusedDecisionError, match="a candidate with this text is there already"):
        held.edit(DROPPED[0], DROPPED[0].input, DROPPED[0].output)
    assert not held.path.exists()


def test_a_dropped_candidate_can_be_accepted_unless_it_breaks_a_rule_or_gives_away_a_test_row(project: Project) -> None:
    held = opened(project)
    held.accept(DROPPED[0])
    with pytest.raises(RefusedDecisionError, match="labels"):
        held.accept(DROPPED[1])
    held.edit(DROPPED[1], DROPPED[1].input, "work")
    for decide in (lambda: held.accept(DROPPED[2]), lambda: held.edit(DROPPED[2], "other words", "work")):
        with pytest.raises(RefusedDecisionError, match="test row"):
            decide()
    result = reviewed_rows(project, TEAM)
    assert [row.output for row in result.rows[len(KEPT) :]] == [DROPPED[0].output, "work"]


def test_a_half_written_last_line_is_cut_off_before_the_next_is_added(project: Project) -> None:
    held = opened(project)
    held.accept(KEPT[0])
    with held.path.open("ab") as stream:
        stream.write(b'{"reviewer": "anna", "deci')
    assert len(read_reviews(project, TEAM)) == 1
    opened(project).reject(KEPT[1])
    assert [line.decision for line in read_reviews(project, TEAM)] == ["accept", "reject"]


def test_a_whole_last_line_without_an_end_is_kept(project: Project) -> None:
    path = project.reviews("team") / "anna.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text(said("anna", "accept", KEPT[0]).model_dump_json(), encoding="utf-8", newline="\n")
    opened(project).reject(KEPT[1])
    assert [line.decision for line in read_reviews(project, TEAM)] == ["accept", "reject"]


def test_lines_of_all_files_that_are_none_are_named(project: Project) -> None:
    write_lines(project.reviews("team") / "anna.jsonl", [said("ben", "accept", KEPT[0]).model_dump_json()])
    write_lines(project.reviews("team") / "ben.jsonl", ["=======", said("ben", "accept", KEPT[0]).model_dump_json()])
    with pytest.raises(DataError) as caught:
        opened(project)
    assert [problem.where for problem in caught.value.problems] == ["reviews/team/anna.jsonl:1", "reviews/team/ben.jsonl:1"]


def test_without_candidates_the_message_says_how_to_make_some(tmp_path: Path) -> None:
    project = Project(write_project(tmp_path / "law"))
    with pytest.raises(DataError, match="no candidates to review") as caught:
        opened(project)
    assert "anytasktune synth team" in caught.value.problems[0].fix


def test_candidates_that_were_changed_by_hand_are_not_reviewed(project: Project) -> None:
    path = next(project.gated("team").glob("*/kept.jsonl"))
    path.write_text(path.read_text(encoding="utf-8").replace("housing", "family"), encoding="utf-8", newline="\n")
    with pytest.raises(StoreError, match="does not match"):
        opened(project)


def test_decisions_hold_for_the_same_words_in_a_later_set(project: Project) -> None:
    held = opened(project)
    held.reject(KEPT[0])
    held.accept(KEPT[1])
    later = save_candidates(project.root, [KEPT[0], candidate(77)], [], [], identity="def")
    result = reviewed_rows(later, TEAM)
    assert (result.rows, result.unknown) == ([candidate(77)], 1)
    assert list(opened(later).decided) == [KEPT[0].id]


def test_the_passage_of_a_candidate_is_found_by_way_of_its_set(tmp_path: Path) -> None:
    passages = [
        Passage(span=Span(document="a.md", start=0, end=9), text="Some text", language="en", page=3, heading=("Leave",)),
        Passage(span=Span(document="b.md", start=0, end=10), text="Other text", language="en"),
    ]
    folder = Project(tmp_path / "law")
    found = PassageSet(
        id="ppp",
        folder="documents",
        documents=[],
        passages=2,
        sha256=hash_of_rows(passages),
        config=DocumentsConfig(),
        code_version="0",
    )
    save_artifact(folder.passages, PASSAGE_SETS, Passages(found, passages))
    one = KEPT[0].model_copy(update={"origin": KEPT[0].origin.model_copy(update={"passage": passages[0].id})})
    made = CandidateSet(
        id="ccc",
        task="team",
        stage="synth",
        candidates=1,
        failed={},
        sha256=hash_of_rows([one]),
        seal="s",
        passages="ppp",
        config=SynthesisConfig(),
        code_version="0",
    )
    save_artifact(folder.candidates("team"), CANDIDATE_RUNS, CandidateRun(made, [one], []))
    project = save_candidates(tmp_path / "law", [one], [], [], made=("ccc", "gone"))
    manifest, rows = gated_rows(project, TEAM)
    assert passages_of(project, manifest, rows.kept) == {passages[0].id: passages[0]}
    assert passages_of(project, manifest, KEPT[1:]) == {}
