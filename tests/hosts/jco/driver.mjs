// jco on Node: a call per line in, an answer per line out, both JSON.
//
//     node driver.mjs rowcast-standalone.wasm FOLDER
//
// The component is transpiled into FOLDER first. Its types are gone then, so
// each call brings the shapes of its arguments and results.

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { transpileBytes } from "@bytecodealliance/jco-transpile";
import { _setEnv } from "@bytecodealliance/preview2-shim/cli";
import { WASIShim } from "@bytecodealliance/preview2-shim/instantiation";

const camel = (name) => name.replace(/-(.)/g, (_, letter) => letter.toUpperCase());

// A shape is a word, or an object with one: {"list": shape}.
const opened = (shape) => (typeof shape === "string" ? [shape] : Object.entries(shape)[0]);
const casesOf = (cases, name) => cases.find(([known]) => known === name)[1];

// JSON in the WIT's names → jco's values.
function lower(shape, value) {
  const [kind, of] = opened(shape);
  switch (kind) {
    case "long":
      return BigInt(value);
    case "option":
      return value === null ? undefined : lower(of, value);
    case "list":
      return value.map((element) => lower(of, element));
    case "record":
      return Object.fromEntries(of.map(([name, field]) => [camel(name), lower(field, value[name])]));
    case "variant": {
      if (typeof value === "string") return { tag: value };
      const [tag, payload] = Object.entries(value)[0];
      return { tag, val: lower(casesOf(of, tag), payload) };
    }
    default:
      return value;
  }
}

// jco's values → JSON in the WIT's names.
function lift(shape, value) {
  const [kind, of] = opened(shape);
  switch (kind) {
    case "long":
      return Number(value);
    case "option":
      return value === undefined || value === null ? null : lift(of, value);
    case "list":
      return Array.from(value, (element) => lift(of, element));
    case "record":
      return Object.fromEntries(of.map(([name, field]) => [name, lift(field, value[camel(name)])]));
    case "variant": {
      const payload = casesOf(of, value.tag);
      return payload === null ? value.tag : { [value.tag]: lift(payload, value.val) };
    }
    default:
      return value;
  }
}

async function load(component, folder) {
  const { files } = await transpileBytes(await readFile(component), {
    name: "component",
    instantiation: "async",
  });
  for (const [name, bytes] of Object.entries(files)) {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, bytes);
  }
  const { instantiate } = await import(pathToFileURL(join(folder, "component.js")));
  const compiled = new Map();
  const core = async (name) => {
    if (!compiled.has(name)) {
      compiled.set(name, await WebAssembly.compile(await readFile(join(folder, name))));
    }
    return compiled.get(name);
  };
  return () => instantiate(core, new WASIShim().getImportObject());
}

// A fresh instance for each call.
async function call(instantiate, { environment, signature, arguments: given }) {
  _setEnv(environment);
  const instance = await instantiate();
  const exported = instance[signature.interface] ?? instance[camel(signature.interface.match(/\/([^@]+)/)[1])];
  const lowered = signature.parameters.map(([, shape], position) => lower(shape, given[position]));
  try {
    return { ok: lift(signature.ok, exported[camel(signature.function)](...lowered)) };
  } catch (error) {
    // A failure is thrown as it is, or in an error around it.
    if (signature.error === null || (error instanceof Error && error.payload === undefined)) return { broke: String(error.stack) };
    return { error: lift(signature.error, error.payload ?? error) };
  }
}

const say = (answer) => process.stdout.write(JSON.stringify(answer) + "\n");

const [component, folder] = process.argv.slice(2);
const instantiate = await load(component, folder);
say("ready");
for await (const line of createInterface({ input: process.stdin })) {
  say(await call(instantiate, JSON.parse(line)));
}
process.exit(0);
