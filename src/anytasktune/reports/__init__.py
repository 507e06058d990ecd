"""A report in three forms and two languages."""

from anytasktune.reports.pages import ITEMS_FILE, report_files, write_report

__all__ = ["ITEMS_FILE", "report_files", "write_report"]
