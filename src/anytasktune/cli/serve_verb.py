"""The verb `serve`."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from anytasktune.cli.console import DONE, print_json, say
from anytasktune.cli.options import Json, ProgressForm, ProjectFolder, UseOverrides, YesToFallback, open_project


def serve(
    project: ProjectFolder = Path(),
    host: Annotated[
        str, typer.Option("--host", help="Address to listen at; any but this machine's own needs --token-env.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65_535, help="Port to listen at; 0: one that is free.")] = 8000,
    token_env: Annotated[
        str, typer.Option("--token-env", metavar="NAME", help="Environment variable with the token that clients must send.")
    ] = "",
    timeout: Annotated[float, typer.Option("--timeout", min=0.1, help="Longest time for an answer, in seconds.")] = 120.0,
    engine: Annotated[
        str,
        typer.Option(
            "--engine",
            metavar="vllm|URL",
            help="Let vLLM compute: `vllm` starts $ANYTASKTUNE_VLLM or vllm from PATH; a URL connects to a running server.",
        ),
    ] = "",
    engine_wait: Annotated[
        float, typer.Option("--engine-wait", min=1, help="Longest time until vLLM answers after its start, in seconds.")
    ] = 900.0,
    record_requests: Annotated[
        bool,
        typer.Option(
            "--record-requests",
            help="Log metadata of every request in the folder use/, and the texts of unsure and of sampled ones, for review "
            "and drift.",
        ),
    ] = False,
    record_share: Annotated[
        float,
        typer.Option("--record-share", min=0, max=1, help="Share of requests that are sampled at random for keeping texts."),
    ] = 0.1,
    yes: YesToFallback = False,
    overrides: UseOverrides = None,
    progress: ProgressForm = "text",
    as_json: Json = False,
) -> int:
    """Serve the Task-LMs to OpenAI clients on this machine, until Ctrl-C."""
    workspace, settings = open_project(project, overrides=overrides)
    from anytasktune.cli.consent_question import agreement
    from anytasktune.cli.progress import reporter
    from anytasktune.pipeline.starting_server import ServerOptions, prepare_server

    options = ServerOptions(
        host,
        port,
        token_env,
        timeout,
        engine=engine,
        engine_wait=engine_wait,
        record_requests=record_requests,
        record_share=record_share,
    )
    with reporter(progress, workspace) as on_event:
        options = replace(options, agreed=agreement(yes, on_event))
        server = prepare_server(workspace, settings, options, on_event)
        names = list(server.engine.models.names)
        if as_json:
            print_json({"base_url": f"{server.address}/v1", "models": names})
        else:
            say(f"Serving {len(names)} models at {server.address}/v1; Ctrl-C ends it.")
            say(f"  curl {server.address}/v1/models")
        server.run()
    return DONE
