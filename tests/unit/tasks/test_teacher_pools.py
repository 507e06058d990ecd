"""A teacher's answers: what is taken of them, and what is not."""

import json
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.openai_server import Answers, serving

from anytasktune.llm import Teacher
from anytasktune.records import Language
from anytasktune.settings import TeacherConfig
from anytasktune.tasks.ask_teacher import MOST_STEPS, Refused, ask_teacher
from anytasktune.tasks.build_tasks import build_pool
from anytasktune.tasks.pool_drafts import PoolDraft

STEPS = [
    {"title": {"en": "Sort it"}, "done_by": {"en": "Trainee"}, "hands_over": {"en": "The kind"}, "from_previous": False},
    {"title": {"en": "Reply"}, "done_by": {"en": "Librarian"}, "hands_over": {"en": "The reply"}, "from_previous": True},
]
OUTLINE = {
    "name": "Public Library",
    "title": {"en": "Public library"},
    "description": "Readers ask.",
    "actions": [{"title": {"en": "Answer an enquiry"}, "steps": STEPS}],
}
SORT = {"guidance": {"en": "Say what the reader wants."}, "kind": "label", "labels": {"en": ["loan", "other"]}}
REPLY = {"guidance": {"en": "Answer kindly."}, "kind": "text", "max_length": 300}


def answers(outline: Any, **steps: Any) -> Answers:
    """Answers the first question with `outline`, and those about a step with what is given for its title."""

    def answer(body: dict[str, Any]) -> str:
        asked = body["messages"][1]["content"]
        found = next(
            (value for title, value in steps.items() if f"Step: {title} " in asked or f"步骤：{title}（" in asked), outline
        )
        return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)

    return answer


def taught(
    said: Answers, languages: tuple[Language, ...] = ("en",), known: tuple[str, ...] = ()
) -> tuple[PoolDraft, list[Refused], list[dict[str, Any]]]:
    with serving(said) as served:
        config = TeacherConfig(name="big-model", attempts=1, concurrency=1)
        with TemporaryDirectory() as folder:
            teacher = Teacher.open(config, {"OPENAI_BASE_URL": served.url}, Path(folder) / "answers.sqlite")
            return *ask_teacher(teacher, "A small town's library.", languages, known), served.bodies


def test_good_answers_become_tasks_in_a_chain() -> None:
    draft, refused, bodies = taught(answers(OUTLINE, **{"Sort it": SORT, "Reply": REPLY}))
    assert refused == []
    pool = build_pool(draft)
    assert list(pool.tasks) == ["sort_it", "reply"]
    assert pool.tasks["reply"].task.input_from == "sort_it"
    assert pool.tasks["sort_it"].task.labels_in("en") == ["loan", "other"]
    assert pool.tasks["sort_it"].remarks[0] == "proposed by the model big-model: read it over"
    assert (draft.name, draft.description) == ("public_library", "Readers ask.")
    assert "A small town's library." in bodies[0]["messages"][1]["content"]
    assert len(bodies) == 3


def test_what_is_there_already_is_told_to_the_teacher() -> None:
    *_, bodies = taught(answers(OUTLINE, **{"Sort it": SORT, "Reply": REPLY}), known=("Lend a book",))
    assert "Do not repeat what is there already: Lend a book." in bodies[0]["messages"][1]["content"]


def test_what_does_not_fit_is_refused_with_a_reason_and_the_rest_is_kept() -> None:
    odd = [
        "no object",
        {"title": "", "steps": STEPS},
        {"title": {"en": "回复读者"}, "steps": STEPS},
        {"title": {"en": "Nothing"}, "steps": []},
        {"title": {"en": "Again"}, "steps": [STEPS[0]]},
    ]
    outline = OUTLINE | {"actions": [*OUTLINE["actions"], *odd]}
    draft, refused, _ = taught(answers(outline, **{"Sort it": SORT | {"labels": {"en": ["only one"]}}, "Reply": REPLY}))
    reasons = Counter(one.reason for one in refused)
    assert reasons == {"repeated": 1, "no_title": 2, "other_language": 1, "no_steps": 2, "bad_form": 1}
    assert "at least two different" in refused[-1].detail
    pool = build_pool(draft)
    assert list(pool.tasks) == ["reply"]
    assert pool.tasks["reply"].task.input_from is None


def test_a_step_that_is_only_a_title_is_taken_for_one() -> None:
    outline = OUTLINE | {"actions": [{"title": "Answer an enquiry", "steps": ["Sort it", 3, None]}]}
    draft, refused, _ = taught(answers(outline, **{"Sort it": SORT}))
    assert list(build_pool(draft).tasks) == ["sort_it"]
    assert len(refused) == 2


def test_an_answer_of_no_use_at_all_leaves_nothing() -> None:
    draft, refused, bodies = taught(answers("I am only a small model."))
    assert draft.actions == []
    assert [one.reason for one in refused] == ["unusable_answer"]
    assert len(bodies) == 2


def test_a_teacher_that_repeats_itself_without_end_is_stopped() -> None:
    steps = [STEPS[0] | {"title": {"en": f"Step {number}"}} for number in range(60)]
    _draft, refused, bodies = taught(answers(OUTLINE | {"actions": [{"title": {"en": "Work"}, "steps": steps}]}, Step=SORT))
    assert len(bodies) <= 1 + 2 * MOST_STEPS
    assert sum(one.reason == "too_many" for one in refused) == 60 - MOST_STEPS


def test_both_languages_are_asked_for_and_both_are_needed() -> None:
    bilingual = {
        "title": {"en": "Public library", "zh": "公共图书馆"},
        "description": "Readers ask.",
        "name": "library",
        "actions": [
            {
                "title": {"en": "Answer", "zh": "答复"},
                "steps": [
                    {"title": {"en": "Sort it", "zh": "分类"}, "done_by": {"en": "Trainee", "zh": "实习生"}},
                    {"title": {"en": "Reply", "zh": "回复"}},
                ],
            }
        ],
    }
    sort = {
        "guidance": {"en": "Say what the reader wants.", "zh": "判断读者要什么。"},
        "kind": "label",
        "labels": {"en": ["loan", "other"], "zh": ["借还", "其他"]},
    }
    draft, refused, bodies = taught(answers(bilingual, **{"Sort it": sort, "Reply": REPLY}), ("en", "zh"))
    pool = build_pool(draft)
    assert pool.tasks["sort_it"].task.labels_in("zh") == ["借还", "其他"]
    assert pool.tasks["sort_it"].task.done_by == {"en": "Trainee", "zh": "实习生"}
    assert [(one.what, one.reason) for one in refused] == [("Reply", "bad_form")]
    assert "guidance.zh is missing" in bodies[-1]["messages"][-1]["content"]


def test_a_chinese_conversation_is_chinese() -> None:
    outline = {"title": "图书馆", "actions": [{"title": "答复咨询", "steps": [{"title": "分类", "done_by": "实习生"}]}]}
    sort = {"guidance": "判断读者要什么。", "kind": "label", "labels": ["借还", "其他"]}
    draft, _refused, bodies = taught(answers(outline, 分类=sort), ("zh",))
    assert "你是一名业务分析师" in bodies[0]["messages"][1]["content"]
    (drafted,) = build_pool(draft, "zh").tasks.values()
    assert drafted.task.instruction == {"zh": "判断读者要什么。只回答以下之一：借还、其他。"}
    assert drafted.remarks[0] == "由模型 big-model 提出，请通读核对"
