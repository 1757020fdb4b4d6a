//! The fuzz targets' checks on random inputs: arbitrary bytes, and seeds with some bytes changed.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::path::{Path, PathBuf};

use lakeward_invariants::TARGETS;
use proptest::{
    prelude::*,
    sample::Index,
    test_runner::{Config, TestRunner},
};

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut folders = vec![root.join("fuzz/seeds").join(target)];
    if target == "policy_document" {
        folders.push(root.join("crates/lakeward-policy/tests/policies"));
    }
    let mut files: Vec<PathBuf> = folders
        .iter()
        .flat_map(|folder| std::fs::read_dir(folder).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    files
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect()
}

/// One change to a seed.
#[derive(Debug, Clone)]
enum Edit {
    Set(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index, usize),
    /// Copies a piece of the seed to another place.
    Copy(Index, Index, usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    let index = any::<Index>;
    // Bytes that mean something in any of the formats.
    let telling = prop::sample::select(b"{}[]()\"',:;*?$\\/.%&=+-_ \n\r\0\x7f\xff09aZ".to_vec());
    let bytes = prop::collection::vec(telling.clone(), 1..6);
    prop_oneof![
        (index(), telling).prop_map(|(at, byte)| Edit::Set(at, byte)),
        (index(), any::<u8>()).prop_map(|(at, byte)| Edit::Set(at, byte)),
        (index(), bytes).prop_map(|(at, bytes)| Edit::Insert(at, bytes)),
        (index(), 1..40_usize).prop_map(|(at, count)| Edit::Remove(at, count)),
        (index(), index(), 1..40_usize).prop_map(|(from, to, count)| Edit::Copy(from, to, count)),
    ]
}

fn edited(mut seed: Vec<u8>, edits: &[Edit]) -> Vec<u8> {
    for edit in edits {
        let place = |index: &Index, seed: &[u8]| index.index(seed.len() + 1);
        match edit {
            Edit::Set(at, byte) if !seed.is_empty() => {
                let at = at.index(seed.len());
                seed[at] = *byte;
            }
            Edit::Set(..) => {}
            Edit::Insert(at, bytes) => {
                let at = place(at, &seed);
                seed.splice(at..at, bytes.iter().copied());
            }
            Edit::Remove(at, count) => {
                let at = place(at, &seed);
                let end = seed.len().min(at + count);
                seed.drain(at..end);
            }
            Edit::Copy(from, to, count) => {
                let from = place(from, &seed);
                let piece = seed[from..seed.len().min(from + count)].to_vec();
                let to = place(to, &seed);
                seed.splice(to..to, piece);
            }
        }
    }
    seed
}

#[test]
fn every_seed_keeps_its_promises() {
    for (name, check) in TARGETS {
        let seeds = seeds(name);
        assert!(!seeds.is_empty(), "{name} has no seeds");
        for seed in seeds {
            check(&seed);
        }
    }
}

#[test]
fn every_input_keeps_its_promises() {
    for (name, check) in TARGETS {
        let seed = prop::sample::select(seeds(name));
        let near = (seed, prop::collection::vec(edit(), 1..6));
        let near = near.prop_map(|(seed, edits)| edited(seed, &edits));
        let any_bytes = prop::collection::vec(any::<u8>(), 0..200);
        let input = prop_oneof![4 => near, 1 => any_bytes];
        let mut runner = TestRunner::new(Config {
            cases: 512,
            failure_persistence: None,
            ..Config::default()
        });
        let ran = runner.run(&input, |input| {
            check(&input);
            Ok(())
        });
        ran.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}
