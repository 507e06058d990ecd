"""The numbers of a decoder that say what it costs to run: pure, from its config, without its weights."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ModelShape:
    """Sizes of a decoder.

    Attributes:
        layers, hidden, vocabulary: as everywhere.
        queries: width of all query heads together; `heads` of them.
        states: width of all key heads together, and of all value heads.
        inner: width inside the feed-forward block, which has a gate.
        tied: whether embedding and output head are one matrix.
    """

    layers: int
    hidden: int
    vocabulary: int
    heads: int
    queries: int
    states: int
    inner: int
    tied: bool

    @classmethod
    def of(cls, config: Any) -> "ModelShape":
        """Read a transformers config; what an unusual architecture does not say is taken as in Llama."""
        hidden, heads = int(config.hidden_size), int(getattr(config, "num_attention_heads", 1))
        width = int(getattr(config, "head_dim", None) or hidden // heads)
        return cls(
            layers=int(config.num_hidden_layers),
            hidden=hidden,
            vocabulary=int(config.vocab_size),
            heads=heads,
            queries=heads * width,
            states=int(getattr(config, "num_key_value_heads", None) or heads) * width,
            inner=int(getattr(config, "intermediate_size", None) or 4 * hidden),
            tied=bool(getattr(config, "tie_word_embeddings", False)),
        )

    @property
    def trunk(self) -> int:
        """Weights of all linear layers but the output head."""
        attention = self.hidden * 2 * (self.queries + self.states)
        return self.layers * (attention + 3 * self.hidden * self.inner)

    @property
    def parameters(self) -> int:
        """All weights, but for norms and biases."""
        return self.trunk + self.vocabulary * self.hidden * (1 if self.tied else 2)

    def adapter(self, rank: int) -> int:
        """Weights of a LoRA adapter of this rank on all linear layers of the trunk."""
        ends = 2 * (self.hidden + self.queries) + 2 * (self.hidden + self.states) + 3 * (self.hidden + self.inner)
        return self.layers * rank * ends
