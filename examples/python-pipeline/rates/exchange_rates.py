"""Rows with currencies → the European Central Bank's exchange rates, which come
as CSV → documents → DynamoDB. The exports of `rowcast:pipeline`."""

from describe import Describe as Describe
from extract import Extract as Extract
from load import Load as Load
from query import Query as Query
from transfer import Transfer as Transfer
