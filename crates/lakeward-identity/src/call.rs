use std::{
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use lakeward_policy::{Arn, Context, Principal, Request, ResourceSide};
use lakeward_store::{Snapshot, Store};
use lakeward_wire::AwsError;
use serde::Serialize;

use crate::{
    Caller, Identity,
    authorizer::{Question, decide},
    inventory::folded,
};

/// Where a request came from, and when.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The peer's address.
    pub source_ip: IpAddr,
    /// The `User-Agent` header.
    pub user_agent: Option<String>,
    /// When the request was read.
    pub at: Timestamp,
}

/// One authenticated request. Cheap to clone; clones share the decisions made.
#[derive(Clone)]
pub struct Call {
    inner: Arc<Inner>,
}

struct Inner {
    identity: Arc<Identity>,
    caller: Arc<Caller>,
    snapshot: Arc<Snapshot>,
    origin: Origin,
    /// Condition keys of the request that its service alone knows.
    facts: Context,
    request_id: String,
    record: Mutex<Record>,
}

/// What a call leaves for its audit record.
#[derive(Default)]
struct Record {
    /// The authorizer's decisions.
    decisions: Vec<Judgement>,
    /// Decisions of other doors.
    notes: Vec<Judgement>,
}

/// One decision, for the audit record.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Judgement {
    action: String,
    resource: String,
    allowed: bool,
    reason: serde_json::Value,
}

/// Proof that a decision was made and that it was yes. Only [`Call::authorize`] makes one.
#[derive(Debug)]
#[must_use = "a permit that nothing asks for protects nothing"]
pub struct Permit {
    action: String,
    resource: String,
}

impl Permit {
    /// The action that was allowed.
    #[must_use]
    pub fn action(&self) -> &str {
        &self.action
    }

    /// The resource it was allowed on.
    #[must_use]
    pub fn resource(&self) -> &str {
        &self.resource
    }
}

impl Call {
    /// Begins a call for a caller whose signature has been verified.
    #[must_use]
    pub fn begin(identity: &Arc<Identity>, caller: Arc<Caller>, origin: Origin) -> Self {
        Self::begin_with(identity, caller, origin, Context::new())
    }

