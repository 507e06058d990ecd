"""Faults planted in rows whose answers are right, so that it can be counted which gate finds them. Chosen by hashing."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from anytasktune.ids import text_hash
from anytasktune.outputs import JsonOutput, LabelOutput, LabelsOutput, NumberOutput, TextOutput
from anytasktune.records import Language
from anytasktune.schema import Example, Task
from benchmarks.gate_texts import BLANKS, INTRODUCTIONS, PERSONAL_KINDS, REFUSALS, personal_text

FAULTS = (
    "wrong_answer",
    "exact_duplicate",
    "near_duplicate",
    "reordered_duplicate",
    "leak_exact",
    "leak_edited",
    "personal_data",
    "other_language",
    "mixed_language",
    "broken_form",
    "boilerplate",
    "ungrounded",
    "repetition",
)
"""Every fault planted; those that make no sense for a task (other answers than JSON ungrounded) are left out there."""


_TRIED = 100


@dataclass(frozen=True)
class Row:
    """A row as it goes through the gates, and what was done to it: nothing if `fault` is empty."""

    example: Example
    fault: str = ""
    kind: str = ""
    """Of the fault, where there are several."""


@dataclass(frozen=True)
class Material:
    """Material for faults.

    Attributes:
        task: the task of the rows.
        language: of its rows.
        test: its sealed rows.
        others: texts in the other language, of other tasks.
    """

    task: Task
    language: Language
    test: Sequence[Example]
    others: Sequence[str]


def draw(key: str, size: int) -> int:
    """A number from 0 to size - 1 that depends on nothing but `key`."""
    return int(text_hash(key)[:12], 16) % size


def plant(rows: Sequence[Example], material: Material, share: float) -> list[Row]:
    """The rows with every fault that the task can have in `share` of them; duplicates are added behind the row they repeat.

    A row has one fault at most.
    """
    faults = [fault for fault in FAULTS if _possible(fault, material)]
    each = max(1, round(share * len(rows)))
    order = sorted(range(len(rows)), key=lambda place: text_hash(f"order {place} {rows[place].input}"))
    chosen = {place: faults[number // each] for number, place in enumerate(order[: each * len(faults)])}
    planted: list[Row] = []
    again: list[Row] = []
    for place, row in enumerate(rows):
        fault = chosen.get(place, "")
        if not fault:
            planted.append(Row(row))
        elif fault in _REPEATED:
            planted.append(Row(row))
            example, kind = _REPEATED[fault](row, material)
            if example != row or fault == "exact_duplicate":
                again.append(Row(example, fault, kind))
        else:
            planted.append(_made(row, fault, material))
    return planted + again


def _possible(fault: str, material: Material) -> bool:
    output = material.task.output
    if fault in ("other_language", "mixed_language"):
        return bool(material.others)
    if fault == "ungrounded":
        return isinstance(output, JsonOutput)
    if fault == "wrong_answer":
        return not isinstance(output, TextOutput)
    return True


def _made(row: Example, fault: str, material: Material) -> Row:
    if fault == "leak_exact":
        return Row(material.test[draw(row.id, len(material.test))], fault)
    if fault == "leak_edited":
        example, kind = edited(material.test[draw(row.id, len(material.test))], material.language, 0.06)
        return Row(example, fault, kind)
    example, kind = _MAKERS[fault](row, material)
    return Row(example, fault, kind) if example != row else Row(row)


def edited(row: Example, language: Language, share: float) -> tuple[Example, str]:
    """The row with its input changed a little, as a careless copy is: the answer stays right.

    Args:
        share: of the characters that are touched, at least one.
    """
    text, kind = row.input, ("punctuation", "typos", "words")[draw(f"edit {row.id}", 3)]
    if kind == "punctuation":
        changed = _respaced(text, language)
    elif kind == "words":
        start, end = _FRAMES[language][draw(f"frame {row.id}", len(_FRAMES[language]))]
        changed = start + text + end
    else:
        changed = text
    if kind == "typos" or changed == text:
        kind, changed = "typos", _with_typos(text, max(1, int(share * len(text) / 4)), row.id)
    return row.model_copy(update={"input": changed}), kind


_FRAMES: dict[Language, tuple[tuple[str, str], ...]] = {
    "en": (("Hi, ", ""), ("", " Thanks."), ("Please: ", ""), ("So, ", "")),
    "zh": (("你好，", ""), ("", "谢谢。"), ("请看：", ""), ("那么，", "")),
}


def _respaced(text: str, language: Language) -> str:
    changed = text.replace("，", "、").rstrip("。.!？?") if language == "zh" else text.replace(",", " ,").rstrip(".?!")
    return changed if changed != text else text.upper() if language == "en" else text + "。"


def _with_typos(text: str, count: int, key: str) -> str:
    """`text` with letters that are no digits swapped with the next or left out."""
    letters = list(text)
    for number in range(count):
        places = [place for place in range(1, len(letters) - 1) if letters[place].isalpha() and letters[place + 1].isalpha()]
        if not places:
            break
        place = places[draw(f"typo {number} {key}", len(places))]
        if draw(f"kind {number} {key}", 2):
            letters[place], letters[place + 1] = letters[place + 1], letters[place]
        else:
            del letters[place]
    return "".join(letters)


def _reordered(row: Example, material: Material) -> tuple[Example, str]:
    """The first of the input's clauses behind the others; a row of one clause or of several lines stays as it is."""
    clauses = [clause for clause in _CLAUSE.findall(row.input.strip()) if clause.strip()]
    if len(clauses) < _FEWEST_CLAUSES or "\n" in row.input:
        return row, "impossible"
    space = "" if material.language == "zh" else " "
    return row.model_copy(update={"input": space.join(clause.strip() for clause in [*clauses[1:], clauses[0]])}), ""


