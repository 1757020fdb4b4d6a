//! Random policies against an evaluator that follows the documentation sentence by sentence.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use lakeward_policy::{
    Attached, Effect, Layers, PolicyDocument, Principal, Request, ResourceSide, Usage, evaluate,
};
use proptest::prelude::*;

const HOME: &str = "111122223333";
const AWAY: &str = "444455556666";
const ROLE: &str = "arn:aws:iam::111122223333:role/reader";
const SESSION: &str = "arn:aws:sts::111122223333:assumed-role/reader/ana";
const USER: &str = "arn:aws:iam::111122223333:user/ana";

const ACTIONS: [&str; 6] = [
    "*",
    "s3:*",
    "S3:Get*",
    "s3:GetObject",
    "s3:PutObject",
    "sts:AssumeRole",
];
const RESOURCES: [&str; 5] = [
    "*",
    "arn:aws:s3:::*",
    "arn:aws:s3:::lake/*",
    "arn:aws:s3:::lake/${aws:username}",
    "arn:aws:s3:::l?ke/b",
];
const PRINCIPALS: [&str; 6] = ["*", HOME, AWAY, ROLE, SESSION, USER];
const OPERATORS: [&str; 6] = [
    "StringEquals",
    "StringNotEquals",
    "StringEqualsIfExists",
    "ForAllValues:StringEquals",
    "ForAnyValue:StringEquals",
    "Null",
];

#[derive(Clone, Debug)]
struct Statement {
    deny: bool,
    not_action: bool,
    action: &'static str,
    not_resource: bool,
    resource: &'static str,
    principal: &'static str,
    condition: Option<(&'static str, &'static str)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Side {
    None,
    Policy,
    Trust,
    Account,
}

#[derive(Clone, Debug)]
struct World {
    identity: Vec<Vec<Statement>>,
    boundary: Option<Vec<Statement>>,
    session: Option<Vec<Vec<Statement>>>,
    resource: Vec<Statement>,
    side: Side,
    owner: &'static str,
    principal: Principal,
    action: &'static str,
    target: &'static str,
    color: Vec<String>,
}

fn statement() -> impl Strategy<Value = Statement> {
    let condition = (
        prop::sample::select(&OPERATORS[..]),
        prop::sample::select(&["red", "blue"][..]),
    );
    (
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.15),
        prop::sample::select(&ACTIONS[..]),
        prop::bool::weighted(0.15),
        prop::sample::select(&RESOURCES[..]),
        prop::sample::select(&PRINCIPALS[..]),
        prop::option::weighted(0.3, condition),
    )
        .prop_map(
            |(deny, not_action, action, not_resource, resource, principal, condition)| Statement {
                deny,
                not_action,
                action,
                not_resource,
                resource,
                principal,
                condition,
            },
        )
}

fn world() -> impl Strategy<Value = World> {
    let statements = || prop::collection::vec(statement(), 1..4);
    let principals = vec![
        Principal::Root {
            account: HOME.into(),
        },
        Principal::User { arn: USER.into() },
        Principal::RoleSession {
            role_arn: ROLE.into(),
            session_arn: SESSION.into(),
        },
        Principal::Service {
            name: "logs.amazonaws.com".into(),
        },
        Principal::Anonymous,
    ];
    let documents = (
        prop::collection::vec(statements(), 0..3),
        prop::option::weighted(0.4, statements()),
        prop::option::weighted(0.4, prop::collection::vec(statements(), 0..3)),
        statements(),
    );
    let request = (
        prop::sample::select(vec![
            Side::None,
            Side::Policy,
            Side::Policy,
            Side::Trust,
            Side::Account,
        ]),
        prop::sample::select(&[HOME, HOME, AWAY][..]),
        prop::sample::select(principals),
        prop::sample::select(&["s3:GetObject", "s3:PutObject"][..]),
        prop::sample::select(
            &[
                "*",
                "arn:aws:s3:::lake/ana",
                "arn:aws:s3:::lake/b",
                "arn:aws:s3:::other/b/c",
            ][..],
        ),
        prop::collection::vec(
            prop::sample::select(vec!["red".to_owned(), "blue".to_owned()]),
            0..3,
        ),
    );
    (documents, request).prop_map(|((identity, boundary, session, resource), request)| {
        let (side, owner, principal, action, target, color) = request;
        World {
            identity,
            boundary,
            session,
            resource,
            side,
            owner,
            principal,
            action,
            target,
            color,
        }
    })
}

/// In trust policies only STS actions may stand, so the question becomes one about AssumeRole.
fn action(world: &World) -> &'static str {
    if world.side == Side::Trust {
        "sts:AssumeRole"
    } else {
        world.action
    }
}

