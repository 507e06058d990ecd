"""Paragraphs in the terminal: no line too long, nothing lost, Chinese broken between characters."""

from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from anytasktune.reports.terminal_paragraph import Paragraph

pieces = st.lists(
    st.sampled_from(["word", "a", " ", "，", "。", "（", "）", "租金", "Task-LM", "0.5", "  ", "\n", "x" * 15]), max_size=25
)


def lines_of(text: str, width: int) -> list[str]:
    console = Console(width=width)
    with console.capture() as shown:
        console.print(Paragraph(Text(text)))
    return shown.get().splitlines()


@given(pieces.map("".join), st.integers(4, 30))
@example("租金押金（房东", 7)
@example("xxxxxxxxxxxxxxx", 4)
def test_no_line_is_too_long_and_only_spaces_are_lost(text: str, width: int) -> None:
    lines = lines_of(text, width)
    assert all(cell_len(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_chinese_fills_its_lines_and_punctuation_begins_none() -> None:
    assert lines_of("→ 使用 Task-LM：优于其他每一个系统；与其中最强的相差 +0.283", 20) == [
        "→ 使用 Task-LM：优于",
        "其他每一个系统；与其",
        "中最强的相差 +0.283",
    ]
    assert lines_of("一二三四五，六七", 10) == ["一二三四", "五，六七"]


def test_english_is_broken_between_words_and_keeps_its_styles() -> None:
    assert lines_of("better than every other system", 12) == ["better than", "every other", "system"]
    console = Console(width=12, force_terminal=True, color_system="standard")
    with console.capture() as shown:
        console.print(Paragraph(Text.assemble(("better", "green"), " than every other")))
    assert "\x1b[32mbetter\x1b[0m than" in shown.get()
