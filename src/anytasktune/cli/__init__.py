"""The command line: one thin function per verb over the functions of the Python API."""

import sys


def main() -> None:
    """Entry point of the `anytasktune` command; exits with the command's exit code."""
    from anytasktune.cli.console import run_safely

    sys.exit(run_safely(sys.argv[1:]))
