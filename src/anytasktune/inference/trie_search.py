"""Label probabilities on a large trie: best first, and only where a label can still matter.

A label cannot be more probable than the beginning it shares with others. So a row follows its most probable beginnings until no
open one is more probable than the best label found, which then is the best of all; and on until the open ones together
hold less than a hundredth of what the found labels hold. The labels never reached count as 0. (A model that was
not tuned spreads its probability over texts that are no labels; there the second part ends after 48 nodes.)

Every row chooses for itself; in each round the chosen nodes of all rows go through the model together.
"""

import math
from collections.abc import Sequence

import torch

from anytasktune.inference.label_trie import LabelTrie
from anytasktune.inference.prefix_cache import PrefixedModel
from anytasktune.models.head import logits_at

_PER_ROUND = 3
_OPEN_SHARE = 0.01
_MOST_FOR_SHARE = 48
_WORTH_DROPPING = 0.75
_LOGITS_AT_ONCE = 1024


class TrieSearch:
    """The search for one batch of rows."""

    def __init__(self, reader: PrefixedModel, trie: LabelTrie, suffixes: Sequence[list[int]]) -> None:
        self.reader = reader
        self.trie = trie
        self.cache, self.hidden = reader.start(suffixes)
        self.width = self.cache.used
        self.rows = [_Row(trie) for _ in suffixes]
        self.ends = torch.tensor([[reader.length + len(suffix) - 1] for suffix in suffixes])

    def scores(self) -> torch.Tensor:
        """[rows, labels] log probabilities on the CPU; -inf for labels that were not reached."""
        active = self.rows
        self._learn(active, self.hidden.unsqueeze(1), [[0] for _ in active])
        while any(chosen := [row.next_nodes() for row in active]):
            going = [place for place, nodes in enumerate(chosen) if nodes]
            if len(going) <= _WORTH_DROPPING * len(active):
                keep = torch.tensor(going)
                self.cache.keep(keep.to(self.reader.device))
                self.ends = self.ends[keep]
                active, chosen = [active[place] for place in going], [chosen[place] for place in going]
            self._learn(active, self._look_into(active, chosen), chosen)
        return torch.tensor([row.found for row in self.rows])

    def _look_into(self, rows: Sequence["_Row"], chosen: Sequence[Sequence[int]]) -> torch.Tensor:
        """Hidden states [rows, most chosen, h] of the chosen nodes."""
        count, used = max(map(len, chosen)), self.cache.used
        ids = torch.zeros(len(chosen), count, dtype=torch.long)
        depths = torch.full((len(chosen), count), -1)
        visible = torch.zeros(len(chosen), count, used + count, dtype=torch.bool)
        visible[:, :, : self.width] = True
        for number, (row, nodes) in enumerate(zip(rows, chosen, strict=True)):
            for place, node in enumerate(nodes):
                ids[number, place] = self.trie.tokens[node - 1]
                depths[number, place] = self.trie.depths[node - 1]
                visible[number, place, row.way_to(node, used + place)] = True
        positions = torch.where(depths < 0, -1, self.ends + depths)
        device = self.reader.device
        return self.reader.read(self.cache, ids.to(device), positions.to(device), visible.to(device))

    def _learn(self, rows: Sequence["_Row"], hidden: torch.Tensor, chosen: Sequence[Sequence[int]]) -> None:
        """Note the log probabilities of all edges that leave the chosen nodes."""
        places = [(row, place, node) for row, nodes in enumerate(chosen) for place, node in enumerate(nodes)]
        for start in range(0, len(places), _LOGITS_AT_ONCE):
            part = places[start : start + _LOGITS_AT_ONCE]
            logits = logits_at(self.reader.model, hidden[[row for row, _, _ in part], [place for _, place, _ in part]])
            asked = [(line, row, edge) for line, (row, _, node) in enumerate(part) for edge in self.trie.edges_of[node]]
            lines = [line for line, _, _ in asked]
            tokens = [self.trie.edges[edge][1] for _, _, edge in asked]
            values = (logits[lines, tokens] - logits.logsumexp(dim=-1)[lines]).tolist()
            for (_, row, edge), value in zip(asked, values, strict=True):
                rows[row].learn(edge, value)


class _Row:
    """What one row knows of the trie.

    Attributes:
        found: log probability per label, -inf where unknown.
    """

    def __init__(self, trie: LabelTrie) -> None:
        self.trie = trie
        self.found = [-math.inf] * len(trie.paths)
        self._reach: dict[int, float] = {0: 0.0}
        self._slots: dict[int, int] = {}
        self._open: dict[int, float] = {}

    def learn(self, edge: int, value: float) -> None:
        """Note an edge's log probability."""
        node, _ = self.trie.edges[edge]
        reach = self._reach[node] + value
        if (child := self.trie.children[edge]) is not None:
            self._reach[child] = self._open[child] = reach
        else:
            self.found[self.trie.label_of[edge]] = reach

    def next_nodes(self) -> list[int]:
        """Nodes to look into in the next round; none when the row has ended."""
        best = max(self.found)
        ordered = sorted(self._open, key=lambda node: -self._open[node])
        if best == -math.inf:
            return [node for node in ordered[:_PER_ROUND] if self._open[node] > self._open[ordered[0]] - 2]
        if (better := [node for node in ordered[:_PER_ROUND] if self._open[node] >= best]) or len(
            self._slots
        ) >= _MOST_FOR_SHARE:
            return better
        opened = math.fsum(math.exp(reach - best) for reach in self._open.values())
        known = math.fsum(math.exp(score - best) for score in self.found)
        return ordered[:_PER_ROUND] if opened > _OPEN_SHARE * known else []

    def way_to(self, node: int, slot: int) -> list[int]:
        """The places in the cache of a node, which gets `slot`, and of its ancestors."""
        self._slots[node] = slot
        del self._open[node]
        way = []
        while node:
            way.append(self._slots[node])
            node = self.trie.parents[node - 1]
        return way
