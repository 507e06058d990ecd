"""Instructions of drafted tasks: what a colleague would be told, and then the form of the answer, said exactly."""

from collections.abc import Sequence
from typing import Any

from anytasktune.records import Language
from anytasktune.schema import JsonOutput, LabelOutput, LabelsOutput, NumberOutput, Output, Rules
from anytasktune.text.plain_text import collapse_space

_COUNTS = {
    "en": ("exactly {low}", "at most {high}", "{low} to {high}", "at least {low}"),
    "zh": ("正好{low}", "最多{high}", "{low}至{high}", "至少{low}"),
}


def instruction(told: str, output: Output, rules: Rules, labels: Sequence[str], language: Language) -> str:
    """The whole instruction in one language; `labels` are those of that language."""
    parts = [_sentence(told, language), *form_of_answer(output, rules, labels, language)]
    return ("" if language == "zh" else " ").join(part for part in parts if part)


def form_of_answer(output: Output, rules: Rules, labels: Sequence[str], language: Language) -> list[str]:
    """Sentences that say everything a program will check."""
    sentences = _FORMS[language](output, rules, labels)
    if rules.copies_from_input:
        copied = {"en": "Copy the words of the input exactly.", "zh": "逐字照抄原文。"}
        sentences.append(copied[language])
    if rules.max_length is not None:
        length = {"en": f"At most {rules.max_length} characters.", "zh": f"不超过{rules.max_length}个字符。"}
        sentences.append(length[language])
    return sentences


def _english(output: Output, rules: Rules, labels: Sequence[str]) -> list[str]:
    items = _count(rules, "en")
    if isinstance(output, LabelOutput):
        return [f"Answer with exactly one of: {', '.join(labels)}."]
    if isinstance(output, LabelsOutput):
        what = f"Answer with those that apply, of: {', '.join(labels)}." if labels else "Answer with short phrases."
        number = f"Give {items} items, " if items else "Give the items "
        apart = "one per line." if output.separator == "\n" else f'separated by "{output.separator}".'
        return [what, number + apart]
    if isinstance(output, JsonOutput):
        return [_english_json(output.json_schema, items)]
    if isinstance(output, NumberOutput):
        digits = f", with at most {output.decimals} digits after the point" if output.decimals else ""
        return [f"Answer with the number only, from {output.minimum:g} to {output.maximum:g}{digits}."]
    return [f"Write {items} lines, one item per line."] if items else []


def _english_json(schema: dict[str, Any], items: str) -> str:
    keys, null = _keys_of(schema)
    named = (f" with the keys {', '.join(keys)}" if keys else "") + ("; null for what is not said" if null else "")
    if schema.get("type") == "array":
        return f"Answer with one JSON array{f' of {items} items' if items else ''}{f', each an object{named}' if keys else ''}."
    return f"Answer with one JSON object{named}."


def _chinese(output: Output, rules: Rules, labels: Sequence[str]) -> list[str]:
    items = _count(rules, "zh")
    if isinstance(output, LabelOutput):
        return [f"只回答以下之一：{'、'.join(labels)}。"]
    if isinstance(output, LabelsOutput):
        what = f"从以下各项中选出符合的：{'、'.join(labels)}。" if labels else "用简短的词语回答。"
        number = f"写出{items}项，" if items else ""
        return [what, number + ("每行一项。" if output.separator == "\n" else f"各项用“{output.separator}”隔开。")]
    if isinstance(output, JsonOutput):
        return [_chinese_json(output.json_schema, items)]
    if isinstance(output, NumberOutput):
        digits = f"，最多{output.decimals}位小数" if output.decimals else ""
        return [f"只回答{output.minimum:g}至{output.maximum:g}之间的一个数字{digits}。"]
    return [f"写{items}行，每行一条。"] if items else []


def _chinese_json(schema: dict[str, Any], items: str) -> str:
    keys, null = _keys_of(schema)
    named = (f"，键为{'、'.join(keys)}" if keys else "") + ("；未提到的写null" if null else "")
    if schema.get("type") == "array":
        return f"只回答一个JSON数组{f'，{items}项' if items else ''}{f'，每项为一个对象{named}' if keys else ''}。"
    return f"只回答一个JSON对象{named}。"


_FORMS = {"en": _english, "zh": _chinese}


def _keys_of(schema: dict[str, Any]) -> tuple[list[str], bool]:
    """The keys of the object a schema asks for, or of the elements of its array, and whether null may stand for one."""
    inner = schema.get("items") if schema.get("type") == "array" else schema
    properties = inner.get("properties", {}) if isinstance(inner, dict) else {}
    return list(properties), any("null" in str(value.get("type", "")) for value in properties.values())


def _count(rules: Rules, language: Language) -> str:
    low, high = rules.min_items or 0, rules.max_items
    exactly, most, between, least = _COUNTS[language]
    if high is None:
        return least.format(low=low) if low > 1 else ""
    chosen = exactly if low == high else most if low <= 1 else between
    return chosen.format(low=low, high=high)


def _sentence(text: str, language: Language) -> str:
    """`text` with a full stop at its end."""
    text = collapse_space(text)
    if not text or text[-1] in ".!?;:。！？；：":
        return text
    return text + ("。" if language == "zh" else ".")
