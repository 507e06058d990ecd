"""Coverage of 95 % intervals and false positives of paired tests, on simulated answers with a known true score.

`python -m benchmarks.coverage [TRIALS]` prints a table over metrics, numbers of items and true scores. Shares of right answers
are not simulated: their coverage is a sum of binomial probabilities.
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from anytasktune.outputs import Metric
from anytasktune.scorers import ItemStatistics
from anytasktune.scorers.intervals import score_interval
from anytasktune.scorers.paired_tests import compare_paired

Floats = NDArray[np.float64]
Random = np.random.Generator
Sampler = Callable[[Random, Random, int, float], ItemStatistics]
"""Draws references (first) and answers to so many items by a system of this quality (0 to 1)."""

ITEMS = (12, 20, 60, 200)
QUALITIES = (0.5, 0.8, 0.95, 0.98)
_MANY = 400_000
_WIDE = 1000.0


@dataclass(frozen=True)
class Rates:
    """Shares of trials in percent.

    Attributes:
        covered: the interval held the true value.
        below: the true value lay below the interval.
        rejected: the paired test rejected at 5 %.
    """

    covered: float
    below: float
    rejected: float = 0.0


def exact_coverage(items: int, share: float) -> float:
    """Probability that the interval of a share of right answers holds the true share."""
    right = np.arange(items + 1)
    columns = [np.column_stack([np.arange(items) < count, np.ones(items)]).astype(np.float64) for count in right]
    intervals = [score_interval(ItemStatistics("accuracy", each)) for each in columns]
    held = np.array([interval.low <= share <= interval.high for interval in intervals])
    return float(binom.pmf(right, items, share)[held].sum())


def attainable_coverage(items: int, share: float) -> list[float]:
    """The coverages above 80 % that an interval can have: of neighbouring counts that begin with all right or all but one."""
    chances = binom.pmf(np.arange(items, -1, -1), items, share)
    sums = np.concatenate([chances.cumsum(), chances[1:].cumsum()])
    return sorted({round(float(value), 4) for value in sums if 0.8 < value < 0.9995})


def coverage(sampler: Sampler, items: int, quality: float, trials: int, truth: float) -> Rates:
    """How often the interval of one system's score holds `truth`."""
    random = np.random.default_rng([items, round(1000 * quality)])
    intervals = [score_interval(sampler(random, random, items, quality), 1000, trial) for trial in range(trials)]
    below = sum(truth < interval.low - 1e-9 for interval in intervals)
    above = sum(truth > interval.high + 1e-9 for interval in intervals)
    return Rates(100 - 100 * (below + above) / trials, 100 * below / trials)


def paired_rates(
    sampler: Sampler, items: int, qualities: tuple[float, float], trials: int, truth: float, shared: float = 0.6
) -> Rates:
    """How often the interval of a difference holds `truth`, and how often the test rejects.

    Args:
        shared: share of items to which both systems give the same answer.
        truth: of the difference without shared answers.
    """
    random = np.random.default_rng([items, *(round(1000 * quality) for quality in qualities)])
    covered = below = rejected = 0
    for trial in range(trials):
        ours, theirs = (sampler(np.random.default_rng(trial), random, items, quality) for quality in qualities)
        equal = random.random(len(ours)) < shared
        # the same answer by either system with equal chance: the true difference shrinks to the items that are not shared
        taken = np.where(random.random(len(ours)) < 0.5, 1, 0)[:, np.newaxis]
        both = taken * ours.columns + (1 - taken) * theirs.columns
        ours, theirs = (replace(each, columns=np.where(equal[:, np.newaxis], both, each.columns)) for each in (ours, theirs))
        result = compare_paired(ours, theirs, 1000, trial)
        low, high = result.difference.low, result.difference.high
        covered += low - 1e-9 <= truth <= high + 1e-9
        below += truth < low - 1e-9
        rejected += result.p_value < 0.05
    return Rates(*(100 * count / trials for count in (covered, below, rejected)))


def true_value(sampler: Sampler, quality: float) -> float:
    """The score on very many items."""
    return sampler(np.random.default_rng(0), np.random.default_rng(1), _MANY, quality).value()


def true_difference(sampler: Sampler, qualities: tuple[float, float], shared: float = 0.6) -> float:
    """The difference on very many items of which the systems share some answers."""
    parts = [sampler(np.random.default_rng(0), np.random.default_rng(1), _MANY, quality) for quality in qualities]
    means = [part.columns.mean(axis=0) for part in parts]
    both = (means[0] + means[1]) / 2
    values = [float(part.aggregate(shared * both + (1 - shared) * mean)) for part, mean in zip(parts, means, strict=True)]
    return values[0] - values[1]


def _means(values: Floats, metric: Metric = "token_f1", full_range: float = 1.0) -> ItemStatistics:
    return ItemStatistics(metric, np.column_stack([values, np.ones(len(values))]), full_range)


def right_or_wrong(references: Random, random: Random, items: int, quality: float) -> ItemStatistics:
    """Labels, right with probability `quality`."""
    return _means((random.random(items) < quality).astype(np.float64), "accuracy")


def few_deviating(references: Random, random: Random, items: int, quality: float) -> ItemStatistics:
    """Texts, nearly all of them exactly right, the others anything."""
    deviates = random.random(items) < 2 * (1 - quality)
    return _means(np.where(deviates, random.random(items), 1.0))


