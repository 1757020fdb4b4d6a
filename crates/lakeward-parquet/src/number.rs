//! Exact comparison of decimal literals with whole numbers.

use std::cmp::Ordering;

/// A literal among the whole numbers: those of a column of integers, or the unscaled values of a
/// column of decimals.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Bound {
    /// Below every number that a column can hold.
    Below,
    /// At `floor`, or between it and the next number.
    At {
        /// The largest number that isn't greater.
        floor: i128,
        /// Whether the literal is greater than `floor`.
        above: bool,
    },
    /// Above every number that a column can hold.
    Above,
}

impl Bound {
    /// The literal `text`, a plain decimal number, times ten to the power of `scale`; `None` when it
    /// is no such number.
    pub(crate) fn parse(text: &str, scale: u32) -> Option<Self> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) {
            return None;
        }
        let scale = usize::try_from(scale).ok()?;
        let (shifted, rest) = match fraction.split_at_checked(scale) {
            Some(parts) => parts,
            None => (fraction, ""),
        };
        let zeros = scale.saturating_sub(shifted.len());
        let digits = whole.bytes().chain(shifted.bytes());
        let magnitude = digits
            .map(|digit| i128::from(digit - b'0'))
            .chain(std::iter::repeat_n(0, zeros))
            .try_fold(0i128, |sum, digit| sum.checked_mul(10)?.checked_add(digit));
        let inexact = rest.bytes().any(|digit| digit != b'0');
        Some(match (magnitude, negative) {
            (None, true) => Self::Below,
            (None, false) => Self::Above,
            (Some(magnitude), true) => Self::At {
                floor: -magnitude - i128::from(inexact),
                above: inexact,
            },
            (Some(magnitude), false) => Self::At {
                floor: magnitude,
                above: inexact,
            },
        })
    }

    /// How `number` compares with the literal.
    pub(crate) fn compare(self, number: i128) -> Ordering {
        match self {
            Self::Below => Ordering::Greater,
            Self::Above => Ordering::Less,
            Self::At { floor, above } => match number.cmp(&floor) {
                Ordering::Equal if above => Ordering::Less,
                ordering => ordering,
            },
        }
    }
}

/// The number that big-endian two's complement bytes hold, as decimals are stored; `None` when it
/// takes more than 128 bits.
pub(crate) fn from_big_endian(bytes: &[u8]) -> Option<i128> {
    let negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
    let fill = if negative { 0xff } else { 0 };
    let excess = bytes.len().saturating_sub(16);
    let (head, tail) = bytes.split_at(excess);
    if head.iter().any(|byte| *byte != fill) {
        return None;
    }
    if excess > 0
        && tail
            .first()
            .is_some_and(|byte| (byte & 0x80 != 0) != negative)
    {
        return None;
    }
    let start = if negative { -1 } else { 0 };
    Some(tail.iter().fold(start, |number: i128, byte| {
        (number << 8) | i128::from(*byte)
    }))
}

/// The days from 1970-01-01 to the date `YYYY-MM-DD` of the Gregorian calendar.
pub(crate) fn days(text: &str) -> Option<i32> {
    let mut parts = text.split('-');
    let mut part = |length: usize| {
        let part = parts.next()?;
        let plain = part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse::<i32>().ok().filter(|_| plain)
    };
    let (year, month, day) = (part(4)?, part(2)?, part(2)?);
    if parts.next().is_some() || year < 1 || !(1..=12).contains(&month) {
        return None;
    }
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let length = match month {
        2 => 28 + i32::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    if !(1..=length).contains(&day) {
        return None;
    }
    // Years begin in March here, so that the leap day is the last of its year.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let before_year = year * 365 + year / 4 - year / 100 + year / 400;
    let before_month = (153 * month + 2) / 5;
    Some(before_year + before_month + day - 1 - 719_468)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dates_count_from_1970() {
        assert_eq!(days("1970-01-01"), Some(0));
        assert_eq!(days("1969-12-31"), Some(-1));
        assert_eq!(days("2000-02-29"), Some(11_016));
        assert_eq!(days("2024-03-01"), Some(19_783));
        assert_eq!(days("0001-01-01"), Some(-719_162));
        for wrong in [
            "2023-02-29",
            "2023-13-01",
            "2023-1-01",
            "2023-01-01 ",
            "20230101",
            "+023-01-01",
            "",
        ] {
            assert_eq!(days(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn consecutive_days_are_consecutive() {
        let mut expected = days("1899-12-31").unwrap();
        for year in 1900..2110 {
            for month in 1..=12 {
                for day in 1..=31 {
                    if let Some(found) = days(&format!("{year:04}-{month:02}-{day:02}")) {
                        expected += 1;
                        assert_eq!(found, expected);
                    }
                }
            }
        }
    }

    #[test]
    fn literals_outside_of_all_columns() {
        let huge = "9".repeat(60);
        assert_eq!(Bound::parse(&huge, 0), Some(Bound::Above));
        assert_eq!(Bound::parse(&format!("-{huge}"), 0), Some(Bound::Below));
        assert_eq!(Bound::parse("1", 60), Some(Bound::Above));
        for wrong in ["", "-", "1e3", ".5", "1.x", "+1", "--1"] {
            assert_eq!(Bound::parse(wrong, 0), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn comparison_is_that_of_numbers(number in -2000i64..2000, literal in -20_000i64..20_000, scale in 0u32..4) {
            // The literal has two digits after the point; the column's numbers are times 10^-scale.
            let text = format!("{}{}.{:02}", if literal < 0 { "-" } else { "" },
                               literal.abs() / 100, literal.abs() % 100);
            let bound = Bound::parse(&text, scale).unwrap();
            let left = i128::from(number) * 100;
            let right = i128::from(literal) * 10i128.pow(scale);
            prop_assert_eq!(bound.compare(i128::from(number)), left.cmp(&right));
        }

        #[test]
        fn big_endian_numbers_read_back(number: i128, padding in 0usize..4) {
            let fill = if number < 0 { 0xff } else { 0 };
            let mut bytes = vec![fill; padding];
            bytes.extend(number.to_be_bytes());
            prop_assert_eq!(from_big_endian(&bytes), Some(number));
            let short = number as i16;
            prop_assert_eq!(from_big_endian(&short.to_be_bytes()), Some(i128::from(short)));
            bytes.insert(0, 1);
            prop_assert_eq!(from_big_endian(&bytes), None);
        }
    }
}
