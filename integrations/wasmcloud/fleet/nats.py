"""Subjects and JSON → messages over NATS's text protocol: as much of a client
as starting workloads needs."""

from __future__ import annotations

import json
import secrets
import socket
import time
from collections.abc import Callable
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

    def next(
        self, prefix: str, seconds: float, wanted: Callable[[Any], bool] = lambda _: True
    ) -> Any:
        """The next message that is wanted and whose subject begins so; others are dropped."""
        deadline = time.monotonic() + seconds
        late = f"wait for a message on {prefix}: none within {seconds:.0f} s"
        while (left := deadline - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                subject, headers, body = self._message()
            except TimeoutError as error:
                raise NatsError(late) from error
            if not subject.startswith(prefix):
                continue
            if headers.split()[1:2] == [b"503"]:
                raise NatsError(f"ask {prefix}: nobody listens there")
            message = json.loads(body)
            if wanted(message):
                return message
        raise NatsError(late)

    def request(self, subject: str, message: Any, seconds: float) -> Any:
        inbox = f"_INBOX.{secrets.token_hex(12)}"
        self.subscribe(inbox)
        body = json.dumps(message).encode()
        self._send(f"PUB {subject} {inbox} {len(body)}\r\n".encode() + body + b"\r\n")
        return self.next(inbox, seconds)

    def _message(self) -> tuple[str, bytes, bytes]:
        """Subject, headers and body; what else the server says is answered."""
        while True:
            words = self._line().split()
            match words:
                case [b"PING"]:
                    self._send(b"PONG\r\n")
                case [b"MSG" | b"HMSG" as kind, subject, *_, size]:
                    text = self._input.read(int(size) + 2)[:-2]
                    headers = int(words[-2]) if kind == b"HMSG" else 0
                    return subject.decode(), text[:headers], text[headers:]
                case [b"-ERR", *_]:
                    raise NatsError(b" ".join(words).decode())

    def _send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def _line(self) -> bytes:
        line = self._input.readline()
        if not line:
            raise NatsError("the NATS server closed the connection")
        return line.rstrip(b"\r\n")
