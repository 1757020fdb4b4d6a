"""A day with Livy: sparkmagic's PySpark kernel and its magics, then what other clients use: batches, SQL, completion, cancel.

FILE.json names the instance: {"url", "username", "password", "ca", "bucket"}.
"""

import json
import os
import pathlib
import sys
import tempfile
import threading
import time

import requests
from jupyter_client.manager import KernelManager

CELL_SECONDS = 120
SPARKMAGIC = "sparkmagic.kernels.pysparkkernel.pysparkkernel"
TABLE = "dl_tpc_customer"
settings = json.loads(pathlib.Path(sys.argv[1]).read_text())


def check(fact, *seen):
    if not fact:
        raise AssertionError(seen)


# sparkmagic


class Notebook:
    """sparkmagic's PySpark kernel, driven as a notebook drives it."""

    def __enter__(self):
        self.home = tempfile.mkdtemp()
        os.makedirs(f"{self.home}/.sparkmagic")
        pair = {name: settings[name] for name in ("username", "password", "url")}
        config = {
            "kernel_python_credentials": pair | {"auth": "Basic_Access"},
            "use_auto_viz": False,
            "livy_session_startup_timeout_seconds": 120,
        }
        with open(f"{self.home}/.sparkmagic/config.json", "w") as file:
            json.dump(config, file)
        self.manager = KernelManager(kernel_name="python3")
        self.manager.kernel_spec.argv = [sys.executable, "-m", SPARKMAGIC, "-f", "{connection_file}"]
        self.manager.start_kernel(env=os.environ | {"HOME": self.home, "REQUESTS_CA_BUNDLE": settings["ca"]})
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)
        return self

    def __exit__(self, *_):
        self.client.stop_channels()
        self.manager.shutdown_kernel()

    def run(self, code):
        """What the cell showed: all its texts, and the MIME types."""
        texts, types = [], []

        def note(message):
            content = message["content"]
            if message["msg_type"] == "stream":
                texts.append(content["text"])
            elif "data" in content:
                types.extend(content["data"])
                texts.extend(str(text) for mime, text in content["data"].items() if mime.startswith("text/"))
            elif message["msg_type"] == "error":
                texts.append("ERROR " + content["evalue"])

        self.client.execute_interactive(code, timeout=CELL_SECONDS, output_hook=note, allow_stdin=False)
        self.types = types
        return "\n".join(texts)

    def expect(self, code, *wanted):
        shown = self.run(code)
        for text in wanted:
            check(text in shown, code, text, shown)
        check("An error was encountered" not in shown and "ERROR " not in shown, code, shown)
        return shown


def sparkmagic_works(livy):
    with Notebook() as notebook:
        expect = notebook.expect
        expect('%%configure -f\n{"name": "day", "conf": {"spark.sql.shuffle.partitions": "3"}, "driverMemory": "1000M"}', "day")
        expect("spark", "SparkSession")
        check(livy.get("/sessions")["sessions"][0]["name"] == "day")
        expect("x = 5\nprint(x + 1)", "6")
        expect("spark.conf.get('spark.sql.shuffle.partitions')", "3")
        expect(f"spark.sql('select c_customer_sk from tpc.{TABLE} limit 3').show()", "c_customer_sk")
        expect(f"%%sql\nselect c_customer_sk from tpc.{TABLE} limit 4", "c_customer_sk")
        expect(f"%%sql -q -o taken -n 7\nselect * from tpc.{TABLE}")
        expect("%%local\nprint(len(taken), 'c_customer_sk' in taken.columns)", "7 True")
        expect(f"%%sql -q -o sampled -m sample -r 0.5 -n -1\nselect c_customer_sk from tpc.{TABLE}")
        expect(f"%%sql -q -o whole -n -1\nselect c_customer_sk from tpc.{TABLE}")
        expect("%%local\nprint('some', 0 < len(sampled) < len(whole))", "some True")
        expect("%%spark -o frame -n 2\nframe = spark.range(9).withColumnRenamed('id', 'n')")
        expect("%%local\nprint(list(frame.n))", "[0, 1]")
        expect("%%sql -q -c False -o counted\nselect 42 as answer")
        expect("%%local\nprint(counted.answer[0])", "42")
        expect("%%local\nimport pandas\nword = 'häuser'\nlocal = pandas.DataFrame({'a': [1, 2], 'b': ['x', None]})")
        expect("%%send_to_spark -i word -t str -n word\n")
        expect("print(word)", "häuser")
        expect("%%send_to_spark -i local -t df -n there\n")
        expect("there.orderBy('a').show()", "NULL", "|")
        expect("import matplotlib.pyplot as plt\nplt.plot([1, 2, 4])")
        expect("%matplot plt")
        check("image/png" in notebook.types, notebook.types)
        expect("%%info", "day")
        expect("import os\nos.write(2, b'a line of the log\\n')")
        expect("%%logs", "a line of the log")
        check("ZeroDivisionError" in notebook.run("1 / 0"))
        interrupted(notebook)
        expect("print(x + 2)", "7")
        expect('%%configure -f\n{"name": "evening"}', "evening")
        check("NameError" in notebook.run("x"), "a new session knew x")
        names = [session["name"] for session in livy.get("/sessions")["sessions"]]
        check(names == ["evening"], names)
        expect("%%cleanup -f")
        check(livy.get("/sessions")["total"] == 0)


