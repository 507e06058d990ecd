"""Nested, stratified subsets of training rows, for learning curves."""

from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence

from anytasktune.datasets.split import Group, independent_groups
from anytasktune.schema import Example
from anytasktune.settings import SplitConfig

_FEWEST_OF_A_STRATUM = 8
"""Outputs that occur in fewer groups are one stratum together: an eighth of each alone would be none."""


def nested_subsets(examples: Sequence[Example], shares: Sequence[float], config: SplitConfig) -> list[list[Example]]:
    """Parts of `examples` of about these shares, each of which is in all larger ones.

    Rows are taken in the groups a split keeps together (of one source, or with nearly the same input), and evenly from every
    output and language. Within a part the rows keep their order.
    """
    ordered = _evenly_ordered(independent_groups(examples, config))
    places: dict[str, list[int]] = defaultdict(list)
    for place, example in enumerate(examples):
        places[example.id].append(place)
    order = [places[row.id].pop(0) for group in ordered for row in group.members]
    ends = [0]
    for group in ordered:
        ends.append(ends[-1] + len(group.members))
    subsets = []
    for share in shares:
        end = min(ends, key=lambda count: (abs(count - share * len(examples)), count))
        subsets.append([examples[place] for place in sorted(order[:end])])
    return subsets


def _evenly_ordered(groups: Sequence[Group[Example]]) -> list[Group[Example]]:
    """The groups of each stratum at even distances, so that any stretch holds all strata in about their proportion."""
    outputs = Counter((group.label, group.members[0].language) for group in groups)
    strata: dict[Hashable, list[Group[Example]]] = defaultdict(list)
    for group in sorted(groups, key=lambda group: group.order):
        output = (group.label, group.members[0].language)
        strata[output if outputs[output] >= _FEWEST_OF_A_STRATUM else group.members[0].language].append(group)
    placed: list[tuple[float, str, Group[Example]]] = []
    for stratum in strata.values():
        whole, before = sum(len(group.members) for group in stratum), 0
        for group in stratum:
            placed.append(((before + len(group.members) / 2) / whole, group.order, group))
            before += len(group.members)
    return [group for _, _, group in sorted(placed, key=lambda entry: entry[:2])]
