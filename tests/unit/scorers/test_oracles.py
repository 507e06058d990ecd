"""Metrics and statistics against scikit-learn, statsmodels and scipy, to 1e-9; false positives counted exactly."""

from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import binom, spearmanr
from sklearn.metrics import accuracy_score, f1_score, mean_absolute_error
from sklearn.preprocessing import MultiLabelBinarizer
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from tests.unit.scorers.test_metrics import EVENTS, LABELS, SCALE, score, task_with

from anytasktune.scorers import ItemStatistics
from anytasktune.scorers.paired_tests import paired_p_value
from anytasktune.scorers.statistics import holm, rank_correlation
from benchmarks.coverage import FAMILIES, paired_rates

answered = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["a", "b", "c", "other"])), min_size=1, max_size=30)
items = st.sets(st.sampled_from("甲乙丙丁"), max_size=4)
ratings = st.integers(10, 70).map(lambda tenths: tenths / 10)


@settings(max_examples=40)
@given(answered)
def test_accuracy_and_macro_f1_are_those_of_scikit_learn(pairs: list[tuple[str, str]]) -> None:
    references, outputs = [list(column) for column in zip(*pairs, strict=True)]
    macro = f1_score(references, outputs, labels=sorted(set(references)), average="macro", zero_division=0)
    assert score(task_with(LABELS), references, outputs) == pytest.approx(accuracy_score(references, outputs), abs=1e-9)
    assert score(task_with(LABELS, "macro_f1"), references, outputs) == pytest.approx(macro, abs=1e-9)


@settings(max_examples=40)
@given(st.lists(st.tuples(items, items), min_size=1, max_size=12))
def test_the_f1_of_lists_is_the_micro_average_of_scikit_learn(pairs: list[tuple[set[str], set[str]]]) -> None:
    assume(any(expected or given_ for expected, given_ in pairs))
    binary = MultiLabelBinarizer(classes=list("甲乙丙丁"))
    expected, found = [binary.fit_transform([pair[place] for pair in pairs]) for place in (0, 1)]
    texts = [["；".join(sorted(pair[place])) for pair in pairs] for place in (0, 1)]
    micro = f1_score(expected, found, average="micro", zero_division=0)
    assert score(EVENTS, *texts) == pytest.approx(micro, abs=1e-9)


@settings(max_examples=40)
@given(st.lists(st.tuples(ratings, ratings), min_size=2, max_size=20))
def test_the_error_and_the_rank_correlation_of_numbers_are_those_of_scikit_learn_and_scipy(
    pairs: list[tuple[float, float]],
) -> None:
    references, outputs = [list(column) for column in zip(*pairs, strict=True)]
    texts = [[f"{number:.1f}" for number in numbers] for numbers in (references, outputs)]
    assert score(SCALE, *texts) == pytest.approx(mean_absolute_error(references, outputs), abs=1e-9)
    assume(len(set(references)) > 1 and len(set(outputs)) > 1)
    assert rank_correlation(references, outputs) == pytest.approx(spearmanr(references, outputs).statistic, abs=1e-9)


@settings(max_examples=8)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holms_correction_is_that_of_statsmodels(p_values: list[float]) -> None:
    assert holm(p_values) == pytest.approx(list(multipletests(p_values, method="holm")[1]), abs=1e-9)


@settings(max_examples=40)
@given(st.integers(0, 12), st.integers(0, 12), st.integers(0, 12), st.integers(0, 12))
def test_the_test_of_right_and_wrong_answers_is_mcnemars_of_statsmodels(both: int, ours: int, theirs: int, none: int) -> None:
    assume(both + ours + theirs + none > 0)
    expected = mcnemar([[both, ours], [theirs, none]], exact=True).pvalue
    assert _mcnemar(both, ours, theirs, none) == pytest.approx(min(1.0, expected), abs=1e-9)


def _mcnemar(both: int, ours: int, theirs: int, none: int = 0) -> float:
    right = [(1.0, 1.0)] * both + [(1.0, 0.0)] * ours + [(0.0, 1.0)] * theirs + [(0.0, 0.0)] * none
    first, second = (ItemStatistics("accuracy", np.array([[pair[place], 1.0] for pair in right])) for place in (0, 1))
    return paired_p_value(first, second)


@pytest.mark.parametrize("rows", [12, 20, 60])
def test_equal_systems_are_called_different_in_at_most_5_percent_of_all_outcomes(rows: int) -> None:
    """Exactly, for every share of rows that only one of them has right: a sum of binomial probabilities."""
    rejected = np.zeros(rows + 1)
    for differing in range(1, rows + 1):
        chances = binom.pmf(np.arange(differing + 1), differing, 0.5)
        p_values = [_mcnemar(rows - differing, ours, differing - ours) for ours in range(differing + 1)]
        rejected[differing] = chances[np.array(p_values) < 0.05].sum()
    assert rejected.max() <= 0.05
    by_share = [float(binom.pmf(np.arange(rows + 1), rows, share) @ rejected) for share in np.linspace(0.05, 1, 20)]
    assert max(by_share) <= 0.05


@settings(max_examples=6)
@given(st.lists(st.tuples(st.integers(1, 9), st.floats(0.1, 1)), min_size=8, max_size=8))
def test_equal_systems_on_documents_are_called_different_in_at_most_5_percent_of_all_swaps(
    documents: list[tuple[int, float]],
) -> None:
    """Exactly: where neither system is better, each swap of the two on a document is as likely as the other."""
    sizes = np.array([float(size) for size, _ in documents])
    right = np.array([share * size for size, share in documents])
    sides = [np.column_stack([part, sizes]) for part in (right, np.zeros(8))]
    p_values = []
    for swapped in product((False, True), repeat=8):
        mask = np.array(swapped)[:, np.newaxis]
        pair = [np.where(mask, *order) for order in ((sides[0], sides[1]), (sides[1], sides[0]))]
        p_values.append(paired_p_value(*(ItemStatistics("accuracy", part, group_sizes=sizes) for part in pair)))
    assert np.mean(np.array(p_values) < 0.05) <= 0.05


def test_equal_systems_on_documents_of_unequal_size_are_rarely_called_different() -> None:
    """The same by simulation, at 12 and 60 documents: over all families at most 5 %, with the error of so many trials."""
    names = "accuracy, by document", "accuracy, growing documents", "accuracy, harder when long"
    rates = [paired_rates(FAMILIES[name], count, (0.5, 0.5), 40, 0.0) for name in names for count in (12, 60)]
    assert np.mean([rate.rejected for rate in rates]) <= 5
    assert np.mean([rate.covered for rate in rates]) >= 95
