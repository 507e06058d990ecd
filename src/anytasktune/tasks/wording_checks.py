"""Does an instruction say clearly what is wanted, and the same as the output and rules of its task?"""

import re
from collections.abc import Iterator

from anytasktune.outputs import JsonOutput, LabelsOutput, NumberOutput
from anytasktune.outputs.json_schema import keys_of, required_in
from anytasktune.records import Language
from anytasktune.schema import Task
from anytasktune.tasks.findings import At, Finding, listed
from anytasktune.text.numbers import fewest_items_in, item_ranges_in, most_items_in, numbers_in, ranges_in
from anytasktune.text.scripts import tokens

SHORTEST: dict[Language, int] = {"en": 6, "zh": 10}
"""Words (English) or characters (Chinese) below which nobody can know what is wanted."""
_VAGUE = re.compile(
    r"\b(?:etc\b\.?|and so (?:on|forth)|(?:as|if) appropriate|as needed|if necessary|where relevant)|等等|酌情|视情况|适当地",
    re.I,
)
_SEPARATOR_NAMES = {
    ";": ("semicolon", "分号"),
    ",": ("comma", "逗号"),
    "、": ("顿号",),
    "|": ("vertical bar", "pipe", "竖线"),
    "\n": ("one per line", "a line", "per line", "每行", "换行", "一行一"),
}
_QUOTED_SEPARATOR = re.compile(r"[\"“”'‘’「`]\s*([;；,，、|])\s*[\"“”'‘’」`]")
_LIST_OF_LABELS = re.compile(r"(?:one of|以下之一|下列之一|之一)[^:：,，]{0,20}?[:：]?\s*([^.。;；\n]+)", re.I)
_LIST_OF_KEYS = re.compile(r"(?:\bkeys?\b(?: are)?|键(?:为|是|名为)?)\s*[:：]?\s*([^.。;；:：\n]+)", re.I)
_BETWEEN_NAMES = re.compile(r"\s*(?:,|，|、|\bor\b|\band\b|或|和|与|及)\s*")
_KEY = re.compile(r"[a-z][a-z0-9_]*")


def vague_instruction(task: Task, language: Language, text: str) -> Iterator[Finding]:
    """Too short to be clear, or it leaves the limits to the reader ("etc.", "as appropriate", 等等)."""
    words = len(tokens(text))
    if words < SHORTEST[language]:
        why = f"the instruction has {words} words: a new colleague would not know what to do"
        yield _error("vague_instruction", _at(task, language), why, "say what to read, what to answer, and in which form")
    if found := _VAGUE.search(text):
        why = f"{found.group()!r} leaves open what is meant, and a model learns only what every row does alike"
        yield _advice("vague_instruction", _at(task, language), why, "name all that is wanted, or leave the words out")


def count_contradicts(task: Task, language: Language, text: str) -> Iterator[Finding]:
    """The number of items in the instruction is not that of `min_items` and `max_items`, or is not said."""
    fewest, most = task.rules.min_items, task.rules.max_items
    if most is None and (fewest is None or fewest <= 1):
        return
    said = f"{fewest if fewest is not None else 0} to {most if most is not None else 'any number of'} items"
    ranges, limits, least = item_ranges_in(text), most_items_in(text), fewest_items_in(text)
    one_sided = most in limits if (fewest or 0) <= 1 else most is None and fewest in least
    agree = one_sided or (fewest or 0, most) in ranges
    wanted = {float(number) for number in (fewest, most) if number is not None and number > 1}
    if agree or wanted <= numbers_in(text):
        return
    if ranges or limits or least:
        counts = [f"{low:g} to {high:g}" for low, high in sorted(ranges)] + [f"{n:g}" for n in sorted(limits | least)]
        why = f"the instruction says {listed(counts)}, the rules say {said}"
        yield _error("count_contradicts", _at(task, language), why, "make the instruction and rules.min_items, max_items agree")
    else:
        why = f"the rules ask for {said}, and the instruction does not say so"
        yield _advice("count_unsaid", _at(task, language), why, f"write it into the instruction: {said}")


def range_contradicts(task: Task, language: Language, text: str) -> Iterator[Finding]:
    """The range in the instruction is not that of a number output, or is not said."""
    if not isinstance(task.output, NumberOutput):
        return
    low, high = task.output.minimum, task.output.maximum
    if (low, high) in ranges_in(text) or {low, high} <= numbers_in(text):
        return
    instead = f"write: a number from {low:g} to {high:g}" if language == "en" else f"写明：{low:g} 至 {high:g} 之间的数字"
    if ranges_in(text):
        spoken = listed([f"{a:g} to {b:g}" for a, b in sorted(ranges_in(text))])
        why = f"the instruction says {spoken}, the output is from {low:g} to {high:g}"
        yield _error("range_contradicts", _at(task, language), why, instead)
    else:
        why = f"the instruction does not say that the number is from {low:g} to {high:g}"
        yield _advice("range_unsaid", _at(task, language), why, instead)