    /// Begins a call whose service adds condition keys to every question, for instance
    /// `s3:authType`.
    #[must_use]
    pub fn begin_with(
        identity: &Arc<Identity>,
        caller: Arc<Caller>,
        origin: Origin,
        facts: Context,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                identity: Arc::clone(identity),
                caller,
                snapshot: identity.store().snapshot(),
                origin,
                facts,
                request_id: uuid::Uuid::new_v4().to_string(),
                record: Mutex::default(),
            }),
        }
    }

    /// The caller behind the key.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.inner.caller
    }

    /// The principal that policies see.
    #[must_use]
    pub fn principal(&self) -> Principal {
        self.inner.caller.principal()
    }

    /// The caller's account.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.inner.caller.account
    }

    /// The caller's ARN as STS reports it.
    #[must_use]
    pub fn caller_arn(&self) -> String {
        self.inner.caller.arn()
    }

    /// The ARN that Lake Formation grants to.
    #[must_use]
    pub fn lake_principal(&self) -> String {
        self.inner.caller.lake_principal()
    }

    /// The source identity of the caller's session.
    #[must_use]
    pub fn source_identity(&self) -> Option<&str> {
        self.inner.caller.session()?.source_identity.as_deref()
    }

    /// The value of a session tag. Tag keys have no case.
    #[must_use]
    pub fn session_tag(&self, key: &str) -> Option<&str> {
        let tags = &self.inner.caller.session()?.tags;
        let key = folded(key);
        let tag = tags.iter().find(|(own, _)| folded(own) == key);
        tag.map(|(_, value)| &**value)
    }

    /// This instance's region.
    #[must_use]
    pub fn region(&self) -> &str {
        self.inner.identity.region()
    }

    /// The identity service this call was authenticated by.
    #[must_use]
    pub fn identity(&self) -> &Arc<Identity> {
        &self.inner.identity
    }

    /// When the request was read.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.inner.origin.at
    }

    /// The request's id, as the answer and the audit record carry it.
    #[must_use]
    pub fn request_id(&self) -> &str {
        &self.inner.request_id
    }

    /// The durable state.
    #[must_use]
    pub fn store(&self) -> &Store {
        self.inner.identity.store()
    }

    /// The state as of the call's beginning; all its decisions are made against this.
    #[must_use]
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.inner.snapshot
    }

    /// Asks whether the caller may do `action` on `resource`; the resource's account owns it.
    ///
    /// # Errors
    /// `AccessDenied` with AWS's text.
    pub fn authorize(
        &self,
        action: &str,
        resource: &str,
        context: Context,
    ) -> Result<Permit, AwsError> {
        let owner = Arn::parse(resource)
            .ok()
            .map(|arn| arn.account)
            .filter(|account| !account.is_empty())
            .unwrap_or_else(|| self.account().to_owned());
        self.authorize_with(
            action,
            resource,
            context,
            ResourceSide::Account { account: &owner },
        )
    }

    /// Asks with the resource's own policy: a bucket policy or a trust policy.
    ///
    /// # Errors
    /// `AccessDenied` with AWS's text.
    pub fn authorize_with(
        &self,
        action: &str,
        resource: &str,
        context: Context,
        resource_side: ResourceSide<'_>,
    ) -> Result<Permit, AwsError> {
        let mut whole = self.context();
        whole.extend(context);
        let question = Question {
            action,
            resource,
            context: &whole,
            resource_side,
        };
        let decision = decide(&self.inner.caller, question)?;
        self.record(action, resource, &decision);
        if decision.is_allowed() {
            return Ok(Permit {
                action: action.to_owned(),
                resource: resource.to_owned(),
            });
        }
        let request = Request {
            principal: &self.principal(),
            action,
            resource,
            context: &whole,
        };
        Err(AwsError::access_denied(decision.denial_message(&request)))
    }

    /// Puts another door's decision into the audit record, for instance Lake Formation's.
    /// It doesn't count as the decision that every answer needs.
    pub fn note(&self, action: &str, resource: &str, allowed: bool, reason: impl Into<String>) {
        self.lock().notes.push(Judgement {
            action: action.to_owned(),
            resource: resource.to_owned(),
            allowed,
            reason: serde_json::Value::String(reason.into()),
        });
    }

    /// For operations that AWS allows everyone, such as `sts:GetCallerIdentity`.
    pub fn allow_always(&self, action: &str) {
        let judgement = Judgement {
            action: action.to_owned(),
            resource: "*".to_owned(),
            allowed: true,
            reason: serde_json::Value::String("always allowed".into()),
        };
        self.push(judgement);
    }

    /// True once a decision has been made.
    #[must_use]
    pub fn decided(&self) -> bool {
        !self.lock().decisions.is_empty()
    }

    pub(crate) fn origin(&self) -> &Origin {
        &self.inner.origin
    }

    pub(crate) fn judgements(&self) -> Vec<Judgement> {
        let record = self.lock();
        record
            .decisions
            .iter()
            .chain(&record.notes)
            .cloned()
            .collect()
    }

    fn record(&self, action: &str, resource: &str, decision: &lakeward_policy::Decision) {
        self.push(Judgement {
            action: action.to_owned(),
            resource: resource.to_owned(),
            allowed: decision.is_allowed(),
            reason: serde_json::to_value(decision).unwrap_or_default(),
        });
    }

    fn push(&self, judgement: Judgement) {
        self.lock().decisions.push(judgement);
    }

    fn lock(&self) -> MutexGuard<'_, Record> {
        // The lists are only ever pushed to, so a panic elsewhere can't leave it half changed.
        self.inner
            .record
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn context(&self) -> Context {
        let origin = &self.inner.origin;
        let mut context = self.inner.caller.context();
        let mut set = |key: &str, value: String| context.insert(key, vec![value]);
        set("aws:CurrentTime", lakeward_wire::iso(origin.at));
        set("aws:EpochTime", origin.at.as_second().to_string());
        set("aws:SourceIp", origin.source_ip.to_string());
        set("aws:SecureTransport", "true".to_owned());
        set("aws:RequestedRegion", self.region().to_owned());
        if let Some(agent) = &origin.user_agent {
            set("aws:UserAgent", agent.clone());
        }
        context.extend(self.inner.facts.clone());
        context
    }
}
