//! Unique ids in AWS's shape: a four-letter prefix and upper-case letters and digits.

use rand::Rng as _;

const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

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
