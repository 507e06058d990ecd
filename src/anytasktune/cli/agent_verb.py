"""The verb `mcp`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from anytasktune.cli.console import DONE, print_json, show
from anytasktune.cli.options import Json, ProgressForm, ProjectFolder, open_project
from anytasktune.cli.use_verbs import AnsweredBy


def mcp(
    project: ProjectFolder = Path(),
    answered_by: AnsweredBy = "",
    reviewer: Annotated[
        str, typer.Option("--reviewer", help="Name under which the agent's reviews are written, in reviews/TASK/NAME.jsonl.")
    ] = "agent",
    language: Annotated[
        Literal["en", "zh"] | None,
        typer.Option("--language", help="Language of the tools' descriptions; default: the first of each task, else English."),
    ] = None,
    list_tools: Annotated[bool, typer.Option("--list", help="List the tools and end.")] = False,
    progress: ProgressForm = "text",
    as_json: Json = False,
) -> int:
    """Offer tasks, actions, jobs and reviews to an agent as tools (Model Context Protocol on standard input and output)."""
    workspace, _ = open_project(project)
    from anytasktune.cli.person_name import person_name
    from anytasktune.cli.progress import reporter
    from anytasktune.pipeline.serving_agents import AgentTools, listed

    with reporter(progress, workspace) as on_event:
        name = person_name(reviewer, workspace.project.root)
        agent_tools = AgentTools(workspace.project.root, on_event, name, answered_by, language)
        if not list_tools and not as_json:
            agent_tools.serve()
            return DONE
    tools = agent_tools.tools()
    if as_json:
        print_json(listed(tools))
    else:
        from anytasktune.cli.tables import new_table
        from anytasktune.cli.terminal import one_line

        table = new_table("tool", "description", left=2)
        for tool in tools:
            table.add_row(tool.name, one_line(tool.description, 60))
        show(table)
    return DONE
