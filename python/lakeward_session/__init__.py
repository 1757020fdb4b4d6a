"""The interpreter inside a session: Python, a Spark Connect client, and a Sail engine of its own.

Started as ``python -m lakeward_session`` with the environment that ENVIRONMENT.md describes. It speaks JSON lines on the
standard input and output it was started with; see ``channel``. User code runs in this process and is not trusted: a reply says
what that code chose to say.
"""
