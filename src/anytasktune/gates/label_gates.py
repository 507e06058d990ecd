"""Gates on labels: `wrong_label` for answers that others speak against, `balance` for labels out of proportion.

Two kinds of evidence speak against an answer. The same input with another answer: a train row is right, else most candidates
are. And where an answer is one label of a closed list, confident learning (Northcutt, Jiang and Chuang 2021): every row is
judged by a model that was not trained on it, from the character n-grams of its input. How little it must believe in a label is
learned from the train rows: of rows like them at most one in two hundred is dropped. So this says nothing below two hundred
train rows, and nothing of faults that all candidates share.
"""

import math
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from anytasktune.errors import counted
from anytasktune.gates.gate import Finding, Job, Placed, Row, by_language, closeness
from anytasktune.ids import text_hash
from anytasktune.similarity.short_texts import skeleton
from anytasktune.text.plain_text import normalise

_FALSE_ALARMS = 0.005
_NOTED = 0.05
"""Share of the train rows that are as doubtful as a candidate that is kept with a remark."""
_FOLDS = 5
_MOST_FITTED = 4000
"""Rows a model is trained on at most."""
_MOST_FEATURES = 20_000
_LEAST_BELIEF = 1e-6
_DIGITS = 3
_CHANCE = 2.0
"""Standard deviations by which a label may be over its share, so that chance alone drops nothing."""


def wrong_label(job: Job, items: Sequence[Placed]) -> Iterator[Finding]:
    """Candidates whose answer is contradicted by another answer to the same input, or unlikely to be right."""
    if job.task.output.free_text:
        return
    contradicted = {finding.position: finding for finding in _contradictions(job, items)}
    yield from contradicted.values()
    if job.task.output.single_choice:
        for group in by_language([item for item in items if item.position not in contradicted]).values():
            yield from _unlikely(job, group)


def _contradictions(job: Job, items: Sequence[Placed]) -> Iterator[Finding]:
    def meaning(row: Row) -> Hashable:
        return job.task.output.meaning(row.output, job.task.languages[0])

    right: dict[str, set[Hashable]] = {}
    for example in job.context.train:
        right.setdefault(skeleton(example.input), set()).add(meaning(example))
    said: dict[str, Counter[Hashable]] = {}
    for item in (*job.context.kept, *items):
        said.setdefault(skeleton(item.candidate.input), Counter())[meaning(item.candidate)] += 1
    for item in items:
        bones = skeleton(item.candidate.input)
        trusted = right.get(bones)
        ranked = said[bones].most_common(2)
        tied = len(ranked) > 1 and ranked[0][1] == ranked[1][1]
        accepted = trusted or (set() if tied else {ranked[0][0]})
        if bones and meaning(item.candidate) not in accepted:
            reason = "contradicts_train_row" if trusted else "contradicts_candidates"
            yield Finding(item.position, True, reason, "the same input has another answer", 0.0 if trusted else 1.0)


def _unlikely(job: Job, items: Sequence[Placed]) -> Iterator[Finding]:
    language = items[0].candidate.language
    own = job.own_rows(language)
    if _rank(len(own), _FALSE_ALARMS) > len(own):
        return
    kept = [item.candidate for item in job.context.kept if item.candidate.language == language]
    rows: list[Row] = [*own, *kept, *(item.candidate for item in items)]
    likeliest, doubts = _cross_validated([row.input for row in rows], [row.output.strip() for row in rows])
    usual = np.sort(doubts[: len(own)])
    limit, noted = (float(usual[_rank(len(own), share) - 1]) for share in (_FALSE_ALARMS, _NOTED))
    first = len(rows) - len(items)
    for item, best, doubt in zip(items, likeliest[first:], doubts[first:].tolist(), strict=True):
        if doubt > noted:
            drop = doubt > limit and item.candidate.origin.kind != "counterfactual"
            detail = f"similar rows answer {best!r} rather than {item.candidate.output.strip()!r}"
            yield Finding(item.position, drop, "unlike_other_rows", detail, closeness(doubt, limit, max(limit - noted, 1e-9)))


def _rank(rows: int, share: float) -> int:
    """Rank, from the least doubtful, that all but `share` of new rows like these stay below (Vovk et al. 2005: conformal)."""
    return math.ceil((rows + 1) * (1 - share))


def _cross_validated(texts: Sequence[str], labels: Sequence[str]) -> tuple[list[str], NDArray[np.float64]]:
    """The likeliest label of each text, and the doubt about its own: how many times less likely that is, as a logarithm.

    Each by a model trained on the other four fifths of the rows.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415
    from sklearn.multiclass import OneVsRestClassifier  # noqa: PLC0415
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415

    names, own = np.unique(np.array(labels), return_inverse=True)
    plain = np.array([normalise(text) for text in texts], dtype=object)
    order = np.argsort([text_hash(f"{text}\n{label}") for text, label in zip(texts, labels, strict=True)])
    folds = np.empty(len(texts), dtype=np.intp)
    folds[order] = np.arange(len(texts)) % _FOLDS
    chances = np.full((len(texts), len(names)), _LEAST_BELIEF)
    for fold in range(_FOLDS):
        fitted = order[folds[order] != fold][:_MOST_FITTED]
        judged = np.flatnonzero(folds == fold)
        model = make_pipeline(
            TfidfVectorizer(analyzer="char", ngram_range=(1, 4), min_df=2, max_features=_MOST_FEATURES, sublinear_tf=True),
            OneVsRestClassifier(LogisticRegression(C=10, solver="liblinear", random_state=0)),
        )
        model.fit(plain[fitted], own[fitted])
        chances[np.ix_(judged, model.classes_)] += model.predict_proba(plain[judged])
    best = chances.argmax(axis=1)
    rows = np.arange(len(texts))
    return names[best].tolist(), np.round(np.log(chances[rows, best] / chances[rows, own]), _DIGITS)


def balance(job: Job, items: Sequence[Placed]) -> Iterator[Finding]:
    """Candidates of labels that are too frequent among train rows and candidates together.

    A label may have `label_share` times an even share of the rows, or its share among the train rows if that is larger. Which
    of its candidates go is decided by a hash, so that all kinds of origin lose alike. Only closed lists have labels.
    """
    listed = job.task.labels_in(None)
    if not listed or not items:
        return

    def labels(row: Row) -> tuple[str, ...]:
        """The labels of an answer, in the task's first language."""
        named = dict.fromkeys(job.task.output.chosen(row.output, job.task.language_of(row.language)))
        return tuple(job.task.in_first_language(label, label) for label in named)

    own, kept, made = (
        [labels(row) for row in rows]
        for rows in (job.context.train, [item.candidate for item in job.context.kept], [item.candidate for item in items])
    )
    in_own, in_kept, in_made = (Counter(label for found in answers for label in found) for answers in (own, kept, made))
    rows = len(own) + len(kept) + len(made)
    even = (in_own.total() + in_kept.total() + in_made.total()) / rows / len(listed)
    gone: set[int] = set()
    for label in sorted(in_made):
        share = min(1.0, max(job.config.label_share * even, in_own[label] / max(len(own), 1)))
        most = math.ceil(share * rows + _CHANCE * math.sqrt(share * (1 - share) * rows))
        room = max(0, most - in_own[label] - in_kept[label])
        having = [item for item, found in zip(items, made, strict=True) if label in found]
        for item in sorted(having, key=lambda item: text_hash(item.candidate.id))[room:]:
            if item.position not in gone:
                gone.add(item.position)
                detail = f"{counted(len(having), 'candidate')} with the answer {label!r}; there is room for {room}"
                yield Finding(item.position, True, "frequent_label", detail)
