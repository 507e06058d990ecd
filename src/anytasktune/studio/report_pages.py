"""Reports: all of a project with their verdicts, one as it was written, two compared."""

import html
import re
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from anytasktune.errors import EvaluationError
from anytasktune.pipeline.reporting import all_reports, load_report, report_file, report_folder, summarize, view_diff
from anytasktune.pipeline.workspace import Workspace
from anytasktune.schema import Report
from anytasktune.studio.job_pages import start_command
from anytasktune.studio.page_frame import UnknownNameError, language_of, render, studio_of

router = APIRouter()
_ROWS_A_PAGE = 20
_SCRIPTS = re.compile(r"script-src ((?:'none'|'sha256-[A-Za-z0-9+/=]+'))\"")
_OF_A_REPORT = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; frame-ancestors 'self'"
"""The policy of a report in a frame of the studio; the report itself names its only script by its hash."""


@router.get("/p/{project}/reports")
def list_reports(request: Request, project: str, page: Annotated[int, Query(ge=1, le=10_000)] = 1) -> HTMLResponse:
    """All reports, the newest first, with the verdict on each task."""
    workspace = studio_of(request).workspace(project)
    reports, last = all_reports(workspace.project)
    first = (page - 1) * _ROWS_A_PAGE
    shown = reports[::-1][first : first + _ROWS_A_PAGE]
    return render(
        request,
        "reports.html.j2",
        "report",
        project=project,
        command=("report", "list"),
        summaries=[summarize(report, language_of(request)) for report in shown],
        choices=[(report.id, report.created, report.model) for report in reports[::-1]],
        last=last,
        first=first,
        total=len(reports),
        page=page,
        pages=max(1, -(-len(reports) // _ROWS_A_PAGE)),
    )


@router.get("/p/{project}/reports/compare")
def compare_reports(request: Request, project: str, first: str, second: str) -> HTMLResponse:
    """The differences between two reports, on the rows that both have."""
    workspace = studio_of(request).workspace(project)
    from anytasktune.pipeline.diffing_reports import diff_stored_reports  # noqa: PLC0415 (statistics, which only this page needs)

    found = view_diff(diff_stored_reports(workspace, first, second), language_of(request))
    return render(
        request,
        "report_diff.html.j2",
        "report",
        project=project,
        command=("report", "diff", first, second),
        diff=found,
        first=first,
        second=second,
    )


@router.get("/p/{project}/reports/{report_id}")
def show_report(request: Request, project: str, report_id: str) -> HTMLResponse:
    """A report as it was written, in a frame."""
    workspace = studio_of(request).workspace(project)
    report = _report(workspace, report_id)
    page = "report.zh.html" if language_of(request) == "zh" else "report.html"
    return render(
        request,
        "report.html.j2",
        "report",
        project=project,
        command=("report", "show", report.id),
        report=report,
        page=page,
        text=page.replace(".html", ".md"),
        has_answers=(report_folder(workspace.project, report.id) / "predictions.jsonl").is_file(),
        others=[one for one in all_reports(workspace.project)[0][::-1] if one.id != report.id],
    )


@router.get("/p/{project}/reports/{report_id}/files/{name}")
def send_file(request: Request, project: str, report_id: str, name: str) -> Response:
    """A file of a report; its pages under a policy of their own, since they hold their style and their script."""
    workspace = studio_of(request).workspace(project)
    try:
        path = report_file(workspace.project, _report(workspace, report_id).id, name)
    except EvaluationError as error:
        raise UnknownNameError(error.problems) from None
    if path.suffix != ".html":
        return FileResponse(path, filename=f"{report_id}-{name}")
    text = path.read_text(encoding="utf-8")
    script = _SCRIPTS.search(html.unescape(text[:2000]))
    own = script.group(1) if script else "'none'"
    return HTMLResponse(text, headers={"Content-Security-Policy": f"{_OF_A_REPORT}; script-src {own}"})


@router.post("/p/{project}/reports/{report_id}/verify")
def verify_report(request: Request, project: str, report_id: str) -> RedirectResponse:
    """Compute every number of a report again, as a job."""
    report = _report(studio_of(request).workspace(project), report_id)
    return start_command(request, project, ["verify", report.id])


def _report(workspace: Workspace, report_id: str) -> Report:
    try:
        return load_report(workspace, report_id)
    except EvaluationError as error:
        raise UnknownNameError(error.problems) from None
