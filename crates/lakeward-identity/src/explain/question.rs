//! One question, asked of every door.

use std::collections::BTreeMap;

use lakeward_policy::{Context, Decision, Door, Effect, Outcome, Principal, Request, ResourceSide};
use lakeward_store::Snapshot;
use lakeward_wire::AwsError;
use serde::Serialize;
use serde_json::Value;

use super::{
    doors::{Bearing, DoorAnswer, Doors, Foreign, ResourcePolicy, Verdict},
    outcome::{Outcome as Whole, remedies},
};
use crate::{
    Call, Caller, Role, User, authorizer,
    call::{caller_context, set_request_keys},
    organizations::{self, control},
    standing::{Named, Standing, everything},
};

/// May `caller` do `action` on `resource`?
pub(super) struct Question<'a> {
    pub(super) caller: &'a Caller,
    pub(super) action: &'a str,
    pub(super) resource: &'a str,
    /// Condition keys that the question brings along.
    pub(super) given: BTreeMap<String, Vec<String>>,
}

/// Everything there is to say about a question.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Explanation {
    principal: String,
    action: String,
    resource: String,
    allowed: bool,
    /// What the policies decide.
    decision: Effect,
    /// The door that serves something else where the policies don't allow.
    served_by: Option<String>,
    /// AWS's text for the refusal.
    message: Option<String>,
    doors: Vec<DoorAnswer>,
    remedies: Value,
    context: Value,
    /// Doors that may have a say and weren't asked.
    not_asked: Vec<String>,
}

/// The resource's side of a question.
enum Side {
    Trust(std::sync::Arc<Role>),
    Policy(ResourcePolicy),
    Account(String),
}

