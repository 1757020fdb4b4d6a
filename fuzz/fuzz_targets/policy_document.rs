#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lakeward_invariants::policy_document(data));
