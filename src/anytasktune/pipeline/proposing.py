"""A Task Pool proposed from an interview, past work, a description and documents; with a teacher or without."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from anytasktune.datasets import ColumnMap, SealGuard, read_examples, seal, total_counts
from anytasktune.errors import ConfigError
from anytasktune.llm import Teacher
from anytasktune.pipeline.events import OnEvent, ignore_event
from anytasktune.pipeline.frozen_datasets import own_splits
from anytasktune.pipeline.initializing import init_project
from anytasktune.pipeline.material import read_about, read_documents, within_budget
from anytasktune.pipeline.teacher_access import Agreed, TeacherAccess
from anytasktune.pipeline.workspace import Workspace
from anytasktune.records import Language
from anytasktune.schema import Domain, DroppedRow, Example, RowCounts
from anytasktune.schema.kept_answers import TeacherUsage
from anytasktune.settings.yaml_reading import parse_record
from anytasktune.store import DOMAIN_FILE, Project, asking_alone, changing, write_atomic
from anytasktune.tasks.ask_teacher import Refused, ask_teacher, proposed_by
from anytasktune.tasks.build_tasks import DraftedPool, build_pool
from anytasktune.tasks.from_examples import draft_from_examples
from anytasktune.tasks.interview import Interview
from anytasktune.tasks.pool_drafts import PoolDraft
from anytasktune.tasks.pool_file import Merged, merge, new_pool_text, tasks_with_remark
from anytasktune.text.plain_text import shorten

_SHOWN_ROWS = 40
"""Rows of past work that a teacher is shown."""
_SHOWN_CHARACTERS = 200
MOST_ROWS = 5000
"""Rows of past work that are looked at, evenly taken from all: more say nothing new and cost memory."""
_DESCRIPTION = 600


@dataclass(frozen=True)
class PoolSources:
    """Sources of a pool.

    Attributes:
        about: a description, or the name of a file with one.
        documents: a folder of documents.
        examples: files of input/output pairs.
        columns: columns of them to read, where they are not called `input` and `output`.
        interview: the answers of a practitioner.
        teacher: name of the model that reads all of it; empty to go without.
        languages: the languages wanted of a teacher; remarks in the file are in the first.
        overrides: `key=value` settings, for the teacher's prices and cap.
        agreed: consent to all of it leaving this machine; see `BuildOptions.agreed`.
    """

    about: str | None = None
    documents: Path | None = None
    examples: Sequence[Path] = ()
    columns: ColumnMap | str | None = None
    interview: Interview | None = None
    teacher: str = ""
    languages: Sequence[Language] = ("en",)
    overrides: Sequence[str] = ()
    agreed: Agreed = None

    def in_words(self) -> list[str]:
        """The sources that a teacher reads."""
        shown = ["the description"] if self.about else []
        shown += [f"the documents in {self.documents.name or self.documents}"] if self.documents else []
        shown += [f"up to {_SHOWN_ROWS} rows of {', '.join(path.name for path in self.examples)}"] if self.examples else []
        return [*shown, *(["the answers of the interview"] if self.interview else [])]


@dataclass
class Proposed:
    """The proposal and its file.

    Attributes:
        project: the project it is for.
        file: the file written.
        merged: what was added to it, and what was there already.
        refused: what was proposed and could not be used.
        rows: rows of past work, read, kept and dropped.
        dropped: the dropped ones, with reason and place.
        unclustered: rows that fit no task.
        notes: what the user should know.
        spent: the teacher's usage.
    """

    project: Project
    file: Path
    merged: Merged
    refused: list[Refused]
    rows: RowCounts | None = None
    dropped: Sequence[DroppedRow] = ()
    unclustered: int = 0
    notes: Sequence[str] = ()
    spent: TeacherUsage | None = None


def propose_pool(
    folder: Path,
    sources: PoolSources,
    out: Path | None = None,
    on_wait: Callable[[str, float], None] | None = None,
    on_event: OnEvent = ignore_event,
) -> Proposed:
    """Propose a pool and write it: added to the project's `domain.yaml`, if there is one, or to a new file.

    Args:
        folder: the project; made if it does not exist.
        out: a new file for the proposal alone.
        on_wait: receives the reason and the seconds when the teacher's server asks to wait, and 0 seconds where another
            command asks the teachers of this project at present.
        on_event: receives what goes to which teacher.

    Raises:
        ConfigError: nothing was found, `out` exists, or the project's `domain.yaml` is wrong.
        ConsentError: the teacher is on another machine, and nobody has agreed that the sources go there.
        DataError: a source cannot be read.
        EndpointError: the teacher cannot be asked.
    """
    project = Project.at(folder)
    if out is not None and out.exists():
        raise ConfigError("the file exists, and is not overwritten", where=str(out), fix="give --out another name")
    if not sources.teacher:
        return _propose(project, sources, out, on_wait, on_event)
    with asking_alone(project.root, "tasks propose", lambda why: on_wait(why, 0.0) if on_wait else None):
        return _propose(project, sources, out, on_wait, on_event)


def _propose(
    project: Project,
    sources: PoolSources,
    out: Path | None,
    on_wait: Callable[[str, float], None] | None,
    on_event: OnEvent,
) -> Proposed:
    existing = Workspace.open(project.root).domain if out is None and project.domain_file.exists() else None
    text = project.domain_file.read_bytes().decode("utf-8-sig") if existing else ""
    opened = _open_teacher(project, sources, on_wait, on_event) if sources.teacher else None
    voice = sources.languages[0]
    drafts = [sources.interview.draft()] if sources.interview else []
    examples, result = _past_work(project, sources)
    if examples:
        draft, result.unclustered = draft_from_examples(examples, voice)
        drafts.append(draft)
    about = read_about(sources.about) if sources.about else ""
    if opened is not None:
        teacher, guard = opened
        material, notes = _material(sources, about, examples, drafts, guard)
        known = _settled_titles(existing, text, sources) if existing else []
        known += [title for draft in drafts for action in draft.actions for title in action.title.values()]
        draft, result.refused = ask_teacher(teacher, material, sources.languages, list(dict.fromkeys(known)))
        drafts.append(draft)
        result.notes, result.spent = [*result.notes, *notes], teacher.usage
    elif about:
        drafts.append(PoolDraft(description=shorten(about, _DESCRIPTION)))
    pools = [build_pool(draft, voice) for draft in drafts]
    result.refused += [Refused(what, "bad_form", why) for pool in pools for what, why in pool.dropped.items()]
    if not any(pool.tasks for pool in pools):
        raise _nothing_found(project, result.refused, sources)
    result.file = out or project.domain_file
    result.merged = _write_pool(project, out, drafts, pools, voice)
    titles = {title for draft in drafts for title in draft.title.values()}
    if existing and titles and not titles & set(existing.title.values()):
        note = f"{DOMAIN_FILE} keeps its own name, title and description; here it is called {', '.join(sorted(titles))}"
        result.notes = [*result.notes, note]
    return result


def _write_pool(
    project: Project, out: Path | None, drafts: Sequence[PoolDraft], pools: Sequence[DraftedPool], voice: Language
) -> Merged:
    """Add the drafts to the file as it is by now, which another command may have changed since it was read first."""
    new = new_pool_text(drafts, voice)
    if out is not None:
        merged = _readable(merge(new, drafts, pools))
        write_atomic(out, merged.text)
        return merged
    with changing(project.root) as changes:
        exists = project.domain_file.exists()
        text = project.domain_file.read_bytes().decode("utf-8-sig") if exists else new
        merged = _readable(merge(text, drafts, pools))
        if not exists:
            init_project(project.root, domain=merged.text)
        elif merged.text != text:
            changes.write(project.domain_file, merged.text)
    return merged


def _readable(merged: Merged) -> Merged:
    parse_record(Domain, merged.text, DOMAIN_FILE)
    return merged


def _open_teacher(
    project: Project, sources: PoolSources, on_wait: Callable[[str, float], None] | None, on_event: OnEvent
) -> tuple[Teacher, SealGuard]:
    """The teacher under the project's settings (prices, cap, earlier spending), and the guard of the project's test rows."""
    exists = project.domain_file.exists()
    workspace = Workspace.open(project.root) if exists else Workspace(project, Domain(name="pool"))
    settings = workspace.settings([*sources.overrides, f"teacher.name={sources.teacher}"])
    own = {task.name: own_splits(workspace, task, settings.split) for task in workspace.domain.tasks}
    guard = SealGuard(workspace.domain.tasks, seal(own), own)
    access = TeacherAccess(
        project, settings.teacher, sources.in_words(), guard, sources.agreed, on_event=on_event, on_wait=on_wait
    )
    return access.open(sources.teacher), guard


def _settled_titles(domain: Domain, text: str, sources: PoolSources) -> list[str]:
    """Titles of existing actions, without those this teacher proposed and nobody has reviewed.

    So the same command sends the same requests and pays nothing; when the remark above a task is deleted, it asks for others.
    """
    voice = sources.languages[0]
    unreviewed = tasks_with_remark(text, [task.name for task in domain.tasks], proposed_by(sources.teacher, voice))
    return [action.title.get(voice) or action.name for action in domain.actions if set(action.steps) - unreviewed]


def _past_work(project: Project, sources: PoolSources) -> tuple[list[Example], Proposed]:
    columns = ColumnMap.parse(sources.columns) if isinstance(sources.columns, str) else sources.columns
    results = [read_examples(path, columns=columns) for path in sources.examples]
    nothing = Proposed(project, Path(), Merged("", [], [], [], []), [])
    if not results:
        return [], nothing
    nothing.rows = total_counts(result.counts for result in results)
    nothing.dropped = [row for result in results for row in result.dropped]
    notes = [f"{Path(result.file).name}: {note}" for result in results for note in result.notes]
    every = [row for result in results for row in result.examples]
    taken = every[:: -(-len(every) // MOST_ROWS)]
    if len(taken) < len(every):
        notes.append(f"looked at {len(taken):,} of {len(every):,} rows, evenly taken")
    nothing.notes = notes
    return taken, nothing


def _material(
    sources: PoolSources, about: str, examples: Sequence[Example], drafts: Sequence[PoolDraft], guard: SealGuard
) -> tuple[str, list[str]]:
    """Everything a teacher is shown, without rows and paragraphs that hold a test row, and notes for the user."""
    texts: dict[str, str] = {"about": about} if about else {}
    notes: list[str] = []
    if sources.documents is not None:
        read = read_documents(sources.documents)
        for name, text in read.texts.items():
            free = "\n\n".join(part for part in text.split("\n\n") if not guard.touches(part))
            texts[name] = "" if guard.find(free) else free
        notes += read.notes
    if sources.interview is not None:
        texts["interview"] = drafts[0].model_dump_json(exclude_defaults=True)
    if examples := [row for row in examples if not guard.holds(row)]:
        shown = examples[:: max(1, len(examples) // _SHOWN_ROWS)][:_SHOWN_ROWS]
        lines = (f"{shorten(row.input, _SHOWN_CHARACTERS)} → {shorten(row.output, _SHOWN_CHARACTERS)}" for row in shown)
        texts["past work"] = "\n".join(lines)
    material, note = within_budget(texts)
    return material, [*notes, *([note] if note else [])]


def _nothing_found(project: Project, refused: Sequence[Refused], sources: PoolSources) -> ConfigError:
    if not sources.teacher:
        fix = "answer a few more questions, give more rows (at least 4 of a task), or name a model with --teacher"
        return ConfigError("no task was found in it", fix=fix)
    reasons = "; ".join(f"{one.what}: {one.reason} {one.detail}".strip() for one in refused[:3])
    what = f"no answer of the teacher could be used ({reasons})" if reasons else "the teacher proposed nothing"
    fix = f"try a larger model, or let a practitioner answer: {project.command('tasks', 'propose', '--interview')}"
    return ConfigError(what, where=sources.teacher, fix=fix)
