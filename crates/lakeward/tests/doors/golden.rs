//! What each role of the example may do, in a file to read and to compare with.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    path::Path,
};

use super::{
    example::{Example, Question, Verdict},
    exceptions,
};

const FILE: &str = "tests/doors/what_each_role_may_do.txt";
/// Writes the file anew.
const RENEW: &str = "LAKEWARD_RENEW_GOLDEN";

const HEAD: &str = "\
# What each principal of the example may do by IAM's policies: identity, resource and trust policies
# together. Each action behind an operation is asked about on what the example has of its kind.
# Lake Formation's grants come on top of this. An action in brackets is allowed on that only.
#
# Made by tests/doors/golden.rs; renew it with
#   LAKEWARD_RENEW_GOLDEN=1 cargo nextest run -p lakeward --test doors each_role
";

/// The actions of a verdict: alone where it holds for each thing asked about, else with those
/// things in brackets.
fn those(answers: &[(&Question, Verdict)], verdict: Verdict) -> Vec<String> {
    let mut actions: BTreeMap<&str, Vec<&(&Question, Verdict)>> = BTreeMap::new();
    for answer in answers {
        actions.entry(&*answer.0.action).or_default().push(answer);
    }
    let shown = actions.into_iter().filter_map(|(action, answers)| {
        let there = answers.iter().filter(|(_, said)| *said == verdict);
        let objects: BTreeSet<&str> = there
            .clone()
            .map(|(question, _)| question.object())
            .collect();
        match there.count() {
            0 => None,
            count if count == answers.len() => Some(action.to_owned()),
            _ => {
                let objects: Vec<&str> = objects.into_iter().collect();
                Some(format!("{action}[{}]", objects.join(" ")))
            }
        }
    });
    shown.collect()
}

/// One line: a principal's actions of a service.
fn line(of: &str, service: &str, answers: &[(&Question, Verdict)]) -> String {
    let all: BTreeSet<&str> = answers
        .iter()
        .map(|(question, _)| &*question.action)
        .collect();
    let say = |verdict: Verdict| {
        let those = those(answers, verdict);
        let whole = answers.iter().all(|(_, said)| *said == verdict);
        match those.len() {
            0 => None,
            _ if whole => Some(format!("all {}", all.len())),
            _ => Some(those.join(" ")),
        }
    };
    let allowed = say(Verdict::Allowed).unwrap_or_else(|| "nothing".to_owned());
    match say(Verdict::Denied) {
        Some(denied) => format!("{of} | {service}: {allowed}; explicitly denied: {denied}"),
        None => format!("{of} | {service}: {allowed}"),
    }
}

async fn written() -> String {
    let example = Example::set_up().await;
    let questions = example.questions().await;
    let mut services: BTreeMap<&str, Vec<&Question>> = BTreeMap::new();
    for question in &questions {
        services
            .entry(&question.service)
            .or_default()
            .push(question);
    }
    let mut text = HEAD.to_owned();
    text.push_str("#\n# Not asked about:\n");
    for exception in exceptions::listed() {
        writeln!(text, "#   {exception}").unwrap();
    }
    text.push_str("\n# All there are.\n");
    for (service, questions) in &services {
        let actions: BTreeSet<&str> = questions.iter().map(|question| &*question.action).collect();
        let actions: Vec<&str> = actions.into_iter().collect();
        writeln!(text, "{service}: {}", actions.join(" ")).unwrap();
    }
    for (name, arn) in example.principals() {
        text.push('\n');
        for (service, questions) in &services {
            let mut answers = Vec::new();
            for question in questions {
                answers.push((*question, example.ask(&arn, question).await));
            }
            writeln!(text, "{}", line(&name, service, &answers)).unwrap();
        }
    }
    text
}

/// The lines that only one of two texts has.
fn difference(before: &str, after: &str) -> String {
    let only = |sign: &str, own: &str, other: &str| -> Vec<String> {
        let other: BTreeSet<&str> = other.lines().collect();
        let own = own.lines().filter(|line| !other.contains(line));
        own.map(|line| format!("{sign} {line}")).collect()
    };
    let lines = [only("-", before, after), only("+", after, before)];
    lines.concat().join("\n")
}

#[tokio::test]
async fn what_each_role_may_do_is_as_written() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    let now = written().await;
    if std::env::var_os(RENEW).is_some() {
        std::fs::write(&path, &now).unwrap();
        return;
    }
    let then = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        then == now,
        "someone may do something else than {FILE} says. If that is meant, set {RENEW}=1 and run this test again.\n{}",
        difference(&then, &now)
    );
}
