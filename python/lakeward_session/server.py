"""Runs Sail's Spark Connect server, for as long as the interpreter lives: ``python -m lakeward_session.server PARENT PORT``."""

import ctypes
import os
import signal
import sys

from . import modules

PR_SET_PDEATHSIG = 1


def die_with(parent: int) -> None:
    """Asks the kernel to kill this process when its parent ends."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before we asked
        sys.exit(1)


def main() -> None:
    parent, port = int(sys.argv[1]), int(sys.argv[2])
    die_with(parent)
    modules.prepare()
    from pysail.cli import main as sail

    sys.argv = ["sail", "spark", "server", "--ip", "127.0.0.1", "--port", str(port)]
    sys.exit(sail())


if __name__ == "__main__":
    main()
