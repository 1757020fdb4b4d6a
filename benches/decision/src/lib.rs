//! The same decisions by Lakeward and by Cedar; see `benches/decision.rs`.
