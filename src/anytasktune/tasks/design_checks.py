"""Is a task well cut: something to check, a fitting kind of output, labels that can be told apart, a place in the work?"""

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import combinations

from anytasktune.outputs.output_remarks import Level
from anytasktune.records import Language
from anytasktune.schema import Task
from anytasktune.schema.domain import Action, Domain
from anytasktune.similarity import jaccard
from anytasktune.tasks.findings import Finding
from anytasktune.text.plain_text import listed, normalise

NEAR_LABELS = 0.85
"""Share of common characters from which two labels look alike."""
NEAR_INSTRUCTIONS = 0.6
"""Jaccard similarity of character 5-grams from which two instructions say the same."""
_NEGATION = re.compile(r"^(?:un|dis|non|in|im|not|no|不|非|无|未)[ -]?")


def no_checkable_rule(task: Task) -> Iterator[Finding]:
    """Nothing a program could check about an answer."""
    if remark := task.output.design_remark(task.rules):
        yield Finding.of(remark, ("tasks", task.name, "rules"))


def labels_overlap(task: Task) -> Iterator[Finding]:
    """Labels that are nearly the same words, or one a part of another."""
    for language in task.languages:
        for first, second in combinations(task.labels_in(language) or [], 2):
            if likeness := _likeness(first, second, language):
                why = f"{first!r} and {second!r} {likeness}: people and models will mix them up"
                instead = "rename one so that the difference stands in its first words, or make one label of both"
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
            instead = "make one task of them, or say in each instruction what sets it apart"
            yield Finding("twin_tasks", "advice", why, instead, ("tasks", second.name, "instruction"))


def loose_action(action: Action, tasks: Sequence[Task]) -> Iterator[Finding]:
    """An action of several steps none of which takes what an earlier one gives."""
    sources = {task.name: task.input_from for task in tasks}
    if len(action.steps) > 1 and not any(sources.get(step) in action.steps for step in action.steps):
        why = f"the {len(action.steps)} steps of {action.name} stand side by side: none takes its input from an earlier one"
        instead = "give the step that goes on from another `input_from:`, or make actions of their own"
        yield Finding("loose_action", "advice", why, instead, ("actions", action.name, "steps"))


def nothing_handed_over(domain: Domain) -> Iterator[Finding]:
    """A step that others go on from does not say what it hands over."""
    wanted = {task.input_from for task in domain.tasks if task.input_from}
    for task in domain.tasks:
        if task.name in wanted and not any(text.strip() for text in task.hands_over.values()):
            why = f"a later step takes its input from {task.name}, which does not say what it hands over"
            instead = "write hands_over: what the next step gets, in which form"
            yield Finding("nothing_handed_over", "advice", why, instead, ("tasks", task.name))


def task_without_action(domain: Domain) -> Iterator[Finding]:
    """Tasks that are no step of anything people do."""
    steps = {step for action in domain.actions for step in action.steps}
    for task in domain.tasks if domain.actions else []:
        if task.name not in steps:
            why = f"{task.name} is no step of any action, so nobody knows when it is done"
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


TASK_CHECKS = (no_checkable_rule, labels_overlap)
POOL_CHECKS = (nothing_handed_over, task_without_action, language_missing)
