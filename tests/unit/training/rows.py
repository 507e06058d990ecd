"""A small bilingual task with enough rows to train a tiny model on."""

from anytasktune.outputs import LabelsOutput
from anytasktune.schema import Example, Task

COLOURS = ["red", "blue", "green", "white", "black", "amber", "红", "蓝", "绿"]


def colour_task() -> Task:
    return Task(
        name="colours",
        instruction={"en": "List the colours of the message in order of appearance.", "zh": "按出现顺序列出句中的颜色。"},
        output=LabelsOutput(kind="labels", separator="; "),
    )


def colour_rows(count: int, start: int = 0) -> list[Example]:
    """Deterministic rows, one in four Chinese; every second has two colours."""
    rows = []
    for number in range(start, start + count):
        first, second = COLOURS[number % 9], COLOURS[(number * 4 + 1) % 9]
        text = f"item {number}: a {first} chair" + (f" and a {second} lamp" if number % 2 else "")
        chinese = number % 4 == 3
        rows.append(
            Example(
                input=f"第{number}件：{text}" if chinese else text,
                output=f"{first}; {second}" if number % 2 else first,
                language="zh" if chinese else "en",
            )
        )
    return rows
