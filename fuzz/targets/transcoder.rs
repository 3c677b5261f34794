//! Bytes → `rowcast_component::fuzzing::transcoder`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rowcast_component::fuzzing::transcoder(data));
