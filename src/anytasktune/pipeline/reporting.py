"""The last report of a project, and how a report is shown."""

from anytasktune.errors import EvaluationError
from anytasktune.pipeline.workspace import Workspace
from anytasktune.reports.terminal_report import render
from anytasktune.schema import Report
from anytasktune.store import read_record, read_ref

__all__ = ["last_report", "render"]


def last_report(workspace: Workspace) -> Report:
    """The report that `eval` or `tune` wrote last.

    Raises:
        EvaluationError: there is none yet.
        StoreError: it is damaged.
    """
    folder = workspace.project.reports
    identity = read_ref(folder)
    if identity is None:
        raise EvaluationError("there is no report yet", where=str(folder), fix=f"make one: {workspace.project.command('tune')}")
    return read_record(folder / identity / "report.json", Report)
