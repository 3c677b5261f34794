//! Bytes → `rowcast_component::fuzzing::row`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rowcast_component::fuzzing::row(data));
