"""Evaluation: predictions, scores, and the comparison a person reads."""

from typing import Literal

from pydantic import Field

from anytasktune.outputs import FaultKind, Metric
from anytasktune.records import Artifact, Language, Name, Record, Usage
from anytasktune.schema.interval import Interval
from anytasktune.schema.judgement import JudgedScores
from anytasktune.schema.language_parity import LanguageParity
from anytasktune.schema.language_transfer import LanguageTransfer
from anytasktune.schema.learning_curve import LearningCurves
from anytasktune.schema.run import AnswerThreshold, Decoding
from anytasktune.schema.task import Task
from anytasktune.settings import System


class Answer(Record):
    """A model's answer to one input."""

    output: str
    """The text as generated; for a label task the most probable label, for a number task the median."""
    probability: float | None = None
    """Label tasks, and number tasks of few numbers: probability of `output` among the possible answers."""
    probabilities: dict[str, float] | None = None
    """There: the whole distribution."""
    prompt_tokens: int = 0
    tokens: int = 0
    """Generated tokens."""
    truncated: bool = False
    """A length limit came before the end of the turn; a constrained answer was closed within it."""
    corrected: bool = False
    """The model's own choice was not allowed somewhere, so that the answer would be another without the constraint."""
    error: str | None = None
    """Reason of a missing answer; such a prediction is unscored, not zero."""


class Prediction(Answer):
    """A system's answer to one example."""

    example_id: str
    system: System


class AnsweringUsage(Usage):
    """The cost of answering the rows of a task."""

    answers: int = 0
    """Answers given in `seconds`; an endpoint's answers that were kept from an earlier run are not among them."""
    machine: str = ""
    """The machine that was waited on: this one, or the one that asked an endpoint."""
    prompt_tokens: int = 0
    """Tokens of all prompts that an endpoint charges for, whenever they were sent."""
    answer_tokens: int = 0
    """Tokens of all its answers, likewise."""
    joules: float | None = None
    """Energy of the processor and, where it can be read, the GPU in these seconds; None where no counter can be read."""


class GeneralModel(Record):
    """A general model that answers the same rows as the Task-LMs, untuned."""

    name: str
    fingerprint: str = ""
    """Of its weights, for a model on this machine."""
    parameters: int | None = None
    """Weights of a model on this machine."""
    endpoint: str = ""
    """Address of a model behind an endpoint, without secrets."""
    asked_as: str = ""
    """Its name there."""
    place: Literal["", "this machine", "a private network", "elsewhere"] = ""
    """Where the endpoint is, as far as its address says."""
    masked: bool = False
    """Whether personal data was replaced by placeholders in what the endpoint was sent."""


class PredictionSet(Artifact):
    """All predictions of one system on one split of one task, not yet scored."""

    id: str
    task: Name
    system: System
    dataset: str
    split: str
    decoding: Decoding | None = None
    """None for a system without a language model."""
    task_lm: str | None = None
    """Id of the Task-LM, unless the system is the base model."""
    predictions: list[Prediction]
    usage: AnsweringUsage
    general_model: GeneralModel | None = None
    """None for an own system."""


class Score(Record):
    """The score of one prediction."""

    example_id: str
    value: float | None
    """Item value in the metric's own terms; None = unscored."""
    parsed: bool
    """Whether the answer had the form the task asks for."""
    broken_rules: list[str] = Field(default_factory=list)
    """Names of the task's rules the answer breaks; `truncated` where it was left cut at the length limit."""


class ShotChoice(Record):
    """How the examples of few-shot prompts were chosen."""

    by: Literal["fixed", "similar"]
    """`fixed`: the same train rows every time. `similar`: for each input the train rows most similar to it."""
    dev_rows: int = 0
    """Dev rows on which both ways were compared."""
    dev_scores: dict[Literal["fixed", "similar"], float] = Field(default_factory=dict)
    """The score of each on them; empty where only one way was asked for, or there are no dev rows."""
    predictions: dict[Literal["fixed", "similar"], str] = Field(default_factory=dict)
    """Ids of the predictions they were computed from."""


class FaultGroup(Record):
    """Wrong answers of a system that are wrong in the same way."""

    kind: FaultKind
    expected: str = ""
    """The label, item or field of the reference; empty where it has none, or the group is of all of them."""
    given: str = ""
    """The label, item or field of the answer; empty likewise."""
    rows: list[str]
    """Ids of the examples, in the order of the rows."""


