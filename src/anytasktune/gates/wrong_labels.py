"""Gate `wrong_label`: answers that disagree with others, as far as that can be seen without a teacher.

Two kinds of evidence. The same input with different answers: a train row is right, else most candidates are. And where an
answer is one label of a closed list, a model of which words go with which label, learned from train rows and candidates, that
finds another label far likelier. How far is learned from the train rows, each judged by a model that has not seen it: of rows
like them at most one in two hundred is dropped. So this says nothing below two hundred train rows, and nothing of faults that
all candidates share.
"""

import math
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence

from anytasktune.gates.gate import Finding, Job, Placed, by_language, closeness
from anytasktune.gates.label_model import opinions
from anytasktune.gates.short_texts import skeleton

_FALSE_ALARMS = 0.005
_NOTED = 0.05
"""Share of the train rows that are as strange as a candidate that stays but is pointed out."""


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
    right: dict[str, set[Hashable]] = {}
    for example in job.context.train:
        right.setdefault(skeleton(example.input), set()).add(job.task.output.meaning(example.output, job.task.languages[0]))
    groups: dict[str, list[Placed]] = {}
    for item in items:
        if bones := skeleton(item.candidate.input):
            groups.setdefault(bones, []).append(item)
    for bones, group in groups.items():
        meanings = [job.task.output.meaning(item.candidate.output, job.task.languages[0]) for item in group]
        trusted = right.get(bones)
        accepted = trusted or _most(meanings)
        for item, meaning in zip(group, meanings, strict=True):
            if meaning not in accepted:
                reason = "contradicts_train_row" if trusted else "contradicts_candidates"
                yield Finding(item.position, True, reason, "the same input has another answer", 0.0 if trusted else 1.0)


def _most(meanings: Sequence[Hashable]) -> set[Hashable]:
    """What most say; nothing if two answers have equally many."""
    ranked = Counter(meanings).most_common(2)
    return set() if len(ranked) > 1 and ranked[0][1] == ranked[1][1] else {ranked[0][0]}


def _unlikely(job: Job, items: Sequence[Placed]) -> Iterator[Finding]:
    seeds = job.seeds(items[0].candidate.language)
    rows = [(seed.input, seed.output.strip()) for seed in seeds]
    rows += [(item.candidate.input, item.candidate.output.strip()) for item in items]
    if _rank(len(seeds), _FALSE_ALARMS) > len(seeds):
        return
    judged = opinions([text for text, _ in rows], [label for _, label in rows])
    usual = sorted(opinion.strangeness for opinion in judged[: len(seeds)])
    limit, noted = (usual[_rank(len(seeds), share) - 1] for share in (_FALSE_ALARMS, _NOTED))
    for item, opinion in zip(items, judged[len(seeds) :], strict=True):
        if opinion.strangeness > noted:
            drop = opinion.strangeness > limit and item.candidate.origin.kind != "counterfactual"
            detail = f"similar rows answer {opinion.best!r} rather than {item.candidate.output.strip()!r}"
            border = closeness(opinion.strangeness, limit, max(limit - noted, 1e-9))
            yield Finding(item.position, drop, "unlike_other_rows", detail, border)


def _rank(rows: int, share: float) -> int:
    """Which row, from the least strange, none but `share` of new rows like these will pass (Vovk et al. 2005: conformal)."""
    return math.ceil((rows + 1) * (1 - share))
