"""Gate `balance`: no label may crowd out the others."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence

from anytasktune.gates.gate import Finding, Job, Placed
from anytasktune.ids import text_hash
from anytasktune.schema import Example

_CHANCE = 2.0
"""Standard deviations by which a label may be over its share, so that chance alone drops nothing."""


def balance(job: Job, items: Sequence[Placed]) -> Iterator[Finding]:
    """Candidates of labels that are too frequent among train rows and candidates together.

    A label may have `label_share` times an even share of the rows, or its share among the train rows if that is larger. Which
    of its candidates go is decided by a hash, so that all ways of making them lose alike. Only closed lists have labels.
    """
    labels = job.task.labels_in(None)
    if not labels or not items:
        return
    seeds = [_labels(job, example) for example in job.context.train]
    made = [_labels(job, item.candidate.example()) for item in items]
    rows = len(seeds) + len(made)
    in_seeds, in_made = (Counter(label for found in answers for label in found) for answers in (seeds, made))
    even = (in_seeds.total() + in_made.total()) / rows / len(labels)
    gone: set[int] = set()
    for label in sorted(in_made):
        share = max(job.config.label_share * even, in_seeds[label] / max(len(seeds), 1))
        allowed = max(0, _allowed(share, rows) - in_seeds[label])
        having = [item for item, found in zip(items, made, strict=True) if label in found]
        for item in sorted(having, key=lambda item: text_hash(item.candidate.id))[allowed:]:
            if item.position not in gone:
                gone.add(item.position)
                detail = f"{len(having)} candidates answer {label!r}; with the train rows there is room for {allowed}"
                yield Finding(item.position, True, "frequent_label", detail)


def _allowed(share: float, rows: int) -> int:
    """Most rows that may have a label of this share."""
    share = min(1.0, share)
    return math.ceil(share * rows + _CHANCE * math.sqrt(share * (1 - share) * rows))


def _labels(job: Job, example: Example) -> tuple[str, ...]:
    """The labels of an answer, in the task's first language."""
    named = dict.fromkeys(job.task.output.chosen(example.output, job.task.language_of(example.language)))
    return tuple(job.task.in_first_language(label, label) for label in named)
