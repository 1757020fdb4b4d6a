"""Completion: what is offered, and what it must not do."""

import unittest

from lakeward_session.completion import CANDIDATES, candidates
from lakeward_session.interpreter import Interpreter


class Loud:
    """Tells of everything that is done to it."""

    def __init__(self):
        self.seen = []

    @property
    def dear(self):
        self.seen.append("dear")
        return 1

    def call(self):
        self.seen.append("call")


class CompletionTest(unittest.TestCase):
    def test_names_builtins_and_keywords(self):
        names = {"customers": 1, "_hidden": 2}
        self.assertEqual(candidates("x = cust", 8, names), ["customers"])
        self.assertEqual(candidates("impo", 4, {}), ["import"])
        self.assertEqual(candidates("print(enum", 10, {}), ["enumerate"])
        self.assertNotIn("_hidden", candidates("", 0, names))
        self.assertEqual(candidates("_hid", 4, names), ["_hidden"])

    def test_attributes_are_listed_and_not_read(self):
        loud = Loud()
        self.assertEqual(candidates("a = loud.", 9, {"loud": loud}), ["call", "dear", "seen"])
        self.assertEqual(candidates("loud.ca", 7, {"loud": loud}), ["call"])
        self.assertEqual(loud.seen, [])

    def test_the_cursor_decides_and_may_be_anything(self):
        code = "import os\nos.path.joi + 1"
        import os

        self.assertEqual(candidates(code, code.index(" +"), {"os": os}), ["join"])
        for cursor in (-5, 10**9):
            candidates(code, cursor, {"os": os})

    def test_what_is_no_name_has_no_candidates(self):
        for code in ("f().a", "1.re", "'te", "x[0].b", "absent.", "12", '"abc'):
            self.assertEqual(candidates(code, len(code), {}), [], code)

    def test_there_is_a_bound(self):
        names = {f"name{number}": number for number in range(5000)}
        self.assertEqual(len(candidates("na", 2, names)), CANDIDATES)
        self.assertEqual(candidates("a" * 100_000, 100_000, names), [])


class InterpreterCompletionTest(unittest.TestCase):
    def test_objects_that_fail_or_print_spoil_nothing(self):
        interpreter = Interpreter()
        interpreter.execute(
            "class Bad:\n    def __dir__(self):\n        print('noise')\n        raise SystemExit\n"
            "class Odd:\n    def __dir__(self):\n        return ['good', 'x' * 1000]\n"
            "    def __getattr__(self, name):\n        raise KeyboardInterrupt\n"
            "bad, odd = Bad(), Odd()"
        )
        self.assertEqual(interpreter.complete("bad.", 4), [])
        self.assertEqual(interpreter.complete("odd.", 4), ["good"])
        self.assertEqual(interpreter.complete("odd.more.", 9), [])
        self.assertEqual(interpreter.execute("'still here'")["data"]["text/plain"], "'still here'")


if __name__ == "__main__":
    unittest.main()
