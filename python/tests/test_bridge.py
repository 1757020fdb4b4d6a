"""The words of the bridge; no engine needed."""

import importlib.util
import unittest

from lakeward_session.contexts import Collection, json_type

HAS_CLIENT = importlib.util.find_spec("grpc") is not None
if HAS_CLIENT:
    from lakeward_session import bridge


@unittest.skipUnless(HAS_CLIENT, "grpcio is not installed")
class RewriteTest(unittest.TestCase):
    def test_use_and_describe(self):
        for given, wanted in {
            "use tpc": "USE DATABASE tpc",
            " USE `a b`;\n": "USE DATABASE `a b`",
            "use lakeward.tpc": "USE DATABASE lakeward.tpc",
            "describe t": "DESCRIBE TABLE t",
            "DESC tpc.t": "DESCRIBE TABLE tpc.t",
            "describe formatted tpc.t": "DESCRIBE EXTENDED tpc.t",
        }.items():
            self.assertEqual(bridge.rewrite(given), wanted)

    def test_what_the_engine_knows_stays(self):
        for statement in ("use database tpc", "use catalog c", "describe table t", "describe extended t", "describe database d",
                          "select * from describe", "describe select 1", "use", "insert into t values ('use tpc')"):  # fmt: skip
            self.assertEqual(bridge.rewrite(statement), statement)

    def test_columns_of_show(self):
        self.assertEqual(bridge.renamed_columns("SHOW databases like 't*'"), ["name as namespace"])
        self.assertEqual(bridge.renamed_columns("show tables in tpc")[0], "database as namespace")
        self.assertIsNone(bridge.renamed_columns("show tblproperties t"))

    def test_names_of_tables(self):
        self.assertEqual(bridge.split_name("`a`.`b`"), ("a", "b"))
        self.assertEqual(bridge.split_name("lakeward.tpc.t"), ("tpc", "t"))
        found = bridge.TABLE_NAMES.findall("select * from a.b, `c` join d on x where y in (select 1 from e)")
        self.assertEqual(found, ["a.b, `c`", "d", "e"])


class JsonTest(unittest.TestCase):
    def test_types(self):
        for values, wanted in (
            ([1, None], "bigint"), ([1, 2.5], "double"), ([True], "boolean"), ([True, 1], "string"), ([], "string"), ([2**70], "double"),
            ([[1], []], "array<bigint>"), ([{"a": 1}, {"b": "x"}], "struct<`a`: bigint, `b`: string>"), ([{}], "string"),
        ):  # fmt: skip
            self.assertEqual(json_type(values), wanted)

    def test_collection(self):
        items = Collection(None, [3, 1])
        self.assertEqual(items.map(lambda n: n + 1).filter(lambda n: n > 2).collect(), [4])
        with self.assertRaisesRegex(AttributeError, "no RDDs"):
            items.saveAsTextFile("x")


if __name__ == "__main__":
    unittest.main()
