//! Bytes → `rowcast_pipeline::fuzzing::condition`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rowcast_pipeline::fuzzing::condition(data));
