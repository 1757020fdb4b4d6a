"""Statements as Livy runs them; no engine needed."""

import signal
import unittest

from lakeward_session.interpreter import Interpreter
from lakeward_session.magics import TABLE


class Figure:
    """Stands in for matplotlib."""

    def savefig(self, target, format):
        target.write(b"\x89PNG")


class Page:
    def __repr__(self):
        return "Page"

    def _repr_html_(self):
        return "<b>page</b>"


class InterpreterTest(unittest.TestCase):
    def setUp(self):
        self.interpreter = Interpreter(limit=1000)

    def ok(self, code):
        reply = self.interpreter.execute(code)
        self.assertEqual(reply["status"], "ok", reply)
        return reply["data"]

    def error(self, code):
        reply = self.interpreter.execute(code)
        self.assertEqual(reply["status"], "error", reply)
        return reply

    def test_only_a_trailing_expression_shows_its_value(self):
        self.assertEqual(self.ok("1\n2")["text/plain"], "2")
        self.assertEqual(self.ok("x = 5\nx")["text/plain"], "5")
        self.assertEqual(self.ok("None")["text/plain"], "")

    def test_a_trailing_loop_shows_each_value(self):
        self.assertEqual(self.ok("for i in range(2): i")["text/plain"], "0\n1")

    def test_names_outlive_a_statement(self):
        self.ok("import math\ny = 4")
        self.assertEqual(self.ok("math.sqrt(y)")["text/plain"], "2.0")
        self.assertEqual(self.ok("_ + 1")["text/plain"], "3.0")

    def test_stdout_comes_before_stderr_and_the_end_is_trimmed(self):
        data = self.ok("import sys\nprint('err', file=sys.stderr)\nprint('out')\nprint('  ', file=sys.stderr)")
        self.assertEqual(data["text/plain"], "out\nerr")

    def test_nothing_runs_when_a_part_is_wrong(self):
        reply = self.error("z = 1\nreturn 3")
        self.assertEqual(reply["ename"], "SyntaxError")
        self.assertEqual(self.error("z")["ename"], "NameError")

    def test_empty_code(self):
        self.assertEqual(self.ok("")["text/plain"], "")
        self.assertEqual(self.ok("# only a comment")["text/plain"], "")

    def test_incomplete_statement(self):
        for code in ("if True:", "f(1,", "'''abc"):
            reply = self.error(code)
            self.assertEqual((reply["ename"], reply["evalue"]), ("Error", "incomplete statement"), code)

    def test_syntax_error(self):
        self.assertEqual(self.error("1 +* 2")["ename"], "SyntaxError")

    def test_traceback_holds_the_users_frames_only(self):
        reply = self.error("def f():\n    return 1 / 0\nf()")
        self.assertEqual((reply["ename"], reply["evalue"]), ("ZeroDivisionError", "division by zero"))
        text = "".join(reply["traceback"])
        self.assertIn('File "<stdin>", line 2, in f', text)
        self.assertNotIn("lakeward_session", text)
        self.assertNotIn("<module>", text)
        self.assertTrue(all(line.endswith("\n") for line in reply["traceback"]))

    def test_what_was_chained_is_left_out(self):
        text = "".join(self.error("try:\n    1/0\nexcept Exception:\n    raise ValueError('v')")["traceback"])
        self.assertNotIn("ZeroDivisionError", text)

    def test_leaving_does_not_end_the_interpreter(self):
        for code in ("import sys; sys.exit(2)", "raise KeyboardInterrupt", "raise BaseException('b')"):
            self.error(code)
        self.assertEqual(self.ok("1")["text/plain"], "1")

    def test_an_error_that_cannot_be_printed(self):
        reply = self.error("class E(Exception):\n    def __str__(self): raise ValueError\nraise E()")
        self.assertIn("cannot be printed", reply["evalue"])

    def test_output_over_the_limit_says_so(self):
        text = self.ok("print('x' * 5000)")["text/plain"]
        self.assertTrue(text.startswith("x" * 1000 + "\n[output truncated: 4001 more characters"), text[990:])

    def test_classes_can_be_pickled(self):
        self.assertIn("A object", self.ok("import pickle\nclass A: pass\npickle.loads(pickle.dumps(A()))")["text/plain"])

    def test_html_of_a_trailing_value(self):
        self.interpreter.names["page"] = Page()
        self.assertEqual(self.ok("page"), {"text/html": "<b>page</b>", "text/plain": "Page"})

    def test_html_never_hides_what_was_printed(self):
        self.interpreter.names["page"] = Page()
        self.assertEqual(self.ok("print('first')\npage"), {"text/plain": "first\nPage"})

    def test_json_magic(self):
        data = self.ok("x = {'a': [1, float('nan'), (2,)], 'b': {3}}\n%json x")
        self.assertEqual(data["application/json"], {"a": [1, None, [2]], "b": [3]})
        self.assertIn("text/plain", data)

    def test_table_magic(self):
        data = self.ok("t = [{'n': 1, 's': 'a'}, {'n': 2}]\n%table t")
        self.assertEqual(
            data[TABLE],
            {"headers": [{"name": "n", "type": "BIGINT_TYPE"}, {"name": "s", "type": "STRING_TYPE"}], "data": [[1, "a"], [2, None]]},
        )
        self.assertEqual(self.error("t = [{'n': 1}, {'n': 'a'}]\n%table t")["ename"], "MagicError")

    def test_matplot_magic(self):
        self.interpreter.names["fig"] = Figure()
        self.assertEqual(self.ok("%matplot fig")["image/png"], "iVBORw==")
        self.assertEqual(self.error("%matplot Figure")["ename"], "NameError")

    def test_unknown_magic_and_text_before_it(self):
        self.assertEqual(self.error("%nope x")["ename"], "UnknownMagic")
        data = self.ok("x = 1\nprint('said')\n%json x")
        self.assertEqual((data["application/json"], data["text/plain"]), (1, "said"))

    def test_a_percent_sign_in_python_is_no_magic(self):
        self.assertEqual(self.ok("s = '''\n%json x\n'''\nlen(s)")["text/plain"], "9")

    def test_user_code_gets_none_of_our_features(self):
        self.assertEqual(self.ok("def f(x: int): pass\nf.__annotations__")["text/plain"], "{'x': <class 'int'>}")
        for theirs in ("from __future__ import annotations\n", ""):
            self.assertEqual(self.ok(theirs + "def g(x: int): pass\ng.__annotations__")["text/plain"], "{'x': 'int'}")

    def test_who_keeps_a_stream_is_heard_in_later_statements(self):
        self.ok("import logging, sys\nlog = logging.getLogger('kept')\nlog.addHandler(logging.StreamHandler())\nout = sys.stdout")
        self.assertEqual(self.ok("log.warning('two'); _ = out.write('three\\n')")["text/plain"], "three\ntwo")

    def test_a_typo_shows_the_users_line_alone(self):
        for code in ("x = = 2", "x = [1]\n%json x\nx = = 2"):
            reply = self.error(code)
            self.assertEqual(reply["ename"], "SyntaxError")
            self.assertNotIn("ast.py", "".join(reply["traceback"]))
            self.assertIn("x = = 2", "".join(reply["traceback"]))
        self.assertEqual("".join(self.error("%nope")["traceback"])[:13], "UnknownMagic:")

    def test_what_was_printed_before_an_error_is_shown(self):
        lines = self.error("print('step 1')\nprint('step 2')\n1/0")["traceback"]
        self.assertEqual(lines[:3], ["step 1\n", "step 2\n", "Traceback (most recent call last):\n"])

    def test_rich_output_over_the_limit_is_an_error(self):
        self.assertIn("the limit is 1000", self.error("x = ['y' * 2000]\n%json x")["evalue"])


