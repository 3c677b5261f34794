//! Bytes → `rowcast_pipeline::fuzzing::answer`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rowcast_pipeline::fuzzing::answer(data));
