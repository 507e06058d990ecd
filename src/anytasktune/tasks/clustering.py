"""Rows of past work, clustered into tasks by the form of the answers and the wording of answers and inputs.

Words are tf-idf vectors reduced by truncated SVD (latent semantic analysis, Deerwester et al. 1990), clusters are agglomerative
(Ward 1963, or complete linkage); all of it by scikit-learn and the same every time.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from itertools import permutations

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import DBSCAN, AgglomerativeClustering
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics.pairwise import cosine_distances
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize

from anytasktune.outputs import split_items
from anytasktune.schema import Example
from anytasktune.tasks.infer_output import LONGEST_LABEL, is_closed, is_sentence, json_value, separator_of
from anytasktune.text.numbers import is_bare_number
from anytasktune.text.scripts import tokens

SMALLEST_TASK = 4
"""Rows fewer than these are not called a task."""
SMALLEST_SHARE = 0.05
"""Share of the rows of one form below which a cluster is a few odd rows and no task."""
_SAME_KEYS = 0.5
"""Share of common keys from which two JSON objects are of one task."""
_CHAINED = 0.5
"""Share of a task's inputs that are outputs of another, from which it goes on from that one."""
_SHARED_INPUTS = 0.3
_RARE_LABELS = 0.1
"""Share of rows whose label may occur once."""
_CONFLICT = 0.25
"""Share of a label's inputs that another label answers, too, from which it is no slip."""
APART = 2.2
"""Labels of two tasks are so many times as far from each other as labels of one task."""
_NEIGHBOURS, MIXED = 5, 1 / 4
"""Rows of two tasks have at most this share of their nearest neighbours in the other one, by input and by answer."""
_WORDS, _DIMENSIONS, _READ = 4000, 40, 2000
"""Most words; dimensions they are reduced to; characters of a text that are looked at."""

Rows = list[Example]
Vectors = NDArray[np.float64]


def cluster_examples(examples: Sequence[Example]) -> tuple[list[Rows], Rows]:
    """Tasks as lists of rows, the largest first, and the rows that fit into none."""
    clusters: list[Rows] = []
    for form, rows in _by_form(examples).items():
        if form == "json":
            clusters += _by_keys(rows)
        elif form == "label":
            clusters += [part for column in _without_conflicts(rows) for part in _by_label_wording(column)]
        else:
            clusters += _by_wording(rows)
    tasks = sorted((rows for rows in clusters if len(rows) >= SMALLEST_TASK), key=len, reverse=True)
    return tasks, [row for rows in clusters if len(rows) < SMALLEST_TASK for row in rows]


def chains(tasks: Sequence[Rows]) -> list[list[int]]:
    """Numbers of tasks in chains: each takes its inputs from the outputs of the one before.

    A task that two others continue is followed by the first of them; the other stands alone.
    """
    outputs = [{row.output.strip() for row in rows} for rows in tasks]
    before: dict[int, int] = {}
    for number, rows in enumerate(tasks):
        others = [other for other in range(len(tasks)) if other != number]
        shares = {other: sum(row.input.strip() in outputs[other] for row in rows) / len(rows) for other in others}
        best = max(others, key=lambda other: shares[other], default=None)
        if best is None or shares[best] < _CHAINED:
            continue
        start = best
        while start in before and start != number:
            start = before[start]
        if start != number:  # no circle
            before[number] = best
    after: dict[int, int] = {}
    for later, earlier in before.items():
        after.setdefault(earlier, later)
    found = []
    for start in (task for task in range(len(tasks)) if task not in after.values()):
        chain = [start]
        while chain[-1] in after:
            chain.append(after[chain[-1]])
        found.append(chain)
    return found


