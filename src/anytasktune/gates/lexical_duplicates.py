"""Gate `lexical_duplicate`: the same words in another order teach nothing new.

Words tell what a text is about, not who did what to whom. So where answers are not free text, two rows count as the same only
if their answers are.
"""

from collections.abc import Iterator, Sequence

from anytasktune.gates.gate import Finding, Job, Placed
from anytasktune.schema import AUGMENTATIONS, Candidate, Example
from anytasktune.similarity import group_lexical, match_lexical
from anytasktune.text.plain_text import shorten


def lexical_duplicate(job: Job, items: Sequence[Placed]) -> Iterator[Finding]:
    """Inputs that say what a train row or an earlier candidate says (`lexical_duplicate`; 1 switches the gate off).

    What was made from a row on purpose may say the same as it, but not the same as another made from it.
    """
    threshold = job.config.lexical_duplicate
    if threshold >= 1 or not items:
        return
    texts, train = [item.candidate.input for item in items], job.context.train
    in_train = match_lexical(texts, [seed.input for seed in train], threshold) if train else [None] * len(items)
    kept: dict[int, list[Placed]] = {}
    for item, group, match in zip(items, group_lexical(texts, threshold), in_train, strict=True):
        earlier = next((other for other in kept.get(group, ()) if _says_the_same(job, item.candidate, other.candidate)), None)
        if match is not None and _says_the_same(job, item.candidate, train[match]):
            yield Finding(item.position, True, "same_words", f"it has the words of train row {shorten(train[match].input)!r}")
        elif earlier is not None:
            yield Finding(item.position, True, "same_words", f"it has the words of candidate {earlier.position}")
        else:
            kept.setdefault(group, []).append(item)


def _says_the_same(job: Job, candidate: Candidate, other: Candidate | Example) -> bool:
    """Of two rows with the same words, whether neither was made from the other and their answers do not differ."""
    parents = candidate.origin.parents if candidate.origin.kind in AUGMENTATIONS else ()
    if parents and other.id in parents:
        return False
    return job.task.output.free_text or candidate.output.strip() == other.output.strip()
