//! Everything that bears on one question, at random.

use std::collections::BTreeMap;

use lakeward_policy::{
    Attached, Context, Decision, Door, Layers, PolicyDocument, Principal, Request, ResourceSide,
    Usage, evaluate,
};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;

use crate::{document, documents};

pub const HOME: &str = "111122223333";
pub const AWAY: &str = "444455556666";
pub const ROLE: &str = "arn:aws:iam::111122223333:role/reader";
pub const ROLE_ID: &str = "AROAREADERREADERREAD";
pub const SERVICE_ROLE: &str =
    "arn:aws:iam::111122223333:role/aws-service-role/emr.amazonaws.com/AWSServiceRoleForEMR";
pub const SESSION: &str = "arn:aws:sts::111122223333:assumed-role/reader/ana";
pub const USER: &str = "arn:aws:iam::111122223333:user/ana";
pub const USER_ID: &str = "AIDAANAANAANAANAANAA";
pub const FEDERATED: &str = "arn:aws:sts::111122223333:federated-user/ana";
pub const PROVIDER: &str = "arn:aws:iam::111122223333:oidc-provider/id.example.com";
pub const OTHER_PROVIDER: &str = "arn:aws:iam::111122223333:oidc-provider/other.example.com";
pub const SERVICE: &str = "logs.amazonaws.com";

