"""The frame of every page: projects, language, navigation, words, faults, and the command that does the same."""

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from anytasktune.errors import ConfigError, Problem
from anytasktune.invocation import command as whole_command
from anytasktune.localisation.catalogue import localised
from anytasktune.pipeline.workspace import Workspace
from anytasktune.records import Language
from anytasktune.schema import Task
from anytasktune.store import DOMAIN_FILE, Project
from anytasktune.studio.studio_words import PageWords, page_words

TEMPLATES = Path(__file__).parent / "templates"
SECTIONS = ("tasks", "data", "make", "review", "train", "reports", "try", "deploy", "jobs")
"""Parts of a project in the order of the work; each is shown in the navigation where a page `/p/{project}/<part>` exists."""
LANGUAGE_COOKIE = "anytasktune_language"
_HTML_LANGUAGE = {"en": "en", "zh": "zh-CN"}
_UNSEEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


class UnknownNameError(ConfigError):
    """The address of a page names a project, task or job that is not there."""


@dataclass(frozen=True)
class Studio:
    """The folder that the studio was started on.

    Attributes:
        root: a project, or a folder of projects.
    """

    root: Path

    @property
    def is_project(self) -> bool:
        """Whether the folder is one project."""
        return (self.root / DOMAIN_FILE).is_file()

    def projects(self) -> dict[str, Path]:
        """Name → folder: the folder itself if it is a project, else its direct subfolders that are."""
        if self.is_project:
            return {self.root.name or "project": self.root}
        return {file.parent.name: file.parent for file in sorted(self.root.glob(f"*/{DOMAIN_FILE}"))}

    def workspace(self, name: str) -> Workspace:
        """The project of this name, read anew: its files may change outside.

        Raises:
            UnknownNameError: there is no such project.
            ConfigError: its `domain.yaml` is wrong.
        """
        folder = self.projects().get(name)
        if folder is None:
            raise UnknownNameError(f"there is no project {name!r}", where=str(self.root))
        return Workspace.open(folder)

    def task(self, project: str, name: str) -> tuple[Workspace, Task]:
        """The project and its task of this name, read anew.

        Raises:
            UnknownNameError: there is no such project or task.
            ConfigError: `domain.yaml` is wrong.
        """
        workspace = self.workspace(project)
        task = next((task for task in workspace.domain.tasks if task.name == name), None)
        if task is None:
            raise UnknownNameError(f"there is no task {name[:80]!r}", where=DOMAIN_FILE)
        return workspace, task


def studio_of(request: Request) -> Studio:
    """The studio that answers this request."""
    found: Studio = request.app.state.studio
    return found


def language_of(request: Request) -> Language:
    """The chosen language, else the first of the browser's languages that there are texts in."""
    chosen = request.cookies.get(LANGUAGE_COOKIE, "")
    accepted = re.findall(r"(?:^|,)\s*(en|zh)\b", request.headers.get("accept-language", "").lower())
    return "zh" if "zh" in (chosen, *accepted[:1]) and chosen != "en" else "en"


def words_of(request: Request, page: str) -> PageWords:
    """The texts of a page in the language of the request."""
    return page_words(page, language_of(request))


def project_path(project: str, *parts: str) -> str:
    """The address of a page of a project."""
    return "/".join(["/p", *(quote(part, safe="") for part in (project, *parts))])


def render(
    request: Request,
    template: str,
    words: str,
    *,
    project: str = "",
    command: Sequence[str] = (),
    problems: Sequence[Problem] = (),
    status: int = 200,
    **values: Any,
) -> HTMLResponse:
    """A page.

    Args:
        template: file in `templates/`, which extends `frame.html.j2`.
        words: name of the page's word files.
        project: the project it is about; empty for none.
        command: the command that does the same, without the program and `-p`; empty for none.
        problems: faults to show above the page's content.
        values: values of the template.
    """
    studio, table = studio_of(request), words_of(request, words)
    folder = studio.projects().get(project)
    text = (
        _environment()
        .get_template(template)
        .render(
            say=table.say,
            says=table.says,
            words=table,
            lang=table.language,
            message=functools.partial(localised, language=table.language),
            html_lang=_HTML_LANGUAGE[table.language],
            project=project,
            sections=_sections(request, project),
            here=request.url.path,
            back=request.url.path + (f"?{request.url.query}" if request.url.query else "") if request.method == "GET" else "/",
            command=_shown_command(folder, command),
            problems=problems,
            **values,
        )
    )
    return HTMLResponse(text, status_code=status)


def _shown_command(folder: Path | None, command: Sequence[str]) -> str:
    if not command:
        return ""
    return Project(folder).command(*command) if folder else whole_command(*command)


def _sections(request: Request, project: str) -> list[tuple[str, str, bool]]:
    """Name, address and whether it is shown now, of each part of a project."""
    if not project:
        return []
    addresses = [(name, project_path(project, name)) for name in request.app.state.sections]
    here = quote(request.url.path)
    return [(name, address, (here + "/").startswith(address + "/")) for name, address in addresses]


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES, encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printable,
    )
    environment.globals["project_path"] = project_path
    return environment


def _printable(value: Any) -> Any:
    """Text without characters that no page may hold; a program's own markup as it is."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return _UNSEEN.sub("�", value)
