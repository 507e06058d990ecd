"""The process in which files are read that could crash, hang or swell: a line of JSON in, a line of JSON out.

python -m anytasktune.documents.worker MEGABYTES
"""

import json
import os
import sys
from pathlib import Path

from anytasktune.documents.read_file import read_file


def main() -> None:
    """Answer requests until standard input is closed."""
    _limit_memory(int(sys.argv[1]) * 2**20)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # whatever a library prints must not come between the answers
    for line in sys.stdin.buffer:
        request = json.loads(line)
        document = read_file(Path(os.fsdecode(bytes.fromhex(request["path"]))), request["kind"], request["sha256"])
        answers.write(document.model_dump_json().encode() + b"\n")
        answers.flush()


def _limit_memory(size: int) -> None:
    """Let allocations beyond `size` bytes fail. Only some systems can; elsewhere the checks of sizes and the clock must do."""
    try:
        import resource  # noqa: PLC0415 - only where the system has it

        resource.setrlimit(resource.RLIMIT_AS, (size, size))
    except (ImportError, ValueError, OSError):
        return


if __name__ == "__main__":
    main()
