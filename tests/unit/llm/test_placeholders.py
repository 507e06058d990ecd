"""Personal data is replaced before a request leaves, consistently, and comes back in the answers."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.openai_server import Served, in_turn, serving

from anytasktune.llm import Endpoint, MisfitError, Placeholders, Question, Reply, Teacher
from anytasktune.llm.placeholders import INVENTED, Masking
from anytasktune.settings import TeacherConfig
from anytasktune.text.personal_data import find_personal_data

PERSONAL = {
    "EMAIL": ["john.smith@example.com", "13812345678@qq.com", "ｗａｎｇｌｉ＠１６３．ｃｏｍ"],
    "PHONE": ["13812345678", "+44 (0)7700 900 123", "（010）6234 5678", "(415) 555-2671"],
    "IDENTITY": ["11010519491231002X", "536-90-4399", "AB 12 34 56 C"],
    "BANK": ["4111 1111 1111 1111", "DE89 3704 0044 0532 0130 00"],
    "ADDRESS": ["北京市海淀区中关村南大街5号", "221B Baker Street, London NW1 6XE", "Hauptstraße 12, 80331 München"],
}
CANARIES = [text for texts in PERSONAL.values() for text in texts]
LITERALS = ["[PHONE_1]", "[phone 1]", "【EMAIL_2】", "PHONE_1", "[ADDRESS_12]", "[IDENTITY_0]", "\\[BANK\\_3\\]"]
TEXTS = st.lists(
    st.one_of(
        st.sampled_from(CANARIES),
        st.sampled_from(LITERALS),
        st.sampled_from([" call ", "电话：", "。", "\n", ", ", "x", "_", "[", "]", '{"a": "', '"}', "PHONE_", "1"]),
        st.text(max_size=6),
    ),
    max_size=8,
).map("".join)


@pytest.fixture
def placeholders(tmp_path: Path) -> Placeholders:
    return Placeholders(tmp_path / "placeholders.jsonl")


@given(st.lists(TEXTS, min_size=1, max_size=3))
def test_what_is_masked_comes_back_letter_by_letter_and_nothing_personal_is_left(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    masking = Placeholders(tmp_path_factory.getbasetemp() / "of-all.jsonl").masking(texts)
    for text in texts:
        hidden = masking.hide(text)
        assert masking.restore(hidden) == text
        assert [piece.text for piece in find_personal_data(hidden) if not piece.text.startswith("[")] == []


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in PERSONAL.items() for text in texts])
def test_each_kind_has_a_placeholder_that_says_what_it_was(placeholders: Placeholders, name: str, text: str) -> None:
    for said in (f"He wrote: {text}.", f"联系方式：{text}，请查收。"):
        hidden = placeholders.masking([said]).hide(said)
        assert f"[{name}_1]" in hidden
        assert text not in hidden


def test_the_same_text_has_the_same_placeholder_in_a_request_and_in_a_project(placeholders: Placeholders) -> None:
    first = placeholders.masking(["Call 13812345678 or 13987654321.", "Again: 13812345678"])
    assert first.hide("13812345678 13987654321 13812345678") == "[PHONE_1] [PHONE_2] [PHONE_1]"
    again = Placeholders(placeholders.file).masking(["Call 13700001111, then 13812345678"])
    assert again.hide("13700001111 13812345678") == "[PHONE_3] [PHONE_1]"


def test_a_number_inside_an_address_of_mail_is_hidden_with_it(placeholders: Placeholders) -> None:
    said = "mail 13812345678@qq.com or call 13812345678"
    masking = placeholders.masking([said])
    assert "13812345678" not in masking.hide(said)
    assert masking.restore(masking.hide(said)) == said


def test_a_placeholder_that_stood_there_before_is_kept_apart_from_ours(placeholders: Placeholders) -> None:
    said = "[PHONE_1] is a placeholder, 13812345678 a number"
    masking = placeholders.masking([said])
    assert masking.hide(said) == "[PHONE_1] is a placeholder, [PHONE_2] a number"
    assert masking.restore("[PHONE_2], [PHONE_1]") == "13812345678, [PHONE_1]"


@pytest.mark.parametrize("written", ["[PHONE_1]", "[phone_1]", "【PHONE_1】", "［PHONE 1］", "PHONE_1", "[PHONE\\_1]"])
def test_models_may_write_a_placeholder_in_their_own_way(written: str) -> None:
    assert Masking({"13812345678": "[PHONE_1]"}).restore(f"请拨打{written}。") == "请拨打13812345678。"


@pytest.mark.parametrize("invented", ["[PHONE_2]", "【EMAIL_1】", "ADDRESS_9"])
def test_an_invented_placeholder_is_a_misfit(invented: str) -> None:
    with pytest.raises(MisfitError) as caught:
        Masking({"13812345678": "[PHONE_1]"}).restore_in({"a": ["x", {"b": invented}]})
    assert caught.value.reason == INVENTED


def test_words_that_only_resemble_placeholders_stay(placeholders: Placeholders) -> None:
    said = "Phone 1 and e-mail 2, address 3; EMAIL_X, [1], [note_1], MYPHONE_1A"
    assert placeholders.masking([said]).hide(said) == said
    assert Masking({}).restore(said) == said


def asked(text: str, schema: dict[str, Any] | None = None) -> Question[Any]:
    schema = schema or {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}
    return Question([{"role": "user", "content": text}], schema, lambda value: value["answer"])


def replied(served: Served, folder: Path, *questions: Question[Any], record: Path | None = None) -> list[Reply[Any]]:
    endpoint = Endpoint(served.url, attempts=1, timeout=5.0)
    placeholders = Placeholders(folder / "placeholders.jsonl")
    config = TeacherConfig(name="m", concurrency=4)
    return Teacher.at(endpoint, config, folder / "answers", record=record, placeholders=placeholders).ask_all(questions)


def test_nothing_personal_reaches_the_server_the_answers_kept_or_a_recording(tmp_path: Path) -> None:
    def echo(body: dict[str, Any]) -> str:
        return json.dumps({"answer": body["messages"][0]["content"]}, ensure_ascii=False)

    questions = [asked(f"{before}{text}{after}") for text in CANARIES for before, after in (("Hers: ", "."), ("联系：", "。"))]
    with serving(echo) as served:
        replies = replied(served, tmp_path, *questions, record=tmp_path / "asked.jsonl")
    assert [reply.value for reply in replies] == [question.messages[0]["content"] for question in questions]
    kept = (tmp_path / "answers").read_bytes() + (tmp_path / "asked.jsonl").read_bytes()
    for text in CANARIES:
        assert text not in json.dumps(served.bodies, ensure_ascii=False)
        assert text.encode() not in kept


def test_labels_of_a_schema_are_masked_like_the_words_of_the_question(tmp_path: Path) -> None:
    enum = ["billing@shop.example", "care@shop.example"]
    schema = {"type": "object", "properties": {"answer": {"type": "string", "enum": enum}}, "required": ["answer"]}
    with serving(in_turn('{"answer": "[EMAIL_2]"}')) as served:
        (reply,) = replied(served, tmp_path, asked(f"Who gets it, {enum[0]} or {enum[1]}?", schema))
    assert reply.value == enum[1]
    assert "shop.example" not in json.dumps(served.bodies)


def test_an_invented_placeholder_may_be_put_right_once_and_is_dropped_with_a_reason(tmp_path: Path) -> None:
    with serving(in_turn('{"answer": "[PHONE_7]"}', '{"answer": "[PHONE_1]"}')) as served:
        (reply,) = replied(served, tmp_path, asked("call 13812345678"))
    assert (reply.value, reply.repaired) == ("13812345678", True)
    with serving(in_turn('{"answer": "[PHONE_7]"}')) as served:
        (reply,) = replied(served, tmp_path / "other", asked("call 13812345678"))
    assert (reply.value, reply.fault) == (None, INVENTED)
    assert "[PHONE_7]" in reply.detail


def test_what_is_said_to_a_wrong_answer_does_not_quote_personal_data(tmp_path: Path) -> None:
    def refuse(value: Any) -> str:
        raise MisfitError(f"not {value['answer']!r}, which is 13812345678")

    question = Question(asked("call 13812345678").messages, asked("").schema, refuse)
    with serving(in_turn('{"answer": "[PHONE_1]"}')) as served:
        replied(served, tmp_path, question)
    assert len(served.bodies) == 2
    assert "13812345678" not in json.dumps(served.bodies)


def test_placeholders_and_so_requests_are_the_same_in_a_second_run(tmp_path: Path) -> None:
    questions = [asked(f"call 1381234567{digit} or 1371234567{digit}") for digit in range(8)]
    with serving(in_turn('{"answer": "yes"}')) as served:
        replied(served, tmp_path, *questions)
        replied(served, tmp_path, *reversed(questions))
    assert len(served.bodies) == len(questions)
