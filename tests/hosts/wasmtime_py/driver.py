"""wasmtime-py: a call per line in, an answer per line out, both JSON.

    python driver.py rowcast-standalone.wasm

Types come from the component, so this is all that a Python program needs.
"""

import json
import sys

from wasmtime import Engine, Store, WasiConfig
from wasmtime.component import (
    Component,
    EnumType,
    F64,
    Linker,
    ListType,
    OptionType,
    Record,
    RecordType,
    ResultType,
    Variant,
    VariantType,
)


def lower(type, value):
    """JSON in the WIT's names → wasmtime-py's values."""
    if isinstance(type, OptionType):
        return None if value is None else lower(type.payload, value)
    if isinstance(type, ListType):
        return [lower(type.element, element) for element in value]
    if isinstance(type, RecordType):
        record = Record()
        for name, field in type.fields:
            setattr(record, name, lower(field, value[name]))
        return record
    if isinstance(type, VariantType):
        if isinstance(value, str):
            return Variant(value)
        (case, payload), = value.items()
        return Variant(case, lower(dict(type.cases)[case], payload))
    if isinstance(type, F64):
        return float(value)
    return value


def lift(type, value):
    """wasmtime-py's values → JSON in the WIT's names."""
    if isinstance(type, OptionType):
        return None if value is None else lift(type.payload, value)
    if isinstance(type, ListType):
        return [lift(type.element, element) for element in value]
    if isinstance(type, RecordType):
        return {name: lift(field, getattr(value, name)) for name, field in type.fields}
    if isinstance(type, VariantType):
        payload = dict(type.cases)[value.tag]
        return value.tag if payload is None else {value.tag: lift(payload, value.payload)}
    return value


class Host:
    def __init__(self, path):
        self.engine = Engine()
        self.component = Component.from_file(self.engine, path)
        self.linker = Linker(self.engine)
        self.linker.add_wasip2()
        self.linker.add_wasi_http()

    def call(self, environment, signature, arguments):
        """A fresh instance for each call; its memory goes with it."""
        wasi = WasiConfig()
        wasi.env = environment.items()
        with Store(self.engine) as store:
            store.set_wasi(wasi)
            store.set_wasi_http()
            instance = self.linker.instantiate(store, self.component)
            interface = instance.get_export_index(store, signature["interface"])
            index = instance.get_export_index(store, signature["function"], interface)
            function = instance.get_func(store, index)
            type = function.type(store)
            lowered = [lower(of, value) for (_, of), value in zip(type.params, arguments)]
            result = function(store, *lowered)
            function.post_return(store)
            if not isinstance(type.result, ResultType):
                return {"ok": lift(type.result, result)}
            # A result whose two sides are of different classes comes as one of them.
            if isinstance(result, Variant):
                return {"error": lift(type.result.err, result)}
            return {"ok": lift(type.result.ok, result)}


def main():
    host = Host(sys.argv[1])
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        call = json.loads(line)
        try:
            answer = host.call(**call)
        except Exception as error:
            answer = {"broke": str(error)}
        print(json.dumps(answer), flush=True)


main()
