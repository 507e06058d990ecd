"""A Task Pool found from what there is: an interview, examples, a description, documents; with a teacher or without."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from anytasktune.datasets import ColumnMap, read_examples, total_counts
from anytasktune.errors import ConfigError
from anytasktune.llm import Teacher
from anytasktune.pipeline.initializing import init_project
from anytasktune.pipeline.material import read_about, read_documents, within_budget
from anytasktune.pipeline.workspace import Workspace
from anytasktune.pipeline.write_pool import Merged, merge, new_pool_text, tasks_with_remark
from anytasktune.records import Language
from anytasktune.schema import Domain, DroppedRow, Example, RowCounts
from anytasktune.schema.teacher_usage import TeacherUsage
from anytasktune.settings.yaml_reading import parse_record
from anytasktune.store import DOMAIN_FILE, Project, write_atomic
from anytasktune.tasks.ask_teacher import Refused, ask_teacher, proposed_by
from anytasktune.tasks.build_tasks import DraftedPool, build
from anytasktune.tasks.from_examples import draft_from_examples
from anytasktune.tasks.interview import Interview
from anytasktune.tasks.pool_drafts import PoolDraft
from anytasktune.text.plain_text import shorten

_SHOWN_ROWS = 40
"""Rows of past work that a teacher is shown."""
_SHOWN_CHARACTERS = 200
MOST_ROWS = 5000
"""Rows of past work that are looked at, evenly taken from all: more say nothing new and cost memory."""
_DESCRIPTION = 600


@dataclass(frozen=True)
class Sources:
    """What a pool is found from.

    Attributes:
        about: a description, or the name of a file with one.
        documents: a folder of documents.
        examples: files of input/output pairs.
        columns: which columns of them to read, where they are not called `input` and `output`.
        interview: what a practitioner answered.
        teacher: the model that reads all of it; None to go without.
        languages: the languages wanted of a teacher; remarks in the file are in the first.
    """

    about: str | None = None
    documents: Path | None = None
    examples: Sequence[Path] = ()
    columns: ColumnMap | None = None
    interview: Interview | None = None
    teacher: Teacher | None = None
    languages: Sequence[Language] = ("en",)


@dataclass(frozen=True)
class Proposed:
    """What was found and where it was written.

    Attributes:
        file: the file written.
        merged: what was added to it, and what was there already.
        refused: what a teacher proposed that could not be used.
        rows: rows of past work, read, kept and dropped.
        dropped: the rows that were dropped.
        unclustered: rows that belong to no task.
        notes: what the user should know, a sentence each.
        spent: what the teacher was asked; None without one.
    """

    file: Path
    merged: Merged
    refused: list[Refused] = field(default_factory=list)
    rows: RowCounts | None = None
    dropped: list[DroppedRow] = field(default_factory=list)
    unclustered: int = 0
    notes: tuple[str, ...] = ()
    spent: TeacherUsage | None = None


def propose_pool(project: Project, sources: Sources, out: Path | None = None) -> Proposed:
    """Find a pool and write it: into the project's `domain.yaml`, to which it is added if there is one, or to a new file.

    Args:
        out: a new file for the proposal alone.

    Raises:
        ConfigError: nothing was found, `out` exists, or the project's `domain.yaml` is wrong.
        DataError: a source cannot be read.
        EndpointError: the teacher cannot be asked.
    """
    if out is not None and out.exists():
        raise ConfigError("the file exists, and is not overwritten", where=str(out), fix="give --out another name")
    existing = Workspace.open(project.root).domain if out is None and project.domain_file.exists() else None
    text = project.domain_file.read_bytes().decode("utf-8-sig") if existing else ""
    gathered = _gather(sources, _settled_titles(existing, text, sources) if existing else [])
    if not any(pool.tasks for pool in gathered.pools):
        raise _nothing_found(gathered.refused, sources)
    if existing is None:
        text = new_pool_text(gathered.drafts, sources.languages[0])
    merged = merge(text, gathered.drafts, gathered.pools)
    parse_record(Domain, merged.text, DOMAIN_FILE)
    if out is not None:
        write_atomic(out, merged.text)
    elif existing is None:
        init_project(project.root, domain=merged.text)
    elif merged.text != text:
        write_atomic(project.domain_file, merged.text)
    notes = gathered.result.notes + _on_own_texts(existing, gathered.drafts)
    return replace(gathered.result, file=out or project.domain_file, merged=merged, notes=notes)


def _on_own_texts(existing: Domain | None, drafts: Sequence[PoolDraft]) -> tuple[str, ...]:
    """What a person is told whose field has another title in the file than in the sources."""
    titles = {text for draft in drafts for text in draft.title.values()}
    if existing is None or not titles or titles & set(existing.title.values()):
        return ()
    return (f"{DOMAIN_FILE} keeps its own name, title and description; here it is called {', '.join(sorted(titles))}",)


@dataclass
class _Gathered:
    drafts: list[PoolDraft]
    pools: list[DraftedPool]
    result: Proposed

    @property
    def refused(self) -> list[Refused]:
        return self.result.refused


def _gather(sources: Sources, settled: Sequence[str]) -> _Gathered:
    """Everything the sources give; `settled` are titles a teacher need not propose."""
    voice = sources.languages[0]
    drafts: list[PoolDraft] = []
    if sources.interview is not None:
        drafts.append(sources.interview.draft())
    examples, result = _examples(sources)
    if examples:
        draft, unclustered = draft_from_examples(examples, voice)
        drafts.append(draft)
        result = replace(result, unclustered=unclustered)
    about = read_about(sources.about) if sources.about else ""
    if sources.teacher is not None:
        material, note = _material(sources, about, examples, drafts)
        known = [*settled, *(title for draft in drafts for action in draft.actions for title in action.title.values())]
        taught = ask_teacher(sources.teacher, material, sources.languages, list(dict.fromkeys(known)))
        drafts.append(taught.draft)
        result = replace(result, refused=taught.refused, notes=result.notes + note, spent=sources.teacher.usage)
    elif about:
        drafts.append(PoolDraft(description=shorten(about, _DESCRIPTION)))
    pools = [build(draft, voice) for draft in drafts]
    built = [Refused(what, "bad_form", why) for pool in pools for what, why in pool.dropped.items()]
    return _Gathered(drafts, pools, replace(result, refused=[*result.refused, *built]))


def _settled_titles(domain: Domain, text: str, sources: Sources) -> list[str]:
    """Titles of the actions that are there, without those this teacher proposed and nobody has looked at.

    So the same command asks the same and pays nothing; when the remark above a task is struck, it asks for what else there is.
    """
    voice = sources.languages[0]
    remark = proposed_by(sources.teacher.model, voice) if sources.teacher else ""
    own = tasks_with_remark(text, [task.name for task in domain.tasks], remark)
    return [action.title.get(voice) or action.name for action in domain.actions if set(action.steps) - own]


def _examples(sources: Sources) -> tuple[list[Example], Proposed]:
    results = [read_examples(path, columns=sources.columns) for path in sources.examples]
    nothing = Proposed(Path(), Merged("", [], [], [], []))
    if not results:
        return [], nothing
    counts = total_counts(result.counts for result in results)
    dropped = [row for result in results for row in result.dropped]
    notes = tuple(f"{Path(result.file).name}: {note}" for result in results for note in result.notes)
    every = [row for result in results for row in result.examples]
    taken = every[:: -(-len(every) // MOST_ROWS)]
    if len(taken) < len(every):
        notes += (f"looked at {len(taken):,} of {len(every):,} rows, evenly taken",)
    return taken, replace(nothing, rows=counts, dropped=dropped, notes=notes)


def _material(
    sources: Sources, about: str, examples: Sequence[Example], drafts: Sequence[PoolDraft]
) -> tuple[str, tuple[str, ...]]:
    """Everything a teacher is shown, and what the user should know about it."""
    texts: dict[str, str] = {"about": about} if about else {}
    notes: list[str] = []
    if sources.documents is not None:
        read = read_documents(sources.documents)
        texts |= read.texts
        notes += read.notes
    if sources.interview is not None:
        texts["interview"] = drafts[0].model_dump_json(exclude_defaults=True)
    if examples:
        shown = examples[:: max(1, len(examples) // _SHOWN_ROWS)][:_SHOWN_ROWS]
        lines = (f"{shorten(row.input, _SHOWN_CHARACTERS)} → {shorten(row.output, _SHOWN_CHARACTERS)}" for row in shown)
        texts["past work"] = "\n".join(lines)
    material, note = within_budget(texts)
    return material, (*notes, *([note] if note else []))


def _nothing_found(refused: Sequence[Refused], sources: Sources) -> ConfigError:
    if sources.teacher is None:
        fix = "answer a few more questions, give more rows (at least 4 of a task), or name a model with --teacher"
        return ConfigError("no task was found in it", fix=fix)
    reasons = "; ".join(f"{one.what}: {one.reason} {one.detail}".strip() for one in refused[:3])
    what = f"nothing the teacher answered could be used ({reasons})" if reasons else "the teacher proposed nothing"
    fix = "try a larger model, or let a practitioner answer: anytasktune tasks propose --interview"
    return ConfigError(what, where=sources.teacher.model, fix=fix)
