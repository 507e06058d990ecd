"""A report as JSON, Markdown, HTML and terminal text, in English and Chinese."""

from anytasktune.reports.report_files import write_report

__all__ = ["write_report"]
