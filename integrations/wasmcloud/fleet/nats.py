"""Subjects and JSON → messages over NATS's text protocol: as much of a client
as starting workloads needs."""

from __future__ import annotations

import json
import secrets
import socket
import time
from typing import Any
from urllib.parse import urlsplit


class NatsError(Exception):
    """The server or whoever was asked didn't answer as it should."""


class Nats:
    """One connection, used by one thread."""

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        self._socket = socket.create_connection((address.hostname, address.port), timeout=10)
        self._input = self._socket.makefile("rb")
        self._subscriptions = 0
        self._line()  # INFO
        self._send(
            b'CONNECT {"verbose":false,"pedantic":false,"headers":true,'
            b'"no_responders":true}\r\nPING\r\n'
        )
        while self._line() != b"PONG":
            pass

    def close(self) -> None:
        self._input.close()
        self._socket.close()

    def subscribe(self, subject: str) -> None:
        self._subscriptions += 1
        self._send(f"SUB {subject} {self._subscriptions}\r\n".encode())

    def next(self, prefix: str, seconds: float) -> Any:
        """The next message whose subject begins so; others are dropped."""
        deadline = time.monotonic() + seconds
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise NatsError(f"wait for a message on {prefix}: none within {seconds:.0f} s")
            self._socket.settimeout(left)
            try:
                words = self._line().split()
            except TimeoutError:
                continue
            if words[0] == b"PING":
                self._send(b"PONG\r\n")
            elif words[0] == b"HMSG":
                self._input.read(int(words[-1]) + 2)
                raise NatsError(f"ask {prefix}: nobody listens there")
            elif words[0] == b"MSG":
                body = self._input.read(int(words[-1]) + 2)
                if words[1].decode().startswith(prefix):
                    return json.loads(body)
            elif words[0] == b"-ERR":
                raise NatsError(b" ".join(words).decode())

    def request(self, subject: str, message: Any, seconds: float) -> Any:
        inbox = f"_INBOX.{secrets.token_hex(12)}"
        self.subscribe(inbox)
        body = json.dumps(message).encode()
        self._send(f"PUB {subject} {inbox} {len(body)}\r\n".encode() + body + b"\r\n")
        return self.next(inbox, seconds)

    def _send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def _line(self) -> bytes:
        line = self._input.readline()
        if not line:
            raise NatsError("the NATS server closed the connection")
        return line.rstrip(b"\r\n")
