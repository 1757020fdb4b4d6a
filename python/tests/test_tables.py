"""Statements of kind sql, without an engine: a stand-in for a frame."""

import datetime
import decimal
import json
import math
import unittest

from lakeward_session.interpreter import Interpreter


class Schema:
    def json(self):
        return '{"type":"struct","fields":[]}'


class Frame:
    schema = Schema()

    def __init__(self, rows):
        self.rows = rows

    def take(self, count):
        return self.rows[:count]


class SqlTest(unittest.TestCase):
    def run_sql(self, rows):
        interpreter = Interpreter(limit=100_000)
        asked = []

        def sql(text):
            asked.append(text)
            if rows is None:
                raise ValueError("no such table")
            return Frame(rows)

        interpreter.sql = sql
        reply = interpreter.execute(" select 1;\n", "sql")
        self.assertEqual(asked, ["select 1"])
        return reply

    def test_the_answer_has_livys_shape_and_nothing_else(self):
        cells = (1, None, "x", 1.5, math.nan, decimal.Decimal("1.50"), decimal.Decimal("0.12345678901234567890"), b"\x00\xff")
        dates = (datetime.date(2020, 1, 2), datetime.datetime(2020, 1, 2, 3, 4, 5), [1, (2, 3)], {"k": b"a"})
        reply = self.run_sql([cells + dates])
        json.dumps(reply, allow_nan=False)
        self.assertEqual(list(reply["data"]), ["application/json"])
        table = reply["data"]["application/json"]
        self.assertEqual(table["schema"], {"type": "struct", "fields": []})
        expected = [1, None, "x", 1.5, None, 1.5, "0.12345678901234567890", "AP8="]
        expected += ["2020-01-02", "2020-01-02T03:04:05", [1, [2, 3]], {"k": "YQ=="}]
        self.assertEqual(table["data"], [expected])

    def test_a_thousand_rows_come_back(self):
        self.assertEqual(len(self.run_sql([(1,)] * 5000)["data"]["application/json"]["data"]), 1000)

    def test_too_much_is_an_error(self):
        reply = self.run_sql([("x" * 1000,)] * 1000)
        self.assertEqual((reply["status"], reply["ename"]), ("error", "ValueError"))

    def test_errors_have_livys_shape(self):
        reply = self.run_sql(None)
        self.assertEqual((reply["status"], reply["ename"], reply["evalue"]), ("error", "ValueError", "no such table"))

    def test_a_session_without_an_engine_says_so(self):
        reply = Interpreter().execute("select 1", "sql")
        self.assertIn("kind sql or pyspark", reply["evalue"])


if __name__ == "__main__":
    unittest.main()