class LabelScore(Record):
    """The scores of one label of the references."""

    label: str
    rows: int
    """Rows whose reference it is."""
    precision: float
    """0 where it was never answered."""
    recall: float
    f1: float


class CalibrationBin(Record):
    """Answers of about the same probability."""

    rows: int
    probability: float
    """Their mean."""
    right: float
    """Share of them that is right."""


class Calibration(Record):
    """The probabilities of a system's answers to a label task beside how often they are right."""

    rows: int
    """Scored answers; all of them have a probability."""
    error: float
    """Expected calibration error: the distance of probability and share of right answers, averaged over the answers."""
    bins: list[CalibrationBin]
    """Ten bins of equal width without the empty ones, by rising probability."""
    threshold: AnswerThreshold | None = None
    """The Task-LM's own, chosen on dev; None for another system."""
    answered: int = 0
    """Answers with at least that probability."""
    right: int = 0
    """Of these, the right ones."""
    share: Interval | None = None
    """Their share; None where there are none, or no threshold."""


class SystemResult(Record):
    """The results of one system on one task."""

    system: System
    score: Interval | None
    """None when nothing could be scored."""
    scored: int
    unscored: int
    well_formed: float
    """Share of answers in the form the task asks for, breaking none of its rules and not left cut at the length limit."""
    seconds: float
    seconds_per_1000: float | None = None
    """Seconds per 1,000 answers, as measured on `machine`; None where none was measured."""
    cost_per_1000: float | None = None
    """Cost per 1,000 answers at the prices of the settings; None where a price is missing."""
    joules_per_1000: float | None = None
    """Energy per 1,000 answers; None where it could not be read."""
    machine: str = ""
    general_model: GeneralModel | None = None
    unscored_reasons: dict[str, int] = Field(default_factory=dict)
    """Unscored answers by their reason."""
    shots: int | None = None
    """Examples shown in every prompt; None for a system that is shown none."""
    shot_choice: ShotChoice | None = None
    truncated: int = 0
    """Answers truncated at the length limit."""
    corrected: int = 0
    """Answers that the constraint to output and rules changed."""
    broken_rules: dict[str, int] = Field(default_factory=dict)
    """Number of answers by the rule they break; an answer that breaks two rules counts under both."""
    right: int = 0
    """Answers with the best value an item can have."""
    faults: dict[FaultKind, int] = Field(default_factory=dict)
    """Number of answers by kind of fault; one with two kinds of faults counts under both."""
    fault_groups: list[FaultGroup] = Field(default_factory=list)
    """The largest groups of answers with the same fault."""
    confusion: dict[str, dict[str, int]] = Field(default_factory=dict)
    """Label tasks: label of the reference → answer → rows; labels in the task's first language."""
    labels: list[LabelScore] = Field(default_factory=list)
    """Label tasks: scores per label of the references, in alphabetical order."""
    calibration: Calibration | None = None
    """Label tasks, for systems whose answers have a probability."""
    rank_correlation: float | None = None
    """Number tasks: Spearman's rho with the references, over the answers that hold a number."""
    trained_on: list[Name] = Field(default_factory=list)
    """The tasks a Task-LM was trained on; empty for an untuned system."""
    train_rows: int | None = None
    """Rows it was trained on, of all these tasks; None for a system that learned from none."""
    train_seconds: float | None = None
    kept_at: str | None = None
    """The linear model: its folder below that of the project."""
    predictions: str = ""
    """Id of the predictions that were scored."""
    predictions_sha256: str = ""
    """SHA-256 of their record."""
    run: str | None = None
    """Task-LMs: adapter target and id of the training run, with a slash between them."""


class Comparison(Record):
    """A Task-LM (the subject of the task's report, unless said otherwise) against another system on the same items."""

    against: System
    difference: Interval
    """The Task-LM minus the other, in the metric; for `mae` negative is better."""
    p_value: float
    """Two-sided paired permutation test."""
    p_holm: float
    """`p_value`, Holm-corrected over all tasks of the report for this opponent."""
    verdict: Literal["better", "worse", "inconclusive"]
    minimum_detectable: float
    """The true difference that a test set of this size detects with 80 % power."""
    items: int = 0
    """Rows both systems have a score for; only these are compared."""


class BreakEven(Record):
    """The requests a month that make the training of a Task-LM pay, against a system that needs none."""

    against: System
    training: float
    """Cost of the training: its seconds at the price of the machine."""
    months: int
    """Months within which it is to pay back."""
    requests_a_month: int | None
    """None where it never does, because an answer of the Task-LM costs no less."""


