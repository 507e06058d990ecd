"""Below the threshold an answer is unsure: the smallest probability from which on nine of ten dev answers are right."""

from hypothesis import given
from hypothesis import strategies as st

from anytasktune.schema import Answer, AnswerThreshold, Example
from anytasktune.scorers import answer_threshold

Judged = list[tuple[float, bool]]


def chosen(judged: Judged) -> AnswerThreshold:
    dev = [Example(input="a", output="yes " if right else "no") for _, right in judged]
    return answer_threshold(dev, [Answer(output="yes", probability=probability) for probability, _ in judged])


def test_it_is_the_smallest_probability_from_which_on_nine_of_ten_are_right() -> None:
    found = chosen([(0.9, True)] * 17 + [(0.8, False)] + [(0.7, True)] + [(0.6, False)] * 3)
    assert (found.probability, found.answered, found.right, found.dev_rows) == (0.7, 19, 18, 22)
    assert [found.is_unsure(probability) for probability in (0.69, 0.7, 0.71, None)] == [True, False, False, None]


def test_equal_probabilities_are_all_above_it_or_all_below() -> None:
    found = chosen([(0.9, True)] * 15 + [(0.5, True)] * 2 + [(0.5, False)] * 8)
    assert (found.probability, found.answered) == (0.9, 15)


def test_with_few_rows_it_is_not_known_and_where_answers_are_rarely_right_all_are_unsure() -> None:
    few = chosen([(0.9, True)] * 19)
    assert (few.probability, few.dev_rows, few.is_unsure(0.1)) == (None, 19, None)
    hopeless = chosen([(0.9, False), (0.8, True)] * 20)
    assert (hopeless.probability, hopeless.is_unsure(1.0), hopeless.is_unsure(None)) == (None, True, None)
    assert chosen([(0.9, True)] * 9 + [(0.5, False)] * 30).probability is None
    assert chosen([]).dev_rows == 0


@given(st.lists(st.tuples(st.sampled_from([0.1, 0.3, 0.5, 0.7, 0.9]), st.booleans()), max_size=60))
def test_of_all_probabilities_that_reach_the_target_it_is_the_smallest(judged: Judged) -> None:
    found = chosen(judged)
    reaching = []
    for probability, _ in judged:
        above = [right for other, right in judged if other >= probability]
        if len(judged) >= 20 and len(above) >= 10 and sum(above) >= 0.9 * len(above):
            reaching.append(probability)
    assert found.probability == (min(reaching) if reaching else None)
