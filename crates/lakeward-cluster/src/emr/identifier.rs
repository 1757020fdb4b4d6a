//! Random names: cluster, group and instance ids, external ids, credentials.

use rand::seq::IndexedRandom as _;

const UPPER: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const HEX: &[u8] = b"0123456789abcdef";
const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const ALPHANUMERIC: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

fn random(alphabet: &[u8], length: usize) -> String {
    let mut rng = rand::rng();
    (0..length)
        .filter_map(|_| alphabet.choose(&mut rng).copied().map(char::from))
        .collect()
}

/// `j-` and 13 of A-Z0-9.
pub(crate) fn cluster() -> String {
    format!("j-{}", random(UPPER, 13))
}

/// `ig-` and 13 of A-Z0-9.
pub(crate) fn instance_group() -> String {
    format!("ig-{}", random(UPPER, 13))
}

/// `s-` and 13 of A-Z0-9.
pub(crate) fn step() -> String {
    format!("s-{}", random(UPPER, 13))
}

/// `if-` and 13 of A-Z0-9.
pub(crate) fn instance_fleet() -> String {
    format!("if-{}", random(UPPER, 13))
}

/// `ci-` and 13 of A-Z0-9.
pub(crate) fn instance() -> String {
    format!("ci-{}", random(UPPER, 13))
}

/// `i-` and 17 hexadecimal digits.
pub(crate) fn ec2_instance() -> String {
    format!("i-{}", random(HEX, 17))
}

/// The external id of a security configuration: 52 of A-Z0-9, as AWS makes them.
pub(crate) fn external_id() -> String {
    random(UPPER, 52)
}

/// A user name or password of `length` letters and digits that begins with a letter, so that it
/// passes through a shell-like command line and an HTTP Basic header unchanged.
pub(crate) fn credential(length: usize) -> String {
    let mut text = random(LETTERS, 1);
    text.push_str(&random(ALPHANUMERIC, length.saturating_sub(1)));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn have_the_documented_shapes() {
        assert_eq!(cluster().len(), 15);
        assert!(cluster().starts_with("j-"));
        assert_eq!(external_id().len(), 52);
        assert!(external_id().bytes().all(|byte| UPPER.contains(&byte)));
        assert_eq!(ec2_instance().len(), 19);
    }

    #[test]
    fn credentials_are_plain_words() {
        for _ in 0..200 {
            let word = credential(32);
            assert_eq!(word.len(), 32);
            assert!(word.bytes().all(|byte| byte.is_ascii_alphanumeric()));
            assert!(word.starts_with(|first: char| first.is_ascii_alphabetic()));
        }
    }
}
