"""Runs the session's module in a process that cannot outlive the daemon, whatever it is doing.

Standard input is a pipe whose other end only the daemon holds. When that end closes, because the
daemon closed it or died, the whole process group ends: also in the middle of a statement, when
nobody reads the pipe.
"""

import os
import runpy
import select
import signal
import threading


def end_with(pipe):
    watch = select.poll()
    watch.register(pipe, 0)  # a hang-up is always reported; what is written is left to its reader
    watch.poll()
    os.killpg(0, signal.SIGKILL)


threading.Thread(target=end_with, args=(os.dup(0),), name="lifeline", daemon=True).start()
runpy.run_module("lakeward_session", run_name="__main__", alter_sys=True)
