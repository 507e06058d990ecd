"""What is written is read back the same, in every format."""

from pathlib import Path
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anytasktune.datasets import WriteFormat, read_examples, write_examples
from anytasktune.errors import ConfigError
from anytasktune.schema import Example

FORMATS: tuple[WriteFormat, ...] = get_args(WriteFormat)
FILES: list[tuple[WriteFormat, str]] = [(name, f"rows.{name if name in {'csv', 'parquet'} else 'jsonl'}") for name in FORMATS]
FILES += [(name, "rows.json") for name in FORMATS if name not in {"csv", "parquet"}]

anything = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
troublesome = st.lists(
    st.sampled_from(['"', "'", ",", ";", "\t", "\n", "\r", "\\", "租金", "“好”", "\u2028", "=", " ", "user: "]), min_size=1
)
texts = (anything | troublesome.map("".join)).filter(lambda text: text.strip())
examples = st.builds(Example, input=texts, output=texts, language=st.sampled_from([None, "en", "zh"]), source=st.none() | texts)
unique_examples = st.lists(examples, min_size=1, max_size=5, unique_by=lambda example: example.id)


@pytest.mark.parametrize(("format", "name"), FILES)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=unique_examples, instruction=st.just("") | texts)
def test_reading_gives_back_what_was_written(
    tmp_path: Path, format: WriteFormat, name: str, rows: list[Example], instruction: str
) -> None:
    path = tmp_path / name
    write_examples(rows, path, format, instruction=instruction)
    result = read_examples(path)
    assert result.examples == rows
    assert result.dropped == []
    if format in {"alpaca", "sharegpt", "messages"}:
        assert (result.format, result.instruction) == (format, instruction)


def test_rows_carry_only_the_fields_that_are_set(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    write_examples([Example(input="租金", output="b"), Example(input="c", output="d", source="e")], path, "jsonl")
    lines = path.read_bytes().decode().splitlines()
    assert lines == ['{"input": "租金", "output": "b"}', '{"input": "c", "output": "d", "source": "e"}']


def test_nothing_half_written_stays_beside_the_file(tmp_path: Path) -> None:
    write_examples([Example(input="a", output="b")], tmp_path / "deep" / "rows.csv", "csv")
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["rows.csv"]


def test_an_unknown_format_is_answered_with_the_nearest_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean 'alpaca'"):
        write_examples([Example(input="a", output="b")], tmp_path / "x.json", "alpacca")  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []
