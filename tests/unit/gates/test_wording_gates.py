"""Gates on how candidates are written: language, length, boilerplate. What real work mixes passes."""

import pytest
from tests.unit.gates.gate_rows import REPLY, ROUTING, candidate, gated, only, routing_rows

from anytasktune.gates.wording_gates import repeated
from anytasktune.schema import Candidate, Example


def reply_rows(language: str = "en") -> list[Example]:
    if language == "zh":
        pairs = [
            (f"第{n}号订单的发票还没有收到，请问什么时候可以寄出？", f"您好，{n}号订单的发票今天寄出，三天内送达。")
            for n in range(20, 40)
        ]
    else:
        pairs = [
            (f"Where is the invoice for order {n}? I need it soon.", f"It was sent today for order {n}.") for n in range(20, 40)
        ]
    return [Example(input=text, output=output, language=language) for text, output in pairs]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "language", "reason"),
    [
        ("我的新扶手椅今天早上送错了门，司机能来取一下吗？", "en", "input_language"),
        ("My new armchair was left at the wrong door, can the driver fetch it?", "zh", "input_language"),
        (
            "Mi nuevo sillón no está aquí, pero el conductor dice que está en otra puerta. ¿Qué hay que hacer para cambiarlo?",
            "en",
            "input_language",
        ),
        ("Моё новое кресло оставили у чужой двери, может ли водитель его забрать?", "en", "input_language"),
        ("新しい椅子が違うドアに置かれました。運転手は取りに来られますか。よろしくお願いします。", "en", "input_language"),
        ("昨天送来的书柜少了一块隔板。 Could you please tell me when the driver will come back?", "zh", "mixed_input"),
        (
            "The upper shelf of my new bookcase is missing and so are all of the screws, though I have looked for them in "
            "every box that was left here and behind the door. 能不能让师傅下午再送过来？",
            "en",
            "mixed_input",
        ),
        ("The shelf of my book\ufffdcase is missing, can you send it?", "en", "garbled"),
    ],
)
def test_a_text_in_another_language_than_it_says_is_dropped(text: str, language: str, reason: str) -> None:
    answer = "delivery" if language == "en" else "配送"
    verdict = only(gated(ROUTING, [candidate(text, answer, language)], routing_rows()))  # type: ignore[arg-type]
    assert (verdict.gate, verdict.reason) == ("language", reason)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("患者口服Atorvastatin 20mg qd联合Clopidogrel，复查LDL-C 1.8mmol/L，请问还要送药吗？", "zh"),
        ("订的Apple Watch Series 9和AirPods Pro还没到，UPS单号1Z999AA1，麻烦查查。", "zh"),
        ("My parcel from 淘宝 with the book 《红楼梦》 has not come to my door yet.", "en"),
        ("Where is my copy of Les Misérables and El amor en los tiempos del cólera?", "en"),
        ("University of California at Berkeley的纪念衫什么时候发货？已经等了一周。", "zh"),
    ],
)
def test_names_in_another_language_pass(text: str, language: str) -> None:
    answer = "delivery" if language == "en" else "配送"
    assert gated(ROUTING, [candidate(text, answer, language)], routing_rows()).dropped == ()  # type: ignore[arg-type]


def test_answers_are_wanted_in_the_language_the_own_rows_answer_in() -> None:
    row = candidate("Where is the invoice for my last order? I need it soon.", "发票今天已经寄出，请您留意查收。")
    assert only(gated(REPLY, [row], reply_rows())).reason == "answer_language"
    translated = [row.model_copy(update={"output": "发票今天已经寄出，请您留意查收。"}) for row in reply_rows()]
    assert gated(REPLY, [row], translated).dropped == ()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("I", "short_input"),
        ("Where is it?", "short_input"),
        ("The kettle I ordered is late. " + " ".join(f"I asked shop number {n} about it." for n in range(30)), "long_input"),
        (
            "Where is my parcel now, my parcel now, my parcel now, my parcel now, my parcel now, my parcel now, my parcel now",
            "repetition",
        ),
    ],
)
def test_inputs_far_from_the_lengths_of_own_rows_and_loops_are_dropped(text: str, reason: str) -> None:
    verdict = only(gated(ROUTING, [candidate(text, "delivery")], routing_rows()))
    assert (verdict.gate, verdict.reason) == ("length", reason)


