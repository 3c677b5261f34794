#!/usr/bin/env python3
"""Rows → DynamoDB by Obelisk, with a server killed in the middle; checked.

    python3 run.py --obelisk OBELISK --rowcast ROWCAST \\
        --standalone rowcast-standalone.wasm --workflow rowcast-workflow.wasm

Everything it needs it starts itself, on this machine, and ends again. It exits
with 0 only if every check holds.
"""

import argparse
import base64
import collections
import concurrent.futures
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

from servers import Obelisk, Silence, demo, ended, nobodys_port, postgres

HERE = pathlib.Path(__file__).parent
RUN = "rowcast:obelisk/run@0.1.0.run"
CHUNK = "rowcast:obelisk/chunk@0.1.0.chunk"
EXTRACT = "rowcast:pipeline/extract@0.2.0.extract"
QUERY = "rowcast:pipeline/query@0.2.0.query"


def say(text=""):
    print(text, flush=True)


def check(holds, text):
    say(f"  {'ok' if holds else 'FAILED'}: {text}")
    if not holds:
        raise SystemExit(1)


def job_for(where):
    """job.json, with the stand-in for Spotify and the demo's table."""
    job = json.loads((HERE / "job.json").read_text())
    job["source"]["url"] = where["url"]
    # The client's id and secret are only named; each server has them.
    job["source"]["auth"]["token_url"] = where["token_url"]
    job["table"]["name"] = where["table"]
    return job


def text_of(job):
    """The job as the workflow takes it: settings cross as JSON text."""
    return {**job, "source": json.dumps(job["source"]), "table": json.dumps(job["table"])}


def rows_of(where):
    query = f"SELECT row_to_json(r) FROM ({where['query']}) r"
    command = ["psql", where["postgres"], "-Atc", query]
    # What psql complains of is for whoever started this.
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()


def fetch(url, body=None, headers=None):
    request = urllib.request.Request(url, body, headers or {})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def expected_keys(where, rows):
    """What the source has, asked without Rowcast."""
    login = base64.b64encode(f"{where['client_id']}:{where['client_secret']}".encode()).decode()
    form = "application/x-www-form-urlencoded"
    token = fetch(
        where["token_url"], b"grant_type=client_credentials",
        {"Authorization": f"Basic {login}", "Content-Type": form},
    )["access_token"]
    authorization = {"Authorization": f"Bearer {token}"}

    def keys(request):
        artist, country = request
        url = where["url"].format(id=artist, country=country)
        tracks = fetch(url, None, authorization)["tracks"]
        return [(artist, f"{country}#{track['id']}") for track in tracks]

    requests = [(json.loads(row)["id"], country) for row in rows for country in ("US", "CA")]
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        return collections.Counter(key for found in pool.map(keys, requests) for key in found)


