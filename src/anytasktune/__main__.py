"""`python -m anytasktune` is the `anytasktune` command."""

from anytasktune.cli import main

if __name__ == "__main__":
    main()
