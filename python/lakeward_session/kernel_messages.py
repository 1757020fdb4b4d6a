"""Jupyter messages as JSON lines, within a size.

A line holds ``message``, the message without its buffers, and ``buffers``, these in base64. Lines from the kernel also hold
``state`` when the message tells the kernel's state.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from jupyter_client.jsonutil import json_clean, json_default
from jupyter_client.session import Session

Message = dict[str, Any]
PARTS = ("header", "parent_header", "metadata", "content")
CHANNELS = ("shell", "control", "stdin")
# Their own busy and idle say nothing of the cells that run meanwhile.
ASIDE = ("interrupt_request", "debug_request", "create_subshell_request", "delete_subshell_request", "list_subshell_request")


class Malformed(Exception):
    """A client's message is none that a kernel takes."""


def received(line: dict[str, Any]) -> Message:
    """The message that a client sent."""
    message = line["message"]
    if message.get("channel") not in CHANNELS:
        raise Malformed(f"the channel must be one of {', '.join(CHANNELS)}")
    taken = {part: message.get(part) or {} for part in PARTS}
    header = taken["header"]
    if not all(isinstance(part, dict) for part in taken.values()):
        raise Malformed(f"{', '.join(PARTS)} must be JSON objects")
    if not all(isinstance(header.get(name), str) for name in ("msg_id", "msg_type")):
        raise Malformed("the header needs msg_id and msg_type")
    try:
        taken["buffers"] = [base64.b64decode(buffer, validate=True) for buffer in line.get("buffers") or []]
    except (binascii.Error, TypeError, ValueError) as error:
        raise Malformed(f"a buffer is not base64: {error}") from None
    return taken | {"channel": message["channel"]}


def line_of(message: Message, channel: str) -> bytes:
    """What the gateway is told of a kernel's message."""
    shown = {name: message[name] for name in (*PARTS, "msg_id", "msg_type")} | {"channel": channel}
    line: dict[str, Any] = {"message": shown}
    is_aside = message["parent_header"].get("msg_type") in ASIDE
    if channel == "iopub" and message["msg_type"] == "status" and not is_aside:
        line["state"] = str(message["content"].get("execution_state", ""))
    if message.get("buffers"):
        line["buffers"] = [base64.b64encode(buffer).decode("ascii") for buffer in message["buffers"]]
    return encoded(line)


def encoded(line: dict[str, Any]) -> bytes:
    try:
        text = json.dumps(line, default=json_default, ensure_ascii=False, allow_nan=False)
    except ValueError:  # JSON has no NaN; Jupyter sends its text instead
        text = json.dumps(json_clean(line), default=json_default, ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "replace")


def within(limit: int, message: Message, channel: str, session: Session) -> bytes | None:
    """The line, or that of a message which says that this one is too large: of printed text the beginning, in the place of others
    an error. The echo of a cell is dropped."""
    line = line_of(message, channel)
    if len(line) <= limit:
        return line
    if message["msg_type"] == "execute_input":
        return None
    if message["msg_type"] == "stream":
        return beginning(limit, message, channel)
    text = f"the output has {len(line)} bytes as a message, the limit is {limit}; return less of it"
    error = {"ename": "OutputTooLarge", "evalue": text, "traceback": [f"OutputTooLarge: {text}"]}
    if channel == "iopub":
        return line_of(session.msg("error", content=error, parent=parent_of(message)), channel)
    reply = {"status": "error", "execution_count": message["content"].get("execution_count")} | error
    return line_of(session.msg(message["msg_type"], content=reply, parent=parent_of(message)), channel)


def beginning(limit: int, message: Message, channel: str) -> bytes:
    """The line of a stream's message with as much of its text as fits."""
    text = message["content"]["text"]
    kept = len(text)
    while True:
        note = f"\n[output truncated: {len(text) - kept} more characters than a message may have]\n" if kept < len(text) else ""
        line = line_of(message | {"content": message["content"] | {"text": text[:kept] + note}}, channel)
        if len(line) <= limit or kept == 0:
            return line
        kept = min(kept - 1, kept * limit // len(line) * 99 // 100)


def parent_of(message: Message) -> Message:
    """What an answer in the place of a message answers: what the message did."""
    return {"header": message["parent_header"]}


def state(session: Session, word: str) -> bytes:
    """The kernel's state, said in its place."""
    return line_of(session.msg("status", content={"execution_state": word}), "iopub")
