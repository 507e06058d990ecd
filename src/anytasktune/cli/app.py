"""The command `anytasktune`: its verbs by stage, and the way a command runs and ends."""

import contextlib
import io
import os
import re
import sys
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from anytasktune.cli import (
    action_verbs,
    agent_verb,
    cluster_verbs,
    curve_verb,
    dataset_verbs,
    exchange_verbs,
    job_verbs,
    judge_verbs,
    learning_verbs,
    make_verbs,
    project_verbs,
    report_verbs,
    review_verb,
    router_verb,
    serve_verb,
    studio_verb,
    task_verbs,
    train_verbs,
    transfer_verb,
    use_verbs,
    version_verbs,
)
from anytasktune.cli.console import (
    DONE,
    INTERRUPTED,
    MENDABLE,
    StoppedError,
    UsageError,
    accept_any_character,
    show_error,
)
from anytasktune.cli.messages import speak, spoken
from anytasktune.errors import AnyTaskTuneError, disk_error, is_out_of_memory
from anytasktune.invocation import program

STAGES: dict[str, dict[str, Callable[..., int] | typer.Typer]] = {
    "Start": {
        "demo": train_verbs.demo,
        "studio": studio_verb.studio,
        "init": project_verbs.init,
        "packs": project_verbs.packs,
        "models": project_verbs.models,
        "doctor": project_verbs.doctor,
    },
    "Data": {
        "tasks": task_verbs.tasks_app,
        "import": dataset_verbs.import_,
        "check": train_verbs.check,
        "dataset": dataset_verbs.dataset_app,
    },
    "Make rows with a teacher model": {
        "ingest": make_verbs.ingest,
        "build": make_verbs.build,
        "synth": make_verbs.synth,
        "augment": make_verbs.augment,
        "gate": make_verbs.gate,
        "review": review_verb.review,
    },
    "Train and measure": {
        "tune": train_verbs.tune,
        "train": train_verbs.train,
        "eval": train_verbs.eval_,
        "learning-curve": curve_verb.learning_curve,
        "language-transfer": transfer_verb.language_transfer,
        "judge": judge_verbs.judge,
        "mark": judge_verbs.mark,
        "eval-action": action_verbs.eval_action,
        "eval-router": router_verb.eval_router,
    },
    "Use": {
        "ask": use_verbs.ask,
        "predict": use_verbs.predict,
        "run": action_verbs.run,
        "serve": serve_verb.serve,
        "correct": learning_verbs.correct,
        "drift": learning_verbs.drift,
        "improve": learning_verbs.improve,
        "versions": version_verbs.versions,
        "promote": version_verbs.promote,
        "rollback": version_verbs.rollback,
        "mcp": agent_verb.mcp,
        "export": exchange_verbs.export,
        "import-adapter": exchange_verbs.import_adapter,
    },
    "Look": {
        "report": report_verbs.report_app,
        "verify": report_verbs.verify,
        "jobs": job_verbs.jobs_app,
        "cluster": cluster_verbs.cluster_app,
        "schema": project_verbs.schema,
    },
}
"""Every verb under the stage of work it belongs to, in the order of `--help`."""


_HELP = {"-h", "--help"}


class _ByStage(TyperGroup):
    """Commands in the order of the stages; typer would list groups first."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [name for verbs in STAGES.values() for name in verbs]


app = typer.Typer(
    name="anytasktune",
    cls=_ByStage,
    help="Small language models tuned on exactly the sub-tasks of your work, with proof that it was worth it.",
    epilog=f"See it work: {program()} demo. With your own rows: init FOLDER, import ROWS --task NAME, tune, ask; "
    "--help after a command explains it. 中文说明：README.zh-CN.md",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for stage, verbs in STAGES.items():
    for name, verb in verbs.items():
        if isinstance(verb, typer.Typer):
            app.add_typer(verb, name=name, rich_help_panel=stage)
        else:
            app.command(name, rich_help_panel=stage)(verb)


def _version(wanted: bool) -> None:
    if wanted:
        from anytasktune.version import __version__

        typer.echo(f"anytasktune {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    _: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")] = False,
) -> None:
    pass


def run_safely(arguments: Sequence[str]) -> int:
    """Run the command and return its exit code; faults that the user can mend are shown as messages."""
    accept_any_character()
    arguments = arguments or ["--help"]
    speak(arguments)
    try:
        code = _run_piped_help(arguments) if _HELP & set(arguments) and not sys.stdout.isatty() else _run(arguments)
        sys.stdout.flush()  # here, where a closed pipe is handled
        if code == INTERRUPTED:
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        stopped = StoppedError("stopped", fix="run the same command again to go on where it was")
        show_error(stopped, as_json="--json" in arguments)
        return INTERRUPTED
    except AnyTaskTuneError as error:
        show_error(error, as_json="--json" in arguments)
        return error.exit_code
    except BrokenPipeError:  # the reader of the output, e.g. `head`, has closed it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return MENDABLE
    except OSError as error:  # of any path that was given, or that is made of a name
        show_error(disk_error(error), as_json="--json" in arguments)
        return MENDABLE
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        fix = "close other programs, lower eval.batch_tokens, or take a smaller model or smaller files"
        full = AnyTaskTuneError("the memory is full", fix=fix)
        show_error(full, as_json="--json" in arguments)
        return MENDABLE
    return code


def _run_piped_help(arguments: Sequence[str]) -> int:
    """Run the command; typer fills the lines of its help with blanks, which are taken away."""
    from anytasktune.cli.terminal import without_trailing_blanks

    with contextlib.redirect_stdout(io.StringIO()) as held:
        code = _run(arguments)
    sys.stdout.write(without_trailing_blanks(held.getvalue()))
    return code


def _run(arguments: Sequence[str]) -> int:
    # the base of typer's usage errors: its own click's or the installed one's, by version
    wrong_usage: type[Exception] = typer.BadParameter.__mro__[1]
    try:
        command = get_command(app)
        if spoken() != "en":
            from anytasktune.cli.help_texts import localise_help

            localise_help(command)
        result = command(args=list(arguments), prog_name=program(), standalone_mode=False)
    except typer.Exit as stop:
        return int(stop.exit_code)
    except typer.Abort:
        return INTERRUPTED
    except wrong_usage as error:
        raise _usage_error(error) from None
    return result if isinstance(result, int) else DONE


def _usage_error(error: Any) -> UsageError:
    if nearest := getattr(error, "possibilities", None):
        return UsageError(error.message, fix=f"did you mean {' or '.join(sorted(nearest))}?")
    given, found, choices = error.message.partition(" is not one of ")
    near = get_close_matches(given.rpartition(" ")[2].strip("'"), re.findall("'(.*?)'", choices), n=1) if found else []
    command = error.ctx.command_path if error.ctx else program()
    fix = f"did you mean {near[0]!r}?" if near else f"{command} --help lists arguments and options"
    what = error.format_message().replace("Value error, ", "")
    return UsageError(what or "no command is given", fix=fix)
