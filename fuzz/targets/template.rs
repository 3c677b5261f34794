//! Bytes → `rowcast_component::fuzzing::template`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rowcast_component::fuzzing::template(data));