def _by_form(examples: Sequence[Example]) -> dict[str, Rows]:
    """Rows by the form of their answers: `json`, `number`, `list`, `label` or `text`."""
    often = Counter(row.output.strip() for row in examples)
    groups: dict[str, Rows] = defaultdict(list)
    rare: Rows = []
    for row in examples:
        answer = row.output.strip()
        short = len(answer) <= LONGEST_LABEL and "\n" not in answer
        if json_value(answer) is not None:
            groups["json"].append(row)
        elif is_bare_number(answer):
            groups["number"].append(row)
        elif separator_of(answer):
            groups["list"].append(row)
        elif short and often[answer] == 1 and not is_sentence(answer):
            rare.append(row)
        else:
            groups["label" if short and often[answer] > 1 else "text"].append(row)
    groups["label" if len(rare) <= _RARE_LABELS * len(groups["label"]) else "text"] += rare
    # a list of one item looks like a label or a text
    items = {item for row in groups["list"] for item in split_items(row.output, separator_of(row.output.strip()) or "; ")}
    for form in ("label", "text"):
        groups["list"] += [row for row in groups[form] if row.output.strip() in items]
        groups[form] = [row for row in groups[form] if row.output.strip() not in items]
    few = SMALLEST_SHARE * len(groups["text"])  # texts that repeat, or happen to hold separators
    if len(groups["label"]) < few or not is_closed([row.output.strip() for row in groups["label"]]):
        groups["text"] += groups.pop("label")
    if len(groups["list"]) < few:
        groups["text"] += groups.pop("list")
    return {form: rows for form, rows in groups.items() if rows}


def _by_keys(rows: Rows) -> list[Rows]:
    """JSON answers whose keys overlap, directly or through others, are of one task; empty ones of the most frequent."""
    shapes: list[tuple[bool | str, ...]] = []
    for row in rows:
        value = json_value(row.output.strip())
        keys = value if isinstance(value, dict) else next((item for item in value or [] if isinstance(item, dict)), {})
        shapes.append((isinstance(value, dict), *sorted(keys)))
    known = sorted({shape for shape in shapes if len(shape) > 1})
    if not known:
        return _parted(rows, [shape[0] for shape in shapes])
    distances = [
        [1 - len({*one[1:]} & {*two[1:]}) / len({*one[1:], *two[1:]}) if one[0] == two[0] else 1.0 for two in known]
        for one in known
    ]
    groups = DBSCAN(eps=_SAME_KEYS, min_samples=1, metric="precomputed").fit_predict(distances)
    group_of = dict(zip(known, groups.tolist(), strict=True))
    times = Counter(shape for shape in shapes if shape in group_of)
    frequent = {shape[0]: group_of[shape] for shape, _ in reversed(times.most_common())}
    return _parted(rows, [group_of.get(shape, frequent.get(shape[0], shape[0])) for shape in shapes])


def _without_conflicts(rows: Rows) -> list[Rows]:
    """Labels that answer the same inputs are of different tasks; all others of the first task they may be of."""
    answers: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        answers[row.input].add(row.output.strip())
    times = Counter(row.output.strip() for row in rows)
    shared = Counter(pair for given in answers.values() for pair in permutations(given, 2))
    task_of: dict[str, int] = {}
    for label, _ in times.most_common():
        known = [other for other in task_of if shared[label, other] >= max(2, _CONFLICT * min(times[label], times[other]))]
        taken = {task_of[other] for other in known}
        task_of[label] = next(number for number in range(len(task_of) + 1) if number not in taken)
    return _parted(rows, [task_of[row.output.strip()] for row in rows])


def _by_label_wording(rows: Rows) -> list[Rows]:
    """Two tasks where labels form two groups that are much farther apart, by their inputs, than labels within them."""
    labels = list(dict.fromkeys(row.output.strip() for row in rows))
    if len(labels) < 4:  # a task has at least two
        return [rows]
    vectors = _vectors([row.input for row in rows])
    place = np.array([labels.index(row.output.strip()) for row in rows])
    distances = cosine_distances([vectors[place == number].mean(axis=0) for number in range(len(labels))])
    halves = AgglomerativeClustering(2, linkage="ward").fit_predict(vectors)
    groups = np.array([np.bincount(halves[place == number], minlength=2).argmax() for number in range(len(labels))])
    if np.bincount(groups, minlength=2).min() < 2:
        return [rows]
    inner = [distances[np.ix_(side, side)] for side in (np.flatnonzero(groups == number) for number in (0, 1))]
    within = max(square.sum() / (len(square) * (len(square) - 1)) for square in inner)
    if distances[np.ix_(groups == 0, groups == 1)].mean() < APART * within:
        return [rows]
    return [part for half in _parted(rows, groups[place].tolist()) for part in _by_label_wording(half)]


