"""All findings on a Task Pool and its rows."""

from collections.abc import Iterator, Mapping, Sequence

from anytasktune.schema import Domain, Task
from anytasktune.tasks import design_checks, row_checks, wording_checks
from anytasktune.tasks.findings import Finding, PlacedRow


def check_pool(domain: Domain, seeds: Mapping[str, Sequence[PlacedRow]]) -> list[Finding]:
    """What a good reviewer would say of `domain`, errors before advice, otherwise in the order of the pool.

    Args:
        seeds: task name → its rows; tasks without rows may be left out.

    Raises:
        ConfigError: a task's JSON Schema is no schema.
    """
    found = list(_findings(domain, seeds))
    return sorted(found, key=lambda finding: finding.level != "error")


def _findings(domain: Domain, seeds: Mapping[str, Sequence[PlacedRow]]) -> Iterator[Finding]:
    for pool_check in design_checks.POOL_CHECKS:
        yield from pool_check(domain)
    for action in domain.actions:
        yield from design_checks.loose_action(action, domain.tasks)
    yield from design_checks.twin_tasks(domain.tasks)
    for task in domain.tasks:
        yield from _on_task(domain, task, seeds.get(task.name, ()))


def _on_task(domain: Domain, task: Task, examples: Sequence[PlacedRow]) -> Iterator[Finding]:
    for language, text in task.instruction.items():
        for wording_check in wording_checks.CHECKS:
            yield from wording_check(task, language, text)
    for task_check in design_checks.TASK_CHECKS:
        yield from task_check(task)
    for row_check in row_checks.CHECKS:
        yield from row_check(task, examples)
    yield from row_checks.unlike_handed_over(task, domain.task(task.input_from) if task.input_from else None, examples)
