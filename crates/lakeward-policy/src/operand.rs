//! The typed values that conditions compare: decimals, instants, addresses, truth values.

use std::cmp::Ordering;
use std::net::IpAddr;

use ipnet::IpNet;
use jiff::Timestamp;
use jiff::civil;
use jiff::tz::TimeZone;

/// A decimal number of any length, compared exactly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decimal {
    negative: bool,
    whole: Box<str>,
    fraction: Box<str>,
}

impl Decimal {
    pub fn parse(text: &str) -> Option<Decimal> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let all_digits =
            |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !all_digits(whole) || !all_digits(fraction) {
            return None;
        }
        let (whole, fraction) = (
            whole.trim_start_matches('0'),
            fraction.trim_end_matches('0'),
        );
        let zero = whole.is_empty() && fraction.is_empty();
        Some(Decimal {
            negative: negative && !zero,
            whole: whole.into(),
            fraction: fraction.into(),
        })
    }

    fn magnitude(&self, other: &Decimal) -> Ordering {
        let whole = self
            .whole
            .len()
            .cmp(&other.whole.len())
            .then_with(|| self.whole.cmp(&other.whole));
        whole.then_with(|| self.fraction.cmp(&other.fraction))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Decimal) -> Ordering {
        match (self.negative, other.negative) {
            (false, false) => self.magnitude(other),
            (true, true) => other.magnitude(self),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Decimal) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Reads an instant: an ISO 8601 date or date-time (UTC unless it says otherwise), or seconds
/// since 1970.
pub(crate) fn instant(text: &str) -> Option<Timestamp> {
    if let Ok(seconds) = text.parse::<i64>() {
        return Timestamp::from_second(seconds).ok();
    }
    let utc = |local: civil::DateTime| {
        local
            .to_zoned(TimeZone::UTC)
            .ok()
            .map(|zoned| zoned.timestamp())
    };
    text.parse::<Timestamp>()
        .ok()
        .or_else(|| utc(text.parse::<civil::DateTime>().ok()?))
        .or_else(|| utc(month(text)?))
}

/// The beginning of a month: `2013-06`.
fn month(text: &str) -> Option<civil::DateTime> {
    let (year, month) = text.split_once('-')?;
    let digits = |part: &str, count| {
        (part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| part.parse::<i16>().ok())?
    };
    let (year, month) = (digits(year, 4)?, digits(month, 2)?);
    civil::DateTime::new(year, i8::try_from(month).ok()?, 1, 0, 0, 0, 0).ok()
}

/// Reads an address or a CIDR block.
pub(crate) fn network(text: &str) -> Option<IpNet> {
    text.parse::<IpNet>()
        .ok()
        .or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// Reads a single address; an IPv4 address inside IPv6 counts as the IPv4 address.
pub(crate) fn address(text: &str) -> Option<IpAddr> {
    text.parse::<IpAddr>()
        .ok()
        .map(|address| address.to_canonical())
}

/// Reads `true` or `false`, in any case.
pub(crate) fn truth(text: &str) -> Option<bool> {
    match text {
        _ if text.eq_ignore_ascii_case("true") => Some(true),
        _ if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn decimals_compare_exactly() {
        let compare =
            |a: &str, b: &str| Decimal::parse(a).unwrap().cmp(&Decimal::parse(b).unwrap());
        assert_eq!(
            compare("9007199254740993", "9007199254740992"),
            Ordering::Greater
        );
        assert_eq!(compare("1.50", "01.5"), Ordering::Equal);
        assert_eq!(compare("-0", "0.0"), Ordering::Equal);
        assert_eq!(compare("-2", "-10"), Ordering::Greater);
        assert_eq!(compare("1.05", "1.5"), Ordering::Less);
        for text in ["", "-", "1e3", "0x1", "1.", ".5", "NaN", "1 "] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn decimals_agree_with_integers(a: i64, b: i64) {
            let decimal = |n: i64| Decimal::parse(&n.to_string()).unwrap();
            prop_assert_eq!(decimal(a).cmp(&decimal(b)), a.cmp(&b));
        }
    }

    #[test]
    fn instants_come_in_several_forms() {
        let expected = Timestamp::from_second(1_372_550_400).unwrap();
        for text in [
            "2013-06-30T00:00:00Z",
            "2013-06-30",
            "1372550400",
            "2013-06-30T02:00:00+02:00",
            "2013-06-30T00:00Z",
        ] {
            assert_eq!(instant(text), Some(expected), "{text}");
        }
        assert_eq!(
            instant("2013-06"),
            Some(Timestamp::from_second(1_370_044_800).unwrap())
        );
        assert_eq!(instant("tomorrow"), None);
        assert_eq!(instant("2013-13"), None);
    }

    #[test]
    fn addresses_and_networks() {
        assert!(
            network("203.0.113.0/24")
                .unwrap()
                .contains(&address("203.0.113.9").unwrap())
        );
        assert!(
            network("203.0.113.9")
                .unwrap()
                .contains(&address("::ffff:203.0.113.9").unwrap())
        );
        assert!(
            network("2001:db8::/32")
                .unwrap()
                .contains(&address("2001:db8::1").unwrap())
        );
        assert_eq!(network("203.0.113.0/33"), None);
    }
}
