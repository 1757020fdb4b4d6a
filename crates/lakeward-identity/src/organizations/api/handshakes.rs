//! Inviting accounts that are already there.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use lakeward_policy::{Context, ResourceSide};
use lakeward_store::{Change, Snapshot};
use lakeward_wire::{AwsError, epoch};
use serde::{Deserialize, Serialize};

use super::{
    entry,
    paging::JustPaging,
    visit::{Visit, amend},
};
use crate::{
    Account, Call, ChangeRefused, Identity, Service,
    organizations::{
        Handshake, HandshakeState, JoinedMethod, Membership, Organization, error, naming,
    },
};

pub(super) fn operations(service: Service, identity: &Arc<Identity>) -> Service {
    service
        .operation("InviteAccountToOrganization", identity, invite)
        .operation("AcceptHandshake", identity, |i, c, input: Named| {
            answer(i, c, input, HandshakeState::Accepted)
        })
        .operation("DeclineHandshake", identity, |i, c, input: Named| {
            answer(i, c, input, HandshakeState::Declined)
        })
        .operation("CancelHandshake", identity, |i, c, input: Named| {
            answer(i, c, input, HandshakeState::Canceled)
        })
        .operation("DescribeHandshake", identity, describe)
        .operation("ListHandshakesForAccount", identity, list_for_account)
        .operation(
            "ListHandshakesForOrganization",
            identity,
            list_for_organization,
        )
}

