"""A day of JupyterLab's server with a cluster's gateway: the real `jupyter server --gateway-url`, driven as a browser drives it.

Reads one JSON object: the gateway's address, the CA, two people's user names and passwords, a query, and which columns its
answer must and must not show. Prints `all held` when everything held.
"""

import base64
import contextlib
import json
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path

import websocket

PATIENCE = 120.0


def ask(url, method="GET", body=None, headers=None, context=None):
    """The status and JSON of an answer."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE, context=context) as answer:
            text = answer.read()
            return answer.status, json.loads(text) if text else None
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"null")


class Server:
    """A Jupyter server of one person, whose kernels are the gateway's."""

    def __init__(self, room, gateway, ca, variables):
        self.home = Path(tempfile.mkdtemp(dir=room))
        self.secret = uuid.uuid4().hex
        environment = {
            "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": str(self.home), "PYTHONDONTWRITEBYTECODE": "1",
            "JUPYTER_RUNTIME_DIR": str(self.home / "runtime"), "JUPYTER_TOKEN": self.secret,
            "SSL_CERT_FILE": ca, "KERNEL_USERNAME": "alice", **variables,
        }  # fmt: skip
        arguments = ["--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1", "--ServerApp.port=0", f"--gateway-url={gateway}"]
        self.log = open(self.home / "log", "wb")  # noqa: SIM115
        self.process = subprocess.Popen(
            [sys.executable, "-m", "jupyter_server", *arguments], env=environment, cwd=self.home, stdout=self.log, stderr=self.log
        )
        self.url = self._found()

    def _found(self):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.said()
            for file in (self.home / "runtime").glob("jpserver-*.json"):
                with contextlib.suppress(ValueError):
                    return json.loads(file.read_text())["url"].rstrip("/")
            time.sleep(0.1)
        raise AssertionError("the Jupyter server did not start: " + self.said())

    def said(self):
        return (self.home / "log").read_text()

    def ask(self, path, method="GET", body=None):
        return ask(self.url + path, method, body, {"Authorization": f"token {self.secret}"})

    def join(self, kernel):
        url = f"{self.url.replace('http', 'ws', 1)}/api/kernels/{kernel}/channels?token={self.secret}&session_id={uuid.uuid4().hex}"
        return Notebook(websocket.create_connection(url, timeout=PATIENCE))

    def end(self):
        self.process.kill()
        self.process.wait()
        self.log.close()


class Notebook:
    """A browser's side of a kernel's channels."""

    def __init__(self, socket):
        self.socket = socket
        self.session = uuid.uuid4().hex

    def send(self, kind, content, channel="shell", **more):
        header = {"msg_id": uuid.uuid4().hex, "msg_type": kind, "session": self.session, "username": "", "version": "5.3",
                  "date": "2026-01-01T00:00:00Z"}  # fmt: skip
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": channel, "buffers": []}
        self.socket.send(json.dumps(message | more))
        return header["msg_id"]

    def next(self):
        frame = self.socket.recv()
        if isinstance(frame, str):
            return json.loads(frame)
        count = int.from_bytes(frame[:4], "big")
        places = [int.from_bytes(frame[4 * n : 4 * n + 4], "big") for n in range(1, count + 1)] + [len(frame)]
        parts = [frame[place:end] for place, end in zip(places, places[1:], strict=False)]
        return json.loads(parts[0]) | {"buffers": parts[1:]}

    def execute(self, code):
        return self.send("execute_request", {"code": code, "silent": False, "store_history": True, "user_expressions": {},
                                             "allow_stdin": True, "stop_on_error": True})  # fmt: skip

    def run(self, code, answer=None):
        return self.wait(self.execute(code), answer)

    def wait(self, request, answer=None):
        """All messages about a request, until its reply is there and the kernel is idle again."""
        heard, done = [], set()
        while done != {"reply", "idle"}:
            message = self.next()
            if message["parent_header"].get("msg_id") != request:
                continue
            heard.append(message)
            if message["msg_type"] == "input_request":
                self.send("input_reply", {"value": answer}, "stdin", parent_header=message["header"])
            elif message["msg_type"].endswith("_reply"):
                done.add("reply")
            elif message["content"].get("execution_state") == "idle":
                done.add("idle")
        return heard

    def until(self, state):
        while self.next()["content"].get("execution_state") != state:
            pass


def text_of(messages):
    shown = []
    for message in messages:
        content = message["content"]
        shown.append(content.get("text") or content.get("data", {}).get("text/plain") or content.get("evalue") or "")
    return "\n".join(shown)


def reply_of(messages):
    return next(message["content"] for message in messages if message["msg_type"] == "execute_reply")