def interrupted(notebook):
    """The kernel's interrupt cancels the statement, and the session is idle again."""

    timer = threading.Timer(3, notebook.manager.interrupt_kernel)
    timer.start()
    shown = notebook.run("import time\ntime.sleep(600)")
    check("Interrupted by user" in shown and "failed to cancel" not in shown, shown)


# Other clients


class Livy:
    """Plain calls, as Hue, Airflow and scripts make them."""

    def __init__(self):
        self.session = requests.Session()
        self.session.auth = (settings["username"], settings["password"])
        self.session.verify = settings["ca"]

    def get(self, path):
        answer = self.session.get(settings["url"] + path, timeout=60)
        check(answer.status_code == 200, path, answer.text)
        return answer.json()

    def post(self, path, status=201, **body):
        answer = self.session.post(settings["url"] + path, json=body, timeout=60)
        check(answer.status_code == status, path, answer.status_code, answer.text)
        return answer.json()

    def delete(self, path):
        answer = self.session.delete(settings["url"] + path, timeout=60)
        check(answer.status_code == 200, path, answer.text)

    def reaches(self, path, *states):
        for _ in range(600):
            found = self.get(path)
            if found["state"] in states:
                return found
            check(found["state"] not in ("dead", "error", "killed"), found)
            time.sleep(0.2)
        raise AssertionError((path, states, found))

    def run(self, place, code, **more):
        statement = self.post(f"{place}/statements", code=code, **more)
        return self.reaches(f"{place}/statements/{statement['id']}", "available", "cancelled")


def open_session(livy, **body):
    session = livy.post("/sessions", **body)
    place = f"/sessions/{session['id']}"
    livy.reaches(place, "idle")
    return place


def sql_and_completion(livy):
    place = open_session(livy, kind="sql")
    ended = livy.run(place, f"select c_customer_sk, cast(1.5 as decimal(5,2)) d, date'2020-01-02' t from tpc.{TABLE} limit 3;")
    table = ended["output"]["data"]["application/json"]
    check(list(ended["output"]["data"]) == ["application/json"], ended)
    names = [field["name"] for field in table["schema"]["fields"]]
    check(table["schema"]["type"] == "struct" and names == ["c_customer_sk", "d", "t"], table)
    check(len(table["data"]) == 3 and table["data"][0][1:] == [1.5, "2020-01-02"], table)
    many = livy.run(place, "select id from range(5000)")["output"]["data"]["application/json"]
    check(len(many["data"]) == 1000, len(many["data"]))
    shown = livy.run(place, "show databases")["output"]["data"]["application/json"]
    check(["tpc"] in shown["data"], shown)
    wrong = livy.run(place, "select * from tpc.nothing_there")
    check(wrong["output"]["status"] == "error" and wrong["output"]["ename"] and wrong["progress"] == 1.0, wrong)
    check(livy.run(place, "customers = spark.range(3)\n41 + 1", kind="pyspark")["output"]["data"]["text/plain"] == "42")

    def candidates(code):
        return livy.post(f"{place}/completion", 200, code=code, kind="pyspark", cursor=len(code))["candidates"]

    check(candidates("custo") == ["customers"])
    check("select" in candidates("customers.sel") and "selectExpr" in candidates("customers.sel"))
    check(candidates("spark.rea")[:1] == ["read"])
    livy.delete(place)


ENGINE_SECONDS = """
import glob, os
def engine_seconds():
    total = 0
    for path in glob.glob('/proc/[0-9]*/stat'):
        try:
            fields = open(path).read().rsplit(')', 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) == os.getpid():
            total += int(fields[11]) + int(fields[12])
    return total / os.sysconf('SC_CLK_TCK')
"""
# A join without an equality: the engine never looks up from it.
STUBBORN_QUERY = "spark.sql('select sum(a.id * b.id % 7) from range(4000000) a join range(4000000) b on a.id <> b.id').collect()"
LONG_QUERY = "spark.sql('select sum(a.id * b.id % 7) from range(400000000) a cross join range(100000) b').collect()"


