"""Two small bilingual tasks with enough rows to train a tiny model on."""

from anytasktune.outputs import LabelOutput, LabelsOutput
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


SHADES = {"red": "w1", "amber": "w2", "blue": "c1", "green": "c2"}
CHINESE_SHADES = {"w1": "暖一", "w2": "暖二", "c1": "冷一", "c2": "冷二"}


def shade_task() -> Task:
    """A label task whose labels begin alike and have as many tokens each."""
    labels = {"en": list(CHINESE_SHADES), "zh": list(CHINESE_SHADES.values())}
    instruction = {"en": "Which shade is it?", "zh": "这是什么色调？"}
    return Task(name="shades", instruction=instruction, output=LabelOutput(kind="label", labels=labels))


def shade_rows(count: int, start: int = 0) -> list[Example]:
    """Deterministic rows, one in four Chinese."""
    rows = []
    for number in range(start, start + count):
        colour, shade = list(SHADES.items())[number * 7 % 11 % 4]
        chinese = number % 4 == 3
        rows.append(
            Example(
                input=f"item {number}: a {colour} chair",
                output=CHINESE_SHADES[shade] if chinese else shade,
                language="zh" if chinese else "en",
            )
        )
    return rows
