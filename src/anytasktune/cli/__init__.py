"""The command line: one thin function per verb over the functions of the Python API."""

import sys


def main() -> None:
    """Run the `anytasktune` command and exit with its code."""
    from anytasktune.cli.app import run_safely

    sys.exit(run_safely(sys.argv[1:]))
