"""A real HTTP server on this machine that plays a teacher: it answers any request for JSON with plausible, varied text.

The same request always gets the same answer, on every machine and in any order, so what is made of its answers can be compared
byte by byte. Faults are planted by share: a request that failed once may well be answered the next time.
"""

import hashlib
import json
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.openai_server import Answer, Raw, Served, completion, error, serving

_ENGLISH = re.findall(
    r"\w+",
    "client landlord deposit letter rent contract notice court shop refund order parcel nurse patient cough fever "
    "allowance leave manager payroll invoice bank account loan rate report review complaint driver train hotel "
    "booking garden fence neighbour insurer claim accident bicycle school exam teacher holiday visa passport "
    "software licence update password salary pension split ",
)
_CHINESE = re.findall(
    r"\w+",
    "客户 房东 押金 来信 租金 合同 通知 法院 店铺 退款 订单 包裹 护士 患者 咳嗽 发烧 津贴 休假 "
    "经理 工资 发票 银行 账户 贷款 利率 报告 评价 投诉 司机 列车 酒店 预订 花园 围栏 邻居 保险 "
    "理赔 事故 单车 学校 考试 老师 假期 签证 护照 软件 许可 更新 密码 薪酬 养老 ",
)
_HAN = re.compile("[\u4e00-\u9fff]")
_SENTENCE = re.compile(r"[^.!?。！？\n]{12,}[.!?。！？]?")
_QUOTES = ("quote", "span", "excerpt", "words")
FAULTS = ("limit", "server_error", "garbage", "half_json", "cut", "wrong_language", "not_json", "slow")


@dataclass
class Script:
    """What the teacher answers.

    Attributes:
        faults: share of the answers that are spoilt, from 0 to 1.
        kinds: in which ways.
        slow: seconds of a slow answer.
        values: makes the value of a property of that name from the conversation and a source of chance.
        texts: property names that are texts about nothing in particular are made up.
    """

    faults: float = 0.0
    kinds: tuple[str, ...] = FAULTS
    slow: float = 0.0
    values: Mapping[str, Callable[[str, random.Random], Any]] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)

    def __call__(self, body: dict[str, Any]) -> Answer:
        key = hashlib.sha256(json.dumps(body, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
        self.asked[key] += 1
        chance = random.Random(f"{key} {self.asked[key]}")
        if chance.random() < self.faults:
            return self._spoilt(chance.choice(self.kinds), body)
        if self.slow:
            time.sleep(self.slow)
        return self._answer(body, random.Random(key))

    def _answer(self, body: dict[str, Any], chance: random.Random) -> Answer:
        asked = _conversation(body)
        content = json.dumps(self._value(_schema(body), "", asked, chance), ensure_ascii=False)
        usage = {"prompt_tokens": len(asked) // 3 + 1, "completion_tokens": len(content) // 3 + 1}
        return completion(content) | {"usage": usage}

    def _value(self, schema: Mapping[str, Any], name: str, asked: str, chance: random.Random) -> Any:
        if name in self.values:
            return self.values[name](asked, chance)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return chance.choice(list(schema["enum"]))
        kind = schema.get("type", "string")
        kind = kind[0] if isinstance(kind, list) else kind
        if kind == "object":
            return {key: self._value(part, key, asked, chance) for key, part in schema.get("properties", {}).items()}
        if kind == "array":
            least = schema.get("minItems", 1)
            count = chance.randint(least, min(schema.get("maxItems", least + 2), least + 4))
            return [self._value(schema.get("items", {}), name, asked, chance) for _ in range(count)]
        return _plain(kind, schema, name, asked, chance)

    def _spoilt(self, kind: str, body: dict[str, Any]) -> Answer:
        content = json.dumps(self._value(_schema(body), "", "", random.Random(0)), ensure_ascii=False)
        spoilt: dict[str, Answer] = {
            "limit": error(429, "slow down", Retry_After="0"),
            "server_error": error(500, "something broke"),
            "garbage": Raw(200, "<html>gateway</html>"),
            "half_json": completion(content[: len(content) // 2], "length"),
            "cut": Raw(200, json.dumps(completion(content)), cut=True),
            "wrong_language": completion(re.sub(r'"[^":{}]*"(?=[,}\]])', '"Это ответ не на том языке"', content)),
            "not_json": completion("I am sorry, I cannot help with that."),
        }
        if kind == "slow":
            time.sleep(max(self.slow, 1.5))
        return spoilt.get(kind, completion(content))


def _plain(kind: str, schema: Mapping[str, Any], name: str, asked: str, chance: random.Random) -> Any:
    if kind in {"integer", "number"}:
        low, high = schema.get("minimum", 1), schema.get("maximum", 5)
        return chance.randint(int((low + high) / 2), int(high))
    if kind == "boolean":
        return True
    if kind == "null":
        return None
    if any(word in name for word in _QUOTES):
        sentences = [match.group().strip() for match in _SENTENCE.finditer(asked.rpartition("\n\n")[0] or asked)]
        return chance.choice(sentences) if sentences else asked[:40]
    return _sentence(bool(_HAN.search(asked.splitlines()[0] if asked else "")), chance)


def _sentence(chinese: bool, chance: random.Random) -> str:
    if chinese:
        return "，".join("".join(chance.sample(_CHINESE, 3)) for _ in range(chance.randint(2, 4))) + "。"
    words = chance.sample(_ENGLISH, chance.randint(8, 14))
    return " ".join(words).capitalize() + "."


def _conversation(body: Mapping[str, Any]) -> str:
    return "\n".join(message["content"] for message in body["messages"])


def _schema(body: Mapping[str, Any]) -> Mapping[str, Any]:
    schema: Mapping[str, Any] = body.get("response_format", {}).get("json_schema", {}).get("schema", {"type": "object"})
    return schema


@contextmanager
def scripted_teacher(script: Script | None = None) -> Iterator[Served]:
    """Serve until the block ends; `served.bodies` holds every request that was sent."""
    with serving(script or Script()) as served:
        yield served
