"""The reports of a project: found by their id, and shown."""

import contextlib
from pathlib import Path

from anytasktune.errors import AnyTaskTuneError, DamagedError, EvaluationError
from anytasktune.pipeline.workspace import Workspace
from anytasktune.reports.diff_view import DiffView, view_diff
from anytasktune.reports.report_summary import ReportSummary, summarize
from anytasktune.reports.terminal_curves import render_curves
from anytasktune.reports.terminal_diff import render_diff, render_list
from anytasktune.reports.terminal_report import render
from anytasktune.reports.terminal_transfer import render_transfers
from anytasktune.schema import Report
from anytasktune.store import Project, read_record, read_ref

__all__ = [
    "DiffView",
    "ReportSummary",
    "all_reports",
    "load_report",
    "render",
    "render_curves",
    "render_diff",
    "render_list",
    "render_transfers",
    "report_file",
    "report_folder",
    "router_page",
    "summarize",
    "view_diff",
]

REPORT_FILES = ("report.html", "report.zh.html", "report.md", "report.zh.md", "report.json", "predictions.jsonl")


def load_report(workspace: Workspace, identity: str | None = None) -> Report:
    """The report of this id, or of an id that begins so; None: the one that `eval` or `tune` wrote last.

    Raises:
        EvaluationError: there is none yet, or not exactly one of that name.
        StoreError: it is damaged.
    """
    return read_record(report_folder(workspace.project, identity) / "report.json", Report)


def report_folder(project: Project, identity: str | None = None) -> Path:
    """The folder of a report; arguments and errors as `load_report`."""
    last = read_ref(project.reports)
    if identity is None:
        if last is None:
            raise EvaluationError(
                "there is no report yet", where=str(project.reports), fix=f"make one: {project.command('tune')}"
            )
        return project.reports / last
    known = sorted(path.name for path in project.reports.glob("[!.]*/"))
    fitting = [name for name in known if identity and name.startswith(identity)]
    if len(fitting) != 1:
        what = f"several reports begin with {identity!r}" if fitting else f"there is no report {identity!r}"
        fix = f"the reports are: {', '.join(known)}" if known else f"make one: {project.command('tune')}"
        raise EvaluationError(what, where=str(project.reports), fix=fix)
    return project.reports / fitting[0]


def report_file(project: Project, identity: str, name: str) -> Path:
    """One of the files of a report.

    Raises:
        EvaluationError: there is no such report, or it has no such file.
    """
    path = report_folder(project, identity) / name
    if name not in REPORT_FILES or not path.is_file():
        raise EvaluationError(f"the report has no file {name!r}", where=str(path.parent), fix="make it anew with eval")
    return path


def router_page(workspace: Workspace, evaluation: str) -> Path | None:
    """The page of the last report, if it shows this evaluation of the router."""
    try:
        router = load_report(workspace).router
    except AnyTaskTuneError:
        return None
    return report_folder(workspace.project) / "report.html" if router and router.id == evaluation else None


def all_reports(project: Project) -> tuple[list[Report], str]:
    """All reports of a project that are not damaged, the oldest first, and the id of the one written last."""
    found = []
    for folder in project.reports.glob("[!.]*/"):
        with contextlib.suppress(DamagedError):
            found.append(read_record(folder / "report.json", Report))
    return sorted(found, key=lambda report: (report.created, report.id)), read_ref(project.reports) or ""