def spread_out(references: Random, random: Random, items: int, quality: float) -> ItemStatistics:
    """Texts of which none is exactly right."""
    return _means(random.beta(6 * quality, 6 * (1 - quality), items))


def facts(references: Random, random: Random, items: int, quality: float) -> ItemStatistics:
    """Lists of one to five facts, found with a probability that differs between rows, and as many wrong ones as are missed."""
    expected = references.integers(1, 6, items)
    found = random.binomial(expected, random.beta(6 * quality, 6 * (1 - quality), items))
    given = found + random.binomial(expected, 1 - quality)
    return ItemStatistics("set_f1", np.column_stack([found, expected + given]).astype(np.float64))


def four_labels(references: Random, random: Random, items: int, quality: float) -> ItemStatistics:
    """One of four equally common labels, scored by macro F1."""
    expected = references.integers(0, 4, items)
    given = np.where(random.random(items) < quality, expected, (expected + random.integers(1, 4, items)) % 4)
    one_hot = np.eye(4)
    columns = np.concatenate([one_hot[expected] * one_hot[given], one_hot[expected], one_hot[given]], axis=1)
    occurring = np.tile(one_hot[expected].sum(axis=0) > 0, 3)
    return ItemStatistics("macro_f1", columns[:, occurring])


def ratings(references: Random, random: Random, items: int, quality: float) -> ItemStatistics:
    """Ratings from 1 to 7, exact with probability `quality`, else off by one or more."""
    return _means(np.where(random.random(items) < quality, 0.0, np.minimum(6, random.geometric(0.5, items))), "mae", 6.0)


def amounts(references: Random, random: Random, items: int, quality: float) -> ItemStatistics:
    """Numbers up to 1000, exact with probability `quality`, else off by about ten."""
    return _means(np.where(random.random(items) < quality, 0.0, np.abs(random.normal(0, 10, items))), "mae", _WIDE)


def documents(references: Random, random: Random, items: int, quality: float) -> ItemStatistics:
    """Labels of `items` documents of one to eight rows, alike within a document (intraclass correlation 0.3)."""
    return _by_document(references.integers(1, 9, items), random, np.full(items, quality))


def growing_documents(references: Random, random: Random, items: int, quality: float) -> ItemStatistics:
    """The same, of one to thirty rows: a few documents hold most of them."""
    return _by_document(np.round(np.geomspace(1, 30, items)).astype(np.int64), random, np.full(items, quality))


def harder_when_long(references: Random, random: Random, items: int, quality: float) -> ItemStatistics:
    """The same, of any number of rows; the more, the fewer are right."""
    sizes = references.geometric(0.15, items)
    return _by_document(sizes, random, quality - 0.25 * sizes / (sizes + 6.0))


def _by_document(sizes: NDArray[np.int64], random: Random, qualities: Floats) -> ItemStatistics:
    """Right answers per document, alike within one (intraclass correlation 0.3)."""
    chances = random.beta(qualities * 7 / 3, (1 - qualities) * 7 / 3)
    columns = np.column_stack([random.binomial(sizes, chances), sizes]).astype(np.float64)
    return ItemStatistics("accuracy", columns, group_sizes=sizes.astype(np.float64))


FAMILIES: Mapping[str, Sampler] = {
    "token_f1, few deviating": few_deviating,
    "token_f1, spread out": spread_out,
    "set_f1": facts,
    "macro_f1, 4 labels": four_labels,
    "mae, ratings": ratings,
    "mae, wide range": amounts,
    "accuracy, by document": documents,
    "accuracy, growing documents": growing_documents,
    "accuracy, harder when long": harder_when_long,
}


def main(trials: int) -> None:
    """Print the tables."""
    heads = [f"{items}/{quality:g}" for items in ITEMS for quality in QUALITIES]
    print("| score |" + "|".join(heads) + "|\n|---|" + "---|" * len(heads))
    cells = [f"{100 * exact_coverage(items, quality):.1f}" for items in ITEMS for quality in QUALITIES]
    print("| accuracy (exact) |" + "|".join(cells) + "|")
    for name, sampler in FAMILIES.items():
        truths = {quality: true_value(sampler, quality) for quality in QUALITIES}
        rates = [coverage(sampler, items, quality, trials, truths[quality]) for items in ITEMS for quality in QUALITIES]
        print(f"| {name} |" + "|".join(f"{rate.covered:.1f}" for rate in rates) + "|", flush=True)
    for title, worse in (("difference of 0", 0.0), ("difference of about 0.04", 0.1)):
        print(f"\n| {title}: coverage, rejected |" + "|".join(heads) + "|\n|---|" + "---|" * len(heads))
        for name, sampler in {"accuracy": right_or_wrong, **FAMILIES}.items():
            cells = []
            for items in ITEMS:
                for quality in QUALITIES:
                    pair = (quality, quality - worse)
                    truth = true_difference(sampler, pair) if worse else 0.0
                    rate = paired_rates(sampler, items, pair, trials, truth)
                    cells.append(f"{rate.covered:.1f}, {rate.rejected:.1f}")
            print(f"| {name} |" + "|".join(cells) + "|", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