def _by_wording(rows: Rows) -> list[Rows]:
    """Two tasks where the nearest neighbours of rows are of the own cluster, by their inputs as by their answers.

    Where many inputs are the same, only answers can tell tasks apart.
    """
    answers = _vectors([row.output for row in rows])
    inputs = Counter(row.input for row in rows)
    if sum(times > 1 for times in inputs.values()) >= _SHARED_INPUTS * len(inputs):
        return _halves(rows, [answers])
    return _halves(rows, [_vectors([row.input for row in rows]), answers])


def _halves(rows: Rows, views: Sequence[Vectors]) -> list[Rows]:
    smallest = max(SMALLEST_TASK, math.ceil(SMALLEST_SHARE * len(rows)))
    if len(rows) < 2 * smallest:
        return [rows]
    groups = AgglomerativeClustering(2, linkage="ward").fit_predict(np.hstack(views))
    if np.bincount(groups).min() < smallest or max(_mixed(view, groups) for view in views) > MIXED:
        return [rows]
    parts: list[Rows] = []
    for number in (0, 1):
        inside = groups == number
        half = [row for row, is_inside in zip(rows, inside, strict=True) if is_inside]
        parts += _halves(half, [view[inside] for view in views])
    return parts


def _mixed(vectors: Vectors, groups: NDArray[np.intp]) -> float:
    """Share of the nearest neighbours of the smaller group's rows that are in the other group."""
    few = groups == np.bincount(groups).argmin()
    search = NearestNeighbors(n_neighbors=min(_NEIGHBOURS + 1, len(vectors))).fit(vectors)
    near = search.kneighbors(vectors[few], return_distance=False)[:, 1:]
    return float((groups[near] != groups[few][:, None]).mean())


def _vectors(texts: Sequence[str]) -> Vectors:
    """Words and style of texts, half each, of unit length; shape (texts, features)."""
    read = [text.strip()[:_READ] for text in texts]
    style: Vectors = normalize(np.array([_style(text) for text in read]))
    try:
        words = TfidfVectorizer(analyzer=tokens, sublinear_tf=True, min_df=2, max_features=_WORDS).fit_transform(read)
    except ValueError:  # no word occurs twice
        return style
    dimensions = min(_DIMENSIONS, min(words.shape) - 1)
    with np.errstate(invalid="ignore"):  # the share of explained variance of texts that are all alike
        reduced = TruncatedSVD(dimensions, random_state=0).fit_transform(words) if dimensions > 1 else words.toarray()
    both: Vectors = normalize(np.hstack([normalize(reduced), style]))
    return both


def _style(text: str) -> list[float]:
    """Length, lines, questions, JSON, lists: what a text looks like, whatever it is about."""
    lines = text.splitlines() or [""]
    size = math.log2(1 + len(text))
    lengths = [max(0.0, 1 - abs(size - step) / 1.5) for step in range(2, 13, 2)]
    questions = sum(line.rstrip().endswith(("?", "？")) for line in lines) / len(lines)
    data = float(text[:1] in {"{", "["})
    return [*lengths, min(len(lines) - 1, 4) / 2, 1.5 * questions, 1.5 * data, float(";" in text or "；" in text)]


def _parted(rows: Rows, groups: Iterable[Hashable]) -> list[Rows]:
    parts: dict[Hashable, Rows] = defaultdict(list)
    for row, group in zip(rows, groups, strict=True):
        parts[group].append(row)
    return list(parts.values())
