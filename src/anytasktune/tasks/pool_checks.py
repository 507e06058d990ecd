"""Review of a Task Pool: its design, the wording of its instructions, and its rows."""

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import combinations

from anytasktune.errors import counted
from anytasktune.outputs.output_remarks import Level
from anytasktune.records import Language
from anytasktune.schema import Task
from anytasktune.schema.domain import Domain
from anytasktune.schema.wiring import WiredAction
from anytasktune.settings.yaml_reading import nearest
from anytasktune.similarity import jaccard
from anytasktune.tasks import row_checks
from anytasktune.tasks.findings import At, Finding, PlacedRow
from anytasktune.text.numbers import fewest_items_in, item_ranges_in, most_items_in, numbers_in
from anytasktune.text.plain_text import listed, normalise
from anytasktune.text.scripts import tokens

NEAR_LABELS = 0.85
"""Share of common characters from which two labels look alike."""
NEAR_INSTRUCTIONS = 0.6
"""Jaccard similarity of character 5-grams from which two instructions say the same."""
_NEGATION = re.compile(r"^(?:un|dis|non|in|im|not|no|不|非|无|未)[ -]?")
SHORTEST: dict[Language, int] = {"en": 6, "zh": 10}
"""Fewest words (English) or characters (Chinese) that can say what is wanted."""
_VAGUE = re.compile(
    r"\b(?:etc\b\.?|and so (?:on|forth)|(?:as|if) appropriate|as needed|if necessary|where relevant)|等等|酌情|视情况|适当地",
    re.I,
)


def check_pool(domain: Domain, rows: Mapping[str, Sequence[PlacedRow]]) -> list[Finding]:
    """Findings on `domain`, errors before advice, otherwise in the order of the pool.

    Args:
        rows: task name → its rows; tasks without rows may be left out.

    Raises:
        ConfigError: a task's JSON Schema is no schema.
    """
    return sorted(_findings(domain, rows), key=lambda finding: finding.level != "error")


def _findings(domain: Domain, rows: Mapping[str, Sequence[PlacedRow]]) -> Iterator[Finding]:
    by_name = {task.name: task for task in domain.tasks}
    yield from unknown_source(domain)
    yield from nothing_handed_over(domain)
    yield from task_without_action(domain)
    yield from language_missing(domain)
    for action in domain.actions:
        yield from loose_action(domain.wired(action))
    yield from twin_tasks(domain.tasks)
    for task in domain.tasks:
        for language, text in task.instruction.items():
            for wording_check in (vague_instruction, count_contradicts, output_misdescribed):
                yield from wording_check(task, language, text)
        yield from no_checkable_rule(task)
        yield from labels_overlap(task)
        own = rows.get(task.name, ())
        for row_check in row_checks.CHECKS:
            yield from row_check(task, own)
        yield from row_checks.unlike_handed_over(task, by_name.get(task.input_from or ""), own)


def no_checkable_rule(task: Task) -> Iterator[Finding]:
    """Outputs about which a program could check nothing."""
    if remark := task.output.design_remark(task.rules):
        yield Finding.of(remark, ("tasks", task.name, "rules"))


def labels_overlap(task: Task) -> Iterator[Finding]:
    """Labels that are nearly the same words, or one a part of another."""
    for language in task.languages:
        for first, second in combinations(task.labels_in(language) or [], 2):
            if likeness := _likeness(first, second, language):
                why = f"{first!r} and {second!r} {likeness}: people and models will confuse them"
                instead = "rename one so that they differ in their first words, or merge them"
                yield Finding("labels_overlap", "advice", why, instead, ("tasks", task.name, "output", "labels"))


def _likeness(first: str, second: str, language: Language) -> str:
    one, two = sorted((_bare(first), _bare(second)), key=len)
    if one == two:
        return "differ only in case, spaces or signs"
    if _NEGATION.sub("", two) == _NEGATION.sub("", one):
        return ""  # opposites look alike and are not
    part = re.search(rf"\b{re.escape(one)}\b", two) if language == "en" else one in two
    if part:
        return "overlap, one being a part of the other"
    return "look alike" if SequenceMatcher(None, one, two).ratio() >= NEAR_LABELS else ""


def _bare(label: str) -> str:
    return " ".join(re.sub(r"[^\w]+", " ", normalise(label)).replace("_", " ").split())


def twin_tasks(tasks: Sequence[Task]) -> Iterator[Finding]:
    """Two tasks with nearly the same instruction and the same kind of output."""
    for first, second in combinations(tasks, 2):
        common = [language for language in first.languages if language in second.languages]
        near = [jaccard(first.instruction[language], second.instruction[language]) for language in common]
        if type(first.output) is type(second.output) and near and max(near) >= NEAR_INSTRUCTIONS:
            why = f"{first.name} and {second.name} have nearly the same instruction ({max(near):.0%} of it)"
            instead = "merge them, or state the difference in each instruction"
            yield Finding("twin_tasks", "advice", why, instead, ("tasks", second.name, "instruction"))


