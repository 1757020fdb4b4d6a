//! Service control, resource control and endpoint policies: limits that nothing skips.

use lakeward_policy::{Door, Effect, PolicyDocument, Principal, ResourceSide, Usage};

use crate::case::*;

fn all() -> PolicyDocument {
    identity("Allow", "*")
}

fn rcp(effect: &str, action: &str) -> PolicyDocument {
    everyone(Usage::ResourceControl, effect, action)
}

fn gateway(effect: &str, principal: &str) -> PolicyDocument {
    let text = format!(
        r#"{{"Statement": {{"Effect": "{effect}", "Principal": {principal}, "Action": "s3:*", "Resource": "*"}}}}"#
    );
    PolicyDocument::parse(&text, Usage::Endpoint).unwrap()
}

#[test]
fn every_level_must_allow_and_a_level_is_a_union() {
    let may = || Case::default().identity(all());
    let none = ResourceSide::None;
    assert!(may().reads(&user(), none), "no levels: not subject to any");
    assert!(may().service_control(&[all()]).reads(&user(), none));
    assert!(
        may()
            .service_control(&[other(), all()])
            .reads(&user(), none)
    );
    assert!(
        may()
            .service_control(&[all(), identity("Deny", "glue:*")])
            .reads(&user(), none)
    );
    assert!(
        !may().service_control(&[]).reads(&user(), none),
        "an empty level allows nothing"
    );
    assert!(
        !may()
            .service_control(&[all()])
            .service_control(&[other()])
            .reads(&user(), none)
    );
    assert!(
        !may()
            .service_control(&[other()])
            .service_control(&[all()])
            .reads(&user(), none)
    );
    let decision = may()
        .service_control(&[all()])
        .service_control(&[other()])
        .ask(&user(), "s3:GetObject", none);
    assert_eq!(
        (decision.effect, decision.door),
        (Effect::ImplicitDeny, Some(Door::ServiceControlPolicy))
    );
    assert_eq!(decision.reasons[0].level, Some(1));
    assert!(
        !Case::default()
            .service_control(&[all()])
            .reads(&user(), none),
        "a limit, not a grant"
    );
}

/// A resource policy's allow skips boundary and session, never the organization or endpoint.
#[test]
fn naming_the_caller_skips_no_outer_gate() {
    for (principal, named) in [
        (user(), USER),
        (session(), SESSION),
        (root(), ROOT),
        (session(), "*"),
    ] {
        let shared = bucket("Allow", &names(named));
        let reads = |case: Case| case.reads(&principal, owned(&shared, HOME));
        assert!(reads(silent()), "{named}");
        assert!(!reads(silent().service_control(&[other()])), "{named}");
        assert!(
            !reads(silent().resource_control(&[rcp("Allow", "glue:*")])),
            "{named}"
        );
        assert!(
            !reads(silent().endpoint(everyone(Usage::Endpoint, "Allow", "glue:*"))),
            "{named}"
        );
        assert!(
            reads(silent().endpoint(gateway("Allow", r#""*""#))),
            "{named}"
        );
    }
}

#[test]
fn whom_organizations_bind() {
    let open = bucket("Allow", r#""Principal": "*""#);
    let scp = || Case::default().service_control(&[identity("Deny", "*")]);
    let control = || Case::default().resource_control(&[rcp("Allow", "*"), rcp("Deny", "s3:*")]);
    let logs = service("logs.amazonaws.com");
    for (principal, by_service_control, by_resource_control) in [
        (root(), true, true),
        (user(), true, true),
        (session(), true, true),
        (federated(USER), true, true),
        (service_linked(), false, false),
        (logs, false, true),
        (web_identity(), false, true),
        (Principal::Anonymous, false, true),
    ] {
        let reads = |case: Case| case.reads(&principal, owned(&open, HOME));
        assert!(reads(Case::default()), "{principal:?}");
        assert_eq!(reads(scp()), !by_service_control, "{principal:?}");
        assert_eq!(reads(control()), !by_resource_control, "{principal:?}");
    }
}

#[test]
fn an_endpoint_names_people_and_accounts() {
    let may = || Case::default().identity(all());
    let through = |principal: &Principal, names: &str| {
        let case = match principal {
            Principal::Root { .. } => Case::default(),
            _ => may(),
        };
        case.endpoint(gateway("Allow", names))
            .reads(principal, ResourceSide::None)
    };
    assert!(through(&user(), r#""*""#));
    assert!(through(&user(), &format!(r#"{{"AWS": "{USER}"}}"#)));
    assert!(through(&session(), &format!(r#"{{"AWS": "{ROLE}"}}"#)));
    assert!(!through(&user(), &format!(r#"{{"AWS": "{ROLE}"}}"#)));
    let account = format!(r#"{{"AWS": "{ROOT}"}}"#);
    assert!(
        !through(&user(), &account),
        "an account is its root user alone"
    );
    assert!(through(&root(), &account));
    assert!(
        !may()
            .endpoint(gateway("Deny", &account))
            .reads(&user(), ResourceSide::None)
    );
}

#[test]
fn across_accounts_each_side_has_its_limits() {
    let shared = bucket("Allow", &names(ROLE));
    let may = || Case::default().identity(all());
    let reads = |case: Case| case.reads(&session(), owned(&shared, AWAY));
    assert!(reads(
        may()
            .service_control(&[all()])
            .resource_control(&[rcp("Allow", "*")])
    ));
    assert!(!reads(may().service_control(&[other()])));
    assert!(!reads(may().resource_control(&[rcp("Allow", "glue:*")])));
    assert!(!reads(may().session(other())));
}
