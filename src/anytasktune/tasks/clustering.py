"""Examples of past work, sorted into tasks by the form of the answers and the wording of answers and inputs."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from anytasktune.outputs import split_items
from anytasktune.schema import Example
from anytasktune.tasks.answer_forms import decoded, is_closed, separator_of
from anytasktune.tasks.wording_groups import Vectors, group_rows, joined, style_vectors, word_vectors
from anytasktune.text.numbers import is_bare_number

SMALLEST_TASK = 4
"""Rows fewer than these are not called a task."""
_SAME_KEYS = 0.5
"""Share of common keys from which two JSON objects are of one task."""
_CHAINED = 0.5
"""Share of a task's inputs that are outputs of another, from which it goes on from that one."""
_SHARED_INPUTS = 0.3
_ANSWERS = 2.0
"""Answers say more about which task a row is of than inputs do."""
_WORDS, _STYLE = 1.0, 1.0
_WHOLE_LABELS = 0.8
"""Share of a label's rows in one group from which groups are taken to part labels."""

Rows = list[Example]


def cluster_examples(examples: Sequence[Example]) -> tuple[list[Rows], Rows]:
    """Tasks as lists of rows, the largest first, and the rows that fit into none.

    Rows are parted by form (JSON by its keys, numbers, lists, repeated short answers, other texts); within a form by wording,
    where groups are clear; and where one input has several answers of one form, these are of different tasks.
    """
    clusters: list[Rows] = []
    for form, rows in _by_form(examples).items():
        clusters += _conflicting_labels(rows) if form == "label" else [rows] if form[0] in "{[" else _by_wording(rows)
    tasks = sorted((rows for rows in clusters if len(rows) >= SMALLEST_TASK), key=len, reverse=True)
    return tasks, [row for rows in clusters if len(rows) < SMALLEST_TASK for row in rows]


def chains(tasks: Sequence[Rows]) -> list[list[int]]:
    """Numbers of tasks in chains: each goes on from what the one before gives."""
    outputs = [{row.output.strip() for row in rows} for rows in tasks]
    before: dict[int, int] = {}
    for number, rows in enumerate(tasks):
        shares = {
            other: sum(row.input.strip() in given for row in rows) / len(rows)
            for other, given in enumerate(outputs)
            if other != number
        }
        best = max(shares, key=lambda other: shares[other], default=None)
        if best is not None and shares[best] >= _CHAINED and not _leads_to(before, best, number):
            before[number] = best
    return _in_order(before, len(tasks))


def _leads_to(before: dict[int, int], start: int, end: int) -> bool:
    while start in before:
        start = before[start]
        if start == end:
            return True
    return False


def _in_order(before: dict[int, int], number: int) -> list[list[int]]:
    """A task two others go on from is followed by the first of them; the other stands alone."""
    after: dict[int, int] = {}
    for later, earlier in before.items():
        after.setdefault(earlier, later)
    found = []
    for start in (task for task in range(number) if task not in after.values()):
        chain = [start]
        while chain[-1] in after:
            chain.append(after[chain[-1]])
        found.append(chain)
    return found


def _by_form(examples: Sequence[Example]) -> dict[str, Rows]:
    often = Counter(row.output.strip() for row in examples)
    groups: dict[str, Rows] = defaultdict(list)
    objects: list[tuple[frozenset[str], str]] = []
    for row in examples:
        groups[_form(row.output.strip(), often, objects)].append(row)
    _settle_single_items(groups)
    if not is_closed([row.output.strip() for row in groups["label"]]):
        groups["text"] += groups.pop("label")
    return {form: rows for form, rows in groups.items() if rows}


def _form(answer: str, often: Counter[str], objects: list[tuple[frozenset[str], str]]) -> str:
    value = decoded(answer)
    if value is not None:
        inner = value if isinstance(value, dict) else next((item for item in value if isinstance(item, dict)), {})
        return ("{" if isinstance(value, dict) else "[") + _key_set(frozenset(inner), isinstance(value, dict), objects)
    if is_bare_number(answer):
        return "number"
    if separator_of(answer):
        return "list"
    return "label" if often[answer] > 1 and len(answer) <= 40 and "\n" not in answer else "text"


def _key_set(keys: frozenset[str], is_object: bool, known: list[tuple[frozenset[str], str]]) -> str:
    """The name of the first set of keys seen that is much like this one."""
    kind = "{" if is_object else "["
    for other, name in known:
        if name[0] == kind and len(keys & other) >= _SAME_KEYS * max(1, len(keys | other)):
            return name
    known.append((keys, f"{kind}{len(known)}"))
    return known[-1][1]


def _settle_single_items(groups: dict[str, Rows]) -> None:
    """A list of one item looks like a label or a text: where other lists have that item, it is a list too."""
    items = {item for row in groups["list"] for item in split_items(row.output, separator_of(row.output.strip()) or "; ")}
    for form in ("label", "text"):
        single = [row for row in groups[form] if row.output.strip() in items]
        groups["list"] += single
        groups[form] = [row for row in groups[form] if row.output.strip() not in items]


def _conflicting_labels(rows: Rows) -> list[Rows]:
    """Labels that answer the same input are of different tasks; all others of the first task they may be of."""
    answers: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        answers[row.input].add(row.output.strip())
    conflicts: dict[str, set[str]] = defaultdict(set)
    for given in answers.values():
        for label in given:
            conflicts[label] |= given - {label}
    task_of: dict[str, int] = {}
    for label, _ in Counter(row.output.strip() for row in rows).most_common():
        taken = {task_of[other] for other in conflicts[label] if other in task_of}
        task_of[label] = next(number for number in range(len(task_of) + 1) if number not in taken)
    parted: dict[int, Rows] = defaultdict(list)
    for row in rows:
        parted[task_of[row.output.strip()]].append(row)
    return [part for whole in parted.values() for part in _labels_by_wording(whole)]


def _labels_by_wording(rows: Rows) -> list[Rows]:
    """A label stays whole: it goes where most of its rows go."""
    groups = group_rows(_inputs(rows))
    votes: dict[str, Counter[int]] = defaultdict(Counter)
    for row, group in zip(rows, groups, strict=True):
        votes[row.output.strip()][group] += 1
    chosen = {label: group.most_common(1)[0][0] for label, group in votes.items()}
    agree = sum(votes[row.output.strip()].most_common(1)[0][1] / votes[row.output.strip()].total() for row in rows)
    if agree < _WHOLE_LABELS * len(rows) or any(count < 2 for count in Counter(chosen.values()).values()):
        return [rows]  # groups that cut across labels are of another kind, and a task has at least two labels
    return _parted(rows, [chosen[row.output.strip()] for row in rows])


def _by_wording(rows: Rows) -> list[Rows]:
    inputs = Counter(row.input for row in rows)
    shared = sum(times > 1 for times in inputs.values()) >= _SHARED_INPUTS * len(inputs)
    texts = [row.output for row in rows]
    answers = joined((_WORDS, word_vectors(texts)), (_STYLE, style_vectors(texts)))
    if shared:
        return _parted(rows, group_rows(answers, fewest=2))
    return _parted(rows, group_rows(joined((_ANSWERS, answers), (1.0, _inputs(rows)))))


def _inputs(rows: Rows) -> Vectors:
    texts = [row.input for row in rows]
    return joined((_WORDS, word_vectors(texts)), (_STYLE, style_vectors(texts)))


def _parted(rows: Rows, groups: Sequence[int]) -> list[Rows]:
    parts: dict[int, Rows] = defaultdict(list)
    for row, group in zip(rows, groups, strict=True):
        parts[group].append(row)
    return list(parts.values())
