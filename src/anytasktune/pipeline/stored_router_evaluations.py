"""Evaluations of routers as they are stored, and the one that a report on the same rows shows."""

from collections.abc import Mapping, Sequence

from anytasktune.baselines.task_router import router_id
from anytasktune.errors import AnyTaskTuneError
from anytasktune.ids import content_id
from anytasktune.pipeline.routing import PoolInputs, pool_inputs
from anytasktune.pipeline.training_context import TrainingContext
from anytasktune.schema import Example
from anytasktune.schema.router_evaluation import RouterEvaluation
from anytasktune.settings import EvalConfig
from anytasktune.store import Project, find_artifact, read_record, read_ref, record_kind

ROUTER_EVALUATIONS = record_kind(RouterEvaluation, lambda record: record.id)


def held_out_rows(pool: PoolInputs, config: EvalConfig) -> dict[str, Sequence[Example]]:
    """Task → the rows a router is evaluated on; of some tasks there may be none."""
    return {name: pool.splits[name].get(config.split, [])[: config.max_rows] for name in pool.train if pool.train[name]}


def rows_id(held_out: Mapping[str, Sequence[Example]]) -> str:
    """The id of the rows of the tasks that have any."""
    return content_id({name: [row.id for row in rows] for name, rows in held_out.items() if rows})


def router_evaluation_of(context: TrainingContext, tasks: int) -> RouterEvaluation | None:
    """The last evaluation of a router, if it is of the router and the rows of today.

    Args:
        tasks: how many the report is about; nothing lies across one.
    """
    folder = context.workspace.project.router_evaluations
    last = read_ref(folder) if tasks > 1 else None
    if last is None:
        return None
    try:
        found, pool = find_artifact(folder, ROUTER_EVALUATIONS, last), pool_inputs(context)
    except AnyTaskTuneError as error:
        context.note(f"the evaluation of the router is left out: {error.problems[0]}")
        return None
    today = router_id(pool.train, pool.dev), rows_id(held_out_rows(pool, context.settings.eval))
    return found if found and (found.router, found.test_rows) == today else None


def stored_again(project: Project, reported: RouterEvaluation | None) -> RouterEvaluation | None:
    """The evaluation that a report shows, read again. Raises StoreError if it is missing, or not as it was written."""
    if reported is None:
        return None
    return read_record(project.router_evaluations / f"{reported.id}.json", RouterEvaluation)
