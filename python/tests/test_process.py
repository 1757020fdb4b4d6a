"""The interpreter as a process: the protocol channel, and the engine if it is installed."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import zipfile

from . import ROOT, has

HAS_ENGINE = has("pysail", "pyspark")


class Session:
    """Drives one interpreter process."""

    def __init__(self, folder, *arguments):
        self.log = pathlib.Path(folder) / "log"
        environment = {
            "PATH": os.defpath,
            "HOME": folder,
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        command = [sys.executable, "-m", "lakeward_session", "--log", str(self.log), *arguments]
        self.process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.warm = json.loads(self.process.stdout.readline())
        kind = "python" if "python" in arguments else "pyspark"
        begin = {"kind": kind, "name": "test", "application": "application_1_0001", "settings": {}, "engine": {}, "token": None}
        self.process.stdin.write(json.dumps({"begin": begin}) + "\n")
        self.process.stdin.flush()
        self.first = json.loads(self.process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        self.process.stdin.close()
        self.process.stdout.close()

    def __call__(self, code, number=1):
        self.process.stdin.write(json.dumps({"id": number, "code": code}) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def text(self, code):
        reply = self(code)
        return reply["data"]["text/plain"] if reply["status"] == "ok" else reply


def is_alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in ("Z", "X")
    except FileNotFoundError:
        return False


class ChannelTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.session = self.enterContext(Session(folder.name, "--kind", "python"))

    def test_replies_carry_the_requests_number(self):
        self.assertTrue(self.session.first["ready"])
        self.assertEqual(self.session("1+1", 7), {"id": 7, "status": "ok", "data": {"text/plain": "2"}})

    def test_user_code_and_its_children_do_not_speak_the_protocol(self):
        code = "import os, sys\nos.write(1, b'forged\\n')\nos.system('echo child; echo child >&2')\nsys.__stdout__.write('late\\n')\n1"
        self.assertEqual(self.session.text(code)[-1], "1")
        self.assertEqual(self.session.text("2"), "2")
        self.assertIn("forged", self.session.log.read_text())
        self.assertIn("child", self.session.log.read_text())

    def test_standard_input_is_empty(self):
        self.assertEqual(self.session.text("import sys\nsys.stdin.read()"), "''")
        self.assertEqual(self.session("input()")["ename"], "EOFError")

    def test_a_forked_child_cannot_answer(self):
        reply = self.session("import os\npid = os.fork()\nif pid: os.waitpid(pid, 0)\n'parent' if pid else 'child'", 3)
        self.assertEqual((reply["id"], reply["data"]["text/plain"]), (3, "'parent'"))
        self.assertEqual(self.session("4", 5)["id"], 5)

    def test_text_that_is_no_unicode(self):
        self.assertEqual(self.session.text("print('a\\ud800b')"), "a?b")

    def test_an_interrupt_while_idle_is_ignored(self):
        self.session.process.send_signal(signal.SIGINT)
        self.assertEqual(self.session.text("1"), "1")

    def test_ends_with_its_input(self):
        self.session.process.stdin.close()
        self.assertEqual(self.session.process.wait(10), 0)


@unittest.skipUnless(HAS_ENGINE, "pysail and pyspark-client are not installed")
class EngineTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.session = self.enterContext(Session(folder.name))
        self.assertIn("engine", self.session.first, self.session.first)

    def test_names(self):
        self.assertIn("SparkSession", self.session.text("spark"))
        self.assertEqual(self.session.text("sqlContext.sql('select 1 as a').collect()"), "[Row(a=1)]")
        self.assertEqual(self.session("HiveContext(sc)")["ename"], "NotImplementedError")
        self.assertIn("no JVM", self.session("sc.textFile('x')")["evalue"])

    def test_the_templates_of_sparkmagic(self):
        query = (
            'import sys\nfor row in spark.sql(u"""select id, null as n from range(3) """).toJSON(use_unicode=(sys.version_info.major > 2))'
        )
        self.assertEqual(self.session.text(query + ".take(2): print(row)"), '{"id":0}\n{"id":1}')
        self.assertEqual(self.session.text(query + ".collect(): print(row)").count("\n"), 2)
        self.assertEqual(self.session.text(query + ".sample(False, 1.0).take(1): print(row)"), '{"id":0}')

    def test_sending_a_frame_to_spark(self):
        code = "rdd = spark.sparkContext.parallelize([{'b': 1, 'a': 'x'}, {'b': 2.5, 'c': None, 'd': {'k': [1]}}])\nspark.read.json(rdd)"
        self.assertEqual(self.session.text(code), "DataFrame[a: string, b: double, c: string, d: struct<k:array<bigint>>]")

    def test_an_interrupt_cancels_a_query_and_the_engine_lives(self):
        self.session.process.stdin.write('{"id": 1, "code": "spark.sql(\\"select sum(sqrt(id)) from range(0, 5000000000)\\").show()"}\n')
        self.session.process.stdin.flush()
        answered = threading.Event()
        threading.Thread(target=self.interrupt_until, args=(answered,), daemon=True).start()
        reply = json.loads(self.session.process.stdout.readline())
        answered.set()
        self.assertEqual(reply["ename"], "KeyboardInterrupt")
        self.assertEqual(self.session.text("spark.range(3).count()"), "3")

    def interrupt_until(self, answered):
        while not answered.wait(1):
            self.session.process.send_signal(signal.SIGINT)

    def test_functions_that_run_in_the_engine_find_modules_that_were_added(self):
        folder = self.session.log.parent
        (folder / "plain.py").write_text("def f(n): return n + 1")
        with zipfile.ZipFile(folder / "packed.zip", "w") as archive:
            archive.writestr("packed.py", "def f(n): return n + 10")
        self.session.text("from pyspark.sql import functions as F\nspark.range(1).select(F.udf(lambda n: n)('id')).collect()")
        self.session.text(f"sc.addPyFile('{folder}/plain.py')\nspark.addArtifacts('{folder}/packed.zip', pyfile=True)")
        self.session.text("import packed, plain")
        code = "[spark.range(1).select(F.udf(f, 'long')('id')).first()[0] for f in (plain.f, packed.f, lambda n: packed.f(plain.f(n)))]"
        self.assertEqual(self.session.text(code), "[1, 10, 11]")
        (folder / "plain.py").write_text("def f(n): return n + 2")
        self.assertEqual(self.session.text(f"sc.addPyFile('{folder}/plain.py')"), "")
        self.assertIn("no zip", self.session(f"open('{folder}/x.zip', 'w').close(); sc.addPyFile('{folder}/x.zip')")["evalue"])

    def test_statements_that_the_engine_lacks(self):
        self.assertEqual(self.session.text("spark.sql('-- c\\nset spark.sql.shuffle.partitions=3').collect()"),
                         "[Row(key='spark.sql.shuffle.partitions', value='3')]")  # fmt: skip
        self.assertEqual(self.session.text("spark.sql('set spark.sql.shuffle.partitions').first().value"), "'3'")
        self.assertEqual(self.session.text("spark.sql('set no.such').first().value"), "'<undefined>'")
        self.session.text("spark.sql('cache table v as select 7 as a'); spark.catalog.cacheTable('v'); spark.catalog.refreshTable('v')")
        self.assertEqual(self.session.text("spark.sql('refresh table v').toJSON().take(5), spark.table('v').first().a"), "([], 7)")

    def test_what_is_fixed_is_not_set(self):
        reply = self.session("spark.conf.set('spark.executor.memory', '4g')")
        self.assertEqual((reply["ename"], "CANNOT_MODIFY_CONFIG" in reply["evalue"]), ("AnalysisException", True))
        self.assertEqual(self.session("spark.sql('set spark.executor.memory=4g')")["ename"], "AnalysisException")

    def test_the_old_entry_points(self):
        self.session.text("from pyspark import SparkConf, SparkContext\nfrom pyspark.sql import SQLContext")
        self.session.text("from pyspark.context import SparkContext as Same")
        code = "SQLContext(SparkContext.getOrCreate(SparkConf())).range(2).count(), SparkContext is Same"
        self.assertEqual(self.session.text(code), "(2, True)")
        self.assertEqual(self.session.text("sc.applicationId, dict(sc.getConf().getAll())['spark.app.id']"),
                         "('application_1_0001', 'application_1_0001')")  # fmt: skip
        self.session.text("from pyspark.sql import functions as F\nshared = sc.broadcast({0: 'zero'})")
        self.assertEqual(self.session.text("spark.range(1).select(F.udf(lambda n: shared.value[n])('id')).first()[0]"), "'zero'")
        self.assertEqual(self.session.text("bool(type(spark).sql.__doc__), type(spark).sql.__name__"), "(True, 'sql')")

    def test_everything_runs_again_after_a_stop(self):
        self.session.text("spark.stop()\nfrom pyspark.sql import SparkSession\nspark = SparkSession.builder.getOrCreate()")
        code = "spark.range(2).count(), sqlContext.range(3).count(), sc.parallelize([1]).toDF('a int').count()"
        self.assertEqual(self.session.text(code), "(2, 3, 1)")

    def test_the_engine_dies_with_the_interpreter(self):
        engine = self.session.first["engine"]["pid"]
        self.assertTrue(is_alive(engine))
        self.session.process.kill()
        for _ in range(100):
            if not is_alive(engine):
                return
            time.sleep(0.05)
        self.fail("the engine outlived the interpreter")


if __name__ == "__main__":
    unittest.main()
