"""A report in three forms and two languages."""

from anytasktune.reports.pages import write_report

__all__ = ["write_report"]
