"""Groups of rows, or documents, dealt out to the splits in given shares: by size and a seeded order, never by chance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from anytasktune.ids import text_hash
from anytasktune.schema import Example, SplitName
from anytasktune.settings import SplitConfig

Member = TypeVar("Member")
Shares = Mapping[SplitName, float]

FEWEST = {"dev": 10, "test": 20}
"""With fewer rows of its own in a split, a task has rows made for that split, too."""
_LARGE_SHARE = 0.25


@dataclass(frozen=True)
class Group(Generic[Member]):
    """What stays together.

    Attributes:
        members: all of it; their number is the group's size.
        label: what it is like; groups of one label are spread evenly.
        order: a seeded place.
    """

    members: Sequence[Member]
    label: str
    order: str


def split_shares(config: SplitConfig) -> dict[SplitName, float]:
    """The share of each split that is to have rows."""
    shares: dict[SplitName, float] = {"train": 1 - config.dev - config.test, "dev": config.dev, "test": config.test}
    return {name: share for name, share in shares.items() if share > 0}


def receiving(own: Mapping[SplitName, Sequence[Example]], config: SplitConfig) -> dict[SplitName, float]:
    """The splits made rows go to, with their shares: train, and those that have fewer than `FEWEST` rows of the task's own."""
    shares = split_shares(config)
    return {name: share for name, share in shares.items() if name == "train" or len(own.get(name, ())) < FEWEST[name]}


def deal(groups: Sequence[Group[Member]], missing: Shares) -> list[tuple[SplitName, Group[Member]]]:
    """Large groups first, each to where most is missing; then the small ones, label by label, so as to fill up evenly.

    Args:
        groups: in any order.
        missing: how many members each split should get.
    """
    left = dict(missing)
    large = max(1.0, _LARGE_SHARE * min(left.values()))
    dealt: list[tuple[SplitName, Group[Member]]] = []
    for group in sorted(groups, key=lambda group: (-len(group.members), group.order)):
        if len(group.members) > large:
            name = max(left, key=lambda name: left[name])
            left[name] -= len(group.members)
            dealt.append((name, group))
    small = [group for group in groups if len(group.members) <= large]
    return dealt + _spread(small, left)


def deal_documents(passages: Mapping[str, int], shares: Shares, seed: int) -> dict[str, SplitName]:
    """A split for every document, so that the passages are shared out as `shares` says and no split goes without.

    Args:
        passages: document → number of its passages.
        shares: split → share.
        seed: decides the order documents are dealt in.

    Returns:
        Document → split, sorted by document.
    """
    groups = [Group([name] * max(1, count), "", text_hash(f"{seed}\n{name}")) for name, count in sorted(passages.items())]
    total, whole = sum(len(group.members) for group in groups), sum(shares.values())
    dealt = {
        group.members[0]: name for name, group in deal(groups, {name: share / whole * total for name, share in shares.items()})
    }
    for empty in (name for name in shares if name not in dealt.values()):
        richest = max(shares, key=lambda name: sum(split == name for split in dealt.values()))
        smallest = min(
            (group for group in groups if dealt[group.members[0]] == richest),
            key=lambda group: (len(group.members), group.order),
        )
        dealt[smallest.members[0]] = empty
    return dict(sorted(dealt.items()))


def _spread(groups: Sequence[Group[Member]], missing: Shares) -> list[tuple[SplitName, Group[Member]]]:
    """Deal groups out in proportion to what is missing, so that any stretch of them is divided in nearly that proportion."""
    open_places = {name: max(0.0, count) for name, count in missing.items()}
    whole = sum(open_places.values())
    dealt = dict.fromkeys(open_places, 0)
    assigned: list[tuple[SplitName, Group[Member]]] = []
    done = 0
    for group in _by_label(groups):
        done += len(group.members)
        name = max(open_places, key=lambda name: open_places[name] / whole * done - dealt[name])
        dealt[name] += len(group.members)
        assigned.append((name, group))
    return assigned


def _by_label(groups: Sequence[Group[Member]]) -> list[Group[Member]]:
    """Groups with the same label side by side, otherwise in seeded order."""
    first: dict[str, str] = {}
    for group in groups:
        first[group.label] = min(group.order, first.get(group.label, group.order))
    return sorted(groups, key=lambda group: (first[group.label], group.label, group.order))
