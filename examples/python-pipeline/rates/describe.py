"""What this pipeline is, and what is wrong with settings. Pure."""

import json

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports import describe as wit

import query
import schemas
import settings

SCHEMAS = {
    wit.Kind.SOURCE: schemas.SOURCE,
    wit.Kind.TABLE: schemas.TABLE,
    wit.Kind.QUERY: schemas.QUERY,
}


class Describe(exports.Describe):
    def describe(self) -> wit.Description:
        return wit.Description(
            name="exchange-rates",
            version="0.2.0",
            summary="Writes the euro's exchange rates of the European Central Bank to DynamoDB",
            schemas=[
                wit.Schema(kind, json.dumps({"$schema": schemas.DIALECT, **schema}))
                for kind, schema in SCHEMAS.items()
            ],
            presets=[
                wit.Preset(name, summary, json.dumps(source), json.dumps(table))
                for name, (summary, source, table) in schemas.PRESETS.items()
            ],
            environment=[],
        )

    def validate(self, kind: wit.Kind, settings_: str) -> list[wit.Mistake]:
        mistakes: list[wit.Mistake] = []
        match kind:
            case wit.Kind.SOURCE:
                settings.source(settings_, mistakes)
            case wit.Kind.TABLE:
                settings.table(settings_, mistakes)
            case wit.Kind.QUERY:
                if (wanted := settings.query(settings_, mistakes)) is not None:
                    query.check(wanted, mistakes)
        return mistakes

    def origins(self, source: str) -> list[str]:
        mistakes: list[wit.Mistake] = []
        found = settings.source(source, mistakes)
        if found is None or mistakes:
            raise Err(mistakes)
        return [found.origin()]
