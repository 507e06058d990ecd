"""The probability below which the answers of a label task are unsure, chosen on dev."""

from collections.abc import Sequence

from anytasktune.schema import Answer, AnswerThreshold, Example

TARGET = 0.9
"""Share of right answers."""


def answer_threshold(dev: Sequence[Example], answers: Sequence[Answer]) -> AnswerThreshold:
    """The smallest probability such that `TARGET` of the answers that have at least as much are right.

    There is none with fewer than twenty rows, or where fewer than ten answers would reach it. An answer without a probability
    is left out.
    """
    pairs = zip(dev, answers, strict=True)
    judged = [
        (answer.probability, answer.output == row.output.strip()) for row, answer in pairs if answer.probability is not None
    ]
    judged.sort(reverse=True)
    found, right = AnswerThreshold(target=TARGET, dev_rows=len(judged)), 0
    if len(judged) < found.FEWEST_DEV_ROWS:
        return found
    for answered, (probability, is_right) in enumerate(judged, 1):
        right += is_right
        equals_follow = answered < len(judged) and judged[answered][0] == probability
        if not equals_follow and answered >= found.FEWEST_ANSWERED and right >= TARGET * answered:
            found = found.model_copy(update={"probability": probability, "answered": answered, "right": right})
    return found