_CLAUSE = re.compile(r"[^,;.!?，；。！？]+(?:[,;.!?，；。！？](?!\d)|$)\s*")
_FEWEST_CLAUSES = 2
_REPEATED: Mapping[str, Callable[[Example, Material], tuple[Example, str]]] = {
    "exact_duplicate": lambda row, _: (row, ""),
    "near_duplicate": lambda row, material: edited(row, material.language, 0.04),
    "reordered_duplicate": _reordered,
}


def _wrong_answer(row: Example, material: Material) -> tuple[Example, str]:
    """Another label; one item more or less; another value in the JSON; a number at the other end."""
    return row.model_copy(update={"output": _wrong_output(row, material)}), ""


def _wrong_output(row: Example, material: Material) -> str:
    task, key = material.task, row.id
    labels = task.labels_in(material.language)
    if isinstance(task.output, LabelOutput):
        others = [label for label in labels or [] if label != row.output.strip()]
        return others[draw(key, len(others))]
    if isinstance(task.output, LabelsOutput) and labels:
        items = [item.strip() for item in row.output.split(task.output.separator.strip())]
        others = [label for label in labels or [] if label not in items]
        return task.output.separator.join([*items[:-1], others[draw(key, len(others))]])
    if isinstance(task.output, NumberOutput):
        middle = (task.output.minimum + task.output.maximum) / 2
        far = task.output.maximum if float(row.output) < middle else task.output.minimum
        return f"{far:.{task.output.decimals}f}"
    return material.test[draw(key, len(material.test))].output


def _personal_data(row: Example, material: Material) -> tuple[Example, str]:
    kind = PERSONAL_KINDS[draw(f"kind {row.id}", len(PERSONAL_KINDS))]
    text = personal_text(kind, material.language, row.id)
    space = "" if material.language == "zh" else " "
    before = draw(f"before {row.id}", 2)
    return row.model_copy(update={"input": text + space + row.input if before else row.input + space + text}), kind


def _other_language(row: Example, material: Material) -> tuple[Example, str]:
    """The input, or the answer where it is free text, is a text in the other language."""
    other = material.others[draw(row.id, len(material.others))]
    answer = isinstance(material.task.output, TextOutput) and draw(f"side {row.id}", 2)
    return row.model_copy(update={"output" if answer else "input": other}), "answer" if answer else "input"


def _mixed_language(row: Example, material: Material) -> tuple[Example, str]:
    """A sentence in the other language behind the input."""
    return row.model_copy(update={"input": f"{row.input} {material.others[draw(row.id, len(material.others))]}"}), ""


