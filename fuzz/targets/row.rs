//! Bytes → `rowcast_pipeline::fuzzing::row`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rowcast_pipeline::fuzzing::row(data));
