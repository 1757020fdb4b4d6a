//! Steps: what they run as, in which order, and what becomes of them and their cluster.

mod cancellation;
mod listing;
mod logs;
mod order;
mod restart;
mod rules;

use std::{
    io::Read as _,
    sync::{Arc, atomic::Ordering},
};

use lakeward_session::{RuntimeRoles as _, fixture::eventually};
use lakeward_wire::AwsError;
use serde_json::{Value, json};

use super::{
    bucket::NAME,
    programs::Program,
    world::{ACCOUNT, OTHER, RULES, World, allow, code, everything, request, role_arn, trust},
};
use crate::emr::{
    Cluster, Step, StepEnd,
    cluster::{end, launch},
    identifier,
    step::{add, cancel, show},
};

/// A step whose program does what `does` says; "wait" runs until it is told how to end.
pub(super) fn step(name: &str, does: &str) -> Value {
    json!({"Name": name, "ActionOnFailure": "CONTINUE", "HadoopJarStep": {
        "Jar": "command-runner.jar", "Args": ["spark-submit", "--name", name, "s3://code/a.py", does]}})
}

fn with_action(name: &str, does: &str, action: &str) -> Value {
    let mut step = step(name, does);
    step["ActionOnFailure"] = json!(action);
    step
}

/// A cluster of a few settings.
#[derive(Clone, Copy)]
pub(super) struct Wish {
    pub(super) rules: Option<&'static str>,
    pub(super) concurrency: u32,
    pub(super) logs: bool,
}

pub(super) const PLAIN: Wish = Wish {
    rules: None,
    concurrency: 1,
    logs: false,
};

pub(super) async fn cluster(world: &World, wish: Wish) -> String {
    let mut request = request();
    request["StepConcurrencyLevel"] = json!(wish.concurrency);
    if wish.logs {
        request["LogUri"] = json!(format!("s3://{NAME}/logs/"));
    }
    if let Some(rules) = wish.rules {
        let name = format!("rules-{}", identifier::cluster());
        world.create_rules(&name, rules).await.unwrap();
        request["SecurityConfiguration"] = json!(name);
    }
    let id = world.launch(request).await;
    world.until(&id, "WAITING").await;
    id
}

async fn edit(world: &World, id: &str, f: impl FnOnce(&mut Cluster) + Send) {
    let key = Cluster::key_of(ACCOUNT, id);
    world
        .change(|change| {
            let mut next = (*change.get::<Cluster>(&key).unwrap()).clone();
            f(&mut next);
            change.put(next);
        })
        .await;
}

pub(super) async fn submit(
    world: &World,
    id: &str,
    role: Option<&str>,
    steps: Value,
) -> Result<Vec<String>, AwsError> {
    let call = world.studio(&everything(), Some("david")).await;
    let mut input = json!({"JobFlowId": id, "Steps": steps});
    if let Some(role) = role {
        input["ExecutionRoleArn"] = json!(role);
    }
    let output = world.run(&call, add::add, input).await?;
    let ids = output["StepIds"].as_array().unwrap();
    Ok(ids
        .iter()
        .map(|id| id.as_str().unwrap().to_owned())
        .collect())
}

async fn describe(world: &World, id: &str, step: &str) -> Value {
    let input = json!({"ClusterId": id, "StepId": step});
    let output = world.run(&world.root().await, show::describe, input).await;
    output.unwrap()["Step"].clone()
}

pub(super) fn state(world: &World, id: &str, step: &str) -> &'static str {
    let found = Step::find(&world.store.snapshot(), id, step);
    found.unwrap().state.name()
}

pub(super) async fn until(world: &World, id: &str, step: &str, expected: &str) {
    let holds = async || (state(world, id, step) == expected).then_some(());
    eventually(&format!("{step} {expected}"), holds).await;
}

/// The `n`th program that was started.
pub(super) async fn program(world: &World, n: usize) -> Arc<Program> {
    eventually("a program starts", async || {
        world.sockets.programs.started().get(n).cloned()
    })
    .await
}

fn unpacked(world: &World, key: &str) -> String {
    let packed = world.sockets.bucket.content(key).unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(&packed[..])
        .read_to_string(&mut text)
        .unwrap();
    text
}
