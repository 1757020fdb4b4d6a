//! Resource types, and whether a policy's resource pattern can name a resource of one.

use std::collections::HashSet;

use crate::condition_key::{full_name, names};
use crate::table::list;

/// Longer patterns aren't compared: they are no one's ARNs.
const LONGEST_ARN: usize = 2048;

/// A kind of resource.
#[derive(Debug)]
pub struct ResourceType {
    /// The service's prefix.
    pub service: &'static str,
    /// The reference's name for it, such as `cluster`.
    pub name: &'static str,
    /// Its ARNs: `arn:${Partition}:elasticmapreduce:${Region}:${Account}:cluster/${ClusterId}`.
    pub arn: &'static str,
    keys: &'static str,
}

/// An element of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Symbol {
    Char(char),
    AnyOne,
    AnyRun,
    /// Any run without a slash.
    Name,
}

impl ResourceType {
    pub(crate) fn of(
        service: &'static str,
        name: &'static str,
        arn: &'static str,
        keys: &'static str,
    ) -> ResourceType {
        ResourceType {
            service,
            name,
            arn,
            keys,
        }
    }

    /// The condition keys that requests on such a resource carry.
    pub fn condition_keys(&self) -> impl Iterator<Item = String> + use<> {
        let prefix = self.service;
        list(self.keys).map(move |short| full_name(prefix, short))
    }

    /// Whether requests on such a resource carry this condition key.
    pub fn carries(&self, key: &str) -> bool {
        self.condition_keys().any(|known| names(&known, key))
    }

    /// Whether some ARN of this type matches a pattern of a `Resource` element. Policy variables
    /// count as `*`.
    pub fn overlaps(&self, pattern: &str) -> bool {
        if pattern == "*" || pattern.len() > LONGEST_ARN {
            return true;
        }
        let (own, other) = (own_symbols(self.arn), symbols(pattern));
        let parts = |symbols: &[Symbol]| -> Vec<Vec<Symbol>> {
            let colon = |symbol: &Symbol| *symbol == Symbol::Char(':');
            symbols.splitn(6, colon).map(<[Symbol]>::to_vec).collect()
        };
        let (own, other) = (parts(&own), parts(&other));
        // A pattern that begins with a variable has no parts to compare.
        other.len() < own.len() || own.iter().zip(&other).all(|(a, b)| overlap(a, b))
    }
}

/// The symbols of a pattern in a policy.
fn symbols(pattern: &str) -> Vec<Symbol> {
    read(
        pattern,
        |_| Symbol::AnyRun,
        |c| match c {
            '*' => Symbol::AnyRun,
            '?' => Symbol::AnyOne,
            c => Symbol::Char(c),
        },
    )
}

/// The symbols of a type's ARN. Only names of buckets are known to hold no slash: what other
/// placeholders stand for isn't documented.
fn own_symbols(arn: &str) -> Vec<Symbol> {
    let placeholder = |name: &str| match name {
        "BucketName" => Symbol::Name,
        _ => Symbol::AnyRun,
    };
    read(arn, placeholder, |c| match c {
        '*' => Symbol::AnyRun,
        c => Symbol::Char(c),
    })
}

fn read(
    text: &str,
    variable: impl Fn(&str) -> Symbol,
    symbol: impl Fn(char) -> Symbol,
) -> Vec<Symbol> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        found.extend(before.chars().map(&symbol));
        found.push(variable(name));
        rest = after;
    }
    found.extend(rest.chars().map(symbol));
    found
}

/// Whether some text matches both patterns: a walk over the pairs of what is left of each.
fn overlap(a: &[Symbol], b: &[Symbol]) -> bool {
    let mut seen = HashSet::new();
    let mut open = vec![(a, b)];
    while let Some((a, b)) = open.pop() {
        if !seen.insert((a.len(), b.len())) {
            continue;
        }
        match (a.split_first(), b.split_first()) {
            (None, None) => return true,
            (None, Some((run, rest))) if run.is_run() => open.push((a, rest)),
            (Some((run, rest)), None) if run.is_run() => open.push((rest, b)),
            (None, Some(_)) | (Some(_), None) => {}
            (Some((x, after_x)), Some((y, after_y))) => {
                if x.is_run() {
                    open.push((after_x, b));
                }
                if y.is_run() {
                    open.push((a, after_y));
                }
                if x.shares(*y) {
                    let left = if x.is_run() { a } else { after_x };
                    let right = if y.is_run() { b } else { after_y };
                    open.push((left, right));
                }
            }
        }
    }
    false
}

impl Symbol {
    fn is_run(self) -> bool {
        matches!(self, Symbol::AnyRun | Symbol::Name)
    }

    /// Whether some character fits both.
    fn shares(self, other: Symbol) -> bool {
        match (self, other) {
            (Symbol::Char(a), Symbol::Char(b)) => a == b,
            (Symbol::Name, Symbol::Char(c)) | (Symbol::Char(c), Symbol::Name) => c != '/',
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lakeward_policy::Glob;
    use proptest::prelude::*;

    fn of(service: &str, name: &str) -> &'static ResourceType {
        crate::service(service)
            .unwrap()
            .resource_type(name)
            .unwrap()
    }

    #[test]
    fn patterns_meet_the_types_they_can_name() {
        let (bucket, object) = (of("s3", "bucket"), of("s3", "object"));
        let cluster = of("elasticmapreduce", "cluster");
        for (kind, pattern, expected) in [
            (bucket, "arn:aws:s3:::lake", true),
            (bucket, "arn:aws:s3:::lake/*", false),
            (bucket, "arn:aws:s3:::*", true),
            (bucket, "*", true),
            (object, "arn:aws:s3:::lake", false),
            (object, "arn:aws:s3:::lake/*", true),
            (object, "arn:aws:s3:::lake*", true),
            (object, "arn:aws:s3:::${aws:username}", true),
            (object, "${aws:ResourceTag/arn}", true),
            (
                cluster,
                "arn:aws:elasticmapreduce:*:111122223333:cluster/j-?",
                true,
            ),
            (
                cluster,
                "arn:aws:elasticmapreduce:*:111122223333:studio/*",
                false,
            ),
            (cluster, "arn:aws:s3:::cluster/j-1", false),
        ] {
            assert_eq!(kind.overlaps(pattern), expected, "{} {pattern}", kind.name);
        }
    }

    proptest! {
        /// Whatever text matches both patterns shows that they overlap.
        #[test]
        fn overlap_misses_nothing(a in "[ab*?]{0,6}", b in "[ab*?]{0,6}", text in "[ab]{0,6}") {
            if Glob::new(&a).matches(&text) && Glob::new(&b).matches(&text) {
                prop_assert!(overlap(&symbols(&a), &symbols(&b)));
            }
        }
    }
}
