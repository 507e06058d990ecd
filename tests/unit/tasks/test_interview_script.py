"""Which question comes next, and what the answers make."""

from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from anytasktune.records import Language
from anytasktune.schema import Domain
from anytasktune.schema.kept_answers import InterviewLine
from anytasktune.settings.yaml_reading import parse_record
from anytasktune.tasks.build_tasks import build_pool
from anytasktune.tasks.interview import Interview
from anytasktune.tasks.interview_answers import AnswerError, read_count, read_fields, read_kind, read_labels, read_range, words
from anytasktune.tasks.pool_file import merge, new_pool_text

ENGLISH = [
    *["Public library", "Letters from readers.", "No fees.", "Answer an enquiry"],
    *["Sort it", "The trainee", "Say what the reader wants.", "", "1", "loan, search, other", "The kind"],
    *["List the books", "The librarian", "no", "Name the books.", "", "2", "free", "1-3", "yes", "The books"],
    *["Reply", "The librarian", "yes", "Answer kindly.", "Promise nothing.", "5", "300", "The reply"],
    *["", ""],
]
CHINESE = [
    *["公共图书馆", "读者来信。", "不涉及罚款。", "答复咨询"],
    *["分类", "实习生", "判断读者要什么。", "", "1", "借还，查找、其他", "类型", "", ""],
]


def told(answers: Sequence[str], language: Language = "en", interview: Interview | None = None) -> Interview:
    """The interview with answers typed one after the other; an empty one skips."""
    interview = interview or Interview()
    for answer in answers:
        question = interview.next(language)
        assert question is not None, f"nothing is asked any more, and {answer!r} is left"
        status = "given" if answer else "skipped"
        interview.add(InterviewLine(question=question.id, language=language, status=status, answer=answer))  # type: ignore[arg-type]
    return interview


def test_an_interview_fills_a_whole_pool() -> None:
    interview = told(ENGLISH)
    assert interview.next("en") is None
    draft = interview.draft()
    pool = build_pool(draft)
    assert (draft.name, draft.title, draft.limits) == ("public_library", {"en": "Public library"}, {"en": "No fees."})
    assert {name: action.steps for name, action in pool.actions.items()} == {
        "answer_an_enquiry": ["sort_it", "list_the_books", "reply"]
    }
    sort, books, reply = (drafted.task for drafted in pool.tasks.values())
    assert sort.instruction["en"] == "Say what the reader wants. Answer with exactly one of: loan, search, other."
    assert (books.rules.min_items, books.rules.max_items, books.rules.copies_from_input) == (1, 3, True)
    assert (sort.input_from, books.input_from, reply.input_from) == (None, None, "list_the_books")
    assert reply.instruction["en"] == "Answer kindly. Promise nothing. At most 300 characters."
    assert (reply.done_by, reply.hands_over) == ({"en": "The librarian"}, {"en": "The reply"})


def test_a_chinese_interview_names_tasks_in_pinyin_and_asks_for_no_names() -> None:
    interview = told(CHINESE, "zh")
    assert interview.next("zh") is None
    pool = build_pool(interview.draft(), "zh")
    (sort,) = (drafted.task for drafted in pool.tasks.values())
    assert (interview.draft().name, sort.name, list(pool.actions)) == ("gong_gong_tu_shu_guan", "fen_lei", ["da_fu_zi_xun"])
    assert sort.instruction == {"zh": "判断读者要什么。只回答以下之一：借还、查找、其他。"}
    assert "尚无英文；可用 `anytasktune tasks propose --interview --language en` 补充" in pool.tasks["fen_lei"].remarks


def test_in_the_second_language_only_texts_are_asked_again() -> None:
    interview = told(ENGLISH)
    asked = []
    while (question := interview.next("zh")) is not None:
        asked.append(question.id.rpartition(".")[2])
        said = "甲，乙，丙" if question.topic == "labels" else "中文"
        interview.add(InterviewLine(question=question.id, language="zh", answer=said))
        assert question.before
    assert "kind" not in asked
    assert "count" not in asked
    assert "from_previous" not in asked
    assert "items" not in asked  # they are free phrases
    pool = build_pool(interview.draft())
    assert pool.tasks["sort_it"].task.labels_in("zh") == ["甲", "乙", "丙"]
    assert all(set(drafted.task.instruction) == {"en", "zh"} for drafted in pool.tasks.values())
    assert not any("Chinese" in remark for drafted in pool.tasks.values() for remark in drafted.remarks)