def test_a_kept_row_near_a_limit_is_remembered() -> None:
    text = "The kettle I ordered is late, and the lamp as well, and nobody at the shop in Leeds could tell me on the phone why."
    (verdict,) = gated(ROUTING, [candidate(text, "delivery")], routing_rows()).verdicts
    assert verdict.passed
    assert verdict.border is not None
    assert 0 < verdict.border < 1


@pytest.mark.parametrize(
    "text", ["no " * 40, "我不知道我不知道我不知道我不知道我不知道我不知道我不知道", "a" * 60, "好的，我明白了。" * 5]
)
def test_going_round_in_circles_is_seen(text: str) -> None:
    assert repeated(text)


@pytest.mark.parametrize(
    "text",
    ["ha ha ha", "1. one\n2. two\n3. three\n4. four", "=" * 80, "........................................", "哈哈哈哈哈哈"],
)
def test_usual_repetition_is_none(text: str) -> None:
    assert not repeated(text)


@pytest.mark.parametrize(
    ("text", "language", "reason"),
    [
        ("I'm sorry, but I can't assist with writing such a message.", "en", "refusal"),
        ("抱歉，我无法提供这类内容，请换一个要求再试一次。", "zh", "refusal"),
        ("As an AI language model, I have not bought any kettle in your shop.", "en", "about_itself"),
        ("作为一个人工智能语言模型，我没有在您的店里买过东西。", "zh", "about_itself"),
        ("Here is the rewritten text: The kettle I ordered has not come yet.", "en", "introduction"),
        ("好的，以下是改写后的留言：我订的水壶到现在还没有收到。", "zh", "introduction"),
        ("```\nThe kettle I ordered has not come yet.\n```", "en", "markup"),
        ("Dear [Company Name], the kettle I ordered has not come yet.", "en", "blank"),
        ("您好，我是[姓名]，我订的水壶到现在还没有收到。", "zh", "blank"),
        ("Decide which desk of the shop has to answer the customer's message: my kettle has not come.", "en", "prompt_echo"),
        ("判断顾客的留言应由哪个部门答复，只写出部门名称：我的水壶还没到。", "zh", "prompt_echo"),
    ],
)
def test_refusals_and_words_around_the_text_are_dropped(text: str, language: str, reason: str) -> None:
    answer = "delivery" if language == "en" else "配送"
    verdict = only(gated(ROUTING, [candidate(text, answer, language)], routing_rows()))  # type: ignore[arg-type]
    assert (verdict.gate, verdict.reason) == ("refusal", reason)


@pytest.mark.parametrize(
    ("text", "output"),
    [
        ("Sorry, I can't find the invoice for order 7, where is it?", "Sorry, we can't refund order 7 because it was used."),
        ("I am an AI engineer and need the invoice for order 8.", "Unfortunately the invoice for order 8 is not ready yet."),
        ("Here is my order number: 9. Where is the invoice [as PDF]?", "It was sent today for order 9."),
    ],
)
def test_people_who_are_sorry_are_no_models_that_refuse(text: str, output: str) -> None:
    assert gated(REPLY, [candidate(text, output)], reply_rows()).dropped == ()


def test_what_the_own_rows_do_themselves_is_let_through() -> None:
    row: Candidate = candidate("Where is the invoice for [Company Name]? I need it soon.", "It was sent today.")
    assert only(gated(REPLY, [row], reply_rows())).reason == "blank"
    anonymised = [row.model_copy(update={"input": f"{row.input} We are [Company Name]."}) for row in reply_rows()]
    assert gated(REPLY, [row], anonymised).dropped == ()
