//! A call → what a host makes of it, in one form for all hosts.

use super::lines::Program;
use super::rowcast_host::Library;
use super::shape::Signature;
use super::wash::Wash;
use super::wasmtime_command::WasmtimeCommand;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// One call of a case.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    pub environment: &'a BTreeMap<String, String>,
    pub signature: &'a Signature,
    /// As the case has it.
    pub input: &'a Value,
}

/// `{"ok": …}` or `{"failure": …}`, or why there is neither.
pub type Given = Result<Value, String>;

/// A host with the component in it.
pub enum Host {
    Library(Library),
    Command(WasmtimeCommand),
    Program(Program),
    Wash(Wash),
}

impl Host {
    pub async fn call(&mut self, call: Call<'_>) -> Given {
        match self {
            Self::Library(host) => host.call(call).await,
            Self::Command(host) => host.call(call).await,
            Self::Program(host) => host.call(call).await,
            Self::Wash(host) => host.call(call).await,
        }
    }

    /// Starts what a call shouldn't have to wait for.
    pub async fn ready(&mut self, environment: &BTreeMap<String, String>) -> Result<(), String> {
        match self {
            Self::Library(_) | Self::Command(_) => Ok(()),
            Self::Program(host) => host.ready().await,
            Self::Wash(host) => host.ready(environment).await,
        }
    }
}

impl Call<'_> {
    /// The host's `result`, in the WIT's names, as a case expects it.
    pub fn given(&self, result: &Result<Value, Value>) -> Value {
        match result {
            Ok(value) => json!({"ok": by_name(self.signature.ok.lift(value))}),
            Err(failure) => {
                let shape = self.signature.error.as_ref().unwrap();
                json!({"failure": by_name(shape.lift(failure))})
            }
        }
    }
}

/// Lists of counters → objects, because new ones may be added anywhere.
fn by_name(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let members = members.into_iter().map(|(name, value)| {
                let value = match value {
                    Value::Array(counters) if name == "counters" => {
                        let counters = counters.iter();
                        let name = |counter: &Value| counter["name"].as_str().unwrap().to_owned();
                        counters
                            .map(|counter| (name(counter), counter["value"].clone()))
                            .collect::<serde_json::Map<_, _>>()
                            .into()
                    }
                    value => by_name(value),
                };
                (name, value)
            });
            Value::Object(members.collect())
        }
        Value::Array(values) => values.into_iter().map(by_name).collect(),
        value => value,
    }
}