def loose_action(action: WiredAction) -> Iterator[Finding]:
    """An action of several steps none of which takes what an earlier one gives."""
    if len(action.steps) > 1 and not any(action.needs(step) for step in action.steps):
        why = f"the {len(action.steps)} steps of {action.name} are not connected: none takes its input from an earlier one"
        instead = "add `input_from:` to the step that continues another, or `wiring:` to the action, or make separate actions"
        yield Finding("loose_action", "advice", why, instead, ("actions", action.name, "steps"))


def unknown_source(domain: Domain) -> Iterator[Finding]:
    """Tasks that take their input from one that is not in the pool: misspelt, or left behind when the task was taken over."""
    names = [task.name for task in domain.tasks]
    for task in domain.tasks:
        if task.input_from and task.input_from not in names:
            why = f"{task.name} takes its input from {task.input_from}, but no task is called that"
            instead = f"remove input_from, or name another task: {nearest(task.input_from, {*names} - {task.name})}"
            yield Finding("unknown_source", "advice", why, instead, ("tasks", task.name, "input_from"))


def nothing_handed_over(domain: Domain) -> Iterator[Finding]:
    """Steps that others continue and that do not say what they hand over."""
    wanted = {task.input_from for task in domain.tasks if task.input_from}
    for task in domain.tasks:
        if task.name in wanted and not any(text.strip() for text in task.hands_over.values()):
            why = f"a later step takes its input from {task.name}, which does not say what it hands over"
            instead = "write hands_over: what the next step gets, and its form"
            yield Finding("nothing_handed_over", "advice", why, instead, ("tasks", task.name))


def task_without_action(domain: Domain) -> Iterator[Finding]:
    """Tasks that are a step of no action."""
    steps = {step for action in domain.actions for step in action.steps}
    for task in domain.tasks if domain.actions else []:
        if task.name not in steps:
            why = f"{task.name} is a step of no action, so its place in the work is unknown"
            yield Finding("task_without_action", "advice", why, "add it to the steps of an action", ("tasks", task.name))


def language_missing(domain: Domain) -> Iterator[Finding]:
    """In a pool of two languages, a task whose instruction or texts lack one."""
    spoken = sorted({language for task in domain.tasks for language in task.languages})
    for task in domain.tasks:
        for field in ("instruction", "title", "limits", "done_by", "hands_over"):
            texts: dict[Language, str] = getattr(task, field)
            missing = [language for language in spoken if not texts.get(language, "").strip()]
            if missing and (texts or field == "instruction"):
                why = f"other tasks speak {listed(spoken)}, {task.name}.{field} lacks {listed(missing)}"
                instead = f"write {field}.{missing[0]} as a native speaker would, not word for word"
                level: Level = "error" if field == "instruction" else "advice"
                yield Finding("language_missing", level, why, instead, ("tasks", task.name, field))


def vague_instruction(task: Task, language: Language, text: str) -> Iterator[Finding]:
    """Instructions too short to be clear, or with open ends ("etc.", "as appropriate", 等等)."""
    words, at = len(tokens(text)), _at(task, language)
    if words < SHORTEST[language]:
        why = f"the instruction has {counted(words, 'word')}: a new colleague would not know what to do"
        yield Finding("vague_instruction", "error", why, "say what to read, what to answer, and in which form", at)
    if found := _VAGUE.search(text):
        why = f"{found.group()!r} is an open end, and a model learns only what all rows have in common"
        yield Finding("vague_instruction", "advice", why, "list everything that is wanted, or delete the words", at)


def count_contradicts(task: Task, language: Language, text: str) -> Iterator[Finding]:
    """Instructions that contradict `min_items` and `max_items`, or do not state them."""
    fewest, most, at = task.rules.min_items, task.rules.max_items, _at(task, language)
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
        yield Finding("count_contradicts", "error", why, "make the instruction and rules.min_items, max_items agree", at)
    else:
        why = f"the rules ask for {said}, and the instruction does not say so"
        yield Finding("count_unsaid", "advice", why, f"write it into the instruction: {said}", at)


def output_misdescribed(task: Task, language: Language, text: str) -> Iterator[Finding]:
    """Instructions that contradict the output, or do not state its labels, separator, keys or range."""
    yield from (Finding.of(remark, _at(task, language)) for remark in task.output.instruction_remarks(text, language))


def _at(task: Task, language: Language) -> At:
    return ("tasks", task.name, "instruction", language)
