use std::{
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use jiff::Timestamp;
use lakeward_policy::{Arn, Context, Decision, Principal, Request, ResourceSide};
use lakeward_store::{Snapshot, Store};
use lakeward_wire::AwsError;
use serde_json::Value;

use crate::{
    Caller, Event, Identity,
    audit::{self, Judgement, Why},
    authorizer, explain,
    inventory::folded,
    organizations,
    standing::Standing,
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
    principal: Principal,
    snapshot: Arc<Snapshot>,
    origin: Origin,
    /// Condition keys of the request that its service alone knows.
    facts: Context,
    /// The condition keys that every question has.
    context: OnceLock<Arc<Context>>,
    standing: OnceLock<Result<Standing, AwsError>>,
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
    /// What was answered, without its secrets.
    response: Value,
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
                principal: caller.principal(),
                caller,
                snapshot: identity.store().snapshot(),
                origin,
                facts,
                context: OnceLock::new(),
                standing: OnceLock::new(),
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
        self.inner.principal.clone()
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
        self.inner.caller.source_identity()
    }

    /// The value of a session tag. Tag keys have no case.
    #[must_use]
    pub fn session_tag(&self, key: &str) -> Option<&str> {
        let tags = self.inner.caller.session_tags()?;
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
        let owner = Arn::parse(resource).ok().map(|arn| arn.account);
        let owner = owner.filter(|account| !account.is_empty());
        let account = owner.as_deref().unwrap_or_else(|| self.account());
        self.authorize_with(action, resource, context, ResourceSide::Account { account })
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
        let owner = authorizer::owner(self.account(), resource_side);
        self.ask(action, resource, context, owner, resource_side)
    }

    /// Asks what the caller's own side says of a resource of the account `owner`, whose side is asked
    /// elsewhere.
    ///
    /// # Errors
    /// `AccessDenied` with AWS's text.
    pub fn authorize_own_side(
        &self,
        action: &str,
        resource: &str,
        context: Context,
        owner: &str,
    ) -> Result<Permit, AwsError> {
        self.ask(action, resource, context, owner, ResourceSide::None)
    }

    fn ask(
        &self,
        action: &str,
        resource: &str,
        context: Context,
        owner: &str,
        resource_side: ResourceSide<'_>,
    ) -> Result<Permit, AwsError> {
        let whole = self.whole_context(context, owner);
        let request = Request {
            principal: &self.inner.principal,
            unique_id: self.inner.caller.unique_id(),
            action,
            resource,
            context: &whole,
        };
        let decision = match self.decide(&request, owner, resource_side) {
            Ok(decision) => decision,
            Err(undecided) => {
                self.say(action, resource, false, undecided.message.clone());
                return Err(undecided);
            }
        };
        let refusal = (!decision.is_allowed())
            .then(|| AwsError::access_denied(decision.denial_message(&request)));
        let (decision, whole) = match owner != self.account() {
            true => (
                authorizer::seen_from_outside(decision),
                authorizer::without_resource(&whole),
            ),
            false => (decision, whole),
        };
        let Some(refusal) = refusal else {
            self.record(action, resource, decision, Context::new());
            return Ok(Permit {
                action: action.to_owned(),
                resource: resource.to_owned(),
            });
        };
        self.record(action, resource, decision, whole);
        Err(refusal)
    }

    /// Puts another door's decision into the audit record, for instance Lake Formation's.
    /// It doesn't count as the decision that every answer needs.
    pub fn note(&self, action: &str, resource: &str, allowed: bool, reason: impl Into<String>) {
        let note = said(action, resource, allowed, reason.into());
        self.lock().notes.push(note);
    }

    /// For operations that AWS allows everyone, such as `sts:GetCallerIdentity`.
    pub fn allow_always(&self, action: &str) {
        self.say(action, "*", true, "always allowed".to_owned());
    }

    /// True once a decision has been made.
    #[must_use]
    pub fn decided(&self) -> bool {
        !self.lock().decisions.is_empty()
    }

    /// Whether the last decision was refused by a statement of the resource's owner: in its policy,
    /// or in its organization's. No grant opens what that forbids.
    #[must_use]
    pub fn was_forbidden_by_owner(&self) -> bool {
        let record = self.lock();
        let last = record.decisions.last();
        last.is_some_and(Judgement::is_forbidden_by_owner)
    }

    /// Keeps what is answered for the audit record, where CloudTrail keeps it: of changing calls.
    /// Secrets in it are blanked.
    pub fn leave_response(&self, operation: &str, response: &Value) {
        if audit::keeps_response(operation) {
            self.lock().response = response.clone();
        }
    }

    /// Ends the call: its record is written, then its answer may leave.
    ///
    /// # Errors
    /// The answer's own, or that the record can't be written.
    pub fn close<T>(
        &self,
        service: &str,
        operation: &str,
        parameters: Value,
        answer: Result<T, AwsError>,
    ) -> Result<T, AwsError> {
        let event = Event {
            service,
            operation,
            parameters,
            region: self.region(),
            request_id: self.request_id(),
            error: answer.as_ref().err(),
        };
        self.inner.identity.audit().call(self, event)?;
        answer
    }

    /// Adds to a refusal of access why the call was denied, sealed: for the caller to carry to one
    /// who may open it.
    #[must_use]
    pub fn explain(&self, error: AwsError) -> AwsError {
        if !error.is_access_denied() {
            return error;
        }
        match explain::seal(self) {
            Some(sealed) => error.with_header(explain::HEADER, sealed),
            None => error,
        }
    }

    pub(crate) fn principal_ref(&self) -> &Principal {
        &self.inner.principal
    }

    pub(crate) fn origin(&self) -> &Origin {
        &self.inner.origin
    }

    /// Every decision of the call, those of other doors last.
    pub(crate) fn judgements(&self) -> Vec<Judgement> {
        let record = self.lock();
        let (decisions, notes) = (record.decisions.iter(), &record.notes);
        decisions.chain(notes).cloned().collect()
    }

    pub(crate) fn response(&self) -> Value {
        self.lock().response.clone()
    }

    /// The caller's standing, looked up once.
    fn decide(
        &self,
        request: &Request<'_>,
        owner: &str,
        resource_side: ResourceSide<'_>,
    ) -> Result<Decision, AwsError> {
        let Inner {
            snapshot, caller, ..
        } = &*self.inner;
        let standing = self
            .inner
            .standing
            .get_or_init(|| Standing::of(snapshot, caller));
        let standing = standing.as_ref().map_err(Clone::clone)?;
        authorizer::judge(standing, snapshot, request, owner, resource_side)
    }

    /// A question's own keys over those that every question of the call has.
    fn whole_context(&self, own: Context, owner: &str) -> Context {
        let base = self
            .inner
            .context
            .get_or_init(|| self.base_context().into());
        let mut whole = Context::over(Arc::clone(base));
        whole.extend(organizations::resource_context(self.snapshot(), owner));
        whole.extend(own);
        whole
    }

    fn base_context(&self) -> Context {
        let origin = &self.inner.origin;
        let mut context = caller_context(self.snapshot(), self.caller());
        let mut set = |key: &str, value: String| context.insert(key, vec![value]);
        set("aws:SourceIp", origin.source_ip.to_string());
        if let Some(agent) = &origin.user_agent {
            set("aws:UserAgent", agent.clone());
        }
        set_request_keys(&mut context, origin.at, self.region());
        context.extend(self.inner.facts.clone());
        context
    }

    fn record(&self, action: &str, resource: &str, decision: Decision, context: Context) {
        self.lock().decisions.push(Judgement {
            action: action.to_owned(),
            resource: resource.to_owned(),
            why: Why::Policies(Box::new(decision)),
            context,
        });
    }

    fn say(&self, action: &str, resource: &str, allowed: bool, reason: String) {
        let judgement = said(action, resource, allowed, reason);
        self.lock().decisions.push(judgement);
    }

    fn lock(&self) -> MutexGuard<'_, Record> {
        // The lists are only ever pushed to, so a panic elsewhere can't leave it half changed.
        self.inner
            .record
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sets the condition keys that every request has, whoever sends it from wherever.
pub(crate) fn set_request_keys(context: &mut Context, at: Timestamp, region: &str) {
    let mut set = |key: &str, value: String| context.insert(key, vec![value]);
    set("aws:CurrentTime", lakeward_wire::iso(at));
    set("aws:EpochTime", at.as_second().to_string());
    set("aws:SecureTransport", "true".to_owned());
    set("aws:RequestedRegion", region.to_owned());
}

/// The condition keys that follow from the caller and its account alone.
pub(crate) fn caller_context(snapshot: &Snapshot, caller: &Caller) -> Context {
    let mut context = caller.context();
    if let Some(account) = caller.principal().account() {
        context.extend(organizations::principal_context(snapshot, account));
    }
    context
}

fn said(action: &str, resource: &str, allowed: bool, reason: String) -> Judgement {
    Judgement {
        action: action.to_owned(),
        resource: resource.to_owned(),
        why: Why::Said { allowed, reason },
        context: Context::new(),
    }
}
