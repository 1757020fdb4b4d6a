//! One record, as CloudTrail writes it ("CloudTrail record contents" in its user guide).

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr},
};

use lakeward_policy::{Arn, Context, Decision, Door, Outcome, Principal};
use lakeward_wire::iso;
use serde_json::{Map, Value, json};

use super::{
    redaction::{clipped, presentable},
    trail::{Event, Guest},
};
use crate::{Call, Caller, Origin, ServiceSession, caller::Kind};

/// The most resources that a record names.
const MAX_RESOURCES: usize = 16;
/// The most room that decisions take in a record with all their reasons, in bytes.
const MAX_EXPLANATION: usize = 256 << 10;
/// The most decisions that a record has when even without reasons there is no room for all.
const MAX_DECISIONS: usize = 64;
/// Operations that begin so change nothing.
const READING: [&str; 17] = [
    "Get", "List", "Describe", "Head", "Lookup", "Search", "BatchGet", "Simulate", "Decode",
    "Explain", "Generate", "Query", "Check", "Validate", "Preview", "Scan", "Ping",
];
/// Operations that read and give out what opens something.
const GIVING: [&str; 3] = [
    "GetClusterSessionCredentials",
    "GetFederationToken",
    "GetSessionToken",
];

/// One decision, kept as data until the record is written.
#[derive(Debug, Clone)]
pub(crate) struct Judgement {
    pub(crate) action: String,
    pub(crate) resource: String,
    pub(crate) why: Why,
    /// The question's condition keys; kept for refusals only.
    pub(crate) context: Context,
}

/// What was decided, and why.
#[derive(Debug, Clone)]
pub(crate) enum Why {
    /// The policies' decision.
    Policies(Box<Decision>),
    /// Another door's, in its own words.
    Said { allowed: bool, reason: String },
}

impl Judgement {
    pub(crate) fn is_allowed(&self) -> bool {
        match &self.why {
            Why::Policies(decision) => decision.is_allowed(),
            Why::Said { allowed, .. } => *allowed,
        }
    }

    /// Whether the resource's owner forbids it: its policy, or its organization's.
    pub(crate) fn is_forbidden_by_owner(&self) -> bool {
        match &self.why {
            Why::Policies(decision) => forbidden_by_owner(decision),
            Why::Said { .. } => false,
        }
    }

    /// As records and explanations show it.
    pub(crate) fn to_json(&self, call: &Call) -> Value {
        let mut shown = json!({
            "action": clipped(&self.action),
            "resource": clipped(&self.resource),
            "allowed": self.is_allowed(),
        });
        let Some(members) = shown.as_object_mut() else {
            return shown;
        };
        match &self.why {
            Why::Said { reason, .. } => {
                members.insert("reason".into(), json!(reason));
            }
            Why::Policies(decision) => {
                let reason = serde_json::to_value(decision).unwrap_or_default();
                members.insert("reason".into(), reason);
                if !decision.is_allowed() {
                    members.insert("context".into(), crate::explain::context(&self.context));
                    let remedies = crate::explain::remedies(call, self, decision);
                    members.insert("remedies".into(), remedies);
                }
            }
        }
        shown
    }
}

/// Whether a statement of the resource's side denies.
pub(crate) fn forbidden_by_owner(decision: &Decision) -> bool {
    let owners = [Door::ResourcePolicy, Door::ResourceControlPolicy];
    decision
        .reasons
        .iter()
        .any(|reason| reason.outcome == Outcome::Denies && owners.contains(&reason.door))
}

pub(super) fn of_call(call: &Call, event: Event<'_>) -> Value {
    let judgements = call.judgements();
    let resources: Vec<&str> = judgements.iter().map(|one| &*one.resource).collect();
    let mut record = of_event(call.origin(), event, &resources);
    let mut set = |key: &str, value: Value| record.insert(key.to_owned(), value);
    set("userIdentity", user_identity(call));
    set("recipientAccountId", json!(call.account()));
    set("responseElements", presentable(call.response()));
    let decisions = shown_decisions(call, &judgements);
    set("additionalEventData", json!({"decisions": decisions}));
    Value::Object(record)
}

/// The decisions. What a denied caller sent stands in them as condition keys: a record must not
/// grow with it.
fn shown_decisions(call: &Call, judgements: &[Judgement]) -> Vec<Value> {
    let mut shown: Vec<Value> = judgements.iter().map(|one| one.to_json(call)).collect();
    if shown.len() <= MAX_DECISIONS && judgements.iter().all(Judgement::is_allowed) {
        return shown;
    }
    for left_out in [&["context", "remedies"][..], &["reason"]] {
        let size: usize = shown.iter().map(|one| one.to_string().len()).sum();
        if size <= MAX_EXPLANATION {
            return shown;
        }
        for decision in shown.iter_mut().filter_map(Value::as_object_mut) {
            decision.retain(|member, _| !left_out.contains(&&**member));
            decision.insert("shortened".into(), json!(true));
        }
    }
    shown.truncate(MAX_DECISIONS);
    shown
}

