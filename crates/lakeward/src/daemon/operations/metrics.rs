//! The metrics, as Prometheus reads them (the OpenMetrics text format).

use std::{fmt, sync::Arc};

use lakeward_gate::Traffic;
use lakeward_identity::{AuditTrail, Identity, Service};
use lakeward_session::{Counters, SessionRegistry};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric, text},
    metrics::{MetricType, gauge::ConstGauge, info::Info},
    registry::Registry,
};

use super::{process::Process, requests::Requests};

/// The content type of the text.
pub(super) const TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The metrics of an instance.
pub(in super::super) struct Metrics {
    registry: Registry,
}

/// What is counted.
pub(in super::super) struct Sources<'a, S> {
    pub(in super::super) identity: &'a Arc<Identity>,
    pub(in super::super) services: S,
    pub(in super::super) traffic: &'a Traffic,
    pub(in super::super) sessions: &'a Arc<SessionRegistry>,
}

impl Metrics {
    /// Counts from now on.
    pub(in super::super) fn new<'s, S>(sources: Sources<'_, S>) -> Self
    where
        S: Iterator<Item = &'s Service>,
    {
        let requests = Requests::new(sources.services);
        let audit = sources.identity.audit();
        audit.observe(Box::new(requests.clone()));
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Process));
        registry.register_collector(Box::new(requests.clone()));
        registry.register_collector(Box::new(Gauges {
            identity: Arc::clone(sources.identity),
            sessions: Arc::clone(sources.sessions),
        }));
        let own = registry.sub_registry_with_prefix("lakeward");
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        own.register("build", "The program", build);
        register_audit(own, &requests);
        register_traffic(own, sources.traffic);
        register_sessions(own, sources.sessions.counters());
        Self { registry }
    }

    /// All of it.
    pub(super) fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

fn register_audit(own: &mut Registry, requests: &Requests) {
    let (recorded, unrecorded) = requests.records();
    own.register(
        "audit_records",
        "Records written to the audit trail",
        recorded,
    );
    own.register(
        "audit_write_failures",
        "Records that could not be written when their request ended; its answer was withheld",
        unrecorded,
    );
}

fn register_traffic(own: &mut Registry, traffic: &Traffic) {
    own.register(
        "s3_served_raw_bytes",
        "Bytes served of objects as they are",
        traffic.raw.clone(),
    );
    own.register(
        "s3_served_filtered_bytes",
        "Bytes served of objects that were filtered for their reader",
        traffic.filtered.clone(),
    );
}

fn register_sessions(own: &mut Registry, counters: &Counters) {
    let Counters {
        opened,
        ended,
        start_seconds,
        statements,
        statement_seconds,
        keys,
        warm,
        refusals,
    } = counters.clone();
    own.register("sessions_opened", "Sessions opened", opened);
    own.register("sessions_ended", "Sessions ended, by reason", ended);
    own.register(
        "session_start_seconds",
        "From the opening of a session until it took statements",
        start_seconds,
    );
    own.register("statements", "Statements that ran to an end", statements);
    own.register(
        "statement_seconds",
        "How long statements ran",
        statement_seconds,
    );
    own.register(
        "session_credentials",
        "Times that sessions asked for their role's keys",
        keys,
    );
    own.register(
        "warm_interpreters",
        "Interpreters that wait for a session",
        warm,
    );
    own.register(
        "sandbox_refusals",
        "What the enclosures of sessions refused",
        refusals,
    );
}

/// What is looked at when it is asked for.
struct Gauges {
    identity: Arc<Identity>,
    sessions: Arc<SessionRegistry>,
}

impl fmt::Debug for Gauges {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Gauges")
    }
}

impl Collector for Gauges {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let help = "Sessions that there are, those that ended a short while ago included";
        let name = "lakeward_sessions";
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for ((cluster, state), count) in self.sessions.census() {
            let labels = [("cluster", cluster), ("state", state.to_string())];
            let count = u64::try_from(count).unwrap_or(u64::MAX);
            ConstGauge::new(count).encode(family.encode_family(&labels)?)?;
        }
        let help = "1 while the audit trail can be written; without it nothing is answered";
        let name = "lakeward_audit_writable";
        let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        let writable = AuditTrail::ready(self.identity.audit()).is_ok();
        ConstGauge::new(u64::from(writable)).encode(metric)
    }
}
