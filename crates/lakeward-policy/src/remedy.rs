//! From a refusal to the smallest changes that would turn it into a permission.

use serde::Serialize;
use serde_json::{Value, json};

use crate::arn::ArnText;
use crate::decision::{Decision, Door, Outcome, Reason};
use crate::layers::Request;
use crate::principal::Principal;

/// One change; all of a decision's remedies together would allow the request.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Remedy {
    /// The door that stays shut.
    pub door: Door,
    /// The level of the organization, the root being 0, where there are several doors of a kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<usize>,
    /// What to do, as a sentence.
    pub advice: String,
    /// A policy statement that opens the door when it is added there; none where an existing
    /// statement has to change instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statement: Option<Value>,
    /// The statements that stand in the way (a deny), or that would allow the request but for a
    /// condition or a resource.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub existing: Vec<Existing>,
}

/// A statement that exists already and bears on the request.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Existing {
    /// What the statement does about the request, and where it stands.
    #[serde(flatten)]
    pub reason: Reason,
    /// The values that the request had for the condition's key, when a condition is not met.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_had: Option<Vec<String>>,
}

impl Decision {
    /// The smallest changes that would allow the request, one for each shut door.
    ///
    /// Nothing for an allowed request. `request` is the one that was decided.
    pub fn remedies(&self, request: &Request<'_>) -> Vec<Remedy> {
        let decisive = self.reasons.iter().enumerate();
        decisive
            .filter_map(|(at, reason)| match reason.outcome {
                Outcome::Denies => Some(undo(reason, request)),
                Outcome::NothingAllows => {
                    let following = self.reasons.get(at + 1..).unwrap_or_default();
                    let near = following
                        .iter()
                        .take_while(|next| next.outcome.is_near_miss());
                    Some(open(reason, near, request))
                }
                _ => None,
            })
            .collect()
    }
}

fn undo(reason: &Reason, request: &Request<'_>) -> Remedy {
    let advice = format!(
        "{} denies {} on {}; no other policy can outweigh it. Remove or narrow that statement.",
        place(reason),
        request.action,
        request.resource
    );
    Remedy {
        door: reason.door,
        level: reason.level,
        advice,
        statement: None,
        existing: vec![existing(reason, request)],
    }
}

fn open<'r>(
    reason: &Reason,
    near: impl Iterator<Item = &'r Reason>,
    request: &Request<'_>,
) -> Remedy {
    let near: Vec<Existing> = near.map(|reason| existing(reason, request)).collect();
    let mut advice = format!(
        "No {} allows {} on {}. Add the statement {}.",
        reason.door.noun(),
        request.action,
        request.resource,
        whereto(reason)
    );
    for found in &near {
        advice.push(' ');
        advice.push_str(&nearly(found));
    }
    Remedy {
        door: reason.door,
        level: reason.level,
        advice,
        statement: Some(statement(reason.door, request)),
        existing: near,
    }
}

fn existing(reason: &Reason, request: &Request<'_>) -> Existing {
    let request_had = reason.condition.as_ref().map(|condition| {
        let values = request.context.get(&condition.key);
        values.unwrap_or_default().to_vec()
    });
    Existing {
        reason: reason.clone(),
        request_had,
    }
}

/// Where a statement is found: its number or Sid, its policy, its line.
fn place(reason: &Reason) -> String {
    let index = reason.statement.unwrap_or_default() + 1;
    let mut place = match &reason.sid {
        Some(sid) => format!("Statement {sid:?}"),
        None => format!("Statement {index}"),
    };
    match &reason.policy {
        Some(policy) => place.push_str(&format!(" of {} {policy:?}", reason.door.noun())),
        None => place.push_str(&format!(" of the {}", reason.door.noun())),
    }
    if let Some(line) = reason.line {
        place.push_str(&format!(" (line {line})"));
    }
    place
}

fn nearly(found: &Existing) -> String {
    let place = place(&found.reason);
    match (&found.reason.condition, &found.request_had) {
        (Some(wanted), Some(had)) => {
            let had = match had.as_slice() {
                [] => "did not have that key".to_owned(),
                values => format!("had {}", values.join(", ")),
            };
            let values = match wanted.values.as_slice() {
                [] => "a value from an empty list".to_owned(),
                values => values.join(" or "),
            };
            format!(
                "{place} would allow it, but {} on {} wants {values}, and the request {had}.",
                wanted.operator, wanted.key,
            )
        }
        _ if found.reason.outcome == Outcome::OtherPrincipal => {
            format!("{place} allows the action to other principals only.")
        }
        _ => format!("{place} allows the action on other resources only."),
    }
}

fn whereto(reason: &Reason) -> String {
    match reason.door {
        Door::IdentityPolicy => "to a policy of the user, group or role".to_owned(),
        Door::PermissionsBoundary => "to the permissions boundary of the user or role".to_owned(),
        Door::SessionPolicy => "to the policies passed when the session is made".to_owned(),
        Door::ResourcePolicy => "to the policy of the resource".to_owned(),
        Door::TrustPolicy => "to the role's trust policy".to_owned(),
        Door::EndpointPolicy => "to the policy of the VPC endpoint".to_owned(),
        Door::ServiceControlPolicy | Door::ResourceControlPolicy => format!(
            "to a {} attached at level {} of the organization (its root is level 0)",
            reason.door.noun(),
            reason.level.unwrap_or_default()
        ),
    }
}

fn statement(door: Door, request: &Request<'_>) -> Value {
    let mut statement = json!({"Effect": "Allow"});
    let mut set = |name: &str, value: Value| {
        if let Some(members) = statement.as_object_mut() {
            members.insert(name.to_owned(), value);
        }
    };
    match door {
        Door::ResourcePolicy | Door::TrustPolicy => set("Principal", name(request.principal)),
        Door::ResourceControlPolicy | Door::EndpointPolicy => set("Principal", json!("*")),
        _ => {}
    }
    set("Action", json!(request.action));
    if door != Door::TrustPolicy {
        set("Resource", json!(literal(request.resource)));
    }
    statement
}

/// How a resource's policy should name the caller: sessions by their role, since they come and go.
fn name(principal: &Principal) -> Value {
    match principal {
        Principal::RoleSession { role_arn, .. } => json!({"AWS": role_arn}),
        Principal::Root { .. } | Principal::User { .. } | Principal::FederatedUser { .. } => {
            json!({"AWS": principal.arn()})
        }
        Principal::WebIdentity { provider } => json!({"Federated": provider}),
        Principal::Service { name } => json!({"Service": name}),
        Principal::Anonymous => json!("*"),
    }
}

/// A pattern that matches this resource alone.
fn literal(resource: &str) -> String {
    if ArnText::new(resource).parts.is_none() {
        return "*".to_owned();
    }
    let escape = |c: char| match c {
        '*' | '?' | '$' => format!("${{{c}}}"),
        other => other.to_string(),
    };
    resource.chars().map(escape).collect()
}