/// The resource's policy and its owner.
#[derive(Clone, Debug)]
pub enum Side {
    None,
    Account(&'static str),
    Policy(Value, &'static str),
    Key(Value, &'static str),
    Trust(Value, &'static str),
}

#[derive(Clone, Debug)]
pub struct World {
    pub principal: Principal,
    pub unique_id: Option<&'static str>,
    /// The ids that the resource's policy was bound to.
    pub bound: BTreeMap<String, String>,
    pub action: &'static str,
    pub target: &'static str,
    pub context: Vec<(&'static str, Vec<&'static str>)>,
    pub identity: Vec<Value>,
    pub boundary: Option<Vec<Value>>,
    pub session: Option<Vec<Value>>,
    pub service_control: Vec<Vec<Value>>,
    pub resource_control: Vec<Vec<Value>>,
    pub endpoint: Option<Vec<Value>>,
    pub side: Side,
}

pub fn current_ids() -> BTreeMap<String, String> {
    let pairs = [(USER, USER_ID), (ROLE, ROLE_ID)];
    pairs
        .map(|(arn, id)| (arn.to_owned(), id.to_owned()))
        .into()
}

/// The ids of a user and a role that were deleted since.
fn former_ids() -> BTreeMap<String, String> {
    let pairs = [
        (USER, "AIDAFORMERFORMERFORM"),
        (ROLE, "AROAFORMERFORMERFORM"),
    ];
    pairs
        .map(|(arn, id)| (arn.to_owned(), id.to_owned()))
        .into()
}

fn principals() -> Vec<(Principal, Option<&'static str>)> {
    let session = |role_arn: &str, session_arn: &str| Principal::RoleSession {
        role_arn: role_arn.into(),
        session_arn: session_arn.into(),
    };
    let federated = |issuer_arn: &str| Principal::FederatedUser {
        arn: FEDERATED.into(),
        issuer_arn: issuer_arn.into(),
    };
    let service = "arn:aws:sts::111122223333:assumed-role/AWSServiceRoleForEMR/emr";
    vec![
        (
            Principal::Root {
                account: HOME.into(),
            },
            None,
        ),
        (Principal::User { arn: USER.into() }, Some(USER_ID)),
        (Principal::User { arn: USER.into() }, None),
        (session(ROLE, SESSION), Some(ROLE_ID)),
        (session(ROLE, SESSION), Some(ROLE_ID)),
        (session(SERVICE_ROLE, service), None),
        (federated(USER), Some(USER_ID)),
        (federated("arn:aws:iam::111122223333:root"), None),
        (
            Principal::WebIdentity {
                provider: PROVIDER.into(),
            },
            None,
        ),
        (
            Principal::Service {
                name: SERVICE.into(),
            },
            None,
        ),
        (Principal::Anonymous, None),
    ]
}

fn context(fewest: usize) -> impl Strategy<Value = Vec<(&'static str, Vec<&'static str>)>> {
    let keys = documents::KEYS.map(|(key, values)| {
        let some = prop::collection::vec(select(values), 0..3);
        prop_oneof![
            2 => select(values).prop_map(move |value| (key, vec![value])),
            1 => some.prop_map(move |values| (key, values)),
        ]
    });
    prop::sample::subsequence(keys.to_vec(), fewest..=documents::KEYS.len())
        .prop_flat_map(|keys| keys)
}

fn side() -> impl Strategy<Value = Side> {
    let owner = || select(vec![HOME, HOME, AWAY]);
    prop_oneof![
        2 => Just(Side::None),
        1 => owner().prop_map(Side::Account),
        4 => (documents::resource(), owner()).prop_map(|(document, owner)| Side::Policy(document, owner)),
        2 => (documents::resource(), owner()).prop_map(|(document, owner)| Side::Key(document, owner)),
        3 => (documents::trust(), owner()).prop_map(|(document, owner)| Side::Trust(document, owner)),
    ]
}

/// Levels that mostly hold the policy that allows everything.
fn levels<S: Strategy<Value = Value>>(
    document: impl Fn() -> S,
    open: Value,
) -> impl Strategy<Value = Vec<Vec<Value>>> {
    let level = (
        prop::collection::vec(document(), 0..3),
        prop::bool::weighted(0.85),
    )
        .prop_map(move |(mut level, full)| {
            if full {
                level.push(open.clone());
            }
            level
        });
    prop_oneof![3 => Just(Vec::new()), 1 => prop::collection::vec(level, 1..3)]
}

pub fn world() -> impl Strategy<Value = World> {
    let several = || prop::collection::vec(documents::identity(), 0..3);
    let everything = serde_json::json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
    let mut everyone = everything.clone();
    everyone["Principal"] = serde_json::json!("*");
    let own = (
        several(),
        prop::option::weighted(0.3, several()),
        prop::option::weighted(0.4, several()),
    );
    let outer = (
        levels(documents::identity, document(vec![everything])),
        levels(documents::resource_control, document(vec![everyone])),
        prop::option::weighted(0.2, prop::collection::vec(documents::endpoint(), 1..3)),
    );
    let ids = select(vec![BTreeMap::new(), current_ids(), former_ids()]);
    let asked = (
        select(principals()),
        select(vec![
            "s3:GetObject",
            "S3:getobject",
            "s3:PutObject",
            "kms:Decrypt",
            "iam:GetRole",
            "sts:GetCallerIdentity",
        ]),
        select(vec!["sts:AssumeRole", "sts:TagSession", "sts:assumerole"]),
        select(vec![
            "*",
            "arn:aws:s3:::lake/ana",
            "arn:aws:s3:::lake/b",
            "arn:aws:s3:::lake/a*b?${x}",
            "arn:aws:s3:::other/b/c",
            "arn:aws:iam::111122223333:role/reader",
        ]),
        context(0),
    );
    (own, outer, side(), ids, asked).prop_map(|(own, outer, side, bound, asked)| {
        let (identity, boundary, session) = own;
        let (service_control, resource_control, endpoint) = outer;
        let ((principal, unique_id), action, trust_action, target, context) = asked;
        // Trust policies speak of STS actions only, and so do the questions that they answer.
        let trust = matches!(side, Side::Trust(..)) && action != "sts:GetCallerIdentity";
        World {
            principal,
            unique_id,
            bound,
            action: if trust { trust_action } else { action },
            target,
            context,
            identity,
            boundary,
            session,
            service_control,
            resource_control,
            endpoint,
            side,
        }
    })
}

/// A user with one policy of one statement, which allows everything under conditions.
pub fn conditions() -> impl Strategy<Value = World> {
    (documents::conditions(), context(5), prop::bool::ANY).prop_map(|(conditions, context, deny)| {
        let statement =
            |effect: &str| serde_json::json!({"Effect": effect, "Action": "*", "Resource": "*"});
        let mut conditional = statement(if deny { "Deny" } else { "Allow" });
        conditional["Condition"] = conditions;
        let mut statements = vec![conditional];
        if deny {
            statements.push(statement("Allow"));
        }
        World {
            principal: Principal::User { arn: USER.into() },
            unique_id: None,
            bound: BTreeMap::new(),
            action: "s3:GetObject",
            target: "*",
            context,
            identity: vec![document(statements)],
            boundary: None,
            session: None,
            service_control: Vec::new(),
            resource_control: Vec::new(),
            endpoint: None,
            side: Side::None,
        }
    })
}

/// Documents, compiled, with the names "0", "1"…
struct Shelf(Vec<(String, PolicyDocument)>);

impl Shelf {
    fn new(documents: &[Value], usage: Usage) -> Shelf {
        let compile = |(index, document): (usize, &Value)| {
            let compiled = PolicyDocument::parse_kept(&document.to_string(), usage);
            (
                index.to_string(),
                compiled.unwrap_or_else(|error| panic!("{error} in {document}")),
            )
        };
        Shelf(documents.iter().enumerate().map(compile).collect())
    }

    fn attached(&self) -> Vec<Attached<'_>> {
        self.0
            .iter()
            .map(|(name, document)| Attached { name, document })
            .collect()
    }
}

impl World {
    /// The keys of the request, those of the caller included.
    pub fn context(&self) -> Context {
        let mut context = self.principal.context();
        for (key, values) in &self.context {
            let key = key.to_uppercase();
            context.insert(
                &key,
                values.iter().map(|value| (*value).to_owned()).collect(),
            );
        }
        context
    }

    pub fn with_request<T>(&self, ask: impl FnOnce(&Request<'_>) -> T) -> T {
        ask(&Request {
            principal: &self.principal,
            unique_id: self.unique_id,
            action: self.action,
            resource: self.target,
            context: &self.context(),
        })
    }

    /// What the crate says.
    pub fn decide(&self) -> Decision {
        let identity = Shelf::new(&self.identity, Usage::Identity);
        let inner = |documents: &Option<Vec<Value>>, usage| {
            documents
                .as_ref()
                .map(|documents| Shelf::new(documents, usage))
        };
        let boundary = inner(&self.boundary, Usage::Identity);
        let session = inner(&self.session, Usage::Identity);
        let endpoint = inner(&self.endpoint, Usage::Endpoint);
        let levels = |levels: &[Vec<Value>], usage| -> Vec<Shelf> {
            levels
                .iter()
                .map(|level| Shelf::new(level, usage))
                .collect()
        };
        let service_control = levels(&self.service_control, Usage::ServiceControl);
        let resource_control = levels(&self.resource_control, Usage::ResourceControl);
        let compile = |document: &Value, usage| {
            let parsed = PolicyDocument::parse_kept(&document.to_string(), usage).unwrap();
            parsed.bind(|arn| self.bound.get(arn).cloned())
        };
        let own = match &self.side {
            Side::None | Side::Account(_) => None,
            Side::Policy(document, _) | Side::Key(document, _) => {
                Some(compile(document, Usage::Resource))
            }
            Side::Trust(document, _) => Some(compile(document, Usage::Trust)),
        };
        let resource = match (&self.side, &own) {
            (Side::Account(account), _) => ResourceSide::Account { account },
            (Side::Policy(_, account), Some(document)) => {
                ResourceSide::Policy { document, account }
            }
            (Side::Key(_, account), Some(document)) => ResourceSide::Key { document, account },
            (Side::Trust(_, account), Some(document)) => ResourceSide::Trust { document, account },
            _ => ResourceSide::None,
        };
        let boundary = boundary.as_ref().map(Shelf::attached);
        let session = session.as_ref().map(Shelf::attached);
        let endpoint = endpoint.as_ref().map(Shelf::attached);
        let service_control: Vec<_> = service_control.iter().map(Shelf::attached).collect();
        let resource_control: Vec<_> = resource_control.iter().map(Shelf::attached).collect();
        let layers = Layers {
            identity: &identity.attached(),
            boundary: boundary.as_deref(),
            session: session.as_deref(),
            service_control: &service_control,
            resource_control: &resource_control,
            endpoint: endpoint.as_deref(),
            resource,
        };
        self.with_request(|request| evaluate(request, &layers))
    }

    /// The documents behind a door, made if there is no such door yet.
    fn documents(&mut self, door: Door, level: Option<usize>) -> &mut Vec<Value> {
        match door {
            Door::IdentityPolicy => &mut self.identity,
            Door::PermissionsBoundary => self.boundary.get_or_insert_default(),
            Door::SessionPolicy => self.session.get_or_insert_default(),
            Door::EndpointPolicy => self.endpoint.get_or_insert_default(),
            Door::ServiceControlPolicy => &mut self.service_control[level.unwrap()],
            Door::ResourceControlPolicy => &mut self.resource_control[level.unwrap()],
            other => panic!("{other:?} holds one document"),
        }
    }

    /// The document that a reason names.
    pub fn document(&mut self, door: Door, level: Option<usize>, name: Option<&str>) -> &mut Value {
        match name {
            Some(name) => &mut self.documents(door, level)[name.parse::<usize>().unwrap()],
            None => match &mut self.side {
                Side::Policy(document, _) | Side::Key(document, _) | Side::Trust(document, _) => {
                    document
                }
                other => panic!("{other:?} has no document"),
            },
        }
    }

    /// Adds a statement behind a door.
    pub fn add(&mut self, door: Door, level: Option<usize>, statement: Value) {
        if !matches!(door, Door::ResourcePolicy | Door::TrustPolicy) {
            self.documents(door, level).push(document(vec![statement]));
            return;
        }
        match &self.side {
            Side::None => self.side = Side::Policy(document(vec![statement]), HOME),
            Side::Account(owner) => self.side = Side::Policy(document(vec![statement]), owner),
            _ => {
                let document = self.document(door, level, None);
                document["Statement"]
                    .as_array_mut()
                    .unwrap()
                    .push(statement);
            }
        }
    }
}
