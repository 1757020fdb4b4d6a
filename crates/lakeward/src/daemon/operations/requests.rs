//! Requests as the audit trail sees them: each that leaves a record is counted here, and no other.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use lakeward_identity::{
    Service,
    audit::{Observed, Observer, RequestOutcome},
};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{MetricType, counter::Counter, histogram::Histogram},
};

/// Seconds that an answer takes, the sending of an object's body left out.
const ANSWER: [f64; 12] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0,
];
/// The most operations that are told apart, whoever names them.
const MOST_SERIES: usize = 2048;
/// What is asked for and isn't there.
const OTHER: &str = "other";

/// Counts of requests. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct Requests(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// The operations that each service of the dispatcher has.
    known: BTreeMap<&'static str, BTreeSet<&'static str>>,
    series: RwLock<BTreeMap<String, BTreeMap<String, Arc<Series>>>>,
    recorded: Counter,
    unrecorded: Counter,
}

/// The counts of one operation.
#[derive(Debug)]
struct Series {
    outcomes: [Counter; RequestOutcome::ALL.len()],
    seconds: Histogram,
}

impl Default for Series {
    fn default() -> Self {
        Self {
            outcomes: Default::default(),
            seconds: Histogram::new(ANSWER),
        }
    }
}

impl Requests {
    pub(super) fn new<'a>(services: impl Iterator<Item = &'a Service>) -> Self {
        let names = |service: &Service| (service.signing_name(), service.operations().collect());
        Self(Arc::new(Shared {
            known: services.map(names).collect(),
            series: RwLock::default(),
            recorded: Counter::default(),
            unrecorded: Counter::default(),
        }))
    }

    /// Audit records that were written, and that could not be.
    pub(super) fn records(&self) -> (Counter, Counter) {
        (self.0.recorded.clone(), self.0.unrecorded.clone())
    }
}

impl Observer for Requests {
    fn request(&self, request: &Observed<'_>) {
        match request.is_recorded {
            true => self.0.recorded.inc(),
            false => self.0.unrecorded.inc(),
        };
        let series = self.0.series_of(request.service, request.operation);
        let counted = RequestOutcome::ALL.iter().zip(&series.outcomes);
        for (outcome, counter) in counted {
            if *outcome == request.outcome {
                counter.inc();
            }
        }
        if let Some(took) = request.took {
            series.seconds.observe(took.as_secs_f64());
        }
    }
}

impl Shared {
    fn series_of(&self, service: &str, operation: &str) -> Arc<Series> {
        let find = |service: &str, operation: &str| {
            let series = self.series.read().unwrap_or_else(PoisonError::into_inner);
            Some(Arc::clone(series.get(service)?.get(operation)?))
        };
        if let Some(found) = find(service, operation) {
            return found;
        }
        let (service, operation) = self.label(service, operation);
        if let Some(found) = find(service, operation) {
            return found;
        }
        let mut series = self.series.write().unwrap_or_else(PoisonError::into_inner);
        let is_full = series.values().map(BTreeMap::len).sum::<usize>() >= MOST_SERIES;
        let (service, operation) = match is_full {
            true => (OTHER, OTHER),
            false => (service, operation),
        };
        let operations = series.entry(service.to_owned()).or_default();
        Arc::clone(operations.entry(operation.to_owned()).or_default())
    }

    /// Callers name the operations of the dispatcher's services, so that only those which there are
    /// become labels. The other doors (S3, and those of clusters) name theirs themselves.
    fn label<'a>(&self, service: &'a str, operation: &'a str) -> (&'a str, &'a str) {
        match self.known.get(service) {
            Some(operations) if !operations.contains(operation) => (service, OTHER),
            None if service == "unknown" => (OTHER, OTHER),
            _ => (service, operation),
        }
    }
}