def _broken_form(row: Example, material: Material) -> tuple[Example, str]:
    if isinstance(material.task.output, TextOutput):
        return row.model_copy(update={"output": ""}), "empty"
    if not isinstance(material.task.output, JsonOutput):
        changes = [("sentence", f"Label: {row.output}"), ("empty", ""), ("suffix", f"{row.output}. "), ("invented", "unclear")]
    else:
        changes = [
            ("cut", row.output[: max(1, len(row.output) * 2 // 3)]),
            ("fenced", f"```json\n{row.output}\n```"),
            ("quotes", row.output.replace('"', "'") if '"' in row.output else "{'a': 1}"),
            ("prose", f"The answer is {row.output}"),
            ("key", json.dumps({"answer": json.loads(row.output)}, ensure_ascii=False)),
        ]
    kind, output = changes[draw(f"form {row.id}", len(changes))]
    return row.model_copy(update={"output": output}), kind


def _boilerplate(row: Example, material: Material) -> tuple[Example, str]:
    """A refusal for an input or answer, an introduction, a blank, or a piece of the instruction."""
    language, key = material.language, row.id
    kind = ("refusal", "introduction", "blank", "echo")[draw(f"boiler {key}", 4)]
    part = "output" if isinstance(material.task.output, TextOutput) and kind != "echo" and draw(f"part {key}", 2) else "input"
    text = getattr(row, part)
    if kind == "refusal":
        text = REFUSALS[language][draw(key, len(REFUSALS[language]))]
    elif kind == "introduction":
        text = INTRODUCTIONS[language][draw(key, len(INTRODUCTIONS[language]))] + text
    elif kind == "blank":
        text = text + (" " if language == "en" else "") + BLANKS[language][draw(key, len(BLANKS[language]))]
    else:
        text = f"{_beginning(material.task.instruction[language], language)}\n{text}"
    return row.model_copy(update={part: text}), kind


def _beginning(instruction: str, language: Language) -> str:
    """The first sentences of an instruction, as many as make some twenty characters or a dozen words."""
    least, said = (20, "") if language == "zh" else (60, "")
    for sentence in re.split(r"(?<=[.:：。])", instruction):
        said += sentence
        if len(said) >= least:
            break
    return said[:200]


def _ungrounded(row: Example, material: Material) -> tuple[Example, str]:
    """One string of the JSON that stands in the input becomes one that does not."""
    value = json.loads(row.output)
    strings = [text for text in _strings(value) if text and text in row.input]
    if not strings:
        return row, "impossible"
    old = strings[draw(row.id, len(strings))]
    others = [material.test[draw(f"{number} {row.id}", len(material.test))] for number in range(_TRIED)]
    copied = (text for other in others for text in _strings(json.loads(other.output)) if text in other.input)
    new = next((text for text in copied if len(text) > 1 and text not in row.input), "")
    if not new:
        return row, "impossible"
    return row.model_copy(update={"output": json.dumps(_replaced(value, old, new), ensure_ascii=False)}), ""


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for child in value.values() if isinstance(value, dict) else value:
            yield from _strings(child)


def _replaced(value: object, old: str, new: str) -> object:
    if isinstance(value, dict):
        return {key: _replaced(child, old, new) for key, child in value.items()}
    if isinstance(value, list):
        return [_replaced(child, old, new) for child in value]
    return new if value == old else value


def _repetition(row: Example, material: Material) -> tuple[Example, str]:
    """The end of the input over and over, as when a model loops."""
    piece = row.input[-12:] if material.language == "zh" else " ".join(row.input.split()[-4:])
    joint = "" if material.language == "zh" else " "
    return row.model_copy(update={"input": row.input + joint + joint.join([piece] * 12)}), ""


_MAKERS: Mapping[str, Callable[[Example, Material], tuple[Example, str]]] = {
    "wrong_answer": _wrong_answer,
    "personal_data": _personal_data,
    "other_language": _other_language,
    "mixed_language": _mixed_language,
    "broken_form": _broken_form,
    "boilerplate": _boilerplate,
    "ungrounded": _ungrounded,
    "repetition": _repetition,
}
