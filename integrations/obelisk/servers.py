"""What the run needs on this machine → processes, ended by their own ids.

PostgreSQL for Obelisk, Obelisk's servers, Rowcast's demo servers (rows, a
stand-in for Spotify, DynamoDB), and a source that asks for a pause.
"""

import contextlib
import http.server
import json
import os
import pathlib
import select
import shutil
import signal
import socket
import subprocess
import threading
import time

READY_WITHIN = 60
# The longest command waits for a whole run.
ANSWERED_WITHIN = 600


@contextlib.contextmanager
def ended(process, how=signal.SIGINT):
    """Ends that process, and no other, at the end."""
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(how)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_for(what, ready, process):
    """Asks until it's ready; says what isn't."""
    until = time.monotonic() + READY_WITHIN
    while not ready():
        if process.poll() is not None:
            raise SystemExit(f"{what} ended with {process.returncode}")
        if time.monotonic() > until:
            raise SystemExit(f"{what} was not ready within {READY_WITHIN} s")
        time.sleep(0.1)


@contextlib.contextmanager
def nobodys_port():
    """Taken, so that it stays nobody's, and connections to it are refused."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        yield silent.getsockname()[1]


def free_port():
    """Somebody may take it first; then Obelisk says so and the run ends."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def _program(name):
    """Debian keeps PostgreSQL's programs outside PATH."""
    found = [shutil.which(name)]
    found += sorted(pathlib.Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    for path in filter(None, found):
        return str(path)
    raise SystemExit(f"{name} is missing: install PostgreSQL's server")


@contextlib.contextmanager
def postgres(folder):
    """A PostgreSQL in that folder that listens on a Unix socket only: Obelisk
    knows no port but 5432, and so nobody else's is taken."""
    owner = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
    folder.mkdir()
    if owner:
        shutil.chown(folder, "postgres", "postgres")
    data = folder / "data"
    initdb = pathlib.Path(_program("postgres")).with_name("initdb")
    subprocess.run(
        [initdb, "-D", data, "-U", "postgres", "--auth=trust", "--no-sync"],
        check=True, stdout=subprocess.DEVNULL, cwd=folder, **owner,
    )
    command = [_program("postgres"), "-D", data, "-k", folder, "-c", "listen_addresses="]
    with open(folder.parent / "postgres.log", "wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, **owner)
    with ended(process):
        probe = ["psql", "-h", folder, "-U", "postgres", "-Atc", "SELECT 1"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        wait_for("PostgreSQL", lambda: subprocess.run(probe, **quiet).returncode == 0, process)
        yield folder


@contextlib.contextmanager
def demo(rowcast, folder, artists, latency):
    """`rowcast demo --serve`: rows, source and DynamoDB; where they are."""
    command = [rowcast, "demo", "--serve", "--artists", str(artists), "--latency", str(latency)]
    said = folder / "demo.log"
    with open(said, "wb") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
    with process.stdout, ended(process):
        answered, _, _ = select.select([process.stdout], [], [], READY_WITHIN)
        line = process.stdout.readline() if answered else ""
        if not line:
            last = said.read_text(errors="replace")[-2000:]
            raise SystemExit(f"rowcast demo --serve did not start; it said last: {last}")
        yield json.loads(line)


class Obelisk:
    """One server, and the calls that are made through it."""

    def __init__(self, program, folder, name, deployment, environment):
        self.program, self.name = program, name
        self.log = folder / f"{name}.log"
        self.api = f"http://127.0.0.1:{free_port()}"
        configuration = folder / f"server-{name}.toml"
        text = (folder / "server.toml").read_text()
        address = self.api.removeprefix("http://")
        configuration.write_text(f'{text}\n[api]\nlistening_addr = "{address}"\n')
        command = [program, "server", "run", "--server-config", configuration]
        if deployment:
            command += ["--deployment", folder / deployment]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=folder, env={**environment, "NO_COLOR": "1"}
            )

    def ready(self):
        """Waits until it answers."""
        try:
            wait_for(self.name, lambda: self.ask("execution", "list").returncode == 0, self.process)
        except SystemExit:
            print(self.log.read_text(errors="replace")[-2000:])
            raise

    def ask(self, *arguments):
        """One use of Obelisk's command line."""
        command = [self.program, *arguments[:2], "--api-url", self.api, *arguments[2:]]
        try:
            return subprocess.run(
                command, capture_output=True, text=True, timeout=ANSWERED_WITHIN
            )
        except subprocess.TimeoutExpired:
            what = " ".join(arguments[:2])
            raise SystemExit(f"{self.name}: {what} took over {ANSWERED_WITHIN} s") from None

    def submit(self, function, *parameters):
        """Starts an execution; its id."""
        said = self.ask("execution", "submit", "--json", function, json.dumps(parameters))
        if said.returncode:
            raise SystemExit(f"submit {function}: {said.stderr}{said.stdout}")
        return said.stdout

    def kill(self):
        """As a power cut would end it."""
        self.process.kill()
        self.process.wait()

    def logged(self, text):
        """How many lines of its log have that text."""
        return self.log.read_text(errors="replace").count(text)


class Silence:
    """A source that answers 429 to its first requests: says when it was asked."""

    def __init__(self, refusals, retry_after, body):
        self.asked = []
        lock = threading.Lock()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                with lock:
                    outer.asked.append(time.monotonic())
                    refuse = len(outer.asked) <= refusals
                answer = b'{"error":{"status":429,"reason":"QUOTA_EXCEEDED"}}' if refuse else body
                self.send_response(429 if refuse else 200)
                if refuse:
                    self.send_header("Retry-After", str(retry_after))
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/{{id}}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
