//! Bytes → pipelines or reasons; endless and greedy code → ended.

use super::super::CallError;
use super::super::bounds::in_time;
use super::super::call_error::ended;
use super::*;
use crate::engine::Capabilities;
use crate::engine::state::Memory;
use crate::http_out::authorizer::Authorizer;
use crate::http_out::client::Client;
use crate::http_out::egress::Egress;
use std::collections::BTreeSet;
use wasmtime::{Instance, Module, Store};

fn limits() -> Limits {
    Limits {
        call_seconds: 1,
        memory_mib: 1,
        instances: 2,
        ..Limits::default()
    }
}

fn runtime() -> Runtime {
    Runtime::with_cache(limits(), None).unwrap()
}

fn capabilities() -> Capabilities {
    let egress = Arc::new(Egress::default());
    Capabilities {
        client: Client::new(&limits(), egress.clone()).unwrap(),
        egress,
        authorizer: Authorizer::default(),
        dynamodb: None,
        tables: BTreeSet::new(),
    }
}

const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
const MODULE: &[u8] = b"\0asm\x01\0\0\0";

#[test]
fn says_what_is_no_pipeline() {
    let runtime = runtime();
    let check = |bytes: &[u8], expected: &str| {
        let error = runtime.pipeline(bytes, capabilities()).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    };
    check(b"", "this is empty");
    check(b"(component)", "this is not WebAssembly");
    check(MODULE, "this is a core module");
    check(b"\0asm\x02\0\0\0", "WebAssembly of an unknown version");
    check(
        &[COMPONENT, b"garbage"].concat(),
        "compile the WebAssembly component",
    );
    check(COMPONENT, "find the exports of the world");
    // (component (import "unknown" (func)))
    let import = b"\x07\x05\x01\x40\x00\x01\x00\x0a\x0c\x01\x00\x07unknown\x01\x00";
    check(
        &[COMPONENT, import].concat(),
        "give the component what it imports",
    );
}

/// A module with one memory page and one function `run`, of that code.
fn module(code: &[u8]) -> Vec<u8> {
    let length = u8::try_from(code.len()).unwrap();
    let mut bytes = MODULE.to_vec();
    bytes.extend(b"\x01\x04\x01\x60\x00\x00"); // type: () -> ()
    bytes.extend(b"\x03\x02\x01\x00"); // one function
    bytes.extend(b"\x05\x03\x01\x00\x01"); // one page of memory
    bytes.extend(b"\x07\x07\x01\x03run\x00\x00"); // export
    bytes.extend([10, length + 3, 1, length + 1, 0]);
    bytes.extend(code);
    bytes
}

#[tokio::test]
async fn endless_and_greedy_code_is_ended() {
    let runtime = runtime();
    let check = async |code: &[u8], expected: fn(&Result<(), CallError>) -> bool| {
        let module = Module::from_binary(&runtime.engine, &module(code)).unwrap();
        let mut store = Store::new(&runtime.engine, Memory::new(1));
        super::super::bounds::bound(&mut store, |memory| memory);
        let instance = Instance::new_async(&mut store, &module, &[]).await.unwrap();
        let run = instance
            .get_typed_func::<(), ()>(&mut store, "run")
            .unwrap();
        let work = async {
            run.call_async(&mut store, ())
                .await
                .map(Ok)
                .map_err(|error| ended(&runtime.limits, error))
        };
        let result = in_time(Duration::from_millis(200), work).await;
        assert!(expected(&result), "{result:?}");
    };
    // nop
    check(b"\x01\x0b", Result::is_ok).await;
    // unreachable
    check(b"\x00\x0b", |result| {
        matches!(result, Err(CallError::Trapped(_)))
    })
    .await;
    // loop, br 0
    let endless = b"\x03\x40\x0c\x00\x0b\x0b";
    check(endless, |result| {
        matches!(result, Err(CallError::Timeout(_)))
    })
    .await;
    // loop, memory.grow by one page, drop, br 0
    let greedy = b"\x03\x40\x41\x01\x40\x00\x1a\x0c\x00\x0b\x0b";
    check(greedy, |result| matches!(result, Err(CallError::Memory(1)))).await;
}

#[tokio::test]
async fn endless_code_leaves_room_for_others() {
    let runtime = runtime();
    let endless = b"\x03\x40\x0c\x00\x0b\x0b";
    let module = Module::from_binary(&runtime.engine, &module(endless)).unwrap();
    let mut store = Store::new(&runtime.engine, Memory::new(1));
    super::super::bounds::bound(&mut store, |memory| memory);
    let instance = Instance::new_async(&mut store, &module, &[]).await.unwrap();
    let run = instance
        .get_typed_func::<(), ()>(&mut store, "run")
        .unwrap();
    // On this test's only thread, the second can end only if the first yields.
    tokio::select! {
        biased;
        ended = run.call_async(&mut store, ()) => unreachable!("{ended:?}"),
        () = tokio::task::yield_now() => {}
    }
}
