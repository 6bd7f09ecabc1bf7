"""Makes the static CPython behave as `python` does: -c CODE, -m MODULE, or a file.

freeze-core's interpreter imports ``__init__`` plus the name of its own file, and calls `run`. The
interpreter is isolated: it reads no environment variable of Python's and no user's packages.
"""

import os
import sys


def run(_: str) -> None:
    """Run what the command line names."""
    sys.dont_write_bytecode = True  # a version's folder stays as its builder made it
    sys.executable = os.path.realpath(sys.executable)
    home = os.path.dirname(os.path.dirname(sys.executable))
    sys.path.append(os.path.join(home, "site"))
    what, arguments = sys.argv[1:2], sys.argv[2:]
    if what == ["-c"]:
        sys.argv = ["-c", *arguments[1:]]
        exec(compile(arguments[0], "<string>", "exec"), sys.modules["__main__"].__dict__)
        return
    import runpy

    if what == ["-m"]:
        sys.argv = arguments
        runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
    elif what:
        sys.argv = [*what, *arguments]
        runpy.run_path(what[0], run_name="__main__")
    else:
        sys.exit("This Python is edgefair's own. Start edgefair itself.")