def cells(notebook, asked):
    assert reply_of(notebook.run("x = 40 + 2\nx"))["status"] == "ok"
    rows = notebook.run(f'spark.sql("{asked["query"]}").show()')
    assert reply_of(rows)["status"] == "ok", text_of(rows)
    for column in asked["shown"]:
        assert column in text_of(rows), (column, text_of(rows))
    for column in asked["hidden"]:
        assert column not in text_of(rows), column
    refused = notebook.run(f'spark.sql("select * from {asked["refused"]}").show()')
    assert reply_of(refused)["status"] == "error" and "AccessDenied" in text_of(refused), text_of(refused)
    magic = notebook.run(f"%%sql -o frame\n{asked['query']}")
    assert reply_of(magic)["status"] == "ok", text_of(magic)
    assert "True" in text_of(notebook.run("len(frame) > 0 and type(frame).__module__.startswith('pandas')"))
    assert "you said yes" in text_of(notebook.run("print('you said', input('?'))", answer="yes"))
    assert "alice" in text_of(notebook.run("import os; os.environ['KERNEL_USERNAME']"))
    large = notebook.run("print('x' * 20_000_000)")
    assert "output truncated" in text_of(large) and reply_of(large)["status"] == "ok", text_of(large)[-200:]
    assert "OutputTooLarge" in json.dumps([message["content"] for message in notebook.run("'x' * 20_000_000")])
    command = notebook.run("!echo to the shell; exit 3")
    assert "to the shell" in text_of(command), text_of(command)
    assert "3" in text_of(notebook.run("_exit_code"))
    assert "addPyFile" in text_of(notebook.run("%pip install nothing"))
    assert "True" in text_of(notebook.run("import ipywidgets, tqdm\nhasattr(ipywidgets.IntSlider(), 'value')"))


def buffers(gateway, kernel, person, ca):
    """Straight to the gateway: jupyter_server 2.21 reads every frame of a gateway as text, and loses its connection on others."""
    url = f"{gateway.replace('https', 'wss', 1)}/api/kernels/{kernel}/channels"
    header = {"Authorization": f"token {person['username']}:{person['password']}"}
    notebook = Notebook(websocket.create_connection(url, timeout=PATIENCE, header=header, sslopt={"ca_certs": ca}))
    opened = notebook.run("from comm import create_comm\ncomm = create_comm(target_name='t', buffers=[b'\\x00\\xff'])")
    assert [b"\x00\xff"] in [message["buffers"] for message in opened], text_of(opened)
    notebook.socket.close()


def life(server, notebook, kernel):
    sleeping = notebook.execute("import time\nprint('begun', flush=True)\nfor _ in range(6000): time.sleep(0.1)")
    while notebook.next()["msg_type"] != "stream":
        pass
    assert server.ask(f"/api/kernels/{kernel}/interrupt", "POST")[0] == 204
    assert reply_of(notebook.wait(sleeping))["ename"] == "KeyboardInterrupt"
    status, model = server.ask(f"/api/kernels/{kernel}/restart", "POST")
    assert status == 200 and model["id"] == kernel, model
    assert reply_of(notebook.run("x"))["ename"] == "NameError"
    assert "3" in text_of(notebook.run("spark.range(3).count()"))
    notebook.execute("import os; os._exit(1)")
    notebook.until("restarting")
    notebook.until("idle")
    assert "4" in text_of(notebook.run("2 + 2"))


def main():
    asked = json.load(sys.stdin)
    gateway, context = asked["gateway"], ssl.create_default_context(cafile=asked["ca"])
    (one, other) = asked["people"]
    token = {"JUPYTER_GATEWAY_AUTH_TOKEN": f"{one['username']}:{one['password']}", "JUPYTER_GATEWAY_HEADERS": "{}"}
    basic = {"JUPYTER_GATEWAY_HTTP_USER": other["username"], "JUPYTER_GATEWAY_HTTP_PWD": other["password"]}
    with contextlib.ExitStack() as stack:
        mine = Server(asked["room"], gateway, asked["ca"], token)
        stack.callback(mine.end)
        hers = Server(asked["room"], gateway, asked["ca"], basic)
        stack.callback(hers.end)
        status, specs = mine.ask("/api/kernelspecs")
        assert status == 200 and set(specs["kernelspecs"]) == {"pyspark", "python3"}, specs
        status, model = mine.ask("/api/kernels", "POST", {"name": "python3"})
        assert status == 201, (model, mine.said())
        kernel = model["id"]
        notebook = mine.join(kernel)
        cells(notebook, asked)
        life(mine, notebook, kernel)

        place = f"{gateway}/api/kernels/{kernel}"
        basic_header = base64.b64encode(f"{other['username']}:{other['password']}".encode()).decode()
        for headers, expected in [
            ({"Authorization": f"token {one['username']}:{one['password']}"}, 200),
            ({"Authorization": f"token {one['username']}:wrong"}, 401),
            ({}, 401),
            ({"Authorization": f"Basic {basic_header}"}, 404),
        ]:
            assert ask(place, headers=headers, context=context)[0] == expected, headers
        assert mine.ask(f"/api/kernels/{kernel}", "DELETE")[0] == 204
        headers = {"Authorization": f"token {one['username']}:{one['password']}"}
        assert ask(place, headers=headers, context=context)[0] == 404
        assert ask(f"{gateway}/api/kernels", headers=headers, context=context) == (200, [])

        assert hers.ask("/api/kernelspecs")[0] == 200
        status, hers_model = hers.ask("/api/kernels", "POST", {"name": "pyspark"})
        assert status == 201 and hers_model["id"] != kernel, (hers_model, hers.said())
        buffers(gateway, hers_model["id"], other, asked["ca"])
        assert hers.ask(f"/api/kernels/{hers_model['id']}", "DELETE")[0] == 204
    wrong = Server(asked["room"], gateway, asked["ca"], token | {"JUPYTER_GATEWAY_AUTH_TOKEN": f"{one['username']}:wrong"})
    try:
        status, body = wrong.ask("/api/kernels", "POST", {"name": "python3"})
        assert status >= 400, body
        assert "401" in wrong.said() or "Unauthorized" in wrong.said() or "authentication" in json.dumps(body), (body, wrong.said())
    finally:
        wrong.end()
    print("all held")


main()
