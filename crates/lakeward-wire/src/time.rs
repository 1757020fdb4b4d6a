use jiff::Timestamp;

/// Seconds since 1970 with milliseconds, as awsJson writes timestamps.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds since 1970 fit an f64 exactly"
)]
pub fn epoch(at: Timestamp) -> f64 {
    at.as_millisecond() as f64 / 1000.0
}

/// `2026-11-21T10:00:00Z`, as the query protocol writes timestamps.
#[must_use]
pub fn iso(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_name_the_same_second() {
        let at: Timestamp = "2026-11-21T10:00:00.25Z".parse().unwrap();
        assert!((epoch(at) - 1_795_255_200.25).abs() < f64::EPSILON);
        assert_eq!(iso(at), "2026-11-21T10:00:00Z");
    }
}
