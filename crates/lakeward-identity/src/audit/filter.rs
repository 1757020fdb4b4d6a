use jiff::Timestamp;

use super::entry::AuditRecord;

/// Which records to read. Every part that is there must match; texts match whole, without regard
/// to case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// The account that was called in.
    pub account: Option<String>,
    /// The ARN of a user, role, session or root: as the caller, as the role behind it, or as the role
    /// that a cluster's session works under.
    pub principal: Option<String>,
    /// A user's name, a role session's, or one that was given out for a cluster.
    pub user: Option<String>,
    /// The name or the ARN of the role behind a session, or that a cluster's session works under.
    pub role: Option<String>,
    /// The source identity of a session.
    pub source_identity: Option<String>,
    /// The operation.
    pub event_name: Option<String>,
    /// The service: its signing name or `name.amazonaws.com`.
    pub service: Option<String>,
    /// The key that signed.
    pub access_key_id: Option<String>,
    /// The event's id.
    pub event_id: Option<String>,
    /// A resource's ARN or its last part.
    pub resource: Option<String>,
    /// A resource's type, such as `AWS::IAM::Role`.
    pub resource_type: Option<String>,
    /// Only reading, or only changing operations.
    pub read_only: Option<bool>,
    /// Only management events, or only data events.
    pub management: Option<bool>,
    /// Only calls that failed.
    pub failed: bool,
    /// Only calls that were refused: by a policy, another door, or for a signature or key.
    pub denied: bool,
    /// Not before.
    pub since: Option<Timestamp>,
    /// Not after.
    pub until: Option<Timestamp>,
}

impl Filter {
    /// Whether a record is asked for.
    #[must_use]
    pub fn matches(&self, record: &AuditRecord) -> bool {
        self.matches_time(record) && self.matches_caller(record) && self.matches_event(record)
    }

    fn matches_time(&self, record: &AuditRecord) -> bool {
        let at = record.time();
        self.since
            .is_none_or(|since| at.is_some_and(|at| at >= since))
            && self
                .until
                .is_none_or(|until| at.is_some_and(|at| at <= until))
    }

    fn matches_caller(&self, record: &AuditRecord) -> bool {
        let issuer = record.issuer_arn();
        let under = record.execution_role_arn();
        same(&self.account, record.account())
            && any(&self.user, [record.user_name(), record.cluster_user_name()])
            && same(&self.source_identity, record.source_identity())
            && same(&self.access_key_id, record.access_key_id())
            && any(&self.principal, [record.principal_arn(), issuer, under])
            && any(
                &self.role,
                [issuer, last_part(issuer), under, last_part(under)],
            )
    }

    fn matches_event(&self, record: &AuditRecord) -> bool {
        let source = record.event_source();
        let service = source.and_then(|source| source.strip_suffix(".amazonaws.com"));
        same(&self.event_name, record.event_name())
            && same(&self.event_id, record.event_id())
            && any(&self.service, [source, service])
            && self
                .read_only
                .is_none_or(|wanted| record.read_only() == Some(wanted))
            && self
                .management
                .is_none_or(|wanted| record.is_management() == wanted)
            && (!self.failed || record.error_code().is_some())
            && (!self.denied || record.is_denied())
            && self.matches_resource(record)
    }

    fn matches_resource(&self, record: &AuditRecord) -> bool {
        if self.resource.is_none() && self.resource_type.is_none() {
            return true;
        }
        record.resources().any(|(arn, kind)| {
            same(&self.resource_type, kind)
                && any(&self.resource, [Some(arn), arn.rsplit(['/', ':']).next()])
        })
    }
}

fn last_part(arn: Option<&str>) -> Option<&str> {
    arn?.rsplit('/').next()
}

fn same(wanted: &Option<String>, found: Option<&str>) -> bool {
    any(wanted, [found])
}

fn any<const N: usize>(wanted: &Option<String>, found: [Option<&str>; N]) -> bool {
    wanted.as_ref().is_none_or(|wanted| {
        found
            .iter()
            .flatten()
            .any(|found| found.eq_ignore_ascii_case(wanted))
    })
}
