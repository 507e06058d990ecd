"""A report on disk: the record itself, and what people read, in English and Chinese."""

from pathlib import Path

from anytasktune.reports import html_page, markdown_page
from anytasktune.schema import Report
from anytasktune.store import atomic_folder, write_atomic, write_record


def write_report(report: Report, folder: Path) -> None:
    """Write `report.json`, `report.md`, `report.html` and their Chinese versions `report.zh.*` as a new `folder`.

    All or nothing; a folder that exists already holds this very report (its name is the report's id) and stays.

    Raises:
        StoreError: the folder cannot be written.
    """
    with atomic_folder(folder) as new:
        write_record(new / "report.json", report)
        write_atomic(new / "report.md", markdown_page.render(report))
        write_atomic(new / "report.zh.md", markdown_page.render(report, "zh"))
        write_atomic(new / "report.html", html_page.render(report))
        write_atomic(new / "report.zh.html", html_page.render(report, "zh"))
