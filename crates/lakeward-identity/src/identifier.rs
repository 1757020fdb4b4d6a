//! Unique ids in AWS's shape: a four-letter prefix and upper-case letters and digits.

use rand::Rng as _;

const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// How many characters follow the four letters of a user's, role's, group's or policy's id.
pub(crate) const UNIQUE_LENGTH: usize = 17;

/// `prefix` followed by `length` characters of `A-Z2-7` that follow from `seed`; at most one for
/// each byte of it.
pub(crate) fn derived(prefix: &str, length: usize, seed: &[u8]) -> String {
    let tail = seed
        .iter()
        .take(length)
        .filter_map(|byte| ALPHABET.get(usize::from(byte % 32)));
    prefix.chars().chain(tail.map(|&c| char::from(c))).collect()
}

/// `prefix` followed by `length` random characters of `A-Z2-7`.
pub(crate) fn unique(prefix: &str, length: usize) -> String {
    let mut rng = rand::rng();
    let tail = (0..length).filter_map(|_| ALPHABET.get(rng.random_range(0..ALPHABET.len())));
    prefix.chars().chain(tail.map(|&c| char::from(c))).collect()
}

/// 40 random characters for a secret access key.
pub(crate) fn secret() -> String {
    let mut rng = rand::rng();
    (0..40)
        .map(|_| char::from(rng.sample(rand::distr::Alphanumeric)))
        .collect()
}