def test_labels_of_the_second_language_must_be_as_many() -> None:
    interview = told(ENGLISH)
    while (question := interview.next("zh")) is not None and question.topic != "labels":
        interview.add(InterviewLine(question=question.id, language="zh", answer="中文"))
    assert question is not None
    with pytest.raises(AnswerError) as caught:
        question.read("甲，乙")
    assert caught.value.said_in("zh") == "另一种语言里有3个，请按同样的顺序写出同样多的。"


def test_back_takes_answers_back_one_by_one() -> None:
    interview = told(ENGLISH[:9])
    question = interview.next("en")
    assert question is not None
    for expected in ("action_1.step_1.kind", "action_1.step_1.pitfalls"):
        interview.add(InterviewLine(question="any", language="en", status="withdrawn"))
        again = interview.next("en")
        assert again is not None
        assert again.id == expected


def test_what_was_skipped_is_left_open_in_words() -> None:
    interview = told(["Library", "", "", "Answer", "Sort it", "", "", "", "", "", "", ""])
    drafted = build_pool(interview.draft()).tasks["sort_it"]
    assert [remark.partition(":")[0] for remark in drafted.remarks[1:]] == ["left open"] * 4
    assert drafted.task.instruction["en"] == "Sort it. At most 400 characters."


def test_an_answer_that_cannot_be_read_any_more_is_asked_again() -> None:
    interview = told(ENGLISH[:8])
    interview.add(InterviewLine(question="action_1.step_1.kind", language="en", answer="9"))
    question = interview.next("en")
    assert question is not None
    assert question.topic == "kind"


@given(st.lists(st.text(max_size=12) | st.sampled_from(["NUL", "con", "Com1"]), max_size=60), st.sampled_from(["en", "zh"]))
@example(["NUL"], "en")
def test_any_answers_make_a_pool_that_can_be_built(answers: list[str], language: Language) -> None:
    interview = Interview()
    for text in answers:
        question = interview.next(language)
        if question is None:
            break
        line = InterviewLine(question=question.id, language=language, answer=" ".join(text.split()))
        try:
            question.read(line.answer)
        except AnswerError:
            line = InterviewLine(question=question.id, language=language, status="skipped")
        interview.add(line)
    drafts = [interview.draft()]
    pool = build_pool(drafts[0], language)
    assert pool.dropped == {}
    written = merge(new_pool_text(drafts, language), drafts, [pool]).text
    assert parse_record(Domain, written, "domain.yaml").tasks == [drafted.task for drafted in pool.tasks.values()]


def test_both_languages_say_everything() -> None:
    english, chinese = ({topic: set(texts) for topic, texts in words(language).items()} for language in ("en", "zh"))
    assert english == chinese
    assert all(texts >= {"ask", "help", "example"} for topic, texts in english.items() if topic != "words")


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (read_labels, "loan, search， event、其他。", ["loan", "search", "event", "其他"]),
        (read_kind, "２", "labels"),
        (read_count, "1 - 5", (1, 5)),
        (read_count, "3", (3, 3)),
        (read_count, "２至４", (2, 4)),
        (read_fields, "title, author ?，due date？", {"title": True, "author": False, "due_date": False}),
    ],
)
def test_answers_are_read_as_people_write_them(read: object, text: str, value: object) -> None:
    assert read(text) == value  # type: ignore[operator]


def test_half_steps_give_a_decimal() -> None:
    number = read_range("1.0 – 5.0")
    assert (number.minimum, number.maximum, number.decimals) == (1, 5, 1)


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (read_labels, "one"),
        (read_labels, "a, a"),
        (read_kind, "label"),
        (read_count, "5-1"),
        (read_count, "0"),
        (read_range, "5-1"),
        (read_fields, "?, a"),
    ],
)
def test_answers_that_are_none_are_refused_in_both_languages(read: object, text: str) -> None:
    with pytest.raises(AnswerError) as caught:
        read(text)  # type: ignore[operator]
    assert caught.value.said_in("en") != caught.value.said_in("zh")