def cancel_stops_the_engine(livy):
    place = open_session(livy, kind="pyspark")
    livy.run(place, ENGINE_SECONDS)
    cancelled(livy, place, LONG_QUERY)
    ended = cancelled(livy, place, STUBBORN_QUERY)
    check("started anew" in ended["output"]["evalue"], ended)
    check(livy.run(place, "spark.range(3).count()")["output"]["data"]["text/plain"] == "3")
    page = livy.get(f"{place}/statements?from=0&size=2&order=desc")
    check(page["total_statements"] >= 4 and page["statements"][0]["id"] > page["statements"][1]["id"], page)
    livy.delete(place)


def cancelled(livy, place, query):
    """Cancels a query that runs, and one behind it; the engine is at rest then."""
    statement = livy.post(f"{place}/statements", code=query)
    waiting = livy.post(f"{place}/statements", code="1")
    running = livy.reaches(f"{place}/statements/{statement['id']}", "running")
    check(running["started"] > 0 and running["completed"] == 0 and running["progress"] == 0.0, running)
    time.sleep(2)
    check(livy.post(f"{place}/statements/{waiting['id']}/cancel", 200) == {"msg": "canceled"})
    check(livy.post(f"{place}/statements/{statement['id']}/cancel", 200) == {"msg": "canceled"})
    ended = livy.reaches(f"{place}/statements/{statement['id']}", "cancelled")
    check(ended["completed"] >= ended["started"] > 0, ended)
    check(livy.get(f"{place}/statements/{waiting['id']}")["started"] == 0)
    livy.reaches(place, "idle")
    spent = "import time\nbefore = engine_seconds(); time.sleep(3); print(engine_seconds() - before)"
    more = float(livy.run(place, spent)["output"]["data"]["text/plain"])
    check(more < 0.3, f"the engine went on for {more} s of three")
    return ended


def a_dead_interpreter_ends_its_session_only(livy):
    other = open_session(livy, kind="python")
    for code in ("import os; os._exit(1)", "import os; os.kill(os.getpid(), 9)", "import ctypes; ctypes.string_at(0)"):
        place = open_session(livy, kind="python")
        statement = livy.run(place, code)
        check(statement["output"]["ename"] == "InterpreterDied", statement)
        for _ in range(100):
            session = livy.get(place)
            if session["state"] == "dead":
                break
            time.sleep(0.1)
        check(session["state"] == "dead" and "start a new session" in session["log"][-1], session)
        livy.delete(place)
    check(livy.run(other, "'alive'")["output"]["data"]["text/plain"] == "'alive'")
    livy.delete(other)


def batches_run(livy):
    bucket = settings["bucket"]
    modules = [f"s3://{bucket}/jobs/plain.py", f"s3://{bucket}/jobs/packed.zip"]
    batch = livy.post("/batches", file=f"s3://{bucket}/jobs/job.py", args=["Ä", "two words"], pyFiles=modules, name="nightly")
    place = f"/batches/{batch['id']}"
    ended = livy.reaches(place, "success")
    log = "\n".join(livy.get(f"{place}/log?size=-1")["log"])
    for text in ("['Ä', 'two words']", "plain module", "packed module", "rows: 5", "a warning", "exit code 0"):
        check(text in log, text, log)
    check(ended["appId"].startswith("application_") and livy.get("/batches")["total"] == 1, ended)
    livy.delete(place)

    for file, text in ((f"s3://{bucket}/jobs/fails.py", "exit code 3"), (f"s3://{bucket}/jobs/absent.py", "cannot read s3://")):
        place = f"/batches/{livy.post('/batches', file=file)['id']}"
        for _ in range(300):
            if livy.get(place)["state"] == "dead":
                break
            time.sleep(0.2)
        log = "\n".join(livy.get(f"{place}/log")["log"])
        check(text in log, text, log)
        livy.delete(place)
    refused = livy.post("/batches", 400, file="s3://b/x.jar")
    check("no JVM" in refused["msg"], refused)


def main():
    livy = Livy()
    for part in (batches_run, sql_and_completion, cancel_stops_the_engine, a_dead_interpreter_ends_its_session_only, sparkmagic_works):
        began = time.monotonic()
        part(livy)
        print(f"{part.__name__}: {time.monotonic() - began:.1f} s", flush=True)
    print("all held")


main()
