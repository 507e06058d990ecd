"""Drafted actions and tasks into the text of a `domain.yaml`; what a person wrote there stays."""

from collections.abc import Sequence
from dataclasses import dataclass

from anytasktune.domain_yaml import add_action, add_steps, add_task, add_texts, start_domain
from anytasktune.records import Language
from anytasktune.schema import Domain, Task
from anytasktune.settings.yaml_reading import parse_record
from anytasktune.store import DOMAIN_FILE
from anytasktune.tasks.build_tasks import DraftedPool, missing_language_remarks
from anytasktune.tasks.pool_drafts import PoolDraft

_HEAD = {
    "en": (
        "Made by `anytasktune tasks propose`. Read it over and change what you like: it is your file, and only ever added to.\n"
        "  field → actions (what people do in it) → steps (the tasks a model can take over)\n"
        "`anytasktune tasks check` reviews it; `anytasktune import ROWS --task NAME` brings in rows."
    ),
    "zh": (
        "由 `anytasktune tasks propose` 生成。请通读并随意修改：文件归您所有，程序只会往里添加。\n"
        "  领域 → 动作（人们做的事）→ 步骤（模型可以接手的任务）\n"
        "用 `anytasktune tasks check` 检查；用 `anytasktune import 文件 --task 任务名` 导入数据。"
    ),
}


@dataclass(frozen=True)
class Merged:
    """A `domain.yaml` with drafted things added.

    Attributes:
        text: the whole file.
        actions: names of the actions that were added.
        tasks: names of the tasks that were added.
        completed: names of tasks that were there and got texts in another language.
        known: names of tasks that were there and stay as they are.
    """

    text: str
    actions: list[str]
    tasks: list[str]
    completed: list[str]
    known: list[str]


def new_pool_text(drafts: Sequence[PoolDraft], voice: Language) -> str:
    """A file without actions and tasks that says what the drafts say of the field; the first that says a thing counts."""
    domain = Domain(
        name=next((draft.name for draft in drafts if draft.name), "my_field"),
        title=next((draft.title for draft in drafts if draft.title), {}),
        description=next((draft.description for draft in drafts if draft.description), ""),
        limits=next((draft.limits for draft in drafts if draft.limits), {}),
    )
    return start_domain(domain, [_HEAD[voice]])


def merge(text: str, drafts: Sequence[PoolDraft], pools: Sequence[DraftedPool]) -> Merged:
    """Add what is new; a task or action of a name that is there is taken to be the same one.

    Args:
        drafts: what the pools were made of; they may have texts of the field itself in another language.
    """
    domain = parse_record(Domain, text, DOMAIN_FILE)
    for draft in drafts:
        if set(draft.title.items()) & set(domain.title.items()):
            text = add_texts(text, (), (), {"title": draft.title, "limits": draft.limits})
    merged = Merged(text, [], [], [], [])
    for pool in pools:
        merged = _with_pool(merged, pool)
    return merged


def _with_pool(before: Merged, pool: DraftedPool) -> Merged:
    domain = parse_record(Domain, before.text, DOMAIN_FILE)
    there = {task.name: task for task in domain.tasks}
    placed = {action.name: list(action.steps) for action in domain.actions}
    known = [drafted.task for name, drafted in pool.tasks.items() if name in there]
    text = before.text
    for task in known:
        text = _without_stale_remarks(text, task, set(task.languages) - set(there[task.name].languages))
    text = add_texts(text, known, [action for name, action in pool.actions.items() if name in placed])
    actions, tasks = list(before.actions), list(before.tasks)
    for name, action in pool.actions.items():
        order = placed.get(name, [])
        steps = [*order, *action.steps]
        sources = {step: there[step].input_from if step in there else None for step in action.steps}
        new = [step for step in action.steps if step not in order and _is_before(sources[step], step, steps)]
        order = [*order, *new]
        for step in (step for step in new if step not in there):
            drafted = pool.tasks[step]
            is_rooted = _is_before(drafted.task.input_from, step, order)
            task = drafted.task if is_rooted else drafted.task.model_copy(update={"input_from": None})
            text = add_task(text, task, drafted.remarks)
            tasks.append(step)
        if name in placed:
            text = add_steps(text, name, new) if new else text
        elif new:
            text = add_action(text, action.model_copy(update={"steps": order}))
            actions.append(name)
    completed = [task.name for task in known if set(task.languages) - set(there[task.name].languages)]
    untouched = [task.name for task in known if task.name not in completed]
    return Merged(text, actions, tasks, [*before.completed, *completed], [*before.known, *untouched])


def _is_before(source: str | None, step: str, order: Sequence[str]) -> bool:
    """Whether the step that another one takes its input from comes before it; true where it takes it from none."""
    return source is None or source in order[: order.index(step)]


def _without_stale_remarks(text: str, task: Task, new: set[Language]) -> str:
    """The file without remarks above a task that these languages are missing."""
    lines = text.splitlines(keepends=True)
    stale = {remark for language in new for remark in missing_language_remarks(language)}
    above, place = _comments_above(lines, task.name)
    lines[above:place] = [line for line in lines[above:place] if line.strip().removeprefix("# ") not in stale]
    return "".join(lines)


def tasks_with_remark(text: str, names: Sequence[str], remark: str) -> set[str]:
    """Which of the tasks of these names have the comment `remark` above them."""
    lines = text.splitlines()
    found = set()
    for name in names:
        above, place = _comments_above(lines, name)
        if remark in [line.strip().removeprefix("# ") for line in lines[above:place]]:
            found.add(name)
    return found


def _comments_above(lines: Sequence[str], name: str) -> tuple[int, int]:
    """First line of the comments right above a task, and the line of the task; both 0 if it stands in another layout."""
    place = next((number for number, line in enumerate(lines) if line.strip() == f"- name: {name}"), 0)
    above = place
    while above and lines[above - 1].lstrip().startswith("#"):
        above -= 1
    return above, place
