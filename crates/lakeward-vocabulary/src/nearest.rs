//! What a misspelt name may have meant.

use crate::table::{TABLE, prefixes, service};

/// The most suggestions for one name.
const MOST: usize = 3;

/// No action or key is longer; longer texts are no misspellings.
const LONGEST: usize = 128;

/// Known actions whose names are like this one, nearest first; none when nothing is near.
pub fn nearest(action: &str) -> Vec<String> {
    let folded = action.to_ascii_lowercase();
    let Some((prefix, name)) = folded.split_once(':').filter(|_| folded.len() <= LONGEST) else {
        return Vec::new();
    };
    if let Some(service) = service(prefix) {
        let known = service.actions();
        return best(name, known.map(|action| (action.name, action.to_string())));
    }
    let like = best(prefix, prefixes().map(|known| (known, known.to_owned())));
    let named = like
        .iter()
        .filter_map(|prefix| service(prefix)?.action(name));
    named.map(ToString::to_string).collect()
}

/// Known condition keys whose names are like this one, nearest first.
pub fn nearest_key(key: &str) -> Vec<String> {
    if key.len() > LONGEST {
        return Vec::new();
    }
    let prefix = key.split(':').next().unwrap_or_default();
    let own = service(prefix).map(|service| service.condition_keys.iter());
    let known = own.into_iter().flatten().chain(&TABLE.global_keys);
    best(key, known.map(|key| (key.name, key.name.to_owned())))
}

/// The candidates within a quarter of the name's length.
fn best(name: &str, candidates: impl Iterator<Item = (&'static str, String)>) -> Vec<String> {
    let name: Vec<char> = name.to_ascii_lowercase().chars().collect();
    let limit = (name.len() / 4).max(1);
    let mut found: Vec<(usize, String)> = candidates
        .filter(|(known, _)| known.len().abs_diff(name.len()) <= limit)
        .map(|(known, full)| (distance(&name, known), full))
        .filter(|(distance, _)| *distance <= limit)
        .collect();
    found.sort();
    found.dedup();
    found.into_iter().take(MOST).map(|(_, full)| full).collect()
}

/// Insertions, deletions and replacements between the two, without case (Levenshtein).
fn distance(name: &[char], known: &str) -> usize {
    let mut row: Vec<usize> = (0..=name.len()).collect();
    for (line, c) in known.chars().map(|c| c.to_ascii_lowercase()).enumerate() {
        let mut diagonal = line;
        let mut left = line + 1;
        for (cell, other) in row.iter_mut().skip(1).zip(name) {
            let above = *cell;
            let replaced = diagonal + usize::from(*other != c);
            left = replaced.min(above + 1).min(left + 1);
            *cell = left;
            diagonal = above;
        }
        if let Some(first) = row.first_mut() {
            *first = line + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (a, b, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("kitten", "sitting", 3),
            ("abc", "ABC", 0),
            ("abcd", "abdc", 2),
            ("flaw", "lawn", 2),
        ] {
            let name: Vec<char> = a.chars().collect();
            assert_eq!(distance(&name, b), expected, "{a} {b}");
        }
    }

    #[test]
    fn misspellings_find_their_words() {
        assert_eq!(nearest("s3:GetObjekt").first().unwrap(), "s3:GetObject");
        assert_eq!(
            nearest("elasticmapreduce:GetClusterSessionCredential"),
            ["elasticmapreduce:GetClusterSessionCredentials"]
        );
        assert_eq!(
            nearest("elasticmapreduc:DescribeCluster"),
            ["elasticmapreduce:DescribeCluster"]
        );
        assert_eq!(
            nearest_key("elasticmapreduce:ExecutionRoleARNs"),
            ["elasticmapreduce:ExecutionRoleArn"]
        );
        assert_eq!(
            nearest_key("aws:SourceIP6").first().unwrap(),
            "aws:SourceIp"
        );
        assert!(nearest("s3:CompletelyElsewhere").is_empty());
        assert!(nearest("nonsense").is_empty());
        assert!(nearest(&format!("s3:{}", "x".repeat(100_000))).is_empty());
    }
}
