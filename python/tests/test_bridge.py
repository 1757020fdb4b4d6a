"""The words of the bridge; no engine needed."""

import unittest
from unittest import mock

from lakeward_session import dialect
from lakeward_session.contexts import Collection, SqlContext, json_type

from . import has

HAS_CLIENT = has("grpc", "pyspark")
if HAS_CLIENT:
    from lakeward_session import bridge


class RewriteTest(unittest.TestCase):
    def test_use_and_describe(self):
        for given, wanted in {
            "use tpc": "USE DATABASE tpc",
            " USE `a b`;\n": "USE DATABASE `a b`",
            "use lakeward.tpc": "USE DATABASE lakeward.tpc",
            "describe t": "DESCRIBE TABLE t",
            "DESC tpc.t": "DESCRIBE TABLE tpc.t",
            "describe formatted tpc.t": "DESCRIBE EXTENDED tpc.t",
            "-- look\nuse tpc": "USE DATABASE tpc",
            "/* a\n * b **/ -- c\n\n use tpc -- d": "USE DATABASE tpc",
        }.items():
            self.assertEqual(dialect.rewrite(given), wanted)

    def test_what_the_engine_knows_stays(self):
        for statement in ("use database tpc", "use catalog c", "describe table t", "describe extended t", "describe database d",
                          "select * from describe", "describe select 1", "use", "insert into t values ('use tpc')"):  # fmt: skip
            self.assertEqual(dialect.rewrite(statement), statement)

    def test_columns_of_show(self):
        self.assertEqual(dialect.renamed_columns("SHOW databases like 't*'"), ["name as namespace"])
        self.assertEqual(dialect.renamed_columns("show tables in tpc")[0], "database as namespace")
        self.assertEqual(dialect.renamed_columns("-- mine\nshow tables in tpc")[0], "database as namespace")
        self.assertIsNone(dialect.renamed_columns("show tblproperties t"))
        self.assertIsNone(dialect.renamed_columns("-- show tables\nselect 1"))

    def test_comments_that_never_end_cost_no_time(self):
        statement = "/* x */" * 20_000 + "/* " + "* /" * 20_000
        self.assertEqual(dialect.rewrite(statement), statement)


class Spark:
    """Stands in for a session."""

    def __init__(self):
        self.conf = mock.Mock(getAll={"b": "2", "a": "1"})
        self.asked = []

    def createDataFrame(self, rows, schema):
        return rows

    def table(self, name):
        self.asked.append(name)
        return mock.Mock()

    def sql(self, statement):
        self.asked.append(statement)


class CommandTest(unittest.TestCase):
    def setUp(self):
        self.spark = Spark()
        patch = mock.patch.object(dialect, "nothing", lambda _: [])
        patch.start()
        self.addCleanup(patch.stop)

    def answer(self, statement):
        return dialect.answer(self.spark, statement)

    def test_settings_are_set(self):
        for statement, key, value in (
            ("set spark.sql.shuffle.partitions=3", "spark.sql.shuffle.partitions", "3"),
            ("-- why\nSET `a b` = some = thing ;", "a b", "some = thing"),
            ("set time zone 'UTC'", "spark.sql.session.timeZone", "UTC"),
        ):
            self.assertEqual(self.answer(statement), [(key, value)], statement)
            self.spark.conf.set.assert_called_with(key, value)
        self.assertEqual(self.answer("reset a.b"), [])
        self.spark.conf.unset.assert_called_with("a.b")

    def test_settings_are_shown(self):
        self.assertEqual(self.answer("SET;"), [("a", "1"), ("b", "2")])

    def test_caches_have_nothing_to_do_but_the_table_must_be_there(self):
        for statement in ("cache table db.t", "CACHE LAZY TABLE db.t OPTIONS ('a' = 'b')", "uncache table db.t", "refresh table db.t;"):
            self.assertEqual(self.answer(statement), [], statement)
        self.assertEqual(self.spark.asked, ["db.t"] * 4)
        self.assertEqual((self.answer("clear cache"), self.answer("uncache table if exists t")), ([], []))
        self.assertEqual(len(self.spark.asked), 4)
        self.answer("cache table v as select 1")
        self.answer("cache table v select 1")
        self.assertEqual(self.spark.asked[4:], ["CREATE TEMPORARY VIEW v AS select 1"] * 2)

    def test_all_else_is_the_engines(self):
        for statement in ("select 1", "set catalog c", "set -v", "refresh 's3://b/x'", "refresh function f", "cache", "-- set a=b"):
            self.assertIsNone(self.answer(statement), statement)


class ContextTest(unittest.TestCase):
    def test_a_context_follows_to_the_session_that_took_the_place_of_a_stopped_one(self):
        class Session:
            is_stopped = False

            @classmethod
            def active(cls):
                return new

        old, new = Session(), Session()
        context = SqlContext(old)
        self.assertIs(context.sparkSession, old)
        old.is_stopped = True
        self.assertIs(context.sparkSession, new)


@unittest.skipUnless(HAS_CLIENT, "the Spark client is not installed")
class RefusalTest(unittest.TestCase):
    def explained(self, text, statement, refusal=None):
        from pyspark.sql.connect.proto import ExecutePlanRequest

        request = ExecutePlanRequest()
        request.plan.command.sql_command.input.sql.query = statement
        with mock.patch.object(bridge, "service_refusal", lambda *_: refusal):
            return str(bridge.explained(Exception(text), request, lambda: "default"))

    def test_what_is_lost_is_named(self):
        text = self.explained("Failed to create database: unhandled error (AccessDeniedException)", "create database foo")
        needed = "this takes glue:CreateDatabase, and CREATE_DATABASE on the catalog in Lake Formation"
        self.assertEqual(text, f"AccessDeniedException (AWS Glue, create database); {needed}")
        lost = "Failed to get table: unhandled error (AccessDeniedException)"
        select = self.explained(lost, "select * from mine", "AccessDenied: Required Select on mine")
        self.assertEqual(select, "AccessDenied: Required Select on mine (AWS Glue, get table)")
        create = self.explained(lost, "-- new\ncreate table mine as select 1", "AccessDenied: Required Select on mine")
        self.assertTrue(create.endswith("if the table is new, this takes glue:CreateTable, and CREATE_TABLE on the database"), create)
        other = "Failed to list views: dispatch failure"
        self.assertEqual(self.explained(other, "show views", "x"), other)

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
        words = Collection(None, ["a", "b", "a"]).map(lambda word: (word, 1)).reduceByKey(lambda a, b: a + b)
        self.assertEqual(words.sortBy(lambda pair: pair[1], ascending=False).collect(), [("a", 2), ("b", 1)])
        self.assertEqual((items.sum(), items.mean(), items.max(), items.reduce(min), items.distinct().count()), (4, 2.0, 3, 1, 2))
        with self.assertRaisesRegex(AttributeError, "no RDDs"):
            items.saveAsTextFile("x")


if __name__ == "__main__":
    unittest.main()
