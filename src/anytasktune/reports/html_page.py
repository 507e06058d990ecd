"""A report as one HTML file that needs nothing else: no script, no font, no request."""

import functools

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from anytasktune.records import Language
from anytasktune.reports.report_view import view_report
from anytasktune.reports.report_words import TEMPLATES
from anytasktune.reports.svg_plots import SPARK_HEIGHT, SPARK_WIDTH
from anytasktune.schema import Report

_HTML_LANGUAGE = {"en": "en", "zh": "zh-CN"}


def render(report: Report, language: Language = "en") -> str:
    """The page in `language`. Everything that comes from data is escaped; a content security policy in the page
    forbids scripts and requests besides."""
    view = view_report(report, language)
    return _template("report.html.j2").render(
        view=view,
        say=view.words.say,
        lang=_HTML_LANGUAGE[language],
        languages=_HTML_LANGUAGE,
        spark_width=SPARK_WIDTH,
        spark_height=SPARK_HEIGHT,
    )


@functools.cache
def _template(name: str) -> Template:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES, encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)
