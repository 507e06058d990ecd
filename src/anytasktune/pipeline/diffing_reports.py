"""Two reports of a project, compared on the rows both have. Loads the engine, which showing a report does not."""

from anytasktune.errors import EvaluationError
from anytasktune.evaluation.diff_reports import diff_reports
from anytasktune.pipeline.reporting import report_folder
from anytasktune.pipeline.workspace import Workspace
from anytasktune.reports import ITEMS_FILE
from anytasktune.schema import Report, ReportItem
from anytasktune.schema.report_diff import ReportDiff
from anytasktune.store import check_sums, read_lines, read_record


def diff_stored_reports(workspace: Workspace, first: str, second: str | None = None) -> ReportDiff:
    """The differences between two reports, on the rows that both have.

    Args:
        first: id of the earlier one, or its beginning.
        second: of the later one; None: the last report.

    Raises:
        EvaluationError: there is no such report, it is compared with itself, or it has no items.
        StoreError: it is damaged.
    """
    folders = [report_folder(workspace.project, name) for name in (first, second)]
    if folders[0] == folders[1]:
        what = f"report {folders[0].name} was to be compared with itself"
        raise EvaluationError(what, fix=f"the reports are listed by: {workspace.project.command('report', 'list')}")
    for folder in folders:
        check_sums(folder)
        if not (folder / ITEMS_FILE).is_file():
            what = "an earlier version made this report: it does not hold its items"
            raise EvaluationError(what, where=str(folder), fix=f"make it anew: {workspace.project.command('eval')}")
    ours, theirs = (read_record(folder / "report.json", Report) for folder in folders)
    items = [read_lines(folder / ITEMS_FILE, ReportItem) for folder in folders]
    return diff_reports(ours, theirs, (items[0], items[1]))