class InterruptTest(unittest.TestCase):
    def setUp(self):
        self.interpreter = Interpreter()
        self.before = signal.signal(signal.SIGINT, self.interpreter.interrupt)

    def tearDown(self):
        signal.signal(signal.SIGINT, self.before)

    def test_cancels_the_running_statement(self):
        cancelled = []
        self.interpreter.on_cancel = lambda: cancelled.append(True)
        reply = self.interpreter.execute("import signal\nsignal.raise_signal(signal.SIGINT)\nprint('not reached')")
        self.assertEqual((reply["ename"], reply["evalue"]), ("KeyboardInterrupt", "the statement was cancelled"))
        self.assertEqual(cancelled, [True])
        self.assertEqual(self.interpreter.execute("1")["data"]["text/plain"], "1")

    def test_is_remembered_when_the_statement_has_not_begun(self):
        self.interpreter.expect()
        signal.raise_signal(signal.SIGINT)
        reply = self.interpreter.execute("print('reached')")
        self.assertEqual((reply["ename"], reply["evalue"]), ("KeyboardInterrupt", "the statement was cancelled"))
        self.assertNotIn("reached", "".join(reply["traceback"]))
        self.assertEqual(self.interpreter.execute("1")["data"]["text/plain"], "1")

    def test_is_not_kept_for_a_later_statement(self):
        self.interpreter.expect()
        self.interpreter.execute("1")
        signal.raise_signal(signal.SIGINT)
        self.interpreter.expect()
        self.assertEqual(self.interpreter.execute("1")["data"]["text/plain"], "1")

    def test_does_nothing_between_statements(self):
        signal.raise_signal(signal.SIGINT)
        self.assertEqual(self.interpreter.execute("1")["data"]["text/plain"], "1")

    def test_user_code_cannot_take_the_signal_away(self):
        self.interpreter.execute("import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)")
        self.assertEqual(signal.getsignal(signal.SIGINT), self.interpreter.interrupt)


if __name__ == "__main__":
    unittest.main()
