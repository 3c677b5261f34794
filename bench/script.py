"""The script that Rowcast replaces: a request for each row and country, one after the
other, and every record into DynamoDB. Needs requests and boto3."""

import decimal
import os
import subprocess

import boto3
import requests

rows = subprocess.run(
    ["psql", os.environ["BENCH_POSTGRES"], "-Atc", "SELECT id FROM artists ORDER BY id"],
    check=True, capture_output=True, text=True,
).stdout.split()
dynamodb = boto3.resource(
    "dynamodb", region_name="us-east-1", endpoint_url=os.environ["BENCH_DYNAMODB"],
    aws_access_key_id="test", aws_secret_access_key="test",
)
session = requests.Session()
with dynamodb.Table("tracks").batch_writer() as batch:
    for artist in rows:
        for country in ("US", "CA"):
            url = f"{os.environ['BENCH_SOURCE']}/v1/artists/{artist}/top-tracks"
            answer = session.get(url, params={"market": country}, timeout=30)
            answer.raise_for_status()
            for track in answer.json(parse_float=decimal.Decimal)["tracks"]:
                key = {"artist_id": artist, "country_track": f"{country}#{track['id']}"}
                batch.put_item(Item=track | key)