pub(super) fn of_guest(origin: &Origin, guest: &Guest<'_>, event: Event<'_>, made: Value) -> Value {
    let mut record = of_event(origin, event, &[]);
    let mut set = |key: &str, value: Value| record.insert(key.to_owned(), value);
    set("userIdentity", guest_identity(guest));
    set("recipientAccountId", json!(guest.account));
    set("responseElements", presentable(made));
    if let Some(name) = guest.user_name {
        let came_with = json!({"username": clipped(name), "executionRoleArn": guest.role_arn});
        set("additionalEventData", came_with);
    }
    Value::Object(record)
}

/// Who was given the user name that a guest came with.
fn guest_identity(guest: &Guest<'_>) -> Value {
    let Some(arn) = guest.issued_to else {
        return json!({"type": "Unknown", "accountId": guest.account});
    };
    let parsed = Arn::parse(arn).ok();
    let resource = parsed.as_ref().map_or("", |arn| &*arn.resource);
    let account = parsed.as_ref().map_or(guest.account, |arn| &*arn.account);
    let (kind, name) = match resource.split_once('/') {
        _ if resource == "root" => ("Root", None),
        Some(("user", path)) => ("IAMUser", path.rsplit('/').next()),
        Some(("federated-user", _)) => ("FederatedUser", None),
        _ => ("AssumedRole", None),
    };
    let mut identity = json!({"type": kind, "arn": arn, "accountId": account});
    let Some(members) = identity.as_object_mut() else {
        return identity;
    };
    if let Some(name) = name {
        members.insert("userName".into(), json!(name));
    }
    let mut context = Map::new();
    if let Some(issuer) = guest.issuer.filter(|issuer| *issuer != arn) {
        let kind = match issuer.split_once(":role/") {
            Some(_) => "Role",
            None if issuer.ends_with(":root") => "Root",
            None => "IAMUser",
        };
        let issuer = json!({
            "type": kind, "arn": issuer, "accountId": account, "userName": issuer.rsplit('/').next(),
        });
        context.insert("sessionIssuer".into(), issuer);
    }
    if let Some(source) = guest.source_identity {
        context.insert("sourceIdentity".into(), json!(source));
    }
    if !context.is_empty() {
        members.insert("sessionContext".into(), Value::Object(context));
    }
    identity
}

/// A service has no address and no keys; CloudTrail puts its name there.
pub(super) fn of_service(
    wish: &ServiceSession<'_>,
    decision: Option<&Decision>,
    event: Event<'_>,
) -> Value {
    let nowhere = Origin {
        source_ip: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        user_agent: Some(wish.service.to_owned()),
        at: wish.at,
    };
    let decisions: Vec<Value> = decision
        .map(|decision| {
            json!({
                "action": "sts:AssumeRole", "resource": clipped(wish.role_arn),
                "allowed": decision.is_allowed(), "reason": decision,
            })
        })
        .into_iter()
        .collect();
    let account = Arn::parse(wish.role_arn).map(|arn| arn.account).ok();
    let mut record = of_event(&nowhere, event, &[wish.role_arn]);
    let mut set = |key: &str, value: Value| record.insert(key.to_owned(), value);
    set(
        "userIdentity",
        json!({"type": "AWSService", "invokedBy": wish.service}),
    );
    set("sourceIPAddress", json!(wish.service));
    set("recipientAccountId", json!(account));
    set("additionalEventData", json!({"decisions": decisions}));
    Value::Object(record)
}

/// What a record says whoever called.
pub(super) fn of_event(
    origin: &Origin,
    event: Event<'_>,
    resources: &[&str],
) -> Map<String, Value> {
    let is_data = is_data_event(event.service, event.operation);
    let mut record = Map::new();
    let mut set = |key: &str, value: Value| record.insert(key.to_owned(), value);
    set("eventVersion", json!("1.11"));
    set("userIdentity", Value::Null);
    set("eventTime", json!(iso(origin.at)));
    let source = format!("{}.amazonaws.com", event.service);
    set("eventSource", json!(source));
    set("eventName", json!(event.operation));
    set("awsRegion", json!(event.region));
    set("sourceIPAddress", json!(origin.source_ip.to_string()));
    let agent = origin.user_agent.as_deref().map(clipped);
    set("userAgent", json!(agent));
    if let Some(error) = event.error {
        set("errorCode", json!(error.code));
        set("errorMessage", json!(clipped(&error.message)));
    }
    set("requestParameters", presentable(event.parameters));
    set("requestID", json!(event.request_id));
    set("eventID", json!(uuid::Uuid::new_v4().to_string()));
    set("readOnly", json!(is_read_only(event.operation)));
    set("resources", shown_resources(resources));
    set("eventType", json!("AwsApiCall"));
    set("managementEvent", json!(!is_data));
    let category = if is_data { "Data" } else { "Management" };
    set("eventCategory", json!(category));
    record
}