def labels_unnamed(task: Task, language: Language, text: str) -> Iterator[Finding]:
    """Labels the instruction does not name, and ones it names that are none."""
    labels = task.labels_in(language)
    if labels is None:
        return
    if missing := [label for label in labels if label not in text]:
        why = f"the instruction does not name {listed(missing)}, so an untuned model cannot answer and a reader cannot check"
        instead = "list all labels in the instruction, spelt as in output.labels"
        yield _error("label_unnamed", _at(task, language), why, instead)
    for listing in _LIST_OF_LABELS.findall(text):
        named = [name.strip(" \"'“”‘’") for name in _BETWEEN_NAMES.split(re.sub(r"[(（][^)）]*[)）]", "", listing))]
        unknown = [name for name in named if name and name not in labels and not any(name in label for label in labels)]
        if sum(name in labels for name in named) >= max(2, len(unknown) + 1) and unknown:
            why = f"the instruction lists {listed(unknown)}, which output.labels does not have"
            yield _error(
                "label_unknown", _at(task, language), why, "add it to output.labels, or strike it from the instruction"
            )


def separator_contradicts(task: Task, language: Language, text: str) -> Iterator[Finding]:
    """The instruction names another separator than the output has, or none."""
    if not isinstance(task.output, LabelsOutput):
        return
    own = _half_width(task.output.separator.strip() or task.output.separator)
    named = {_half_width(sign) for sign in _QUOTED_SEPARATOR.findall(text)}
    named |= {sign for sign, names in _SEPARATOR_NAMES.items() if any(name in text.lower() for name in names)}
    if own in named:
        return
    instead = f'write: separated by "{task.output.separator}"' if language == "en" else f"写明：用“{task.output.separator}”隔开"
    if named:
        why = f"the instruction names {listed(sorted(map(repr, named)))}, output.separator is {task.output.separator!r}"
        yield _error("separator_contradicts", _at(task, language), why, instead)
    else:
        why = f"the instruction does not say that items are separated by {task.output.separator!r}"
        yield _advice("separator_unsaid", _at(task, language), why, instead)


def keys_unnamed(task: Task, language: Language, text: str) -> Iterator[Finding]:
    """Keys of the JSON Schema that the instruction does not name, and ones it names that the schema does not have."""
    if not isinstance(task.output, JsonOutput):
        return
    schema = task.output.json_schema
    keys = sorted(keys_of(schema))
    missing = [key for key in keys if not re.search(rf"(?<![A-Za-z0-9_]){re.escape(key)}(?![A-Za-z0-9_])", text)]
    if demanded := [key for key in missing if key in required_in(schema)]:
        why = f"the instruction does not name the keys {listed(demanded)}, so an untuned model has to guess them"
        yield _error("key_unnamed", _at(task, language), why, "name every key, spelt as in output.json_schema")
    if optional := [key for key in missing if key not in required_in(schema)]:
        why = f"output.json_schema allows the keys {listed(optional)}, which the instruction does not name"
        yield _advice("key_unnamed", _at(task, language), why, "say when they are to be given, or strike them from the schema")
    listings = [_BETWEEN_NAMES.split(re.sub(r"[(（][^)）]*[)）]", "", listing)) for listing in _LIST_OF_KEYS.findall(text)]
    named = {name.strip(" \"'“”‘’`") for listing in listings for name in listing}
    unknown = sorted(name for name in named if _KEY.fullmatch(name) and "_" in name and name not in keys)
    if keys and unknown:
        why = f"the instruction names {listed(unknown)}, which output.json_schema does not have"
        yield _error("key_unknown", _at(task, language), why, "add it to the schema, or strike it from the instruction")


CHECKS = (vague_instruction, count_contradicts, range_contradicts, labels_unnamed, separator_contradicts, keys_unnamed)


def _half_width(sign: str) -> str:
    return {"；": ";", "，": ","}.get(sign, sign)


def _at(task: Task, language: Language) -> At:
    return ("tasks", task.name, "instruction", language)


def _error(code: str, at: At, why: str, instead: str) -> Finding:
    return Finding(code, "error", why, instead, at)


def _advice(code: str, at: At, why: str, instead: str) -> Finding:
    return Finding(code, "advice", why, instead, at)
