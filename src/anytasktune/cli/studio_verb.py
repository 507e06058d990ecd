"""The verb `studio`."""

from pathlib import Path
from typing import Annotated

import typer

from anytasktune.cli.console import DONE, print_json, say
from anytasktune.cli.options import Json


def studio(
    folder: Annotated[Path, typer.Option("--project", "-p", help="Project folder, or a folder of projects.")] = Path(),
    port: Annotated[
        int | None,
        typer.Option("--port", min=0, max=65_535, help="Port to listen at; 8731 unless it is taken; 0 picks a free one."),
    ] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only show the address; do not open a browser.")] = False,
    as_json: Json = False,
) -> int:
    """Open the studio: pages in your browser for the whole work, from this machine only, until Ctrl-C."""
    from anytasktune.studio.studio_server import StudioServer

    server = StudioServer(folder, port)
    if as_json:
        print_json({"start_address": server.start_address})
    else:
        say("The studio runs on this machine; Ctrl-C ends it. Jobs that it started go on.")
        say(f"  {server.start_address}")
    if not no_browser:
        import webbrowser

        webbrowser.open(server.start_address)
    server.run()
    return DONE
