"""A routing task and an extraction task in two languages, with own rows and candidates for the tests of gates."""

from typing import Any

from anytasktune.gates import GateContext, Gated, run_gates
from anytasktune.outputs import Rules
from anytasktune.records import Language
from anytasktune.schema import Candidate, Example, Origin, Task, Verdict
from anytasktune.settings import GateConfig

ROUTING = Task.model_validate(
    {
        "name": "route",
        "instruction": {
            "en": "Decide which desk of the shop has to answer the customer's message, and write nothing but its name.",
            "zh": "判断顾客的留言应由哪个部门答复，只写出部门名称，不要写别的内容。",
        },
        "output": {"kind": "label", "labels": {"en": ["delivery", "refund", "repair"], "zh": ["配送", "退款", "维修"]}},
    }
)
EXTRACTION = Task.model_validate(
    {
        "name": "extract",
        "instruction": {"en": "Extract the goods and the city.", "zh": "抽取商品和城市。"},
        "output": {
            "kind": "json",
            "json_schema": {
                "type": "object",
                "properties": {"goods": {"type": "string"}, "city": {"type": "string"}},
                "additionalProperties": False,
            },
        },
    }
)
REPLY = Task.model_validate(
    {"name": "reply", "instruction": {"en": "Answer the customer.", "zh": "回复顾客。"}, "output": {"kind": "text"}}
)
COPYING = EXTRACTION.model_copy(update={"rules": Rules(copies_from_input=True)})

_GOODS = ("kettle", "lamp", "bicycle", "teapot", "blanket", "printer", "mirror", "ladder", "toaster", "guitar", "tent", "scarf")
_CITIES = ("Leeds", "Dover", "Perth", "Boston", "Geneva", "Bergen", "Turin", "Malmo", "Ghent", "Porto", "Lyon", "Basel")
_ZH_GOODS = ("水壶", "台灯", "自行车", "茶壶", "毛毯", "打印机", "镜子", "梯子", "烤箱", "吉他", "帐篷", "围巾")
_ZH_CITIES = ("杭州", "成都", "武汉", "青岛", "厦门", "昆明", "沈阳", "长沙", "南京", "西安", "天津", "苏州")


def routing_rows() -> list[Example]:
    """Twelve rows in each language, all different."""
    english = [
        Example(input=f"The {goods} I ordered for {city} has not come yet, where is it now?", output="delivery", language="en")
        for goods, city in zip(_GOODS, _CITIES, strict=True)
    ]
    chinese = [
        Example(input=f"我订的{goods}要寄到{city}，到现在还没有收到，请帮我查一下在哪里。", output="配送", language="zh")
        for goods, city in zip(_ZH_GOODS, _ZH_CITIES, strict=True)
    ]
    return english + chinese


def extraction_rows() -> list[Example]:
    """Twelve rows whose answers are copied from the input."""
    return [
        Example(
            input=f"Please send one {goods} to our office in {city} by Friday.",
            output=f'{{"goods": "{goods}", "city": "{city}"}}',
            language="en",
        )
        for goods, city in zip(_GOODS, _CITIES, strict=True)
    ]


def candidate(text: str, output: str, language: Language = "en", **origin: Any) -> Candidate:
    return Candidate(input=text, output=output, language=language, origin=Origin(**({"kind": "example"} | origin)))


def gated(
    task: Task, candidates: list[Candidate], train: list[Example] | None = None, config: GateConfig | None = None, **rows: Any
) -> Gated:
    """The candidates after all gates."""
    return run_gates(task, candidates, GateContext(train=train or [], **rows), config or GateConfig())


def only(found: Gated) -> Verdict:
    """The one verdict that dropped the one candidate."""
    (verdict,) = [verdict for verdict in found.verdicts if not verdict.passed]
    return verdict