impl Question<'_> {
    /// Asks every door. `call` is the one in which the question came.
    ///
    /// # Errors
    /// `AccessDenied`: a policy that bears on the question can't be read.
    pub(super) fn explain(
        &self,
        call: &Call,
        others: &[&dyn Doors],
    ) -> Result<Explanation, AwsError> {
        let snapshot = call.snapshot();
        let standing = Standing::of(snapshot, self.caller)?;
        let side = self.side(snapshot, others);
        let side = side.as_resource_side()?;
        let context = self.context(call, side);
        let principal = self.caller.principal();
        let request = Request {
            principal: &principal,
            unique_id: self.caller.unique_id(),
            action: self.action,
            resource: self.resource,
            context: &context,
        };
        let owner = authorizer::owner(&self.caller.account, side);
        let decision = authorizer::judge(&standing, snapshot, &request, owner, side)?;
        let resource_control = control::resource_control(snapshot, owner, self.action)?;
        let asked = Asked {
            request: &request,
            standing: &standing,
            resource_control: &resource_control,
            side,
        };
        let mut doors = asked.doors();
        let outside = owner != call.account();
        let (decision, shown) = match outside {
            true => (
                authorizer::seen_from_outside(decision),
                authorizer::without_resource(&context),
            ),
            false => (decision, context.clone()),
        };
        if outside {
            hide_theirs(&mut doors, &decision);
        }
        let foreign = Foreign {
            principal: &self.caller.lake_principal(),
            account: &self.caller.account,
            action: self.action,
            resource: self.resource,
        };
        doors.extend(others.iter().flat_map(|other| other.ask(snapshot, foreign)));
        let instead = |action: &str| self.instead(&standing, &principal, &context, action);
        let outcome = Whole::of(&request, &decision, &doors, instead);
        Ok(Explanation {
            principal: principal.arn(),
            action: self.action.to_owned(),
            resource: self.resource.to_owned(),
            allowed: outcome.allowed,
            decision: decision.effect,
            message: (!outcome.allowed).then(|| decision.denial_message(&request)),
            served_by: outcome.served_by,
            remedies: Value::Array(outcome.remedies),
            doors,
            context: super::context(&shown),
            not_asked: self.not_asked(others),
        })
    }

    /// Whether the caller may do the action that a door asks for which serves something else; if
    /// not, what would allow it.
    fn instead(
        &self,
        standing: &Standing,
        principal: &Principal,
        context: &Context,
        action: &str,
    ) -> Result<(), Vec<Value>> {
        let request = Request {
            principal,
            unique_id: self.caller.unique_id(),
            action,
            resource: "*",
            context,
        };
        let decision = standing.decide(&request, ResourceSide::None, &[]);
        match decision.is_allowed() {
            true => Ok(()),
            false => Err(remedies(&decision, &request)),
        }
    }

    fn service(&self) -> &str {
        self.action.split(':').next().unwrap_or_default()
    }

    fn side(&self, snapshot: &Snapshot, others: &[&dyn Doors]) -> Side {
        const TRUST: [&str; 5] = [
            "sts:assumerole",
            "sts:assumerolewithwebidentity",
            "sts:assumerolewithsaml",
            "sts:tagsession",
            "sts:setsourceidentity",
        ];
        if TRUST.contains(&&*self.action.to_ascii_lowercase())
            && let Some(role) = Role::find(snapshot, self.resource)
        {
            return Side::Trust(role);
        }
        let mut policies = others
            .iter()
            .filter_map(|other| other.resource_policy(snapshot, self.resource));
        match policies.next() {
            Some(policy) => Side::Policy(policy),
            None => Side::Account(self.account_of_resource()),
        }
    }

    fn account_of_resource(&self) -> String {
        let arn = lakeward_policy::Arn::parse(self.resource).ok();
        arn.map(|arn| arn.account)
            .filter(|account| !account.is_empty())
            .unwrap_or_else(|| self.caller.account.clone())
    }

    /// The keys that such a request would have, as far as they follow from the question.
    fn context(&self, call: &Call, side: ResourceSide<'_>) -> Context {
        let snapshot = call.snapshot();
        let owner = authorizer::owner(&self.caller.account, side);
        let mut context = caller_context(snapshot, self.caller);
        context.extend(organizations::resource_context(snapshot, owner));
        set_request_keys(&mut context, call.now(), call.region());
        context.extend(self.resource_tags(snapshot));
        for (key, values) in &self.given {
            context.insert(key, values.clone());
        }
        context
    }

    fn resource_tags(&self, snapshot: &Snapshot) -> Context {
        if let Some(role) = Role::find(snapshot, self.resource) {
            return role.tag_context();
        }
        let arn = lakeward_policy::Arn::parse(self.resource).ok();
        let user = arn.and_then(|arn| {
            let name = arn.resource.strip_prefix("user/")?.rsplit('/').next()?;
            snapshot.get::<User>(&User::key_of(&arn.account, name))
        });
        match user {
            Some(user) if user.arn() == self.resource => user.tag_context(),
            _ => Context::new(),
        }
    }

    fn not_asked(&self, others: &[&dyn Doors]) -> Vec<String> {
        let asked: Vec<&str> = others.iter().flat_map(|other| other.names()).collect();
        let may_matter: &[&str] = match self.service() {
            "s3" => &["bucket policy", "Lake Formation"],
            "glue" | "lakeformation" => &["Lake Formation"],
            "kms" => &["key policy"],
            _ => &[],
        };
        let missing = may_matter.iter().filter(|door| !asked.contains(door));
        missing.map(|door| (*door).to_owned()).collect()
    }
}

impl Side {
    fn as_resource_side(&self) -> Result<ResourceSide<'_>, AwsError> {
        Ok(match self {
            Self::Trust(role) => ResourceSide::Trust {
                document: role
                    .trust
                    .document()
                    .map_err(|why| AwsError::access_denied(why.to_string()))?,
                account: &role.account,
            },
            Self::Policy(ResourcePolicy {
                document: Some(document),
                account,
            }) => ResourceSide::Policy { document, account },
            Self::Policy(ResourcePolicy { account, .. }) | Self::Account(account) => {
                ResourceSide::Account { account }
            }
        })
    }
}

/// A question as each policy door is asked it: alone, with all others open.
struct Asked<'a> {
    request: &'a Request<'a>,
    standing: &'a Standing,
    resource_control: &'a [Vec<Named>],
    side: ResourceSide<'a>,
}

