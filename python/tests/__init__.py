"""Tests of the Python parts: ``python -m unittest discover -s python/tests -t python`` from the repository's root."""