impl Collector for Requests {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let series = self.0.series.read().unwrap_or_else(PoisonError::into_inner);
        let all = || {
            let of = |(service, operations)| {
                let pair = move |(operation, series)| (service, operation, series);
                BTreeMap::iter(operations).map(pair)
            };
            series.iter().flat_map(of)
        };
        let help = "Requests that left an audit record, by how they ended";
        let mut family =
            encoder.encode_descriptor("lakeward_requests", help, None, MetricType::Counter)?;
        for (service, operation, series) in all() {
            let counted = RequestOutcome::ALL.iter().zip(&series.outcomes);
            for (outcome, counter) in counted.filter(|(_, counter)| counter.get() > 0) {
                let labels = [
                    ("service", &**service),
                    ("operation", &**operation),
                    ("outcome", outcome.name()),
                ];
                counter.encode(family.encode_family(&labels)?)?;
            }
        }
        let help = "From the reading of a signed request to its answer, without an object's body";
        let name = "lakeward_request_duration_seconds";
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Histogram)?;
        for (service, operation, series) in all() {
            let labels = [("service", &**service), ("operation", &**operation)];
            series.seconds.encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use lakeward_wire::Protocol;
    use prometheus_client::{encoding::text, registry::Registry};

    use super::*;

    fn requests() -> Requests {
        let service = Service::new("iam", Protocol::RestJson).operation(
            "GetUser",
            &Arc::new(()),
            |_, _, (): ()| async { Ok(()) },
        );
        Requests::new([service].iter())
    }

    fn observed<'a>(service: &'a str, operation: &'a str) -> Observed<'a> {
        Observed {
            service,
            operation,
            outcome: RequestOutcome::Ok,
            took: Some(Duration::from_millis(2)),
            is_recorded: true,
        }
    }

    fn text_of(requests: &Requests) -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(requests.clone()));
        let mut text = String::new();
        text::encode(&mut text, &registry).unwrap();
        text
    }

    #[test]
    fn strangers_can_not_make_labels() {
        let requests = requests();
        for number in 0..5000 {
            requests.request(&observed("iam", &format!("Brew{number}")));
            requests.request(&observed("unknown", &format!("Brew{number}")));
        }
        requests.request(&observed("iam", "GetUser"));
        requests.request(&Observed {
            outcome: RequestOutcome::Denied,
            is_recorded: false,
            ..observed("s3", "GetObject")
        });
        let text = text_of(&requests);
        let counts: Vec<&str> = text
            .lines()
            .filter(|line| line.starts_with("lakeward_requests_total{"))
            .collect();
        assert_eq!(
            counts,
            [
                r#"lakeward_requests_total{service="iam",operation="GetUser",outcome="ok"} 1"#,
                r#"lakeward_requests_total{service="iam",operation="other",outcome="ok"} 5000"#,
                r#"lakeward_requests_total{service="other",operation="other",outcome="ok"} 5000"#,
                r#"lakeward_requests_total{service="s3",operation="GetObject",outcome="denied"} 1"#,
            ]
        );
        assert!(text.contains(
            r#"lakeward_request_duration_seconds_bucket{le="0.0025",service="iam",operation="GetUser"} 1"#
        ), "{text}");
        let (recorded, unrecorded) = requests.records();
        assert_eq!((recorded.get(), unrecorded.get()), (10_001, 1));
    }

    #[test]
    fn the_number_of_series_is_bounded() {
        let requests = requests();
        for number in 0..MOST_SERIES + 100 {
            requests.request(&observed("livy", &format!("Operation{number}")));
        }
        let text = text_of(&requests);
        let counts = text
            .lines()
            .filter(|line| line.starts_with("lakeward_requests_total{"));
        assert_eq!(counts.count(), MOST_SERIES + 1);
        assert!(text.contains(r#"{service="other",operation="other",outcome="ok"} 100"#));
    }

    /// Prints what a count costs; run it with `--release --nocapture` to read it.
    #[test]
    fn counting_is_cheap() {
        const ROUNDS: u32 = 100_000;
        let requests = requests();
        let one = observed("s3", "GetObject");
        let began = Instant::now();
        (0..ROUNDS).for_each(|_| requests.request(&one));
        println!("{:?} a request", began.elapsed() / ROUNDS);
        assert_eq!(requests.records().0.get(), u64::from(ROUNDS));
    }
}
