"""Tests of the Python parts: ``python -m unittest discover -s python/tests -t python`` from the repository's root.

Processes that they start find the packages as in a session: by PYTHONPATH.
"""

import os
import pathlib
import sys

# Compiled files would become part of the program, which embeds the packages' folders.
sys.dont_write_bytecode = True
os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
os.environ["PYTHONPATH"] = str(pathlib.Path(__file__).resolve().parent.parent)
