//! Random worlds against an evaluator that follows the documentation sentence by sentence.
//!
//! The oracle reads the JSON of the policies at every question; it shares nothing with the
//! crate but the types of a request.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod documents;
mod naive;
mod relation;
mod world;

use std::collections::BTreeMap;

use lakeward_policy::{Effect, Outcome, PolicyDocument, Remedy, Usage};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use world::{Side, World, world};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6_000))]

    #[test]
    fn agrees_with_the_documentation(world in world()) {
        let decision = world.decide();
        prop_assert_eq!(decision.effect, naive::effect(&world), "{:#?}", decision);
        prop_assert_eq!(decision.door.is_none(), decision.is_allowed());
        prop_assert!(!decision.reasons.is_empty(), "every decision is explained");
        let denied = decision.reasons.iter().any(|reason| reason.outcome == Outcome::Denies);
        prop_assert_eq!(denied, decision.effect == Effect::ExplicitDeny);
    }

    /// Adding a deny never opens anything.
    #[test]
    fn more_denies_never_allow_more(world in world(), extra in documents::identity()) {
        let before = world.decide();
        let mut stricter = world;
        let mut extra = extra;
        for statement in extra["Statement"].as_array_mut().unwrap() {
            statement["Effect"] = json!("Deny");
        }
        stricter.identity.push(extra);
        prop_assert!(before.is_allowed() || !stricter.decide().is_allowed());
    }

    /// Whoever follows the advice gets in.
    #[test]
    fn remedies_open_every_door(world in world()) {
        let mut world = world;
        let mut decision = world.decide();
        for _ in 0..12 {
            let remedies = world.with_request(|request| decision.remedies(request));
            prop_assert_eq!(remedies.is_empty(), decision.is_allowed());
            if decision.is_allowed() {
                return Ok(());
            }
            mend(&mut world, &remedies);
            decision = world.decide();
        }
        prop_assert!(decision.is_allowed(), "{:#?} {:#?}", world, decision);
    }

    /// No text makes the parser panic, and what it accepts it can evaluate.
    #[test]
    fn any_text_is_parsed_or_refused(text in "\\PC{0,200}") {
        for usage in documents::USAGES {
            let _ = PolicyDocument::parse(&text, usage);
        }
    }

    /// Damaged policies are refused with a place inside the text, or are still policies.
    #[test]
    fn damaged_policies_are_placed(document in documents::resource(), at in 0usize..400, byte in 32u8..127) {
        let mut text = document.to_string().into_bytes();
        let at = at % text.len();
        text[at] = byte;
        if let Ok(text) = String::from_utf8(text)
            && let Err(error) = PolicyDocument::parse(&text, Usage::Resource)
        {
            prop_assert_eq!(error.line, 1);
            prop_assert!(error.column <= text.len() + 1);
            prop_assert!(!error.message.is_empty());
        }
    }

    /// Summaries hold all that the text holds: a document written anew from them means the same.
    #[test]
    fn summaries_lose_nothing(world in world()) {
        let mut again = world.clone();
        for document in again.identity.iter_mut() {
            let parsed = PolicyDocument::parse(&document.to_string(), Usage::Identity).unwrap();
            document["Statement"] = parsed
                .statement_summaries()
                .map(|summary| documents::from_summary(&summary))
                .collect();
        }
        prop_assert_eq!(world.decide(), again.decide());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30_000))]

    /// Conditions alone, so that every operator meets every kind of value many times.
    #[test]
    fn conditions_agree_with_the_documentation(world in world::conditions()) {
        prop_assert_eq!(world.decide().effect, naive::effect(&world));
    }
}

/// The generator would prove little if nearly all of its worlds ended the same way.
#[test]
fn worlds_end_in_every_way() {
    let mut runner = TestRunner::deterministic();
    let mut ends = BTreeMap::new();
    for _ in 0..2_000 {
        let world = world().new_tree(&mut runner).unwrap().current();
        let decision = world.decide();
        *ends.entry(format!("{:?}", decision.effect)).or_insert(0) += 1;
        if let (Effect::ImplicitDeny, Some(door)) = (decision.effect, decision.door) {
            *ends.entry(format!("{door:?}")).or_insert(0) += 1;
        }
    }
    for effect in ["Allowed", "ImplicitDeny", "ExplicitDeny"] {
        assert!(ends[effect] > 150, "{ends:?}");
    }
    assert_eq!(ends.len(), 3 + 8, "every door refuses somebody: {ends:?}");
    assert!(ends.values().all(|count| *count > 8), "{ends:?}");
}

/// Does what the remedies say: removes the denying statements, adds the proposed ones.
fn mend(world: &mut World, remedies: &[Remedy]) {
    // Later statements go first, so that the numbers of earlier ones stay right.
    let mut denying: Vec<_> = remedies
        .iter()
        .filter(|remedy| remedy.statement.is_none())
        .map(|remedy| &remedy.existing[0].reason)
        .collect();
    denying.sort_by_key(|reason| std::cmp::Reverse(reason.statement));
    for reason in denying {
        let document = world.document(reason.door, reason.level, reason.policy.as_deref());
        let statements = document["Statement"].as_array_mut().unwrap();
        let removed = statements.remove(reason.statement.unwrap());
        assert_eq!(removed["Effect"], "Deny");
        if statements.is_empty() {
            // A document can't be empty: this says nothing.
            statements.push(documents::silent(&removed));
        }
    }
    for remedy in remedies {
        if let Some(statement) = &remedy.statement {
            world.add(remedy.door, remedy.level, statement.clone());
        }
    }
    // What is written now names those who exist now.
    if let Side::Policy(document, _) | Side::Key(document, _) | Side::Trust(document, _) =
        &mut world.side
    {
        document["Version"] = json!("2012-10-17");
    }
    world.bound = match world.unique_id {
        Some(_) => world::current_ids(),
        None => BTreeMap::new(),
    };
}

/// A document with these statements.
fn document(statements: Vec<Value>) -> Value {
    json!({"Version": "2012-10-17", "Statement": statements})
}
