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
            Ok(value) => json!({"ok": self.signature.ok.lift(value)}),
            Err(failure) => json!({"failure": self.signature.error.lift(failure)}),
        }
    }
}