class Sample(Record):
    """One test row with every system's answer, for the reader."""

    input: str
    reference: str
    answers: dict[System, str]
    """A system that gave no answer is left out."""
    values: dict[System, float] = Field(default_factory=dict)
    """Item value of each answer, in the metric's own terms."""
    picked: Literal["random", "worst"] = "random"
    """`random`: drawn with the seed of the report. `worst`: one of the subject's worst answers."""


class Caveat(Record):
    """A fact a reader must know before relying on the numbers."""

    code: str
    """Its name; `reports/templates/words_*.toml` has its sentence."""
    values: dict[str, int | float | str] = Field(default_factory=dict)
    """The values of the sentence's placeholders."""


Use = Literal["task_lm", "few_shot", "base", "linear", "general_model", "more_data"]
"""A way to do a task that a report may recommend."""


class Recommendation(Record):
    """The system to use for a task, and why."""

    use: Use
    """`few_shot`, `base`: the untuned base with and without examples. `general_model`: another untuned model."""
    system: System | None = None
    """The system to use; None for `more_data`."""
    reason: Literal["beats_all", "matches_general", "is_better", "is_as_good", "undecided", "constant", "nearest"]
    """`beats_all`: the Task-LM is better than every system that is not one. `matches_general`: so it is, except that a general
    model is not shown to be worse or better. `is_better`: the system is better than the Task-LM.
    `is_as_good`: it scores no less, and tuning is not shown to be better. `undecided`: the Task-LM scores more, but that may be
    chance. `constant`, `nearest`: the Task-LM is not better than that baseline."""
    against: System
    """The opponent that decided: the strongest one, or the one recommended."""
    rows_needed: int | None = None
    """Test rows on which a difference of the size seen would be detected with 80 % power, where it is `undecided`, or where the
    Task-LM `matches_general`."""


class TaskReport(Record):
    """One task of a report."""

    task: Name
    title: str
    titles: dict[Language, str] = Field(default_factory=dict)
    """The title in other languages, for a report in one of them."""
    language: Language
    metric: Metric
    lower_is_better: bool
    subject: System = "tuned"
    """The Task-LM that is compared with the other systems: the task's own, if it was evaluated."""
    test_rows: int
    train_rows: int
    """Of the subject, as is `train_seconds`."""
    train_seconds: float | None
    """None where another program trained it."""
    systems: list[SystemResult]
    comparisons: list[Comparison]
    break_even: list[BreakEven] = Field(default_factory=list)
    """Against language models that are only asked, where all costs are known."""
    samples: list[Sample]
    dev_curve: list[tuple[int, float]] = Field(default_factory=list)
    """(step, dev loss) of the training run."""
    caveats: list[Caveat] = Field(default_factory=list)
    rows_available: int | None = None
    """Rows of the split, where more than `test_rows` of them exist."""
    generated_rows: int = 0
    """Number of generated test rows."""
    dataset: str = ""
    """Id of the data set whose rows were answered."""
    definition: Task | None = None
    """The task as it was scored."""
    parity: list[LanguageParity] = Field(default_factory=list)
    """English against Chinese, per system; empty where the task has one language, or too few rows of one."""
    recommendation: Recommendation | None = None
    """None where no Task-LM was compared with another system."""
    transfer: LanguageTransfer | None = None
    """Task-LMs trained on one language, answering both, if that was measured for this Task-LM; None otherwise."""
    learning_curves: LearningCurves | None = None
    """Of the Task-LM that was evaluated, if they were measured; None otherwise."""
    judged: JudgedScores | None = None
    """Marks of an LLM judge, if it was asked about these answers; no verdict rests on them."""
    action_against_mixed: Comparison | None = None
    """The Action-LM minus the Mixed-LM, if both were evaluated beside the task's own Task-LM."""


class ItemAnswer(Answer):
    """A system's answer to a test row, with its score."""

    value: float | None
    """Item value in the metric's own terms; None = unscored."""
    broken_rules: list[str] = Field(default_factory=list)


class ReportItem(Record):
    """One test row with every system's answer; a line of `predictions.jsonl`."""

    task: Name
    row: int
    """1-based, in the order of the split."""
    id: str
    """Of the example."""
    language: Language
    source: str | None = None
    input: str
    reference: str
    answers: dict[System, ItemAnswer]
