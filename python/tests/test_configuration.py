"""Settings of a session: set where they are taken, said where they are not."""

import io
import os
import sys
import unittest
from unittest import mock

from lakeward_session import configuration


class Conf(dict):
    def _set_all(self, settings, silent):
        for name, value in settings.items():
            if name.startswith("spark.driver"):
                raise ValueError("static\nand more")
            self[name] = value


class Spark:
    def __init__(self):
        self.conf = Conf()


class ConfigurationTest(unittest.TestCase):
    def apply(self, text):
        spark, log = Spark(), io.StringIO()
        with mock.patch.dict(os.environ, {configuration.VARIABLE: text}), mock.patch.object(sys, "__stderr__", log):
            configuration.apply(spark)
        return dict(spark.conf), log.getvalue()

    def test_what_is_taken_is_set_and_the_rest_is_said(self):
        taken, log = self.apply('{"spark.driver.memory": "1g", "spark.sql.shuffle.partitions": "3"}')
        self.assertEqual(taken, {"spark.sql.shuffle.partitions": "3"})
        self.assertEqual(log, "setting spark.driver.memory is not taken: static\n")

    def test_nothing_and_nonsense_set_nothing(self):
        self.assertEqual(self.apply(""), ({}, ""))
        self.assertIn("no JSON object", self.apply("{")[1])

    def test_modules_are_taken_from_the_settings(self):
        taken = []
        settings = '{"spark.submit.pyFiles": "s3://b/a.py, s3://b/c.zip,"}'
        with mock.patch.dict(os.environ, {configuration.VARIABLE: settings}), mock.patch.object(configuration.modules, "add", taken.append):
            configuration.take_modules()
        self.assertEqual(taken, ["s3://b/a.py", "s3://b/c.zip"])


if __name__ == "__main__":
    unittest.main()
