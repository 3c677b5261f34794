//! What one instance of the component can reach: nothing but HTTP under
//! policy, DynamoDB under policy, clocks, random numbers, and the variables that
//! its host's owner gives it.

use super::admission::{Admit, Candidate, Decision, Interest, Outcome};
use super::bindings::rowcast::pipeline::{admission, pace};
use super::dynamodb::Calls;
use super::pace::CallPaces;
use super::stderr::Stderr;
use crate::http_out::wasi::Hooks;
use crate::limits::Limits;
use std::collections::BTreeMap;
use std::sync::Arc;
use wasmtime::ResourceLimiter;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

/// Random bytes in one call at most: no key is longer, and the host must
/// hold them.
const RANDOM_BYTES: u64 = 64 * 1024;

/// Entries of a component's table of functions: each costs the pool 8 bytes.
pub(super) const TABLE_ELEMENTS: usize = 100_000;

/// The state of one call.
pub(super) struct State {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    table: ResourceTable,
    hooks: Hooks,
    said: Stderr,
    pub(super) dynamodb: Calls,
    pub(super) paces: CallPaces,
    pub(super) admit: Option<Arc<dyn Admit>>,
    pub(super) memory: Memory,
}

impl State {
    pub(super) fn new(
        hooks: Hooks,
        dynamodb: Calls,
        paces: CallPaces,
        admit: Option<Arc<dyn Admit>>,
        environment: &BTreeMap<String, String>,
        limits: &Limits,
    ) -> Self {
        // What it says on standard error goes to the log.
        let said = Stderr::default();
        let mut wasi = nothing();
        wasi.stderr(said.clone());
        for (name, value) in environment {
            wasi.env(name, value);
        }
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(size(limits.request_headers_kib.saturating_mul(1024)));
        let mut table = ResourceTable::new();
        table.set_max_capacity(size(limits.resources.into()));
        Self {
            wasi: wasi.build(),
            http,
            table,
            hooks,
            said,
            dynamodb,
            paces,
            admit,
            memory: Memory::new(limits.memory_mib),
        }
    }
}

/// No arguments, directories, sockets or standard streams, for those who import
/// them: other languages' components can't do without.
pub(super) fn nothing() -> WasiCtxBuilder {
    let mut wasi = WasiCtx::builder();
    wasi.allow_tcp(false)
        .allow_udp(false)
        .max_random_size(RANDOM_BYTES)
        .allow_ip_name_lookup(false);
    wasi
}

impl Drop for State {
    fn drop(&mut self) {
        self.said.log();
    }
}

/// A bound that is longer than memory can be is none.
pub(super) fn size(bound: u64) -> usize {
    usize::try_from(bound).unwrap_or(usize::MAX)
}

impl pace::Host for State {
    fn reserve(&mut self, upstream: String, units: u32) -> pace::Turn {
        self.paces.reserve(upstream, units)
    }

    fn report(&mut self, upstream: String, observation: pace::Observation) {
        self.paces.report(&upstream, &observation);
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            hooks: &mut self.hooks,
            table: &mut self.table,
            ctx: &mut self.http,
        }
    }
}

/// Counts linear memory over all memories of an instance, and ends it where
/// the limit is exceeded: a guest that carried on without memory would abort
/// with less to say.
#[derive(Debug)]
pub(super) struct Memory {
    used: u64,
    mib: u64,
}

impl Memory {
    pub(super) fn new(mib: u64) -> Self {
        Self { used: 0, mib }
    }
}

/// The instance wanted more linear memory than that many MiB.
#[derive(Debug, thiserror::Error)]
#[error("the component needs more than {0} MiB of memory")]
pub(super) struct MemoryExceeded(pub(super) u64);

impl ResourceLimiter for Memory {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let more = u64::try_from(desired.saturating_sub(current)).unwrap_or(u64::MAX);
        self.used = self.used.saturating_add(more);
        if self.used > self.mib.saturating_mul(1024 * 1024) {
            return Err(MemoryExceeded(self.mib).into());
        }
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= TABLE_ELEMENTS)
    }
}

impl admission::Host for State {
    fn wanted(&mut self) -> Option<Interest> {
        self.admit.as_ref().map(|admit| admit.interest())
    }

    async fn admit(&mut self, candidates: Vec<Candidate>) -> wasmtime::Result<Vec<Decision>> {
        match &self.admit {
            Some(admit) => Ok(admit.admit(candidates).await?),
            None => Ok(vec![Decision::Write; candidates.len()]),
        }
    }

    fn settle(&mut self, outcomes: Vec<Outcome>) {
        if let Some(admit) = &self.admit {
            admit.settle(outcomes);
        }
    }
}
