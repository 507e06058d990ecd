"""The report on a domain: its tasks, and what was measured across them."""

from anytasktune.records import Artifact, Name
from anytasktune.schema.evaluation import TaskReport
from anytasktune.schema.forgetting import Forgetting
from anytasktune.schema.router_evaluation import RouterEvaluation
from anytasktune.schema.task_matrix import TaskMatrix
from anytasktune.settings import EvalConfig


class Report(Artifact):
    """The comparison a person reads."""

    id: str
    domain: Name
    model: str
    created: str
    """ISO 8601, UTC."""
    tasks: list[TaskReport]
    config: EvalConfig
    versions: dict[str, str]
    machine: str
    matrix: TaskMatrix | None = None
    """Every Task-LM on every task, where it was asked for."""
    forgetting: Forgetting | None = None
    """General instructions before and after training, where it was asked for."""
    router: RouterEvaluation | None = None
    """How good the router of the tasks is, where `eval-router` has measured it on these rows."""