fn json(statements: &[Statement], usage: Usage) -> String {
    let statement = |statement: &Statement| {
        let effect = if statement.deny { "Deny" } else { "Allow" };
        let mut members = vec![format!(r#""Effect": "{effect}""#)];
        let not = if statement.not_action { "Not" } else { "" };
        match usage {
            Usage::Trust => members.push(r#""Action": "sts:AssumeRole""#.to_owned()),
            _ => members.push(format!(r#""{not}Action": ["{}"]"#, statement.action)),
        }
        if usage != Usage::Trust {
            let not = if statement.not_resource { "Not" } else { "" };
            members.push(format!(r#""{not}Resource": "{}""#, statement.resource));
        }
        if usage != Usage::Identity {
            members.push(format!(
                r#""Principal": {{"AWS": ["{}"]}}"#,
                statement.principal
            ));
        }
        if let Some((operator, value)) = statement.condition {
            let value = if operator == "Null" {
                if value == "red" { "true" } else { "false" }
            } else {
                value
            };
            members.push(format!(
                r#""Condition": {{"{operator}": {{"lake:Color": "{value}"}}}}"#
            ));
        }
        format!("{{{}}}", members.join(", "))
    };
    let statements: Vec<_> = statements.iter().map(statement).collect();
    format!(
        r#"{{"Version": "2012-10-17", "Statement": [{}]}}"#,
        statements.join(", ")
    )
}

mod naive {
    use super::*;

    fn glob(pattern: &str, text: &str) -> bool {
        match (pattern.chars().next(), text.chars().next()) {
            (None, None) => true,
            (Some('*'), _) => {
                glob(&pattern[1..], text) || (!text.is_empty() && glob(pattern, &text[1..]))
            }
            (Some('?'), Some(_)) => glob(&pattern[1..], &text[1..]),
            (Some(p), Some(t)) => p == t && glob(&pattern[1..], &text[1..]),
            _ => false,
        }
    }

    fn resource(pattern: &str, world: &World) -> bool {
        if pattern == "*" {
            return true;
        }
        let pattern = match &world.principal {
            Principal::User { .. } => pattern.replace("${aws:username}", "ana"),
            _ if pattern.contains("${") => return false,
            _ => pattern.to_owned(),
        };
        let (pattern, target): (Vec<_>, Vec<_>) = (
            pattern.splitn(6, ':').collect(),
            world.target.splitn(6, ':').collect(),
        );
        pattern.len() == target.len()
            && pattern
                .iter()
                .zip(target)
                .all(|(pattern, part)| glob(pattern, part))
    }

    fn condition(operator: &str, value: &str, color: &[String]) -> bool {
        match operator {
            "StringEquals" => color.len() == 1 && color[0] == value,
            "StringNotEquals" => color.is_empty() || (color.len() == 1 && color[0] != value),
            "StringEqualsIfExists" => color.is_empty() || (color.len() == 1 && color[0] == value),
            "ForAllValues:StringEquals" => color.iter().all(|color| color == value),
            "ForAnyValue:StringEquals" => color.iter().any(|color| color == value),
            "Null" => color.is_empty() == (value == "red"),
            other => panic!("{other}"),
        }
    }

    /// Whether everything but the principal fits.
    fn fits(statement: &Statement, world: &World, trust: bool) -> bool {
        let action = super::action(world).to_lowercase();
        let action =
            trust || (glob(&statement.action.to_lowercase(), &action) != statement.not_action);
        let resource = trust || (resource(statement.resource, world) != statement.not_resource);
        action
            && resource
            && statement
                .condition
                .is_none_or(|(operator, value)| condition(operator, value, &world.color))
    }

    /// The names by which a policy may speak of the caller: itself, its role, its account.
    fn names(principal: &Principal) -> [Vec<&str>; 3] {
        match principal {
            Principal::Root { .. } => [vec!["*", HOME], vec![], vec![HOME]],
            Principal::User { .. } => [vec!["*", USER], vec![], vec![HOME]],
            Principal::RoleSession { .. } => [vec!["*", SESSION], vec![ROLE], vec![HOME]],
            Principal::Service { .. } => [vec![], vec![], vec![]],
            Principal::Anonymous => [vec!["*"], vec![], vec![]],
        }
    }

    pub fn effect(world: &World) -> Effect {
        let trust = world.side == Side::Trust;
        let has_policy = matches!(world.side, Side::Policy | Side::Trust);
        let own: Vec<&Statement> = world
            .resource
            .iter()
            .filter(|statement| has_policy && fits(statement, world, trust))
            .collect();
        let [itself, role, account] = names(&world.principal);
        let named = |names: &[&str], deny: bool| {
            own.iter()
                .any(|statement| statement.deny == deny && names.contains(&statement.principal))
        };
        let root = matches!(world.principal, Principal::Root { .. });
        let any = |statements: Vec<&Statement>, deny: bool| {
            let mut statements = statements.into_iter();
            statements.any(|statement| statement.deny == deny && fits(statement, world, false))
        };
        let identity = |deny| !root && any(world.identity.iter().flatten().collect(), deny);
        let boundary = |deny| any(world.boundary.iter().flatten().collect(), deny);
        let session = |deny| any(world.session.iter().flatten().flatten().collect(), deny);

        let everyone = [itself.clone(), role.clone(), account.clone()].concat();
        if identity(true) || boundary(true) || session(true) || named(&everyone, true) {
            return Effect::ExplicitDeny;
        }
        let limits = (world.boundary.is_none() || boundary(false))
            && (world.session.is_none() || session(false));
        let mine = (root || identity(false)) && limits;
        let home = world.side == Side::None || world.owner == HOME;
        let allowed = match &world.principal {
            Principal::Service { .. } | Principal::Anonymous => named(&itself, false),
            _ if !home => mine && named(&everyone, false),
            _ => {
                named(&itself, false)
                    || (named(&role, false) && limits)
                    || (mine && (!trust || named(&account, false)))
            }
        };
        if allowed {
            Effect::Allowed
        } else {
            Effect::ImplicitDeny
        }
    }
}

fn compiled(world: &World) -> Effect {
    let parse = |statements: &Vec<Statement>, usage| {
        PolicyDocument::parse(&json(statements, usage), usage).unwrap()
    };
    let usage = if world.side == Side::Trust {
        Usage::Trust
    } else {
        Usage::Resource
    };
    let identity: Vec<_> = world
        .identity
        .iter()
        .map(|statements| parse(statements, Usage::Identity))
        .collect();
    let boundary = world
        .boundary
        .as_ref()
        .map(|statements| parse(statements, Usage::Identity));
    let session: Option<Vec<_>> = world.session.as_ref().map(|documents| {
        documents
            .iter()
            .map(|statements| parse(statements, Usage::Identity))
            .collect()
    });
    let document = parse(&world.resource, usage);
    let attach = |documents: &'_ [PolicyDocument]| documents.to_vec();
    let (identity, session) = (attach(&identity), session);
    let identity: Vec<_> = identity
        .iter()
        .map(|document| Attached {
            name: "i",
            document,
        })
        .collect();
    let session: Option<Vec<_>> = session.as_ref().map(|list| {
        list.iter()
            .map(|document| Attached {
                name: "s",
                document,
            })
            .collect()
    });
    let layers = Layers {
        identity: &identity,
        boundary: boundary.as_ref().map(|document| Attached {
            name: "b",
            document,
        }),
        session: session.as_deref(),
        resource: match world.side {
            Side::None => ResourceSide::None,
            Side::Policy => ResourceSide::Policy {
                document: &document,
                account: world.owner,
            },
            Side::Trust => ResourceSide::Trust {
                document: &document,
                account: world.owner,
            },
            Side::Account => ResourceSide::Account {
                account: world.owner,
            },
        },
    };
    let mut context = world.principal.context();
    context.insert("Lake:color", world.color.clone());
    let request = Request {
        principal: &world.principal,
        action: action(world),
        resource: world.target,
        context: &context,
    };
    let decision = evaluate(&request, &layers);
    assert_eq!(decision.door.is_none(), decision.is_allowed());
    assert!(!decision.reasons.is_empty(), "every decision is explained");
    decision.effect
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn agrees_with_the_documentation(world in world()) {
        prop_assert_eq!(compiled(&world), naive::effect(&world));
    }

    /// Adding a deny never opens anything.
    #[test]
    fn more_denies_never_allow_more(world in world(), extra in statement()) {
        let before = compiled(&world);
        let mut stricter = world;
        stricter.identity.push(vec![Statement { deny: true, ..extra }]);
        prop_assert!(before == Effect::Allowed || compiled(&stricter) != Effect::Allowed);
    }

    /// No text makes the parser panic, and what it accepts it can evaluate.
    #[test]
    fn any_text_is_parsed_or_refused(text in "\\PC{0,200}") {
        for usage in [Usage::Identity, Usage::Resource, Usage::Trust] {
            let _ = PolicyDocument::parse(&text, usage);
        }
    }

    /// Damaged policies are refused with a place inside the text, or are still policies.
    #[test]
    fn damaged_policies_are_placed(statements in prop::collection::vec(statement(), 1..3), at in 0usize..400, byte in 32u8..127) {
        let mut text = json(&statements, Usage::Resource).into_bytes();
        let at = at % text.len();
        text[at] = byte;
        let text = String::from_utf8(text).unwrap();
        if let Err(error) = PolicyDocument::parse(&text, Usage::Resource) {
            prop_assert_eq!(error.line, 1);
            prop_assert!(error.column <= text.len() + 1);
            prop_assert!(!error.message.is_empty());
        }
    }
}