/// Whether an operation only reads. `AssumeRole` and its kin count as reading in CloudTrail.
fn is_read_only(operation: &str) -> bool {
    operation.starts_with("AssumeRole")
        || READING.iter().any(|prefix| operation.starts_with(prefix))
}

/// Whether a record holds what the operation answered: a change does, and what gives out keys; the
/// keys themselves are blanked.
pub(crate) fn keeps_response(operation: &str) -> bool {
    !is_read_only(operation) || operation.starts_with("AssumeRole") || GIVING.contains(&operation)
}

/// Whether an operation is on the data and not on what manages it.
fn is_data_event(service: &str, operation: &str) -> bool {
    let on_objects = ["Object", "Upload", "Part"];
    let configures = operation.contains("ObjectLockConfiguration");
    match service {
        "s3" => !configures && on_objects.iter().any(|word| operation.contains(word)),
        "livy" | "jupyter" => true,
        _ => false,
    }
}

fn shown_resources(resources: &[&str]) -> Value {
    let named: BTreeSet<&str> = resources.iter().copied().collect();
    let shown = named.into_iter().filter_map(|text| {
        let arn = Arn::parse(text).ok()?;
        let account = Some(&arn.account).filter(|account| !account.is_empty());
        Some(json!({"ARN": clipped(text), "accountId": account, "type": kind(&arn)}))
    });
    Value::Array(shown.take(MAX_RESOURCES).collect())
}

/// The type that CloudTrail gives a resource, after CloudFormation's names.
fn kind(arn: &Arn) -> Option<&'static str> {
    let noun = arn.resource.split(['/', ':']).next().unwrap_or_default();
    let is_key = arn.resource.contains('/');
    Some(match (&*arn.service, noun) {
        ("s3", _) if is_key => "AWS::S3::Object",
        ("s3", _) => "AWS::S3::Bucket",
        ("iam", "role") => "AWS::IAM::Role",
        ("iam", "user") => "AWS::IAM::User",
        ("iam", "group") => "AWS::IAM::Group",
        ("iam", "policy") => "AWS::IAM::ManagedPolicy",
        ("iam", "instance-profile") => "AWS::IAM::InstanceProfile",
        ("iam", "oidc-provider") => "AWS::IAM::OIDCProvider",
        ("iam", "root") => "AWS::Account",
        ("glue", "catalog") => "AWS::Glue::Catalog",
        ("glue", "database") => "AWS::Glue::Database",
        ("glue", "table") => "AWS::Glue::Table",
        ("elasticmapreduce", "cluster") => "AWS::EMR::Cluster",
        ("organizations", "account") => "AWS::Organizations::Account",
        ("organizations", "policy") => "AWS::Organizations::Policy",
        ("organizations", "ou") => "AWS::Organizations::OrganizationalUnit",
        _ => return None,
    })
}

fn user_identity(call: &Call) -> Value {
    let caller = call.caller();
    let principal = call.principal();
    let kind = match principal {
        Principal::Root { .. } => "Root",
        Principal::User { .. } => "IAMUser",
        Principal::RoleSession { .. } => "AssumedRole",
        Principal::FederatedUser { .. } => "FederatedUser",
        Principal::WebIdentity { .. } => "WebIdentityUser",
        Principal::Service { .. } => "AWSService",
        Principal::Anonymous => "AWSAccount",
    };
    let mut identity = json!({
        "type": kind,
        "principalId": caller.user_id(),
        "arn": principal.arn(),
        "accountId": caller.account,
        "accessKeyId": caller.access_key_id,
    });
    let Some(members) = identity.as_object_mut() else {
        return identity;
    };
    if let Principal::User { arn } = &principal {
        members.insert("userName".into(), json!(arn.rsplit('/').next()));
    }
    if let Kind::WebIdentity(assertion) = &caller.kind {
        members.insert("userName".into(), json!(assertion.identity.subject));
        members.insert(
            "identityProvider".into(),
            json!(assertion.identity.provider),
        );
        members.shift_remove("accessKeyId");
        members.shift_remove("arn");
    }
    if let Some(context) = session_context(call) {
        members.insert("sessionContext".into(), context);
    }
    identity
}