impl Asked<'_> {
    fn doors(&self) -> Vec<DoorAnswer> {
        let Standing {
            identity,
            boundary,
            session,
            service_control,
        } = self.standing;
        let open = || Standing {
            identity: everything("everything"),
            ..Standing::default()
        };
        let mut doors = Vec::new();
        if !service_control.is_empty() {
            let limited = Standing {
                service_control: service_control.clone(),
                ..open()
            };
            doors.push(self.ask(Door::ServiceControlPolicy, &limited, &[]));
        }
        if !self.resource_control.is_empty() {
            doors.push(self.ask(Door::ResourceControlPolicy, &open(), self.resource_control));
        }
        let granted = Standing {
            identity: identity.clone(),
            ..Standing::default()
        };
        doors.push(self.ask(Door::IdentityPolicy, &granted, &[]));
        if boundary.is_some() {
            let limited = Standing {
                boundary: boundary.clone(),
                ..open()
            };
            doors.push(self.ask(Door::PermissionsBoundary, &limited, &[]));
        }
        if session.is_some() {
            let limited = Standing {
                session: session.clone(),
                ..open()
            };
            doors.push(self.ask(Door::SessionPolicy, &limited, &[]));
        }
        doors.extend(self.resource_door());
        doors
    }

    fn ask(&self, door: Door, standing: &Standing, resource_control: &[Vec<Named>]) -> DoorAnswer {
        let decision = standing.decide(self.request, ResourceSide::None, resource_control);
        answer(door, &decision)
    }

    /// The resource's own policy. Within an account it may allow by itself, and needn't.
    fn resource_door(&self) -> Option<DoorAnswer> {
        let door = match self.side {
            ResourceSide::Trust { .. } => Door::TrustPolicy,
            ResourceSide::Policy { .. } | ResourceSide::Key { .. } => Door::ResourcePolicy,
            ResourceSide::None => return None,
            ResourceSide::Account { account } => {
                let own = self.request.principal.account();
                if own == Some(account) || matches!(self.request.principal, Principal::Root { .. })
                {
                    return None;
                }
                Door::ResourcePolicy
            }
        };
        let open = Standing {
            identity: everything("everything"),
            ..Standing::default()
        };
        let opened = open.decide(self.request, self.side, &[]);
        let mut said = answer(door, &opened);
        if said.verdict == Verdict::Allows && said.reasons.is_empty() {
            let alone = Standing::default().decide(self.request, self.side, &[]);
            said = answer(door, &alone);
            if said.verdict != Verdict::Allows || said.reasons.is_empty() {
                said.verdict = Verdict::Silent;
            }
        }
        Some(said)
    }
}

/// Puts one door in the place of those of the resource's account, whose policies aren't shown.
fn hide_theirs(doors: &mut Vec<DoorAnswer>, decision: &Decision) {
    let theirs = ["resourcePolicy", "trustPolicy", "resourceControlPolicy"];
    let before = doors.len();
    doors.retain(|door| !theirs.contains(&&*door.door));
    if doors.len() < before {
        let mut said = answer(Door::ResourcePolicy, decision);
        if said.reasons.is_empty() {
            said.verdict = Verdict::Silent;
        }
        doors.push(said);
    }
}

/// What a decision says about one door.
fn answer(door: Door, decision: &Decision) -> DoorAnswer {
    let own = decision.reasons.iter().filter(|reason| reason.door == door);
    let denies = own.clone().any(|reason| reason.outcome == Outcome::Denies);
    let lacks = own
        .clone()
        .any(|reason| reason.outcome == Outcome::NothingAllows);
    let verdict = match (denies, lacks) {
        (true, _) => Verdict::Denies,
        (false, true) => Verdict::NothingAllows,
        (false, false) => Verdict::Allows,
    };
    let name = serde_json::to_value(door).unwrap_or_default();
    DoorAnswer {
        door: name.as_str().unwrap_or_default().to_owned(),
        verdict,
        reasons: own
            .map(|reason| serde_json::to_value(reason).unwrap_or_default())
            .collect(),
        bearing: Bearing::Policies,
        remedy: None,
    }
}
