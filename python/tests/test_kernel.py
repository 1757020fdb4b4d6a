"""A Jupyter kernel as a process: its messages over the protocol channel."""

import base64
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import uuid

from . import ROOT, has

HAS_KERNEL = has("ipykernel", "pysail", "pyspark")
CHARACTERS = 50_000


class Kernel:
    """Drives one kernel's process as the daemon does."""

    def __init__(self, folder, *arguments, engine=None):
        self.folder = pathlib.Path(folder)
        home, scratch = self.folder / "home", self.folder / "tmp"
        home.mkdir()
        scratch.mkdir()
        environment = {
            "PATH": os.defpath, "HOME": str(home), "TMPDIR": str(scratch), "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1", "AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true",
        }  # fmt: skip
        command = [sys.executable, "-m", "lakeward_session", "--kind", "kernel", "--log", str(self.folder / "log")]
        command += ["--output-limit", str(CHARACTERS), *arguments]
        self.process = subprocess.Popen(command, env=environment, cwd=home, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.session = uuid.uuid4().hex
        self.warm = self.hear()
        (self.folder / "given.py").write_text("name = 'given'")
        settings = {"spark.sql.shuffle.partitions": "7", "spark.submit.pyFiles": str(self.folder / "given.py")}
        begin = {"kind": "kernel", "name": "mine", "application": "application_1_0001", "settings": settings, "token": None}
        begin["engine"] = engine or {}
        self.say({"begin": begin})
        self.say({"start": {"environment": {"KERNEL_USERNAME": "alice"}}})
        self.first = self.hear()

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        self.process.stdin.close()
        self.process.stdout.close()

    def say(self, line):
        self.process.stdin.write(json.dumps(line).encode() + b"\n")
        self.process.stdin.flush()

    def hear(self):
        return json.loads(self.process.stdout.readline())

    def send(self, kind, content, channel="shell", **more):
        header = {"msg_id": uuid.uuid4().hex, "msg_type": kind, "session": self.session, "username": "", "version": "5.3",
                  "date": "2026-01-01T00:00:00Z"}  # fmt: skip
        self.say({"message": {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": channel}, **more})
        return header["msg_id"]

    def execute(self, code):
        return self.send("execute_request", {"code": code, "silent": False, "store_history": True, "allow_stdin": False})

    def answers(self, request):
        """The lines about a request, until it is answered and the kernel idle."""
        heard, done = [], set()
        while done != {"reply", "idle"}:
            line = self.hear()
            message = line.get("message", {"parent_header": {}})
            if message["parent_header"].get("msg_id") != request:
                continue
            heard.append(line)
            if message["channel"] in ("shell", "control"):
                done.add("reply")
            elif line.get("state") == "idle":
                done.add("idle")
        return heard

    def run(self, code):
        return self.answers(self.execute(code))

    def until(self, wanted):
        while not wanted(line := self.hear()):
            pass
        return line


def contents(lines, kind):
    return [line["message"]["content"] for line in lines if line["message"]["msg_type"] == kind]


def result(lines):
    return contents(lines, "execute_result")[0]["data"]["text/plain"]


def is_alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in ("Z", "X")
    except FileNotFoundError:
        return False


@unittest.skipUnless(HAS_KERNEL, "needs the packages of a session")
class KernelTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.kernel = Kernel(folder.name)
        cls.addClassCleanup(cls.kernel.close)

    def test_it_has_the_engine_and_the_clients_variables(self):
        self.assertTrue(self.kernel.first["ready"])
        code = "import os; (spark.range(3).count(), sqlContext.range(2).count(), sc.version[:1], os.environ['KERNEL_USERNAME'])"
        self.assertEqual(result(self.kernel.run(code)), "(3, 2, '4', 'alice')")
        frame = self.kernel.run("%%sql -o frame -n 1\nselect 1 as a union all select 2")
        self.assertIn("text/html", contents(frame, "execute_result")[0]["data"])
        self.assertEqual(result(self.kernel.run("len(frame)")), "1")
        [wrong] = contents(self.kernel.run("%%sql --what\nselect 1"), "error")
        self.assertIn("usage: %%sql", wrong["evalue"])

    def test_states_come_with_the_messages_that_tell_them(self):
        lines = self.kernel.run("1")
        self.assertEqual([line["state"] for line in lines if "state" in line], ["busy", "idle"])

    def test_too_large_messages_become_errors(self):
        [shown] = contents(self.kernel.run("'x' * 1_000_000"), "error")
        self.assertEqual(shown["ename"], "OutputTooLarge")
        request = self.kernel.send("complete_request", {"code": "x" * 10, "cursor_pos": 10})
        self.kernel.answers(request)
        code = "get_ipython().kernel.do_complete = lambda *_: {'status': 'ok', 'matches': ['x' * 1_000_000]}"
        self.assertEqual(contents(self.kernel.run(code), "execute_reply")[0]["status"], "ok")
        [reply] = contents(self.kernel.answers(self.kernel.send("complete_request", {"code": "x", "cursor_pos": 1})), "complete_reply")
        self.assertEqual((reply["status"], reply["ename"]), ("error", "OutputTooLarge"))
        self.assertEqual(result(self.kernel.run("1 + 1")), "2")

    def test_too_much_printed_text_is_cut(self):
        lines = self.kernel.run("for _ in range(20): print('é' * 5_000)")
        self.assertEqual(contents(lines, "error"), [])
        text = "".join(content["text"] for content in contents(lines, "stream"))
        self.assertTrue(text.startswith("é" * 5_000), text[:10])
        if len(lines) == 4:  # one message; the kernel may as well have sent the text in parts that fit
            self.assertRegex(text, r"\[output truncated: [0-9]+ more characters than a message may have\]\n\Z")

    def test_the_echo_of_a_large_cell_is_dropped(self):
        lines = self.kernel.run("x = '" + "y" * 2 * CHARACTERS * 4 + "'")
        self.assertEqual([contents(lines, kind) for kind in ("error", "execute_input")], [[], []])
        self.assertEqual(contents(lines, "execute_reply")[0]["status"], "ok")

    def test_commands_need_no_terminal(self):
        refusal = "import pty, os\ndef none(*_): raise OSError('out of pty devices')\n"
        self.kernel.run(refusal + "pty.openpty = pty.fork = os.openpty = os.forkpty = none")
        lines = self.kernel.run("!echo out; echo err >&2; exit 3")
        said = sorted((content["name"], content["text"]) for content in contents(lines, "stream"))
        self.assertEqual(said, [("stderr", "err\n"), ("stdout", "out\n")])
        self.assertEqual(result(self.kernel.run("_exit_code")), "3")
        self.assertIn("pip ", contents(self.kernel.run("%pip --version"), "stream")[0]["text"])
        request = self.kernel.execute("!echo begun; sleep 600")
        self.kernel.until(lambda line: line.get("message", {}).get("msg_type") == "stream")
        self.kernel.say({"interrupt": True})
        self.assertEqual(contents(self.kernel.answers(request), "execute_reply")[0]["ename"], "KeyboardInterrupt")

    def test_packages_that_cannot_be_had_are_refused_with_what_would_do(self):
        [wrong] = contents(self.kernel.run("%pip install requests"), "error")
        self.assertIn("sc.addPyFile", wrong["evalue"])
        said = contents(self.kernel.run("!pip install requests"), "stream")
        self.assertIn("No matching distribution", "".join(content["text"] for content in said))

    def test_the_modules_of_the_settings_are_there(self):
        code = "import given, os\ngiven.name, os.path.basename(os.path.dirname(given.__file__))"
        self.assertEqual(result(self.kernel.run(code)), "('given', '.lakeward-modules')")

    def test_a_failed_query_says_so_once(self):
        lines = self.kernel.run("spark.sql('select nope from values (1) as t(a)').show()")
        self.assertEqual((len(contents(lines, "error")), contents(lines, "stream")), (1, []))

    def test_the_magics_of_sparkmagic(self):
        self.assertEqual(result(self.kernel.run("\n%%local\nhere = 1\nhere + 1")), "2")
        self.assertEqual(result(self.kernel.run("%%spark\nspark.range(4).count()")), "4")
        self.assertIn("no options", contents(self.kernel.run("%%spark -o frame\n1"), "error")[0]["evalue"])
        lines = self.kernel.run("%%sql -q -o taken -m sample -r 1.0 -c False\nselect 1 as a")
        self.assertEqual((contents(lines, "error"), result(self.kernel.run("len(taken)"))), ([], "1"))
        cell = '%%configure -f\n{"conf": {"spark.sql.shuffle.partitions": "9", "spark.executor.memory": "1g"}, "driverMemory": "1g"}'
        said = "".join(content["text"] for content in contents(self.kernel.run(cell), "stream"))
        self.assertIn("driverMemory is not taken", said)
        self.assertIn("spark.executor.memory is not taken", said)
        self.assertEqual(result(self.kernel.run("spark.conf.get('spark.sql.shuffle.partitions')")), "'9'")
        self.assertIn("JSON object", contents(self.kernel.run("%%configure\nnope"), "error")[0]["evalue"])
        shown = self.kernel.run("import matplotlib.pyplot as plt\nplt.plot([1, 2])\n%matplot plt")
        self.assertEqual([list(content["data"])[-1] for content in contents(shown, "display_data")], ["image/png"])

    def test_buffers_go_both_ways(self):
        echo = (
            "def opened(comm, message):\n    comm.send({'n': 1}, buffers=message['buffers'])\n"
            "import comm\ncomm.get_comm_manager().register_target('echo', opened)"
        )
        self.kernel.run(echo)
        buffer = base64.b64encode(b"\x00\xff\n").decode()
        self.kernel.send("comm_open", {"comm_id": "1", "target_name": "echo", "data": {}}, buffers=[buffer])
        back = self.kernel.until(lambda line: line.get("message", {}).get("msg_type") == "comm_msg")
        self.assertEqual(back["buffers"], [buffer])

    def test_what_is_no_message_is_dropped(self):
        for message in ({}, {"channel": "iopub"}, {"channel": "shell", "header": 3}, {"channel": "shell", "header": {"msg_id": 1}}):
            self.kernel.say({"message": message})
        self.kernel.send("execute_request", {"code": "1"}, buffers=["!"])
        self.assertEqual(result(self.kernel.run("3")), "3")

    def test_an_interrupt_ends_the_cell_alone(self):
        self.kernel.run("kept = 1")
        request = self.kernel.execute("import time\nprint('begun', flush=True)\nfor _ in range(6000): time.sleep(0.1)")
        self.kernel.until(lambda line: line.get("message", {}).get("msg_type") == "stream")
        self.kernel.say({"interrupt": True})
        [reply] = contents(self.kernel.answers(request), "execute_reply")
        self.assertEqual(reply["ename"], "KeyboardInterrupt")
        self.assertEqual(result(self.kernel.run("kept")), "1")

    def test_a_restart_forgets_everything(self):
        before = result(self.kernel.run("forgotten = 1\nimport os; os.getpid()"))
        self.kernel.say({"restart": 4})
        self.assertEqual(self.kernel.until(lambda line: "state" in line)["state"], "restarting")
        self.assertEqual(self.kernel.until(lambda line: "restarted" in line)["restarted"], 4)
        self.assertFalse(is_alive(before))
        self.assertEqual(contents(self.kernel.run("forgotten"), "error")[0]["ename"], "NameError")
        self.assertEqual(result(self.kernel.run("spark.range(2).count()")), "2")

    def test_a_kernel_that_dies_is_started_again(self):
        self.kernel.execute("import os; os._exit(1)")
        for state in ("restarting", "idle"):  # one that ends at once may take its "busy" along
            self.kernel.until(lambda line, state=state: line.get("state") == state)
        self.assertEqual(result(self.kernel.run("5")), "5")


@unittest.skipUnless(HAS_KERNEL, "needs the packages of a session")
class WarmKernelTest(unittest.TestCase):
    def test_one_that_waited_takes_its_owners_environment_settings_and_share(self):
        share = {"SAIL_EXECUTION__DEFAULT_PARALLELISM": "3"}
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        kernel = Kernel(folder.name, "--ahead", engine=share)
        self.addCleanup(kernel.close)
        self.assertTrue(kernel.warm["warm"])
        facts = "import os; [os.environ[name] for name in ('KERNEL_USERNAME', 'LAKEWARD_SESSION_NAME')]"
        self.assertEqual(result(kernel.run(facts)), "['alice', 'mine']")
        self.assertEqual(result(kernel.run("spark.conf.get('spark.sql.shuffle.partitions'), spark.range(4).count()")), "('7', 4)")
        engine = kernel.first["engine"]["pid"]
        self.assertIn(b"SAIL_EXECUTION__DEFAULT_PARALLELISM=3", pathlib.Path(f"/proc/{engine}/environ").read_bytes())


@unittest.skipUnless(HAS_KERNEL, "needs the packages of a session")
class EndOfKernelTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.kernel = Kernel(folder.name)
        self.addCleanup(self.kernel.close)

    def test_it_ends_with_its_input_and_takes_its_processes_along(self):
        pid = result(self.kernel.run("import os; os.getpid()"))
        self.kernel.process.stdin.close()
        self.assertEqual(self.kernel.process.wait(30), 0)
        for process in (pid, self.kernel.first["engine"]["pid"]):
            for _ in range(500):
                if not is_alive(process):
                    break
                subprocess.run(["sleep", "0.02"], check=True)
            self.assertFalse(is_alive(process))

    def test_a_kernel_that_dies_again_and_again_is_given_up(self):
        for _ in range(4):
            self.kernel.execute("import os; os._exit(1)")
            self.kernel.until(lambda line: line.get("state") == "restarting")
            self.kernel.until(lambda line: line.get("state") == "idle")
        self.kernel.execute("import os; os._exit(1)")
        fatal = self.kernel.until(lambda line: "fatal" in line)
        self.assertIn("5 times", fatal["fatal"])
        self.assertEqual(self.kernel.process.wait(30), 1)


if __name__ == "__main__":
    unittest.main()
