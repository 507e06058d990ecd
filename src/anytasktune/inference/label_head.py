"""Label heads: linear layers on a frozen base model's features, joined with other scores of the same labels or numbers.

The probability of a label is log-linear in its sources: log p = Σ w·log p_source + constant. The sources are the label's tokens
under the Task-LM, two heads on pooled features and the linear model on words; their weights are chosen on dev. Of a number task
the heads know bands of numbers (`NumberBands`). The head lies in a folder beside the adapter, whose files stay those of PEFT.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save
from scipy.special import log_softmax

from anytasktune.baselines.linear_model import LinearModel
from anytasktune.errors import ModelError, StoreError
from anytasktune.ids import bytes_hash
from anytasktune.inference.number_bands import NumberBands
from anytasktune.schema import Answer, Example, LabelHeadRecord, SourceWeights
from anytasktune.schema.linear_manifest import Readout
from anytasktune.store import write_atomic

Array = np.ndarray[Any, np.dtype[Any]]
_ARRAYS, _WORDS = "heads.safetensors", "words"
_SPREAD = 0.01
"""Probability spread evenly over all labels, so that no source can rule a label out."""


@dataclass(frozen=True)
class LinearHead:
    """A multinomial linear model: class scores are `features @ weight.T + bias`.

    Attributes:
        weight: [labels, features] float32; a label that no training row has is a row of zeros.
        bias: [labels]; -inf for such a label.
    """

    weight: Array
    bias: Array

    def values(self, features: Array) -> Array:
        """Class scores [n, labels] of features [n, f]."""
        return np.asarray(features @ self.weight.T + self.bias)

    def log_probabilities(self, features: Array) -> Array:
        """[n, labels] of features [n, f]."""
        return np.asarray(log_softmax(self.values(features), axis=1))


def smoothed(log_probabilities: Array) -> Array:
    """Log probabilities [n, labels] with a hundredth spread evenly over the labels."""
    return np.asarray(np.log((1 - _SPREAD) * np.exp(log_probabilities) + _SPREAD / log_probabilities.shape[1]))


def joined(sources: Sequence[Array], weights: Sequence[float]) -> Array:
    """Log probabilities [n, labels] of the log-linear mix of sources [n, labels]."""
    scores = sum(weight * smoothed(source) for source, weight in zip(sources, weights, strict=True))
    return np.asarray(log_softmax(scores, axis=1))


@dataclass(frozen=True)
class LabelHead:
    """The sources of label scores beside a Task-LM's own, and the weight of each.

    Attributes:
        means, last_token: heads on the two parts of the features (see `features`).
        words: the linear model on words.
        weights: of each source; `tokens` are the Task-LM's own scores.
        bands: number tasks: the numbers, the classes of both heads.
        label_sets: tasks with several labels an answer: how these are read from joined scores, about 1 for labels of the
            answer and -1 for others.
        dev_scores: see `LabelHeadRecord`.
    """

    means: LinearHead
    last_token: LinearHead
    words: LinearModel
    weights: SourceWeights
    bands: NumberBands | None = None
    label_sets: Readout | None = None
    dev_scores: Mapping[Literal["generated", "joined"], float] = field(default_factory=dict)

    def set_sources(self, features: Array, examples: Sequence[Example], generated: Sequence[str] | None = None) -> list[Array]:
        """Scores [n, labels] by `means`, `last_token` and `words`, and 1 or -1: whether a generated answer names the label."""
        cut, texts = self.means.weight.shape[1], [example.input for example in examples]
        sources = [self.means.values(features[:, :cut]), self.last_token.values(features[:, cut:]), self.words.values(texts)]
        if generated is None:
            return sources
        answered = [row.model_copy(update={"output": text}) for row, text in zip(examples, generated, strict=True)]
        return [*sources, self.words.columns(answered)]

    def answer_label_sets(self, features: Array, examples: Sequence[Example], generated: Sequence[str] | None) -> list[Answer]:
        """The answers of a task with several labels an answer; `generated` ones are not needed where their weight is 0."""
        weights = [self.weights.means, self.weights.last_token, self.weights.words, self.weights.tokens]
        scores = sum(w * source for w, source in zip(weights, self.set_sources(features, examples, generated), strict=False))
        return self.words.read(np.asarray(scores), examples, self.label_sets or Readout())

    def sources(self, features: Array, examples: Sequence[Example]) -> list[Array]:
        """Log probabilities [n, labels or numbers] of examples by `means`, `last_token` and `words`."""
        cut, texts = self.means.weight.shape[1], [example.input for example in examples]
        means, last = self.means.log_probabilities(features[:, :cut]), self.last_token.log_probabilities(features[:, cut:])
        if self.bands is None:
            return [means, last, self.words.log_probabilities(texts)]
        words = self.bands.around(self.words.values(texts)[:, 0])
        return [self.bands.over_numbers(means), self.bands.over_numbers(last), words]

    def log_probabilities(self, features: Array, examples: Sequence[Example], tokens: Array) -> Array:
        """Log probabilities [n, labels] of all sources joined; `tokens` are not read where their weight is 0."""
        weights = self.weights
        return joined(
            [*self.sources(features, examples), tokens], [weights.means, weights.last_token, weights.words, weights.tokens]
        )

    def save(self, folder: Path) -> LabelHeadRecord:
        """Write the head into a new folder; returns what must be recorded of it."""
        arrays = {"means.weight": self.means.weight, "means.bias": self.means.bias}
        arrays |= {"last_token.weight": self.last_token.weight, "last_token.bias": self.last_token.bias}
        if self.bands is not None:
            arrays |= {"numbers": self.bands.numbers, "shares": self.bands.shares, "error": np.array([self.bands.error])}
        data = bytes(save({name: np.ascontiguousarray(array) for name, array in arrays.items()}))  # it writes memory as it lies
        self.words.save(folder / _WORDS)
        write_atomic(folder / _ARRAYS, data)
        return LabelHeadRecord(
            weights=self.weights,
            sha256=bytes_hash(data),
            words_sha256=self.words.manifest.sha256,
            label_sets=self.label_sets,
            dev_scores=dict(self.dev_scores),
        )

    @classmethod
    def load(cls, folder: Path, record: LabelHeadRecord) -> "LabelHead":
        """Read a head and check that it is the one that was recorded.

        Raises:
            ModelError: a file is missing, damaged or was changed.
        """
        fix = "copy the whole folder again, or train it again"
        try:
            data, words = (folder / _ARRAYS).read_bytes(), LinearModel.load(folder / _WORDS)
            arrays = load(data)
        except (OSError, SafetensorError, StoreError) as error:
            raise ModelError(f"no readable label head: {error}", where=str(folder), fix=fix) from None
        if bytes_hash(data) != record.sha256 or words.manifest.sha256 != record.words_sha256:
            raise ModelError("the label head was changed: its SHA-256 is not the recorded one", where=str(folder), fix=fix)
        means = LinearHead(arrays["means.weight"], arrays["means.bias"])
        last = LinearHead(arrays["last_token.weight"], arrays["last_token.bias"])
        bands = None
        if "numbers" in arrays:
            bands = NumberBands(arrays["numbers"], arrays["shares"], float(arrays["error"][0]))
        return cls(means, last, words, record.weights, bands, record.label_sets, record.dev_scores)