def scan(where, count):
    """What the table has, asked without Rowcast. This DynamoDB wants requests
    signed, but doesn't look at the signature."""
    signature = (
        "AWS4-HMAC-SHA256 Credential=demo/20260101/us-east-1/dynamodb/aws4_request, "
        "SignedHeaders=host, Signature=0"
    )
    headers = {
        "Authorization": signature,
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Date": "20260101T000000Z",
        "X-Amz-Target": "DynamoDB_20120810.Scan",
    }
    scan = {"TableName": where["table"], **({"Select": "COUNT"} if count else {})}
    answers, items = 0, []
    while True:
        answer = fetch(where["dynamodb"], json.dumps(scan).encode(), headers)
        answers += answer["Count"]
        items += answer.get("Items", [])
        if "LastEvaluatedKey" not in answer:
            return answers if count else items
        scan["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def execution(said):
    return json.loads(said)["ok"]


def result(server, identifier):
    """Waits for an execution's end; what it returned."""
    said = server.ask("execution", "result", "--follow", "--json", identifier)
    try:
        return json.loads(said.stdout)
    except ValueError:
        raise SystemExit(f"ask for the result: {said.stderr}{said.stdout}") from None


def environment(where, socket, database, *sources):
    """A server's: secrets, and which sources they may be sent to."""
    return {
        **os.environ,
        "POSTGRES_HOST": str(socket),
        "POSTGRES_USER": "postgres",
        "POSTGRES_PASSWORD": "unused",
        "POSTGRES_DATABASE": database,
        "AWS_REGION": where["region"],
        "AWS_ACCESS_KEY_ID": "demo",
        "AWS_SECRET_ACCESS_KEY": "demo",
        "AWS_ENDPOINT_URL_DYNAMODB": where["dynamodb"],
        # The run's sources are all on this machine, on ports of their own.
        "ROWCAST_SOURCE": "http://127.0.0.1:*",
        "ROWCAST_DYNAMODB": where["dynamodb"],
        "ROWCAST_ALLOW": ",".join((where["source"], *sources)),
        "ROWCAST_SECRET_SPOTIFY_ID": where["client_id"],
        "ROWCAST_SECRET_SPOTIFY": where["client_secret"],
    }


def cases(setting, where, socket):
    """Which failures Obelisk repeats: direct.toml, three repetitions."""
    say("1. Activities alone, max_retries = 3: attempts by the failure's case")
    job = job_for(where)
    # One attempt per call, so that Obelisk's are the only repetitions.
    source = {**job["source"], "retry": {**job["source"]["retry"], "max_attempts": 1}}
    source |= {"auth": {"type": "none"}, "matrix": {}, "attributes": {}}
    silent = Silence(10_000, 3600, b"{}")
    with contextlib.closing(silent), nobodys_port() as port:
        closed = f"http://127.0.0.1:{port}/{{id}}"
        asked = [
            ("permanent_invalid", 1, "{missing"),
            ("permanent_denied", 1, "https://elsewhere.invalid/{id}"),
            ("unavailable", 4, closed),
            ("rate_limited", 4, silent.url),
        ]
        settings = environment(where, socket, "direct")
        server = Obelisk(setting.obelisk, setting.folder, "direct", "direct.toml", settings)
        with ended(server.process):
            server.ready()
            for case, attempts, url in asked:
                parameters = json.dumps({**source, "url": url}), ['{"id":"1"}'], None, 3000
                identifier = execution(server.submit(EXTRACT, *parameters))
                answer = result(server, identifier)
                failure = answer.get("error")
                named = failure if isinstance(failure, str) else next(iter(failure or {}), None)
                events = server.ask("execution", "events", "--limit", "100", identifier).stdout
                made = len(re.findall(r"^\d+ .* Locked\(", events, re.MULTILINE))
                check((named, made) == (case, attempts), f"{named}: {made} of {attempts} attempts")
            query = json.dumps({"table": where["table"], "filter": "popularity > 90", "segments": 1, "retry": source["retry"]})
            answer = result(server, execution(server.submit(QUERY, query, None, 3000)))
            check(answer.get("ok", {}).get("documents") == [], "query answers: nothing matches yet")


def pause(server, where, source):
    """The workflow waits for as long as the source asks."""
    say("2. A source that answers 429 with Retry-After: 4, twice")
    job = job_for(where)
    job["source"] |= {"url": source.url, "auth": {"type": "none"}, "matrix": {}}
    job["source"]["attributes"] = {"artist_id": "pause", "country_track": "{id}"}
    answer = result(server, execution(server.submit(CHUNK, text_of(job), 0, ['{"id":"quiet"}'])))
    tally = answer.get("ok", {})
    waits = [b - a for a, b in zip(source.asked, source.asked[1:])]
    check(len(waits) == 2 and min(waits) >= 4, f"asked 3 times, {', '.join(f'{w:.1f} s' for w in waits)} apart")
    check((tally.get("written"), tally.get("pending")) == (1, []), f"written 1 by {tally.get('calls')} calls, {tally.get('repeats')} of them repeated")


def secrets(where, socket, database):
    """What Obelisk keeps of a run names the client's secret, and hasn't got it."""
    command = ["pg_dump", "-h", socket, "-U", "postgres", "--inserts", database]
    kept = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout

    def found(text):
        # `bytea` is dumped in hexadecimal digits.
        return any(part in kept for part in (text.encode(), text.encode().hex().encode()))

    check(found("ROWCAST_SECRET_SPOTIFY") and not found(where["client_secret"]), "the database names the client's secret, and hasn't got it")


def share(setting, where, socket, kill):
    """Two servers on one database; the first may be killed in the middle."""
    database = "killed" if kill else "undisturbed"
    body = json.dumps({"tracks": [{"id": "one", "name": "One", "popularity": 1}]}).encode()
    with contextlib.ExitStack() as stack:
        silent = stack.enter_context(contextlib.closing(Silence(2, 4, body)))
        settings = environment(where, socket, database, silent.url.removesuffix("/{id}"))
        one = Obelisk(setting.obelisk, setting.folder, f"{database}-1", "deployment.toml", settings)
        stack.enter_context(ended(one.process))
        one.ready()
        # It takes the deployment from the database.
        two = Obelisk(setting.obelisk, setting.folder, f"{database}-2", None, settings)
        stack.enter_context(ended(two.process))
        two.ready()
        if not kill:
            pause(two, where, silent)
        rows = rows_of(where)
        expected = expected_keys(where, rows)
        job = job_for(where)
        if kill:
            say("4. The same, and server 1 is killed (kill -9) when a third is written")
        else:
            say(f"3. {len(rows)} rows, {len(expected)} tracks, chunks of {job['chunk_rows']} rows, two servers; budget 1 s, source {setting.latency} ms")
        # Too little for a chunk, so that calls leave something pending.
        job["budget_ms"] = 1000
        before = scan(where, count=True)
        begun = time.monotonic()
        identifier = execution(one.submit(RUN, text_of(job), rows))
        if kill:
            while scan(where, count=True) - before < len(expected) / 3:
                if time.monotonic() - begun > 300:
                    raise SystemExit("nothing is written")
                time.sleep(0.05)
            written = scan(where, count=True) - before
            killed = time.monotonic()
            one.kill()
            say(f"  killed after {killed - begun:.1f} s: {written} of {len(expected)} written")
        answer = result(two, identifier)
        seconds = time.monotonic() - begun
        if "ok" not in answer:
            raise SystemExit(f"the run failed: {json.dumps(answer)[:1000]}")
        total = answer["ok"]["total"]
        say(f"  finished after {seconds:.1f} s: {json.dumps({k: v for k, v in total.items() if v})}")
        for number, server in enumerate((one, two), 1):
            ran = len(re.findall(f"Run finished: completed .*execution_id={identifier}", server.log.read_text()))
            say(f"  server {number} finished {ran} activities")
        if kill:
            say(f"  server 2 freed {two.logged('with expired lock') + two.logged('Unlocking workflow')} locks of a dead server")
        check(answer["ok"]["failed"] == [] and total["pending"] == [] and total["rejected"] == [], "no chunk failed, nothing pending, nothing rejected")
        check(total["written"] == total["documents"] == len(expected), f"every document extracted was acknowledged: {total['written']}")
        keys = collections.Counter(
            (item["artist_id"]["S"], item["country_track"]["S"])
            for item in scan(where, count=False)
            if item["artist_id"]["S"] != "pause"
        )
        check(keys == expected and set(keys.values()) == {1}, f"the table has every track exactly once: {len(keys)}")
        if not kill:
            log = "pg_total_relation_size('t_execution_log') + pg_total_relation_size('t_join_set_response')"
            command = ["psql", "-h", socket, "-U", "postgres", database, "-Atc", f"SELECT {log}"]
            size = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            text = sum(len(json.dumps(item)) for item in scan(where, count=False)) / len(expected)
            secrets(where, socket, database)
            say(f"  Obelisk's log: {size / len(expected):.0f} bytes per document (of about {text:.0f} as DynamoDB's JSON)")
        return seconds


def found(path):
    """A program may be in PATH."""
    return pathlib.Path(shutil.which(path) or path).resolve()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name in ("obelisk", "rowcast", "standalone", "workflow"):
        parser.add_argument(f"--{name}", required=True, type=found)
    parser.add_argument("--artists", type=int, default=600, help="rows (default: 600)")
    parser.add_argument("--latency", type=int, default=300, help="the source's, in ms (default: 300)")
    setting = parser.parse_args()
    # Also then, what was started is ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    seconds = {}
    with tempfile.TemporaryDirectory(prefix="rowcast-obelisk-") as folder:
        setting.folder = pathlib.Path(folder)
        # PostgreSQL, which isn't root, must reach its own folder in it.
        setting.folder.chmod(0o755)
        for name in ("server.toml", "deployment.toml", "direct.toml"):
            shutil.copy(HERE / name, folder)
        shutil.copy(setting.standalone, setting.folder / "rowcast-standalone.wasm")
        shutil.copy(setting.workflow, setting.folder / "rowcast-workflow.wasm")
        with postgres(setting.folder / "postgres") as socket:
            for kill in (False, True):
                # A table of its own for each.
                with demo(setting.rowcast, setting.folder, setting.artists, setting.latency) as where:
                    if not kill:
                        cases(setting, where, socket)
                    seconds[kill] = share(setting, where, socket, kill)
    say(f"The kill cost {seconds[True] - seconds[False]:.1f} s: {seconds[False]:.1f} s without, {seconds[True]:.1f} s with.")


if __name__ == "__main__":
    main()
