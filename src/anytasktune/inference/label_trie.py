"""The labels of a task as a tree of tokens, and a best-first search for the probable ones.

A label cannot be more probable than the beginning it shares with others. So a row follows its most probable beginnings until no
open one is more probable than the best label found, which then is the best of all; and on until the open ones together
hold less than a hundredth of what the found labels hold. The labels never reached count as 0. (A model that was
not tuned spreads its probability over texts that are no labels; there the second part ends after 48 nodes.)

Every row chooses for itself; in each round the chosen nodes of all rows go through the model in one pass.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from anytasktune.inference.prefix_cache import PrefixedModel
from anytasktune.models.head import logits_at

_PER_ROUND = 3
_OPEN_SHARE = 0.01
_MOST_FOR_SHARE = 48
_DROP_BELOW = 0.75
_LOGITS_AT_ONCE = 1024


@dataclass(frozen=True)
class LabelTrie:
    """Tokens of all labels (each closed by the end of the turn) as a tree.

    Node 0 is the root, which stands for the last prompt token. Nodes whose only content is the end token are no inputs
    of the model: they are only predicted.

    Attributes:
        tokens, parents, depths: per node with children, except the root, in order of creation.
        edges: per edge (node whose hidden state predicts, predicted token).
        paths: per label, the indices of its edges.
        children: per edge, the node it leads to, if that has children.
        edges_of: per node, the edges that leave it.
        label_of: per edge that ends a label, which.
    """

    tokens: list[int]
    parents: list[int]
    depths: list[int]
    edges: list[tuple[int, int]]
    paths: list[list[int]]
    children: list[int | None]
    edges_of: dict[int, list[int]]
    label_of: dict[int, int]

    @classmethod
    def of(cls, labels: Sequence[Sequence[int]]) -> "LabelTrie":
        """The trie of token sequences, each of which ends with an end token."""
        nodes: dict[tuple[int, ...], int] = {(): 0}
        trie = cls([], [], [], [], [], [], {}, {})
        edges: dict[tuple[int, int], int] = {}
        for label in labels:
            path = []
            for depth, token in enumerate(label):
                parent = nodes[tuple(label[:depth])]
                path.append(edges.setdefault((parent, token), len(edges)))
                last = depth == len(label) - 1
                if not last and tuple(label[: depth + 1]) not in nodes:
                    nodes[tuple(label[: depth + 1])] = len(nodes)
                    trie.tokens.append(token)
                    trie.parents.append(parent)
                    trie.depths.append(depth + 1)
            trie.paths.append(path)
        trie.edges.extend(edges)
        inner = {(parent, token): node + 1 for node, (parent, token) in enumerate(zip(trie.parents, trie.tokens, strict=True))}
        for number, (parent, token) in enumerate(edges):
            trie.children.append(inner.get((parent, token)))
            trie.edges_of.setdefault(parent, []).append(number)
        trie.label_of.update({path[-1]: label for label, path in enumerate(trie.paths)})
        return trie

    def ancestry(self) -> torch.Tensor:
        """[nodes, nodes] bool: row i attends to column j (j is i or an ancestor of i); the root is left out."""
        size = len(self.tokens)
        table = torch.eye(size, dtype=torch.bool)
        for node, parent in enumerate(self.parents):
            if parent > 0:
                table[node] |= table[parent - 1]
        return table


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
        self._record(active, self.hidden.unsqueeze(1), [[0] for _ in active])
        while any(chosen := [row.next_nodes() for row in active]):
            going = [place for place, nodes in enumerate(chosen) if nodes]
            if len(going) <= _DROP_BELOW * len(active):
                keep = torch.tensor(going)
                self.cache.keep(keep.to(self.reader.device))
                self.ends = self.ends[keep]
                active, chosen = [active[place] for place in going], [chosen[place] for place in going]
            self._record(active, self._read(active, chosen), chosen)
        return torch.tensor([row.found for row in self.rows])

    def _read(self, rows: Sequence["_Row"], chosen: Sequence[Sequence[int]]) -> torch.Tensor:
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

    def _record(self, rows: Sequence["_Row"], hidden: torch.Tensor, chosen: Sequence[Sequence[int]]) -> None:
        """Record the log probabilities of all edges that leave the chosen nodes."""
        places = [(row, place, node) for row, nodes in enumerate(chosen) for place, node in enumerate(nodes)]
        for start in range(0, len(places), _LOGITS_AT_ONCE):
            part = places[start : start + _LOGITS_AT_ONCE]
            logits = logits_at(self.reader.model, hidden[[row for row, _, _ in part], [place for _, place, _ in part]])
            asked = [(line, row, edge) for line, (row, _, node) in enumerate(part) for edge in self.trie.edges_of[node]]
            lines = [line for line, _, _ in asked]
            tokens = [self.trie.edges[edge][1] for _, _, edge in asked]
            values = (logits[lines, tokens] - logits.logsumexp(dim=-1)[lines]).tolist()
            for (_, row, edge), value in zip(asked, values, strict=True):
                rows[row].record(edge, value)


class _Row:
    """The state of the search for one row.

    Attributes:
        found: log probability per label, -inf where unknown.
    """

    def __init__(self, trie: LabelTrie) -> None:
        self.trie = trie
        self.found = [-math.inf] * len(trie.paths)
        self._reach: dict[int, float] = {0: 0.0}
        self._slots: dict[int, int] = {}
        self._open: dict[int, float] = {}

    def record(self, edge: int, value: float) -> None:
        """Record the log probability of an edge."""
        node, _ = self.trie.edges[edge]
        reach = self._reach[node] + value
        if (child := self.trie.children[edge]) is not None:
            self._reach[child] = self._open[child] = reach
        else:
            self.found[self.trie.label_of[edge]] = reach

    def next_nodes(self) -> list[int]:
        """Nodes to read in the next round; none when the search has ended."""
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
