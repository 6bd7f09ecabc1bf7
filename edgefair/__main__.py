"""``python -m edgefair``: the command line, for where no script is on the path."""

from edgefair.cli.main import run

if __name__ == "__main__":
    run()