/// Of temporary credentials: whose session it is, since when, and who vouched for it.
fn session_context(call: &Call) -> Option<Value> {
    let caller = call.caller();
    let issued = caller.issued_at()?;
    let mut context = json!({
        "attributes": {"creationDate": iso(issued), "mfaAuthenticated": "false"},
    });
    let members = context.as_object_mut()?;
    let mut set = |key: &str, value: Value| members.insert(key.to_owned(), value);
    if let Some(issuer) = session_issuer(caller) {
        set("sessionIssuer", issuer);
    }
    if let Some(source) = caller.source_identity() {
        set("sourceIdentity", json!(source));
    }
    if let Some(web) = caller.session().and_then(|own| own.web_identity.as_ref()) {
        let data = json!({"federatedProvider": web.provider, "attributes": {}});
        set("webIdFederationData", data);
    }
    Some(context)
}

fn session_issuer(caller: &Caller) -> Option<Value> {
    let account = &caller.account;
    match &caller.kind {
        Kind::Role { role, .. } => Some(json!({
            "type": "Role", "principalId": role.id, "arn": role.arn(),
            "accountId": account, "userName": role.name,
        })),
        Kind::Federated {
            issuer: Some(user), ..
        } => Some(json!({
            "type": "IAMUser", "principalId": user.id, "arn": user.arn(),
            "accountId": account, "userName": user.name,
        })),
        Kind::Federated { issuer: None, .. } => Some(json!({
            "type": "Root", "principalId": account, "accountId": account,
            "arn": format!("arn:aws:iam::{account}:root"),
        })),
        Kind::Root | Kind::User(_) | Kind::WebIdentity(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_and_changing_are_told_apart() {
        for name in [
            "GetUser",
            "ListRoles",
            "AssumeRole",
            "LookupEvents",
            "HeadObject",
        ] {
            assert!(is_read_only(name), "{name}");
        }
        for name in [
            "CreateUser",
            "PutObject",
            "DeleteRole",
            "RunJobFlow",
            "TagRole",
        ] {
            assert!(!is_read_only(name), "{name}");
        }
    }

    #[test]
    fn objects_are_data_and_buckets_are_not() {
        for name in ["GetObject", "ListObjectsV2", "UploadPart", "DeleteObjects"] {
            assert!(is_data_event("s3", name), "{name}");
        }
        for name in [
            "CreateBucket",
            "PutBucketPolicy",
            "PutObjectLockConfiguration",
        ] {
            assert!(!is_data_event("s3", name), "{name}");
        }
        assert!(!is_data_event("glue", "GetPartitions"));
    }

    #[test]
    fn a_guest_is_who_was_given_the_user_name() {
        let identity = |issued_to, issuer| {
            guest_identity(&Guest {
                account: "111122223333",
                user_name: Some("Xyz"),
                issued_to: Some(issued_to),
                issuer,
                role_arn: Some("arn:aws:iam::111122223333:role/marketing"),
                source_identity: None,
            })
        };
        let user = "arn:aws:iam::111122223333:user/team/ana";
        assert_eq!(
            identity(user, Some(user)),
            json!({"type": "IAMUser", "arn": user, "accountId": "111122223333", "userName": "ana"})
        );
        let session = "arn:aws:sts::111122223333:assumed-role/studio/david";
        let role = "arn:aws:iam::111122223333:role/path/studio";
        let shown = identity(session, Some(role));
        assert_eq!(
            (&shown["type"], &shown["arn"]),
            (&json!("AssumedRole"), &json!(session))
        );
        let issuer = &shown["sessionContext"]["sessionIssuer"];
        assert_eq!(
            (&issuer["type"], &issuer["arn"]),
            (&json!("Role"), &json!(role))
        );
        for (arn, kind) in [
            ("arn:aws:iam::111122223333:root", "Root"),
            (
                "arn:aws:sts::111122223333:federated-user/eve",
                "FederatedUser",
            ),
        ] {
            assert_eq!(identity(arn, None)["type"], kind);
        }
    }

    #[test]
    fn resources_are_named_once_with_their_types() {
        let role = "arn:aws:iam::111122223333:role/r";
        let shown = shown_resources(&[role, "*", "arn:aws:s3:::lake/k", role]);
        let expected = json!([
            {"ARN": role, "accountId": "111122223333", "type": "AWS::IAM::Role"},
            {"ARN": "arn:aws:s3:::lake/k", "accountId": null, "type": "AWS::S3::Object"},
        ]);
        assert_eq!(shown, expected);
    }
}