/// An invitation is open for fifteen days.
const OPEN: SignedDuration = SignedDuration::from_hours(15 * 24);
/// The most invitations that may be open at once.
const MOST_OPEN: usize = 20;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Invite {
    target: Party,
    notes: Option<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Party {
    id: String,
    r#type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Named {
    handshake_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Fact {
    value: String,
    r#type: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct HandshakeView {
    id: String,
    arn: String,
    parties: [Party; 2],
    state: HandshakeState,
    requested_timestamp: f64,
    expiration_timestamp: f64,
    action: &'static str,
    resources: Vec<Fact>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct HandshakeAnswer {
    handshake: HandshakeView,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct HandshakeList {
    handshakes: Vec<HandshakeView>,
    next_token: Option<String>,
}

fn view(snapshot: &Snapshot, handshake: &Handshake, now: Timestamp) -> Option<HandshakeView> {
    let organization = snapshot.get::<Organization>(&handshake.organization)?;
    let party = |id: &str, kind: &str| Party {
        id: id.to_owned(),
        r#type: kind.to_owned(),
    };
    let fact = |value: &str, r#type| Fact {
        value: value.to_owned(),
        r#type,
    };
    let mut resources = vec![
        fact(&organization.id, "ORGANIZATION"),
        fact(&handshake.account, "ACCOUNT"),
    ];
    resources.extend(handshake.notes.as_deref().map(|notes| fact(notes, "NOTES")));
    Some(HandshakeView {
        id: handshake.id.clone(),
        arn: handshake.arn(&organization),
        parties: [
            party(organization.id.trim_start_matches("o-"), "ORGANIZATION"),
            party(&handshake.account, "ACCOUNT"),
        ],
        state: handshake.state_at(now),
        requested_timestamp: epoch(handshake.requested),
        expiration_timestamp: epoch(handshake.expires),
        action: "INVITE",
        resources,
    })
}

fn answered(
    snapshot: &Snapshot,
    handshake: &Handshake,
    now: Timestamp,
) -> Result<HandshakeAnswer, AwsError> {
    let handshake = view(snapshot, handshake, now).ok_or_else(|| error::not_found("Handshake"))?;
    Ok(HandshakeAnswer { handshake })
}

async fn invite(
    identity: Arc<Identity>,
    call: Call,
    input: Invite,
) -> Result<HandshakeAnswer, AwsError> {
    let visit = Visit::new(&call);
    let action = "InviteAccountToOrganization";
    let _permit = visit.ask_on(action, &input.target.id, Context::new())?;
    if let Some(notes) = &input.notes {
        naming::check_text("Notes", notes, 1024)?;
    }
    let now = call.now();
    amend(&identity, &call, |change, organization| {
        let account = invited(change, &input.target)?;
        check_invitable(change, organization, &account, now)?;
        let handshake = Handshake {
            id: naming::fresh("h", 12),
            organization: organization.id.clone(),
            account,
            notes: input.notes,
            state: HandshakeState::Open,
            requested: now,
            expires: now.saturating_add(OPEN).unwrap_or(now),
        };
        let answer = answered(change, &handshake, now)?;
        change.put(handshake);
        Ok(answer)
    })
    .await
}

/// The account that is named by its id or its owner's address.
fn invited(snapshot: &Snapshot, target: &Party) -> Result<String, AwsError> {
    let account = match &*target.r#type {
        "ACCOUNT" => snapshot.get::<Account>(&target.id),
        "EMAIL" => snapshot
            .scan::<Account>("")
            .into_iter()
            .find(|account| account.address().eq_ignore_ascii_case(&target.id)),
        _ => {
            return Err(error::invalid(
                "INVALID_PARTY_TYPE_TARGET",
                "You specified the wrong type of entity (account, organization, or email) as a party.",
            ));
        }
    };
    account
        .map(|account| account.id.clone())
        .ok_or_else(|| error::not_found("Account"))
}

fn check_invitable(
    snapshot: &Snapshot,
    organization: &Organization,
    account: &str,
    now: Timestamp,
) -> Result<(), AwsError> {
    if snapshot.get::<Membership>(account).is_some() {
        return Err(error::refused(
            "HandshakeConstraintViolationException",
            "The invited account is already a member of an organization. (ALREADY_IN_AN_ORGANIZATION)",
        ));
    }
    let mut open = snapshot.scan::<Handshake>("");
    open.retain(|handshake| {
        handshake.organization == organization.id && handshake.state_at(now) == HandshakeState::Open
    });
    if open.iter().any(|handshake| handshake.account == account) {
        return Err(error::refused(
            "DuplicateHandshakeException",
            "A handshake with the same action and target already exists.",
        ));
    }
    if open.len() >= MOST_OPEN {
        return Err(error::refused(
            "HandshakeConstraintViolationException",
            "You have too many open invitations. (HANDSHAKE_RATE_LIMIT_EXCEEDED)",
        ));
    }
    Ok(())
}

/// Asks about a handshake that need not exist. Refusals name it as they would name a missing one:
/// one of the caller's own organization, or nothing in particular.
fn ask_on(call: &Call, action: &str, id: &str) -> Result<(), AwsError> {
    let (snapshot, account) = (call.snapshot(), call.account());
    let named = |organization: Option<Arc<Organization>>| match organization {
        Some(organization) => Handshake::arn_of(&organization, id),
        None => "*".to_owned(),
    };
    let ask = |arn: &str| {
        let action = format!("organizations:{action}");
        call.authorize_with(&action, arn, Context::new(), ResourceSide::None)
    };
    let missing = named(Organization::of(snapshot, account));
    let there = match find(snapshot, account, id) {
        Ok((handshake, _)) => named(snapshot.get::<Organization>(&handshake.organization)),
        Err(_) => missing.clone(),
    };
    match ask(&there) {
        Ok(_permit) => Ok(()),
        Err(refusal) if there == missing => Err(refusal),
        // Whoever is allowed the missing one may know that this one is there.
        Err(refusal) => Err(ask(&missing).err().unwrap_or(refusal)),
    }
}

/// A handshake is known to its two sides; nobody else learns that it is there.
fn find(snapshot: &Snapshot, account: &str, id: &str) -> Result<(Handshake, Side), AwsError> {
    let handshake = snapshot
        .get::<Handshake>(id)
        .ok_or_else(|| error::not_found("Handshake"))?;
    if handshake.account == account {
        return Ok(((*handshake).clone(), Side::Invited));
    }
    let organization = snapshot.get::<Organization>(&handshake.organization);
    if organization.is_some_and(|own| own.management_account == account) {
        return Ok(((*handshake).clone(), Side::Inviting));
    }
    Err(error::not_found("Handshake"))
}

#[derive(PartialEq, Eq)]
enum Side {
    Inviting,
    Invited,
}

async fn answer(
    identity: Arc<Identity>,
    call: Call,
    input: Named,
    to: HandshakeState,
) -> Result<HandshakeAnswer, AwsError> {
    let (action, side) = match to {
        HandshakeState::Accepted => ("AcceptHandshake", Side::Invited),
        HandshakeState::Declined => ("DeclineHandshake", Side::Invited),
        _ => ("CancelHandshake", Side::Inviting),
    };
    ask_on(&call, action, &input.handshake_id)?;
    let (account, now) = (call.account(), call.now());
    identity
        .store()
        .change(|change| -> Result<_, ChangeRefused> {
            let (mut handshake, own) = find(change, account, &input.handshake_id)?;
            if own != side {
                return Err(error::management_only().into());
            }
            check_open(&handshake, to, now)?;
            handshake.state = to;
            if to == HandshakeState::Accepted {
                join(change, &handshake, now)?;
            }
            let answer = answered(change, &handshake, now)?;
            change.put(handshake);
            Ok(answer)
        })
        .await
        .map_err(AwsError::from)
}

fn check_open(handshake: &Handshake, to: HandshakeState, now: Timestamp) -> Result<(), AwsError> {
    match handshake.state_at(now) {
        HandshakeState::Open => Ok(()),
        state if state == to => Err(error::refused(
            "HandshakeAlreadyInStateException",
            "The specified handshake is already in the requested state.",
        )),
        _ => Err(error::refused(
            "InvalidHandshakeTransitionException",
            "You can't perform the operation on the handshake in its current state.",
        )),
    }
}

fn join(change: &mut Change<'_>, handshake: &Handshake, now: Timestamp) -> Result<(), AwsError> {
    if change.get::<Membership>(&handshake.account).is_some() {
        return Err(error::refused(
            "HandshakeConstraintViolationException",
            "The account is already a member of an organization. (ALREADY_IN_AN_ORGANIZATION)",
        ));
    }
    let organization = change
        .get::<Organization>(&handshake.organization)
        .ok_or_else(|| error::not_found("Handshake"))?;
    entry::admit(
        change,
        &organization,
        &handshake.account,
        JoinedMethod::Invited,
        now,
    );
    Ok(())
}

async fn describe(
    _identity: Arc<Identity>,
    call: Call,
    input: Named,
) -> Result<HandshakeAnswer, AwsError> {
    ask_on(&call, "DescribeHandshake", &input.handshake_id)?;
    let (handshake, _) = find(call.snapshot(), call.account(), &input.handshake_id)?;
    answered(call.snapshot(), &handshake, call.now())
}

async fn list_for_account(
    _identity: Arc<Identity>,
    call: Call,
    input: JustPaging,
) -> Result<HandshakeList, AwsError> {
    let _permit = Visit::new(&call).ask("ListHandshakesForAccount", Context::new())?;
    list(&call, &input, |own| own.account == call.account())
}

async fn list_for_organization(
    _identity: Arc<Identity>,
    call: Call,
    input: JustPaging,
) -> Result<HandshakeList, AwsError> {
    let visit = Visit::new(&call);
    let _permit = visit.ask("ListHandshakesForOrganization", Context::new())?;
    let organization = visit.managed()?;
    list(&call, &input, |own| own.organization == organization.id)
}

fn list(
    call: &Call,
    input: &JustPaging,
    asked: impl Fn(&Handshake) -> bool,
) -> Result<HandshakeList, AwsError> {
    let mut handshakes = call.snapshot().scan::<Handshake>("");
    handshakes.retain(|handshake| asked(handshake));
    let (handshakes, next_token) = input.paging.page(handshakes, |own| &own.id)?;
    let view = |own: &Arc<Handshake>| view(call.snapshot(), own, call.now());
    Ok(HandshakeList {
        handshakes: handshakes.iter().filter_map(view).collect(),
        next_token,
    })
}
