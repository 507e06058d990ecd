"""Output kinds, one file each: how answers are read, checked, compared, asked of a teacher, and described.

To add a kind: a file with a subclass of `OutputKind`, its name in `Output`, and its tests.
"""

from typing import Annotated, get_args

from pydantic import Field

from anytasktune.outputs.answer_faults import AnswerFault, FaultKind
from anytasktune.outputs.answer_target import EMPTY, FILLED, AnswerTarget
from anytasktune.outputs.json_output import JsonOutput, json_text
from anytasktune.outputs.json_style import JsonStyle
from anytasktune.outputs.label_output import LabelOutput
from anytasktune.outputs.labels_output import LabelsOutput, split_items
from anytasktune.outputs.number_output import MOST_SCORED, NumberOutput, reference_number
from anytasktune.outputs.output_kind import (
    LOWER_IS_BETTER,
    DecodingMethod,
    LinearTarget,
    Metric,
    OutputKind,
    Parsed,
    Pieces,
    TaskType,
    UnfitAnswerError,
    UntranslatableError,
)
from anytasktune.outputs.rules import Rules, Violation
from anytasktune.outputs.text_output import TextOutput

Output = Annotated[LabelOutput | LabelsOutput | JsonOutput | NumberOutput | TextOutput, Field(discriminator="kind")]
OUTPUT_KINDS: dict[str, type[OutputKind]] = {
    get_args(kind.model_fields["kind"].annotation)[0]: kind for kind in get_args(get_args(Output)[0])
}
"""Class of each kind, by its name in `domain.yaml`."""

__all__ = [
    "AnswerFault",
    "AnswerTarget",
    "EMPTY",
    "FILLED",
    "FaultKind",
    "DecodingMethod",
    "JsonOutput",
    "JsonStyle",
    "LOWER_IS_BETTER",
    "LabelOutput",
    "LabelsOutput",
    "LinearTarget",
    "MOST_SCORED",
    "Metric",
    "NumberOutput",
    "OUTPUT_KINDS",
    "Output",
    "OutputKind",
    "Parsed",
    "Pieces",
    "Rules",
    "TaskType",
    "TextOutput",
    "UnfitAnswerError",
    "UntranslatableError",
    "Violation",
    "json_text",
    "reference_number",
    "split_items",
]
