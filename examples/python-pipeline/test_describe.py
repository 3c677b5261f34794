"""The component's settings → its schemas, its mistakes and its origins.

    PIPELINE=pipeline.wasm python3 -m unittest    # needs wasmtime 49 or 50
"""

import json
import unittest

from pipeline_host import opened

pipeline = opened()


class Describe(unittest.TestCase):
    def mistakes(self, kind, settings):
        text = settings if isinstance(settings, str) else json.dumps(settings)
        found = pipeline.call("describe", "validate", kind, text)
        return [(one["pointer"], one["message"], one["hint"]) for one in found]

    def test_a_schema_of_each_kind_and_presets_that_fit_them(self):
        found = pipeline.call("describe", "describe")
        schemas = {one["kind"]: json.loads(one["json"]) for one in found["schemas"]}
        self.assertEqual(set(schemas), {"source", "table", "query"})
        for schema in schemas.values():
            self.assertEqual(schema["$schema"], "https://json-schema.org/draft/2020-12/schema")
            self.assertFalse(schema["additionalProperties"])
        [preset] = found["presets"]
        self.assertEqual(self.mistakes("source", {"preset": preset["name"]}), [])
        self.assertEqual(self.mistakes("source", preset["source"]), [])
        table = {"name": "t", **json.loads(preset["table"])}
        self.assertEqual(self.mistakes("table", table), [])

    def test_every_mistake_has_its_place_and_no_secret(self):
        settings = {
            "url": "https://e/{c}", "concurency": 2, "retry": {"max_attempts": 0},
            "auth": {"type": "bearer", "token": "s3cret"}, "start_period": "yesterday",
        }
        found = self.mistakes("source", settings)
        self.assertEqual(
            {pointer: message for pointer, message, _ in found},
            {
                "/concurency": "is not known",
                "/retry/max_attempts": "is 0; it must be 1 to 20",
                "/auth/type": 'must be "none"',
                "/auth/token": "is not known",
                "/start_period": "is not of this form",
            },
        )
        self.assertIn(("/concurency", "is not known", "did you mean `concurrency`?"), found)
        self.assertNotIn("s3cret", str(found))
        dates = {"start_period": "2026-02-01\n", "end_period": "2026-01-01"}
        found = self.mistakes("source", {"url": "https://e/{c}", **dates})
        self.assertEqual(found[0][:2], ("/start_period", "is not of this form"))
        dates["start_period"] = "2026-02-01"
        found = self.mistakes("source", {"url": "https://e/{c}", **dates})
        self.assertEqual(found, [("/end_period", "is before start_period", None)])
        self.assertEqual(self.mistakes("table", {}), [("/name", "is missing", None)])
        [(pointer, message, _)] = self.mistakes("query", {"table": "t", "filter": "a > 1 OR 2"})
        self.assertEqual((pointer, message), ("/filter", "column 7: AND is expected"))

    def test_no_text_ends_the_call(self):
        for text in ("", "[1]", "{", '{"name":"\\ud800"}', "[" * 3000, '{"name":' + "9" * 9000 + "}"):
            with self.subTest(text[:20]):
                for kind in ("source", "table", "query"):
                    self.assertNotEqual(self.mistakes(kind, text), [])

    def test_origins(self):
        url = "https://data-api.ecb.europa.eu/service/data/EXR/D.{currency}.EUR.SP00.A"
        found = pipeline.call("describe", "origins", json.dumps({"url": url}))
        self.assertEqual(found, ("ok", ["https://data-api.ecb.europa.eu"]))
        case, [mistake] = pipeline.call("describe", "origins", '{"url":"https://{host}/"}')
        self.assertEqual((case, mistake["pointer"]), ("err", "/url"))


if __name__ == "__main__":
    unittest.main()
