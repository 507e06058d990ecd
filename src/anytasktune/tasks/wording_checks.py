"""Does an instruction say clearly what is wanted, and the same as the output and rules of its task?"""

import re
from collections.abc import Iterator

from anytasktune.records import Language
from anytasktune.schema import Task
from anytasktune.tasks.findings import At, Finding
from anytasktune.text.numbers import fewest_items_in, item_ranges_in, most_items_in, numbers_in
from anytasktune.text.plain_text import listed
from anytasktune.text.scripts import tokens

SHORTEST: dict[Language, int] = {"en": 6, "zh": 10}
"""Words (English) or characters (Chinese) below which nobody can know what is wanted."""
_VAGUE = re.compile(
    r"\b(?:etc\b\.?|and so (?:on|forth)|(?:as|if) appropriate|as needed|if necessary|where relevant)|等等|酌情|视情况|适当地",
    re.I,
)


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


def output_misdescribed(task: Task, language: Language, text: str) -> Iterator[Finding]:
    """What the instruction says of the output is wrong, or is not said: labels, separator, keys, range."""
    yield from (Finding.of(remark, _at(task, language)) for remark in task.output.instruction_remarks(text, language))


CHECKS = (vague_instruction, count_contradicts, output_misdescribed)


def _at(task: Task, language: Language) -> At:
    return ("tasks", task.name, "instruction", language)


def _error(code: str, at: At, why: str, instead: str) -> Finding:
    return Finding(code, "error", why, instead, at)


def _advice(code: str, at: At, why: str, instead: str) -> Finding:
    return Finding(code, "advice", why, instead, at)
