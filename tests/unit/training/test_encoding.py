"""A row is tokenised once, whoever asks and however often, and never differently."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.tiny_models import tiny_tokenizer
from tests.unit.training.rows import colour_rows, colour_task

from anytasktune.chat import Encoded, PromptFormat
from anytasktune.schema import Example
from anytasktune.training.tokenizing import RowEncoder, encode_mixed

CHAT = PromptFormat.of(tiny_tokenizer())
PLAIN = PromptFormat.of(tiny_tokenizer(template=None))
TASK = colour_task()


class Counting:
    """A format's tokenizer that notes how many texts it was given."""

    def __init__(self, format_: PromptFormat) -> None:
        self.texts = 0
        self.format = PromptFormat(_Counted(format_.tokenizer, self), format_.rendering)  # type: ignore[arg-type]


class _Counted:
    def __init__(self, tokenizer: object, counter: Counting) -> None:
        self._tokenizer, self._counter = tokenizer, counter

    def __getattr__(self, name: str) -> object:
        return getattr(self._tokenizer, name)

    def __call__(self, texts: list[str], **options: object) -> object:
        self._counter.texts += len(texts)
        return self._tokenizer(texts, **options)  # type: ignore[operator]


def one_by_one(rows: Sequence[Example], format_: PromptFormat = CHAT) -> list[Encoded]:
    return [format_.encode(TASK, row) for row in rows]


def files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.safetensors"))


@pytest.mark.parametrize("format_", [CHAT, PLAIN], ids=["chat", "plain"])
@given(texts=st.lists(st.tuples(st.text(min_size=1), st.text(), st.sampled_from(["en", "zh", None])), max_size=6))
def test_batched_encoding_equals_encoding_of_each_row(format_: PromptFormat, texts: list[tuple[str, str, str | None]]) -> None:
    rows = [Example.model_validate({"input": text, "output": out, "language": lang}) for text, out, lang in texts]
    assert format_.encode_all(TASK, rows) == one_by_one(rows, format_)
    assert list(RowEncoder(format_).encode(TASK, rows)) == one_by_one(rows, format_)


def test_rows_of_a_second_process_are_read_not_tokenised(tmp_path: Path) -> None:
    rows = colour_rows(40)
    RowEncoder(CHAT, tmp_path).encode(TASK, rows)
    again = Counting(CHAT)
    encoder = RowEncoder(again.format, tmp_path)
    assert list(encoder.encode(TASK, rows)) == one_by_one(rows)
    assert list(encoder.encode(TASK, rows[7:3:-1])) == one_by_one(rows[7:3:-1])
    assert again.texts == 0


def test_of_changed_rows_only_the_new_ones_are_tokenised_and_the_old_ones_are_forgotten(tmp_path: Path) -> None:
    RowEncoder(CHAT, tmp_path).encode(TASK, colour_rows(40))
    (path,) = files(tmp_path)
    size = path.stat().st_size
    counter = Counting(CHAT)
    changed = colour_rows(20, start=25)
    assert list(RowEncoder(counter.format, tmp_path).encode(TASK, changed)) == one_by_one(changed)
    assert counter.texts == 2 * 5, "five prompts and five answers"
    assert path.stat().st_size < size
    last = Counting(CHAT)
    RowEncoder(last.format, tmp_path).encode(TASK, colour_rows(1))
    assert last.texts == 2


def test_one_process_may_ask_in_parts(tmp_path: Path) -> None:
    counter = Counting(CHAT)
    encoder = RowEncoder(counter.format, tmp_path)
    for part in (colour_rows(8), colour_rows(8, 50), colour_rows(8), colour_rows(4, 52)):
        assert list(encoder.encode(TASK, part)) == one_by_one(part)
    assert counter.texts == 2 * 16
    later = Counting(CHAT)
    RowEncoder(later.format, tmp_path).encode(TASK, [*colour_rows(8, 50), *colour_rows(8)])
    assert later.texts == 0


@pytest.mark.parametrize("place", [0, 200, -400, -1])
def test_a_damaged_file_is_rewritten(tmp_path: Path, place: int) -> None:
    rows = colour_rows(40)
    RowEncoder(CHAT, tmp_path).encode(TASK, rows)
    (path,) = files(tmp_path)
    whole = path.read_bytes()
    spoilt = bytearray(whole)
    spoilt[place] ^= 0x55
    for damaged in (bytes(spoilt), whole[:-100], b""):
        path.write_bytes(damaged)
        assert list(RowEncoder(CHAT, tmp_path).encode(TASK, rows)) == one_by_one(rows)
    assert path.read_bytes() == whole


def test_another_instruction_or_tokenizer_is_another_file_and_old_ones_go(tmp_path: Path) -> None:
    rows = colour_rows(4)
    for number in range(5):
        task = TASK.model_copy(update={"instruction": {"en": f"List them, {number}.", "zh": "列出颜色。"}})
        assert list(RowEncoder(CHAT, tmp_path).encode(task, rows)) == [CHAT.encode(task, row) for row in rows]
    assert len(files(tmp_path)) == 3
    other = PromptFormat.of(tiny_tokenizer(vocabulary=300))
    assert list(RowEncoder(other, tmp_path).encode(TASK, rows)) == one_by_one(rows, other)
    assert list(RowEncoder(PLAIN, tmp_path).encode(TASK, rows)) == one_by_one(rows, PLAIN)
    assert list(RowEncoder(CHAT, tmp_path).encode(TASK, rows)) == one_by_one(rows)


def test_a_folder_that_cannot_be_written_costs_only_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    rows = colour_rows(4)
    assert list(RowEncoder(CHAT, tmp_path / "file").encode(TASK, rows)) == one_by_one(rows)


def test_rows_of_several_tasks_keep_their_order() -> None:
    other = TASK.model_copy(update={"name": "other", "instruction": {"en": "Say them backwards."}})
    pairs = [(other if number % 3 else TASK, row) for number, row in enumerate(colour_rows(10))]
    assert encode_mixed(pairs, RowEncoder(CHAT).encode) == [CHAT.encode(task, row) for task, row in pairs]
    assert encode_mixed([], CHAT.encode_all) == []
