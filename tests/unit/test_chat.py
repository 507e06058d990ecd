"""The one rendering of training, evaluation and serving."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.tiny_models import CHAT_TEMPLATE, NO_SYSTEM_TEMPLATE, tiny_tokenizer
from tokenizers import models

from anytasktune.chat import Encoded, PromptFormat, detect_rendering, instruction_for, shared_prefix
from anytasktune.errors import ModelError
from anytasktune.outputs import TextOutput
from anytasktune.schema import Example, Task

TASK = Task(
    name="note",
    instruction={"zh": "  请写一句摘要。\n", "en": "Write one sentence."},
    output=TextOutput(kind="text"),
)
CHAT = PromptFormat.of(tiny_tokenizer())
NO_SYSTEM = PromptFormat.of(tiny_tokenizer(NO_SYSTEM_TEMPLATE))
PLAIN = PromptFormat.of(tiny_tokenizer(None))
TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)


def rendered(format_: PromptFormat, example: Example) -> str:
    """The whole conversation, by the template itself."""
    messages = [*format_.messages(TASK, example), {"role": "assistant", "content": example.output}]
    return str(format_.tokenizer.apply_chat_template(messages, tokenize=False))


def test_a_chat_template_with_a_system_role_is_recognised() -> None:
    assert CHAT.rendering.template == "chat"
    assert CHAT.rendering.system_role
    assert CHAT.tokenizer.convert_ids_to_tokens(CHAT.rendering.end_of_turn) == ["<|im_end|>"]


def test_a_chat_template_that_refuses_the_system_role_is_recognised() -> None:
    assert NO_SYSTEM.rendering.template == "chat"
    assert not NO_SYSTEM.rendering.system_role


def test_a_template_that_passes_over_the_system_message_counts_as_without() -> None:
    silent = CHAT_TEMPLATE.replace("{% for message in messages %}", "{% for message in messages if message.role != 'system' %}")
    assert not detect_rendering(tiny_tokenizer(silent)).system_role


def test_without_a_template_the_plain_one_is_used_and_text_ends_with_the_end_token() -> None:
    assert PLAIN.rendering.template == "plain"
    assert PLAIN.rendering.end_of_turn == [PLAIN.tokenizer.eos_token_id]


ONCE = "{% for m in messages %}<|im_start|>{{ m.role }} {{ m.content }}<|im_end|>{% endfor %}"


@pytest.mark.parametrize(
    "template",
    [
        "{% if",
        "{{ nothing.at.all }}",
        "{{ messages[5].content }}",
        "{{ tools[0].name }}",
        "{{ 1 / 0 }}",
        "{{ raise_exception('no') }}",
        "{% if messages|length > 1 %}{{ raise_exception('one turn only') }}{% endif %}" + ONCE,
        "{% include 'x' %}",
        "{{ messages.append(messages[0]) }}",
        "{{ ''.__class__.__mro__ }}",
        "{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}",
        "no message at all",
        ONCE.replace("m.content", "m.content|upper"),
        ONCE.replace("m.content", "m.content[:3]"),
        ONCE.replace("{{ m.content }}", "{{ m.content }}{{ m.content }}"),
        ONCE.replace("m.content", "m['content']['text']"),
        ONCE + "{{ 'x' * 1000000 }}",
        "{% for m in messages if m.role == 'user' %}{{ m.content }}{% endfor %}",
        "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}",
    ],
)
def test_a_template_that_fails_or_changes_the_words_is_refused(template: str) -> None:
    with pytest.raises(ModelError, match="the chat template") as caught:
        detect_rendering(tiny_tokenizer(template))
    assert "choose another model" in caught.value.problems[0].fix


def test_a_template_that_writes_the_system_message_twice_counts_as_without() -> None:
    twice = ONCE.replace("{{ m.content }}", "{{ m.content }}{% if m.role == 'system' %}{{ m.content }}{% endif %}")
    assert not detect_rendering(tiny_tokenizer(twice)).system_role


def test_a_template_that_prints_the_date_gives_the_same_tokens_on_every_day() -> None:
    today = "{% if not date_string is defined %}{% set date_string = strftime_now('%d %b %Y') %}{% endif %}{{ date_string }}"
    dated = PromptFormat.of(tiny_tokenizer(today + ONCE))
    assert dated.prompt_text(TASK, Example(input="a", output="b")).startswith("26 Jul 2024")


def test_a_tokenizer_that_fails_is_a_model_error() -> None:
    tokenizer = tiny_tokenizer()
    format_ = PromptFormat.of(tokenizer)
    tokenizer.backend_tokenizer.model = models.WordPiece({"a": 0}, unk_token="none")
    with pytest.raises(ModelError, match="the tokenizer fails"):
        format_.answer_ids("b c")


def test_a_template_that_ends_turns_without_a_special_token_takes_the_end_of_text() -> None:
    bare = "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}"
    tokenizer = tiny_tokenizer(bare)
    assert detect_rendering(tokenizer).end_of_turn == [tokenizer.eos_token_id]


def test_a_tokenizer_without_any_end_is_refused() -> None:
    tokenizer = tiny_tokenizer(None)
    tokenizer.eos_token = None
    with pytest.raises(ModelError, match="no end-of-text token"):
        detect_rendering(tokenizer)


def test_the_plain_template_is_the_documented_one() -> None:
    example = Example(input="租金太高", output="租金")
    expected = "请写一句摘要。\n\n### Input\n租金太高\n\n### Output\n"
    assert PLAIN.prompt_text(TASK, example) == expected
    shot = Example(input="a", output="b")
    with_shot = "请写一句摘要。\n\n### Input\na\n\n### Output\nb\n\n### Input\n租金太高\n\n### Output\n"
    assert PLAIN.prompt_text(TASK, example, [shot]) == with_shot


def test_without_a_system_role_the_instruction_heads_the_first_message() -> None:
    shot = Example(input="a", output="b")
    messages = NO_SYSTEM.messages(TASK, Example(input="c", output="d", language="en"), [shot])
    assert [message["role"] for message in messages] == ["user", "assistant", "user"]
    assert messages[0]["content"] == "Write one sentence.\n\na"
    assert messages[2]["content"] == "c"


def test_the_instruction_is_in_the_rows_language_or_else_in_the_first() -> None:
    assert instruction_for(TASK, "en") == "Write one sentence."
    assert instruction_for(TASK, None) == "请写一句摘要。"
    english = TASK.model_copy(update={"instruction": {"en": "Only English."}})
    assert instruction_for(english, "zh") == "Only English."


@pytest.mark.parametrize("format_", [CHAT, NO_SYSTEM], ids=["system", "no system"])
@given(question=TEXTS, answer=TEXTS, language=st.sampled_from(["en", "zh", None]))
def test_prompt_and_answer_decode_to_the_conversation_the_template_writes(
    format_: PromptFormat, question: str, answer: str, language: str | None
) -> None:
    example = Example.model_validate({"input": question, "output": answer, "language": language})
    encoded = format_.encode(TASK, example)
    text = str(format_.tokenizer.decode(encoded.ids))
    assert rendered(format_, example) == text + "\n"
    assert str(format_.tokenizer.decode(encoded.ids[: encoded.prompt_length])) == format_.prompt_text(TASK, example)


@given(question=TEXTS, answer=TEXTS)
def test_the_plain_prompt_and_answer_decode_to_their_text(question: str, answer: str) -> None:
    example = Example(input=question, output=answer)
    encoded = PLAIN.encode(TASK, example)
    assert PLAIN.tokenizer.decode(encoded.ids) == PLAIN.prompt_text(TASK, example) + answer + "<|end|>"


@given(question=TEXTS, answer=TEXTS)
def test_exactly_the_answer_and_its_end_are_trained(question: str, answer: str) -> None:
    encoded = CHAT.encode(TASK, Example(input=question, output=answer))
    trained = encoded.ids[encoded.prompt_length :]
    assert trained == CHAT.answer_ids(answer)
    assert encoded.answer_length == len(trained)
    assert trained[-1] in CHAT.rendering.end_of_turn


@given(st.text(st.characters(codec="utf-8", exclude_characters="<"), max_size=40))
def test_a_generated_answer_is_read_as_it_was_written(answer: str) -> None:
    assert CHAT.decode(CHAT.answer_ids(answer)) == answer.strip()


PROMPTS = st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=12), min_size=1, max_size=6)


@given(prompts=PROMPTS, head=st.lists(st.integers(0, 3), max_size=8))
def test_the_shared_prefix_is_common_to_all_and_as_long_as_can_be(prompts: list[list[int]], head: list[int]) -> None:
    prompts = [head + prompt for prompt in prompts]
    length = shared_prefix(prompts)
    assert all(prompt[:length] == prompts[0][:length] for prompt in prompts)
    assert all(len(prompt) > length for prompt in prompts)
    is_longest = any(len(prompt) == length + 1 for prompt in prompts)
    assert is_longest or len({prompt[length] for prompt in prompts}) > 1
    assert length >= len(head)


def test_no_prompts_have_no_prefix() -> None:
    assert shared_prefix([]) == 0


def test_rows_of_a_task_share_its_instruction() -> None:
    prompts = [CHAT.prompt_ids(TASK, Example(input=text, output="x")) for text in ("租金", "the rent", "")[:2]]
    shared = str(CHAT.tokenizer.decode(prompts[0][: shared_prefix(prompts)]))
    assert "请写一句摘要。" in shared
    assert shared.endswith("user\n")


def test_an_encoded_row_counts_its_answer() -> None:
    assert Encoded([1, 2, 3, 4], 3).answer_length == 1
