//! Numbers with units, as Spark and Livy write them.

use std::time::Duration;

use super::{SettingsError, Value};

/// Longest accepted time limit.
const DAY: Duration = Duration::from_secs(24 * 3600);

/// A size as the JVM writes it: `512m`, `4g`, `4gb`; a bare number counts in MiB, as Spark's do.
pub(super) fn size(text: &str) -> Option<u64> {
    let (digits, unit) = split(text);
    let number: u64 = digits.parse().ok()?;
    let shift = match unit.to_ascii_lowercase().as_str() {
        "b" => 0,
        "k" | "kb" => 10,
        "" | "m" | "mb" => 20,
        "g" | "gb" => 30,
        "t" | "tb" => 40,
        _ => return None,
    };
    number.checked_mul(1 << shift)
}

/// A size in the largest unit that shows it whole.
pub(super) fn shown(bytes: u64) -> String {
    for (shift, unit) in [(30, "g"), (20, "m"), (10, "k")] {
        if bytes >= 1 << shift && bytes.trailing_zeros() >= shift {
            return format!("{}{unit}", bytes >> shift);
        }
    }
    format!("{bytes}b")
}

/// A size within bounds.
pub(super) fn bytes(value: &Value<'_>, least: u64, most: u64) -> Result<u64, SettingsError> {
    let bounds = format!("a size of {} to {}", shown(least), shown(most));
    size(value.text)
        .filter(|size| (least..=most).contains(size))
        .ok_or_else(|| value.refused(bounds))
}

/// A whole number within bounds.
pub(super) fn count<T>(value: &Value<'_>, least: T, most: T) -> Result<T, SettingsError>
where
    T: std::str::FromStr + PartialOrd + std::fmt::Display,
{
    let number: Option<T> = value.text.parse().ok();
    match number.filter(|number| (&least..=&most).contains(&number)) {
        Some(number) => Ok(number),
        None => Err(value.refused(format!("a number of {least} to {most}"))),
    }
}

/// A number of processors, not always a whole one.
pub(super) fn cpus(value: &Value<'_>, least: f64, most: f64) -> Result<f64, SettingsError> {
    let number: Option<f64> = value.text.parse().ok();
    number
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| value.refused(format!("a number of {least} to {most}")))
}

/// A time as Livy writes it, of a second to a day.
pub(super) fn span(value: &Value<'_>) -> Result<Duration, SettingsError> {
    duration(value.text)
        .filter(|span| (Duration::from_secs(1)..=DAY).contains(span))
        .ok_or_else(|| value.refused("a time such as 90s, 30m or 1h, of a second to a day"))
}

fn duration(text: &str) -> Option<Duration> {
    let (digits, unit) = split(text);
    let number: u64 = digits.parse().ok()?;
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(milliseconds).map(Duration::from_millis)
}

/// The digits at the beginning, and what follows them.
fn split(text: &str) -> (&str, &str) {
    let end = text
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    (digits, unit.trim())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes_are_read_as_the_jvm_writes_them() {
        for (text, bytes) in [
            ("1000M", 1000 << 20),
            ("4g", 4 << 30),
            ("4GB", 4 << 30),
            ("512", 512 << 20),
            ("1k", 1024),
            ("7b", 7),
        ] {
            assert_eq!(size(text), Some(bytes), "{text}");
        }
        for text in ["", "g", "-1g", "1x", "1.5g", "99999999999t"] {
            assert_eq!(size(text), None, "{text}");
        }
    }

    #[test]
    fn times_need_a_unit() {
        assert_eq!(duration("30m"), Some(Duration::from_secs(1800)));
        assert_eq!(duration("600s"), Some(Duration::from_secs(600)));
        for text in ["", "5", "m", "5y", "-5s"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_shown_size_is_the_same_size(bytes: u64) {
            prop_assert_eq!(size(&shown(bytes)), Some(bytes));
        }

        #[test]
        fn nothing_panics(text: String) {
            let _ = (size(&text), duration(&text));
        }
    }
}
