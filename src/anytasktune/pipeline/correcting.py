"""`correct`: the right answer to an input, kept in `use/` for review; personal data is replaced as in the gates."""

from datetime import UTC, datetime

from anytasktune.datasets import check_row
from anytasktune.errors import ConfigError, DataError
from anytasktune.gates.answer_gates import personal_data
from anytasktune.gates.gate import GateContext, Job, Placed
from anytasktune.pipeline.workspace import Workspace
from anytasktune.records import Language
from anytasktune.schema import Candidate, Correction, Origin, RecordedRequest, Task
from anytasktune.settings import GateConfig, Settings
from anytasktune.store import Project, append_line, read_lines, write_atomic
from anytasktune.text.language import likelier_language


def correct_request(
    workspace: Workspace, task_name: str, request: str, answer: str, by: str, settings: Settings | None = None
) -> Correction:
    """Keep the right answer to a recorded request.

    Raises:
        DataError: its texts were not kept, or the answer cannot be used; see `add_correction`.
    """
    (task,) = workspace.tasks([task_name])
    identity = request.partition("cmpl-")[2] or request
    found = kept_request(workspace.project, task, identity)
    if found is None:
        what = f"no texts were kept of a request {request!r} to task {task.name}"
        fix = "give the input instead: --input TEXT; a server that is running takes POST /v1/feedback for its last requests"
        raise DataError(what, where=str(workspace.project.requests(task.name)), fix=fix)
    correction = Correction(
        at=now(),
        by=by,
        request=identity,
        version=found.version,
        language=found.language,
        input=found.input,
        output=answer,
        answered=found.output,
    )
    return add_correction(workspace.project, task, correction, (settings or Settings()).gates)


def correct_input(
    workspace: Workspace,
    task_name: str,
    text: str,
    answer: str,
    by: str,
    language: Language | None = None,
    settings: Settings | None = None,
) -> Correction:
    """Keep the right answer to an input, in the language of its letters unless one is given; see `add_correction`.

    Raises:
        ConfigError: the task does not speak the language.
        DataError: the text is empty, or the answer cannot be used.
    """
    (task,) = workspace.tasks([task_name])
    if not text.strip():
        raise DataError("the input is empty", fix="give the text that was answered wrongly")
    if language is not None and language not in task.languages:
        raise ConfigError(f"task {task.name} has no instruction in {language}", where="--language", fix="leave it out")
    spoken = language or (likelier_language(text) if len(task.languages) > 1 else task.languages[0])
    correction = Correction(at=now(), by=by, language=spoken, input=text, output=answer)
    return add_correction(workspace.project, task, correction, (settings or Settings()).gates)


def now() -> str:
    """The time, in ISO 8601 and UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def without_personal_data(task: Task, candidate: Candidate, config: GateConfig) -> Candidate | None:
    """The candidate with masks for personal data; None where it holds some and may not be kept."""
    job = Job(task, GateContext(), config)
    for finding in personal_data(job, [Placed(0, candidate, candidate.input)]):
        return None if finding.drop else finding.changed
    return candidate


def keep_from_git(project: Project) -> None:
    """Keep `use/` out of git, unless its `.gitignore` was changed: inputs of other people are confidential as a rule."""
    file = project.use / ".gitignore"
    if not file.exists():
        write_atomic(file, "*\n")


def add_correction(project: Project, task: Task, correction: Correction, config: GateConfig) -> Correction:
    """Add a correction to those of the task, personal data replaced.

    Raises:
        DataError: the answer is not of the task's form, or personal data in it cannot be replaced.
    """
    origin = Origin(kind="correction")
    made = Candidate(
        input=correction.input.strip(), output=correction.output.strip(), language=correction.language, origin=origin
    )
    if (fault := check_row(task, made.example())) is not None:
        raise DataError(f"the right answer cannot be used: {fault.detail}", where=f"task {task.name}")
    masked = without_personal_data(task, made, config)
    if masked is None:
        fix = "leave the personal data out, or allow it: gates.personal_data: keep in settings.yaml"
        raise DataError("personal data in it cannot be replaced", where=f"task {task.name}", fix=fix)
    kept = correction.model_copy(update={"input": masked.input, "output": masked.output})
    keep_from_git(project)
    append_line(project.corrections(task.name), kept)
    return kept


def kept_request(project: Project, task: Task, identity: str) -> RecordedRequest | None:
    """The request of this id whose texts were kept; None if there is none."""
    lines = read_lines(project.requests(task.name), RecordedRequest)
    return next((line for line in lines if line.id == identity and line.input), None)
