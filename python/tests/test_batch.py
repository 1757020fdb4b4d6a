"""Batches: the script in its process, without S3 and without an engine."""

import contextlib
import io
import os
import sys
import tempfile
import unittest
import zipfile
from unittest import mock

from lakeward_session import batch, modules


class BatchTest(unittest.TestCase):
    def setUp(self):
        self.store = {}
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        without_engine = {name: value for name, value in os.environ.items() if name != "SPARK_REMOTE"}
        for patch in (
            mock.patch.object(modules, "fetch", self.fetch),
            mock.patch.object(modules, "FOLDER", os.path.join(folder.name, ".lakeward-modules")),
            mock.patch.object(sys, "path", list(sys.path)),
            mock.patch.dict(os.environ, without_engine | {"HOME": folder.name, "TMPDIR": folder.name}, clear=True),
            mock.patch.object(tempfile, "tempdir", folder.name),
        ):
            patch.start()
            self.addCleanup(patch.stop)

    def fetch(self, address, folder):
        path = os.path.join(folder, address.rsplit("/", 1)[-1])
        with open(path, "xb") as file:
            file.write(self.store[address])
        return path

    def run_script(self, source, args=(), **modules):
        self.store["s3://b/job.py"] = source.encode()
        self.store |= modules
        said = []
        batch.run({"file": "s3://b/job.py", "args": list(args), "py_files": list(modules)}, said.append)
        self.assertEqual([list(message) for message in said if "exited" in message], [["exited"]])
        self.assertIn("exited", said[-1])
        text = {name: "".join(message.get(name, "") for message in said) for name in ("stdout", "stderr")}
        return said[-1]["exited"], text["stdout"], text["stderr"]

    def test_arguments_output_and_main(self):
        code, out, err = self.run_script(
            "import sys\nif __name__ == '__main__':\n    print(sys.argv[1:], 'é')\n    print('oh', file=sys.stderr)", ["a b", "ü"]
        )
        self.assertEqual((code, out, err), (0, "['a b', 'ü'] é\n", "oh\n"))

    def test_exit_codes(self):
        for source, expected in (
            ("", 0),
            ("import sys; sys.exit(3)", 3),
            ("import sys; sys.exit('bad')", 1),
            ("raise ValueError('no')", 1),
            ("import os; os._exit(7)", 7),
            ("import os; os.kill(os.getpid(), 9)", -9),
            ("import ctypes; ctypes.string_at(0)", -11),
            ("if", 1),
        ):
            self.assertEqual(self.run_script(source)[0], expected, source)

    def test_the_script_gets_none_of_our_features(self):
        _, out, _ = self.run_script("def f(x: int): pass\nprint(f.__annotations__)")
        self.assertEqual(out, "{'x': <class 'int'>}\n")

    def test_two_modules_of_one_name_are_refused(self):
        with self.assertRaisesRegex(modules.ModuleFileError, "same name"):
            self.run_script("", **{"s3://b/one/m.py": b"", "s3://b/two/m.py": b""})

    def test_an_archive_that_is_none_is_refused(self):
        with self.assertRaisesRegex(modules.ModuleFileError, "no zip archive"):
            self.run_script("", **{"s3://b/m.zip": b"text"})

    def test_a_traceback_names_the_script_and_none_of_us(self):
        _, _, err = self.run_script("def f():\n    raise ValueError('no')\nf()")
        self.assertIn('job.py", line 2, in f', err)
        self.assertIn("ValueError: no", err)
        self.assertNotIn("lakeward_session", err)

    def test_what_children_print_is_kept_apart_too(self):
        code, out, err = self.run_script("import os\nos.system('echo out; echo err >&2')\nos._exit(0)")
        self.assertEqual((code, out, err), (0, "out\n", "err\n"))

    def test_modules_and_archives_are_found_and_not_unpacked(self):
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("inner.py", "name = 'zip'")
            file.writestr("../escaped.py", "name = 'escaped'")
        source = (
            "import plain, inner, os\nprint(plain.name, inner.name)\n"
            "print(os.listdir(os.path.dirname(plain.__file__)))\n"
            "try:\n    import escaped\nexcept ImportError:\n    print('not there')"
        )
        modules = {"s3://b/plain.py": b"name = 'py'", "s3://b/lib.zip": archive.getvalue()}
        code, out, err = self.run_script(source, **modules)
        self.assertEqual(code, 0, err)
        first, second, third = out.splitlines()
        self.assertEqual((first, third), ("py zip", "not there"))
        self.assertEqual(sorted(eval(second)), ["lib.zip", "plain.py"])

    def test_much_output_arrives_whole(self):
        code, out, _ = self.run_script("print('é' * 1_000_000)")
        self.assertEqual((code, len(out)), (0, 1_000_001))


class Body:
    def __init__(self, size):
        self.left = size

    def read(self, count):
        taken = min(count, self.left)
        self.left -= taken
        return b"x" * taken


class FetchTest(unittest.TestCase):
    def fetch(self, address, size=5):
        boto3 = mock.MagicMock()
        boto3.client.return_value.get_object.return_value = {"Body": Body(size)}
        with mock.patch.dict("sys.modules", {"boto3": boto3}), tempfile.TemporaryDirectory() as folder:
            path = modules.fetch(address, folder)
            self.assertEqual(os.path.dirname(path), folder)
            self.assertEqual(os.path.getsize(path), size)
            boto3.client.return_value.get_object.assert_called_once()
            return boto3.client.return_value.get_object.call_args.kwargs

    def test_bucket_and_key(self):
        self.assertEqual(self.fetch("s3://b/a/job.py"), {"Bucket": "b", "Key": "a/job.py"})

    def test_names_that_are_no_plain_file_are_refused(self):
        for address in ("file:///etc/passwd.py", "s3://b/..", "s3://b/a/", "s3://b/a\x00.py", "s3://b/" + "x" * 200 + ".py"):
            with self.assertRaises(modules.ModuleFileError, msg=address):
                self.fetch(address)

    def test_a_script_that_is_too_large_is_refused(self):
        with mock.patch.object(modules, "FILE_BYTES", 1000), self.assertRaisesRegex(modules.ModuleFileError, "larger than 1000"):
            self.fetch("s3://b/job.py", 1001)

    def test_two_files_of_one_name_are_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            with contextlib.suppress(FileExistsError), open(os.path.join(folder, "m.py"), "x"):
                pass
            boto3 = mock.MagicMock()
            boto3.client.return_value.get_object.return_value = {"Body": Body(1)}
            with mock.patch.dict("sys.modules", {"boto3": boto3}), self.assertRaisesRegex(modules.ModuleFileError, "same name"):
                modules.fetch("s3://b/m.py", folder)


if __name__ == "__main__":
    unittest.main()
