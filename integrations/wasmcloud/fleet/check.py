"""The source and the table, asked directly → whether anything is lost.

Neither the component nor any of Rowcast's code takes part in this."""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote, urlsplit

# The table's key: the artist, and country and track in one.
Key = tuple[str, str]
COUNTRIES = ("US", "CA")
CONNECTIONS = 32


class CheckError(Exception):
    """A server answered an error to the check itself."""


def expected(
    at: Mapping[str, str], rows: Sequence[Mapping[str, Any]]
) -> dict[Key, Mapping[str, Any]]:
    """What the source has: each track of each artist in each country."""
    address = urlsplit(at["source"]).netloc
    client = base64.b64encode(f"{at['client_id']}:{at['client_secret']}".encode()).decode()
    form = {
        "authorization": f"Basic {client}",
        "content-type": "application/x-www-form-urlencoded",
    }
    path = urlsplit(at["token_url"]).path
    granted = _send(address, "POST", path, "grant_type=client_credentials", form)
    bearer = {"authorization": f"Bearer {granted['access_token']}"}

    def tracks(request: tuple[str, str]) -> list[tuple[Key, Mapping[str, Any]]]:
        artist, country = request
        path = f"/v1/artists/{quote(artist)}/top-tracks?market={country}"
        answer = _send(address, "GET", path, None, bearer)
        return [
            (
                (artist, f"{country}#{track['id']}"),
                {
                    "artist_id": artist,
                    "country": country,
                    "country_track": f"{country}#{track['id']}",
                    **track,
                },
            )
            for track in answer["tracks"]
        ]

    requests = [(str(row["id"]), country) for row in rows for country in COUNTRIES]
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        return dict(pair for pairs in pool.map(tracks, requests) for pair in pairs)


def create_table(at: Mapping[str, str], name: str) -> None:
    _dynamodb(
        at,
        "CreateTable",
        {
            "TableName": name,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [
                {"AttributeName": "artist_id", "AttributeType": "S"},
                {"AttributeName": "country_track", "AttributeType": "S"},
            ],
            "KeySchema": [
                {"AttributeName": "artist_id", "KeyType": "HASH"},
                {"AttributeName": "country_track", "KeyType": "RANGE"},
            ],
        },
    )


def stored(at: Mapping[str, str], table: str) -> dict[Key, Mapping[str, Any]]:
    """What the table has, read item by item; no key comes twice."""
    found: dict[Key, Mapping[str, Any]] = {}
    after: dict[str, Any] = {}
    while True:
        scan = {"TableName": table, "ConsistentRead": True, **after}
        page = _dynamodb(at, "Scan", scan)
        for item in page["Items"]:
            document = {name: _plain(value) for name, value in item.items()}
            key = (document["artist_id"], document["country_track"])
            if key in found:
                raise CheckError(f"the table {table} has {key} twice")
            found[key] = document
        if "LastEvaluatedKey" not in page:
            return found
        after = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


def differences(
    wanted: Mapping[Key, Mapping[str, Any]], found: Mapping[Key, Mapping[str, Any]]
) -> list[str]:
    """What is lost, what is there that shouldn't be, and what is different."""
    return (
        [f"lost: {key}" for key in wanted.keys() - found.keys()]
        + [f"not asked for: {key}" for key in found.keys() - wanted.keys()]
        + [f"different: {key}" for key in wanted.keys() & found.keys() if wanted[key] != found[key]]
    )


def _plain(value: Mapping[str, Any]) -> Any:
    [(kind, content)] = value.items()
    match kind:
        case "S" | "BOOL":
            return content
        case "N":
            return json.loads(content)
        case "NULL":
            return None
        case "L":
            return [_plain(item) for item in content]
        case "M":
            return {name: _plain(item) for name, item in content.items()}
    raise CheckError(f"an attribute of the type {kind}, which the pipeline never writes")


def _dynamodb(at: Mapping[str, str], operation: str, body: Mapping[str, Any]) -> Any:
    headers = {
        "content-type": "application/x-amz-json-1.0",
        "x-amz-target": f"DynamoDB_20120810.{operation}",
        # The local DynamoDB wants a signature and doesn't look at it.
        "x-amz-date": "20260101T000000Z",
        "authorization": f"AWS4-HMAC-SHA256 Credential=demo/20260101/{at['region']}/dynamodb/"
        "aws4_request, SignedHeaders=host;x-amz-date;x-amz-target, Signature=0",
    }
    return _send(urlsplit(at["dynamodb"]).netloc, "POST", "/", json.dumps(body), headers)


def _send(
    address: str, method: str, path: str, body: str | None, headers: Mapping[str, str]
) -> Any:
    connection = http.client.HTTPConnection(address, timeout=60)
    try:
        connection.request(method, path, body, dict(headers))
        response = connection.getresponse()
        text = response.read()
    finally:
        connection.close()
    if response.status != 200:
        raise CheckError(f"{method} {path} was answered {response.status}: {text[:300]!r}")
    return json.loads(text)
