"""What the tests of making candidates share: tasks, rows, passages, and a teacher behind a real local server."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.openai_server import Answers, Served
from tests.scripted_teacher import Script, scripted_teacher

from anytasktune.llm import Teacher
from anytasktune.records import Language
from anytasktune.schema import Example, Passage, Span, Task
from anytasktune.settings import SynthesisConfig, TeacherConfig

BOTH = {"en": "Do it with the text.", "zh": "按要求处理这段文字。"}
ROUTING = Task.model_validate(
    {
        "name": "routing",
        "instruction": {"en": "Which team takes the message?", "zh": "这条消息由哪个组处理？"},
        "output": {"kind": "label", "labels": {"en": ["billing", "delivery", "repair"], "zh": ["账单", "配送", "维修"]}},
    }
)
KEYWORDS = Task.model_validate(
    {"name": "keywords", "instruction": BOTH, "output": {"kind": "labels"}, "rules": {"min_items": 2, "max_items": 4}}
)
RATING = Task.model_validate(
    {"name": "rating", "instruction": BOTH, "output": {"kind": "number", "minimum": 1, "maximum": 5, "decimals": 1}}
)
CARD = Task.model_validate(
    {
        "name": "card",
        "instruction": BOTH,
        "output": {
            "kind": "json",
            "json_schema": {
                "type": "object",
                "properties": {
                    "urgency": {"type": "string", "enum": ["high", "low", "高", "低"]},
                    "deadline": {"type": ["string", "null"]},
                },
                "required": ["urgency", "deadline"],
                "additionalProperties": False,
            },
        },
    }
)
SUMMARY = Task.model_validate({"name": "summary", "instruction": BOTH, "output": {"kind": "text"}})
TASKS = (ROUTING, KEYWORDS, RATING, CARD, SUMMARY)

_OUTPUTS = {
    "routing": {"en": ["billing", "delivery", "repair"], "zh": ["账单", "配送", "维修"]},
    "keywords": {"en": ["late; parcel", "refund; card; fee"], "zh": ["迟到; 包裹", "退款; 银行卡; 手续费"]},
    "rating": {"en": ["1.5", "3.0", "4.5"], "zh": ["1.0", "2.5", "5.0"]},
    "card": {
        "en": ['{"urgency": "high", "deadline": "Friday"}', '{"urgency": "low", "deadline": null}'],
        "zh": ['{"urgency": "高", "deadline": "周五"}', '{"urgency": "低", "deadline": null}'],
    },
    "summary": {"en": ["The parcel is late.", "The card was charged twice."], "zh": ["包裹迟到了。", "银行卡被扣了两次款。"]},
}
_PEOPLE = ("Ann", "Bela", "Chen", "Dora", "Emil", "Fay", "Gus", "Hana", "Ivo", "June", "Kai", "Lena")
_THINGS = ("the parcel", "my invoice", "a bicycle", "the washing machine", "our heating", "a refund", "the printer")
_PEOPLE_ZH = ("小安", "老白", "陈姐", "丁叔", "方老师", "高女士", "何先生", "金医生", "李经理", "马师傅", "宁阿姨", "潘总")
_THINGS_ZH = ("包裹", "发票", "自行车", "洗衣机", "暖气", "退款", "打印机")


def rows_of(task: Task, count: int = 12, language: Language = "en", start: int = 0) -> list[Example]:
    """Rows with known answers that differ from each other."""
    outputs = _OUTPUTS[task.name][language]
    people, things = (_PEOPLE, _THINGS) if language == "en" else (_PEOPLE_ZH, _THINGS_ZH)
    rows = []
    for number in range(start, start + count):
        person, thing = people[number % len(people)], things[number % len(things)]
        text = (
            f"{person} wrote on day {number}: something went wrong with {thing}, number {number * 37 + 11}. Please help."
            if language == "en"
            else f"{person}在{number}号来信：{thing}出了问题，单号{number * 37 + 11}，请尽快帮忙处理一下。"
        )
        rows.append(Example(input=text, output=outputs[number % len(outputs)], language=language))
    return rows


_SENTENCES: dict[Language, list[str]] = {
    "en": [
        "Employees accrue fifteen days of paid leave in each calendar year.",
        "Requests are made in writing at least two weeks before the first day of leave.",
        "A manager may refuse a request once, and has to give a reason for it.",
        "Unused days lapse at the end of March in the following year.",
        "Nobody may be asked to work on a public holiday without agreeing to it.",
        "Expenses above fifty euros need a receipt and the name of the project.",
    ],
    "zh": [
        "职工连续工作一年以上的，享受带薪年休假。",
        "用人单位应当在每月十五日前以货币形式支付工资。",
        "劳动者提前三十日以书面形式通知用人单位，可以解除劳动合同。",
        "试用期包含在劳动合同期限内，最长不得超过六个月。",
        "用人单位安排加班的，应当支付加班费。",
        "发生争议的，当事人可以向劳动争议仲裁委员会申请仲裁。",
    ],
}


def passages_of(language: Language, count: int = 4) -> list[Passage]:
    """Passages of two documents."""
    found = []
    for number in range(count):
        sentences = [_SENTENCES[language][(number + place) % 6] for place in range(3)]
        text = (" " if language == "en" else "\n").join([*sentences, f"({number})"])
        span = Span(document=f"{language}/{number % 2}.txt", start=1000 * number, end=1000 * number + len(text))
        found.append(Passage(span=span, text=text, language=language))
    return found


@contextmanager
def teacher(answers: Answers | Script | None, folder: Path, **settings: object) -> Iterator[tuple[Teacher, Served]]:
    """A teacher at a real local server, whose answers are kept in `folder`."""
    script = answers if isinstance(answers, Script) or answers is None else None
    config = TeacherConfig.model_validate({"name": "big", "attempts": 3, "concurrency": 4, "timeout": 1.0} | settings)
    if answers is None or script is not None:
        with scripted_teacher(script) as served:
            yield _opened(served, config, folder), served
    else:
        from tests.openai_server import serving

        with serving(answers) as served:
            yield _opened(served, config, folder), served


def _opened(served: Served, config: TeacherConfig, folder: Path) -> Teacher:
    return Teacher.open(config, {"OPENAI_BASE_URL": served.url}, folder / "answers")


def quick(**settings: object) -> SynthesisConfig:
    """A small config."""
    return SynthesisConfig.model_validate({"rows": 6, "shots": 2} | settings)


def languages_of(rows: Sequence[Example]) -> list[Language]:
    return sorted({row.language or "en" for row in rows})
