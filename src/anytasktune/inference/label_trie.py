"""The labels of a task as a tree of tokens."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch


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
