use std::{
    io::Read as _,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use lakeward_session::RuntimeRoles as _;
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
fn step(name: &str, does: &str) -> Value {
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
struct Wish {
    rules: Option<&'static str>,
    concurrency: u32,
    logs: bool,
}

const PLAIN: Wish = Wish {
    rules: None,
    concurrency: 1,
    logs: false,
};

async fn cluster(world: &World, wish: Wish) -> String {
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

async fn submit(
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

fn state(world: &World, id: &str, step: &str) -> &'static str {
    let found = Step::find(&world.store.snapshot(), id, step);
    found.unwrap().state.name()
}

async fn eventually(what: &str, holds: impl Fn() -> bool) {
    let reached = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), reached)
        .await
        .unwrap_or_else(|_| panic!("never: {what}"));
}

async fn until(world: &World, id: &str, step: &str, expected: &str) {
    let holds = || state(world, id, step) == expected;
    eventually(&format!("{step} {expected}"), holds).await;
}

/// The `n`th program that was started.
async fn program(world: &World, n: usize) -> Arc<Program> {
    let started = || world.sockets.programs.started();
    eventually("a program starts", || started().len() > n).await;
    Arc::clone(&started()[n])
}

fn unpacked(world: &World, key: &str) -> String {
    let packed = world.sockets.bucket.content(key).unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(&packed[..])
        .read_to_string(&mut text)
        .unwrap();
    text
}

#[tokio::test]
async fn a_step_runs_under_its_runtime_role_and_its_cluster_waits_again() {
    let world = World::new().await;
    let wish = Wish {
        rules: Some(RULES),
        ..PLAIN
    };
    let id = cluster(&world, wish).await;
    let role = role_arn("marketing");
    let steps = json!([step("nightly", "wait")]);
    let ids = submit(&world, &id, Some(&role), steps).await.unwrap();
    let program = program(&world, 0).await;
    assert_eq!(world.state(&id), "RUNNING");
    assert_eq!(state(&world, &id, &ids[0]), "RUNNING");

    assert_eq!(program.submit.file, "s3://code/a.py");
    assert_eq!(program.submit.args, ["wait"]);
    let login = &program.login;
    assert_eq!((&login.username, &login.role_arn), (&ids[0], &role));
    assert!(login.caller_arn.ends_with(":assumed-role/studio/david"));
    assert_eq!(login.source_identity.as_deref(), Some("david"));
    let keys = world.emr.credentials(login).unwrap();
    let token = Some(keys.session_token.expose());
    let caller = world
        .identity
        .authenticate(&keys.access_key_id, token, jiff::Timestamp::now())
        .unwrap();
    let arn = world.call_of(caller).caller_arn();
    assert!(arn.contains(":assumed-role/marketing/"), "{arn}");
    // The step's name opens no door of the cluster.
    assert!(world.emr.login(&id, &ids[0], "").is_none());

    program.end(StepEnd::Succeeded);
    until(&world, &id, &ids[0], "COMPLETED").await;
    world.until(&id, "WAITING").await;
    assert!(
        world.emr.credentials(login).is_err(),
        "its keys end with it"
    );
    let shown = describe(&world, &id, &ids[0]).await;
    assert_eq!(shown["ExecutionRoleArn"], role);
    assert_eq!(shown["ActionOnFailure"], "CONTINUE");
    assert_eq!(shown["Config"]["Jar"], "command-runner.jar");
    assert_eq!(shown["Config"]["Args"][0], "spark-submit");
    assert!(shown["Status"]["FailureDetails"].is_null());
    for time in ["CreationDateTime", "StartDateTime", "EndDateTime"] {
        assert!(shown["Status"]["Timeline"][time].is_number(), "{shown}");
    }
}

#[tokio::test]
async fn without_runtime_roles_a_step_runs_as_the_instance_profile() {
    let world = World::new().await;
    let id = cluster(&world, PLAIN).await;
    let ids = submit(&world, &id, None, json!([step("s", "wait")])).await;
    let ids = ids.unwrap();
    let program = program(&world, 0).await;
    assert_eq!(program.login.role_arn, role_arn("machine"));
    let keys = world.emr.credentials(&program.login).unwrap();
    let token = Some(keys.session_token.expose());
    let caller = world
        .identity
        .authenticate(&keys.access_key_id, token, jiff::Timestamp::now())
        .unwrap();
    let arn = world.call_of(caller).caller_arn();
    assert!(arn.contains(":assumed-role/machine/i-"), "{arn}");
    program.end(StepEnd::Succeeded);
    until(&world, &id, &ids[0], "COMPLETED").await;
    assert!(describe(&world, &id, &ids[0]).await["ExecutionRoleArn"].is_null());
}

#[tokio::test]
async fn the_rules_about_runtime_roles_are_those_of_aws() {
    let world = World::new().await;
    let wish = Wish {
        rules: Some(RULES),
        ..PLAIN
    };
    let with = cluster(&world, wish).await;
    let without = cluster(&world, PLAIN).await;
    let old = cluster(&world, wish).await;
    edit(&world, &old, |cluster| {
        cluster.release_label = "emr-6.6.0".into()
    })
    .await;
    let marketing = role_arn("marketing");
    let untrusting = role_arn("service");
    let foreign = format!("arn:aws:iam::{OTHER}:role/marketing");
    for (id, role, text) in [
        (
            &with,
            None,
            "Runtime roles are required for this cluster. Please specify the role using the ExecutionRoleArn parameter.",
        ),
        (
            &with,
            Some(""),
            "Runtime roles are required for this cluster.",
        ),
        (
            &without,
            Some(&*marketing),
            "Runtime roles are not supported on this cluster. Please remove the ExecutionRoleArn parameter",
        ),
        (&old, Some(&*marketing), "emr-6.7.0 or later"),
        (&with, Some("marketing"), "is not the ARN of an IAM role"),
        (
            &with,
            Some("arn:aws:iam::111122223333:user/x"),
            "is not the ARN of an IAM role",
        ),
        (&with, Some(&*untrusting), "can't be assumed by the cluster"),
        (
            &with,
            Some(&*foreign),
            "The cluster may not assume the runtime role",
        ),
    ] {
        let error = submit(&world, id, role, json!([step("s", "wait")])).await;
        let error = error.unwrap_err();
        assert_eq!(code(&error), "ValidationException", "{error}");
        assert!(error.message.contains(text), "{role:?}: {error}");
    }
    let first = cluster(&world, wish).await;
    edit(&world, &first, |cluster| {
        cluster.release_label = "emr-6.7.0".into()
    })
    .await;
    let steps = json!([step("s", "succeed")]);
    submit(&world, &first, Some(&marketing), steps)
        .await
        .unwrap();
    assert_eq!(Step::of_cluster(&world.store.snapshot(), &with).len(), 0);
}

#[tokio::test]
async fn a_policy_decides_which_role_a_caller_may_submit_with() {
    let world = World::new().await;
    let wish = Wish {
        rules: Some(RULES),
        ..PLAIN
    };
    let id = cluster(&world, wish).await;
    let condition =
        json!({"StringEquals": {"elasticmapreduce:ExecutionRoleArn": role_arn("marketing")}});
    let policy = allow(
        json!([{"Effect": "Allow", "Action": "elasticmapreduce:AddJobFlowSteps",
        "Resource": "*", "Condition": condition}]),
    );
    for (role, allowed) in [("marketing", true), ("sales", false)] {
        let call = world.studio(&policy, None).await;
        let input = json!({"JobFlowId": id, "Steps": [step("s", "succeed")],
            "ExecutionRoleArn": role_arn(role)});
        let answer = world.run(&call, add::add, input).await;
        match answer {
            Ok(_) => assert!(allowed, "{role}"),
            Err(error) => {
                assert!(!allowed, "{error}");
                assert_eq!(code(&error), "AccessDeniedException");
            }
        }
    }
}

#[tokio::test]
async fn steps_run_in_their_order_as_many_at_once_as_the_cluster_may() {
    let world = World::new().await;
    let id = cluster(&world, PLAIN).await;
    let steps = json!([step("1", "wait"), step("2", "wait"), step("3", "wait")]);
    let ids = submit(&world, &id, None, steps.clone()).await.unwrap();
    for n in 0..3 {
        let program = program(&world, n).await;
        assert_eq!(program.login.username, ids[n]);
        for later in &ids[n + 1..] {
            assert_eq!(state(&world, &id, later), "PENDING");
        }
        program.end(StepEnd::Succeeded);
        until(&world, &id, &ids[n], "COMPLETED").await;
    }
    world.until(&id, "WAITING").await;

    let two = cluster(
        &world,
        Wish {
            concurrency: 2,
            ..PLAIN
        },
    )
    .await;
    let ids = submit(&world, &two, None, steps).await.unwrap();
    let (first, _) = (program(&world, 3).await, program(&world, 4).await);
    assert_eq!(state(&world, &two, &ids[2]), "PENDING");
    first.end(StepEnd::Succeeded);
    let third = program(&world, 5).await;
    assert_eq!(third.login.username, ids[2]);
    assert_eq!(world.state(&two), "RUNNING");
    world.sockets.programs.end_all();
    world.until(&two, "WAITING").await;
}

#[tokio::test]
async fn a_failed_step_does_what_its_action_says() {
    let world = World::new().await;
    let failing = |action: &str| json!([with_action("1", "fail", action), step("2", "succeed")]);

    let id = cluster(
        &world,
        Wish {
            logs: true,
            ..PLAIN
        },
    )
    .await;
    let ids = submit(&world, &id, None, failing("CONTINUE"))
        .await
        .unwrap();
    until(&world, &id, &ids[1], "COMPLETED").await;
    let status = describe(&world, &id, &ids[0]).await["Status"].clone();
    assert_eq!(status["State"], "FAILED");
    let details = &status["FailureDetails"];
    assert_eq!(details["Reason"], "The program ended with an error.");
    assert_eq!(details["Message"], "ValueError: it went wrong");
    let file = format!("s3://{NAME}/logs/{id}/steps/{}/stderr.gz", ids[0]);
    assert_eq!(details["LogFile"], file);

    let id = cluster(&world, PLAIN).await;
    let ids = submit(&world, &id, None, failing("CANCEL_AND_WAIT"))
        .await
        .unwrap();
    until(&world, &id, &ids[1], "CANCELLED").await;
    world.until(&id, "WAITING").await;

    for action in ["TERMINATE_CLUSTER", "TERMINATE_JOB_FLOW"] {
        let id = cluster(&world, PLAIN).await;
        let ids = submit(&world, &id, None, failing(action)).await.unwrap();
        world.until(&id, "TERMINATED_WITH_ERRORS").await;
        assert_eq!(state(&world, &id, &ids[0]), "FAILED");
        assert_eq!(state(&world, &id, &ids[1]), "CANCELLED");
        let reason = world.describe(&id).await["Status"]["StateChangeReason"].clone();
        assert_eq!(reason["Code"], "STEP_FAILURE");
        assert!(!world.sockets.running().contains_key(&id));
    }

    let id = cluster(&world, PLAIN).await;
    edit(&world, &id, |cluster| cluster.termination_protected = true).await;
    let ids = submit(&world, &id, None, failing("TERMINATE_CLUSTER"))
        .await
        .unwrap();
    until(&world, &id, &ids[1], "CANCELLED").await;
    world.until(&id, "WAITING").await;
}

#[tokio::test]
async fn actions_that_need_an_order_are_refused_where_there_is_none() {
    let world = World::new().await;
    let id = cluster(
        &world,
        Wish {
            concurrency: 2,
            ..PLAIN
        },
    )
    .await;
    for action in ["TERMINATE_CLUSTER", "TERMINATE_JOB_FLOW", "CANCEL_AND_WAIT"] {
        let steps = json!([step("1", "wait"), with_action("2", "wait", action)]);
        let error = submit(&world, &id, None, steps).await.unwrap_err();
        assert_eq!(code(&error), "ValidationException");
        assert!(
            error.message.contains("ActionOnFailure is not valid"),
            "{error}"
        );
    }
    assert!(world.sockets.programs.started().is_empty());
    let mut unsaid = step("1", "fail");
    unsaid.as_object_mut().unwrap().remove("ActionOnFailure");
    let ids = submit(&world, &id, None, json!([unsaid])).await.unwrap();
    until(&world, &id, &ids[0], "FAILED").await;
    world.until(&id, "WAITING").await;
}

#[tokio::test]
async fn what_waits_is_cancelled_at_once_and_what_runs_when_it_has_ended() {
    let world = World::new().await;
    let id = cluster(&world, PLAIN).await;
    let steps = json!([step("1", "wait"), step("2", "wait"), step("3", "succeed")]);
    let ids = submit(&world, &id, None, steps).await.unwrap();
    program(&world, 0).await;
    let root = world.root().await;
    let cancel = |ids: Value| {
        let input = json!({"ClusterId": id, "StepIds": ids,
            "StepCancellationOption": "TERMINATE_PROCESS"});
        world.run(&root, cancel::cancel, input)
    };
    let answer = cancel(json!([ids[1]])).await.unwrap();
    assert_eq!(
        answer["CancelStepsInfoList"],
        json!([{"StepId": ids[1], "Status": "SUBMITTED"}])
    );
    assert_eq!(state(&world, &id, &ids[1]), "CANCELLED");
    cancel(json!([ids[0]])).await.unwrap();
    until(&world, &id, &ids[0], "CANCELLED").await;
    until(&world, &id, &ids[2], "COMPLETED").await;

    let answer = cancel(json!([ids[2], "s-NONE"])).await.unwrap();
    let list = answer["CancelStepsInfoList"].as_array().unwrap();
    for (info, words) in list.iter().zip(["COMPLETED", "not valid"]) {
        assert_eq!(info["Status"], "FAILED");
        assert!(info["Reason"].as_str().unwrap().contains(words), "{info}");
    }
    assert!(cancel(json!([])).await.is_err());
    let wrong = json!({"ClusterId": "j-NONE", "StepIds": [ids[2]]});
    let error = world.run(&root, cancel::cancel, wrong).await.unwrap_err();
    assert_eq!(error.message, "Cluster id 'j-NONE' is not valid.");
}

#[tokio::test]
async fn a_cluster_of_steps_ends_when_they_are_done() {
    let world = World::new().await;
    let mut with_steps = request();
    with_steps["Instances"]["KeepJobFlowAliveWhenNoSteps"] = json!(false);
    with_steps["Steps"] = json!([step("1", "succeed"), step("2", "fail"), step("3", "wait")]);
    let id = world.launch(with_steps.clone()).await;
    let last = program(&world, 2).await;
    assert_eq!(world.state(&id), "RUNNING");
    assert_eq!(last.login.role_arn, role_arn("machine"));
    last.end(StepEnd::Succeeded);
    world.until(&id, "TERMINATED").await;
    let reason = world.describe(&id).await["Status"]["StateChangeReason"].clone();
    assert_eq!(reason["Code"], "ALL_STEPS_COMPLETED");

    world.create_rules("rules", RULES).await.unwrap();
    let mut needs_roles = with_steps.clone();
    needs_roles["SecurityConfiguration"] = json!("rules");
    let mut names_role = with_steps;
    names_role["StepExecutionRoleArn"] = json!(role_arn("marketing"));
    for (request, words) in [
        (needs_roles, "Add the steps with AddJobFlowSteps"),
        (names_role, "StepExecutionRoleArn"),
    ] {
        let root = world.root().await;
        let error = world.run(&root, launch::run_job_flow, request).await;
        let error = error.unwrap_err();
        assert_eq!(code(&error), "ValidationException");
        assert!(error.message.contains(words), "{error}");
    }
    assert_eq!(world.store.snapshot().scan::<Cluster>("").len(), 1);
}

#[tokio::test]
async fn logs_are_where_aws_puts_them_written_by_the_instance() {
    let world = World::new().await;
    let id = cluster(
        &world,
        Wish {
            logs: true,
            ..PLAIN
        },
    )
    .await;
    let ids = submit(&world, &id, None, json!([step("s", "succeed")])).await;
    let ids = ids.unwrap();
    until(&world, &id, &ids[0], "COMPLETED").await;
    let folder = format!("logs/{id}/steps/{}", ids[0]);
    let read = |name: &str| unpacked(&world, &format!("{folder}/{name}"));
    assert_eq!(read("stdout.gz"), "what it printed\n");
    assert!(read("stderr.gz").contains("ValueError"));
    let controller = read("controller.gz");
    for words in [
        "startExec 'spark-submit --name s",
        "application_1_0001",
        "Succeeded",
    ] {
        assert!(controller.contains(words), "{controller}");
    }
    let visitors = world.sockets.bucket.visitors();
    assert!(
        visitors
            .iter()
            .all(|one| one.contains(":assumed-role/machine/i-"))
    );
    let shown = describe(&world, &id, &ids[0]).await;
    assert_eq!(shown["LogUri"], format!("s3://{NAME}/{folder}/"));

    world.sockets.bucket.closed.store(true, Ordering::SeqCst);
    let steps = json!([step("s", "succeed"), step("f", "fail")]);
    let ids = submit(&world, &id, None, steps).await.unwrap();
    until(&world, &id, &ids[1], "FAILED").await;
    for (step, state) in [(&ids[0], "COMPLETED"), (&ids[1], "FAILED")] {
        let status = describe(&world, &id, step).await["Status"].clone();
        assert_eq!(status["State"], state);
        let note = status["StateChangeReason"]["Message"].as_str().unwrap();
        assert!(
            note.contains("AccessDenied") && note.contains("role/machine"),
            "{note}"
        );
        assert!(status["FailureDetails"]["LogFile"].is_null());
    }
}

#[tokio::test]
async fn a_program_that_cannot_start_fails_its_step_and_says_why() {
    let world = World::new().await;
    let wish = Wish {
        rules: Some(RULES),
        logs: true,
        ..PLAIN
    };
    let id = cluster(&world, wish).await;
    let role = role_arn("marketing");
    let steps = json!([step("1", "refuse"), step("2", "wait"), step("3", "succeed")]);
    let ids = submit(&world, &id, Some(&role), steps).await.unwrap();
    let second = program(&world, 0).await;
    let details = describe(&world, &id, &ids[0]).await["Status"]["FailureDetails"].clone();
    assert_eq!(details["Message"], "it is no program");
    // The trust is withdrawn between the submission and the run.
    let nobody = trust(
        json!({"AWS": role_arn("sales")}),
        json!("sts:AssumeRole"),
        json!({}),
    );
    world.role("marketing", &nobody, &[]).await;
    second.end(StepEnd::Succeeded);
    until(&world, &id, &ids[2], "FAILED").await;
    let details = describe(&world, &id, &ids[2]).await["Status"]["FailureDetails"].clone();
    let message = details["Message"].as_str().unwrap();
    assert!(
        message.contains("can't be assumed by the cluster"),
        "{message}"
    );
    assert_eq!(world.sockets.programs.started().len(), 1);
    assert!(
        details["LogFile"]
            .as_str()
            .unwrap()
            .ends_with("/controller.gz")
    );
}

#[tokio::test]
async fn a_step_for_which_there_is_no_room_waits_on() {
    let world = World::new().await;
    let id = cluster(&world, PLAIN).await;
    let steps = json!([with_action("1", "full", "TERMINATE_CLUSTER")]);
    let ids = submit(&world, &id, None, steps).await.unwrap();
    let note = || {
        Step::find(&world.store.snapshot(), &id, &ids[0])
            .unwrap()
            .note
            .clone()
    };
    eventually("it says why it waits", || note().is_some()).await;
    assert_eq!(note().as_deref(), Some("the cluster has no room"));
    assert_eq!(state(&world, &id, &ids[0]), "PENDING");
    world
        .sockets
        .programs
        .has_room
        .store(true, Ordering::SeqCst);
    world.emr.settle();
    until(&world, &id, &ids[0], "COMPLETED").await;
    assert_eq!(note(), None);
}

#[tokio::test]
async fn a_restart_fails_what_ran_and_goes_on_with_what_waited() {
    let world = World::new().await;
    let id = cluster(&world, PLAIN).await;
    let steps = json!([
        with_action("1", "wait", "TERMINATE_CLUSTER"),
        step("2", "succeed")
    ]);
    let ids = submit(&world, &id, None, steps).await.unwrap();
    program(&world, 0).await;
    let stopped = cluster(&world, PLAIN).await;
    let other = submit(&world, &stopped, None, json!([step("1", "wait")])).await;
    let other = other.unwrap();
    program(&world, 1).await;
    world
        .change(|change| {
            let step = Step::find(change, &stopped, &other[0]).unwrap();
            change.put(step.in_state(crate::emr::StepState::CancelPending, jiff::Timestamp::now()));
        })
        .await;

    let next = world.alone();
    next.emr.resume().await.unwrap();
    assert_eq!(state(&next, &id, &ids[0]), "FAILED");
    assert_eq!(state(&next, &stopped, &other[0]), "CANCELLED");
    until(&next, &id, &ids[1], "COMPLETED").await;
    next.until(&id, "WAITING").await;
    let details = describe(&next, &id, &ids[0]).await["Status"]["FailureDetails"].clone();
    let message = details["Message"].as_str().unwrap();
    assert!(message.contains("Lakeward was stopped"), "{message}");
}

#[tokio::test]
async fn a_shutdown_is_no_failure_that_ends_a_cluster() {
    let world = World::new().await;
    let id = cluster(&world, PLAIN).await;
    let steps = json!([with_action("1", "wait", "TERMINATE_CLUSTER")]);
    let ids = submit(&world, &id, None, steps).await.unwrap();
    program(&world, 0).await;
    world.sockets.programs.end_all();
    until(&world, &id, &ids[0], "FAILED").await;
    world.until(&id, "WAITING").await;
}

#[tokio::test]
async fn the_end_of_a_cluster_is_the_end_of_its_steps() {
    let world = World::new().await;
    let id = cluster(&world, PLAIN).await;
    let steps = json!([step("1", "wait"), step("2", "wait")]);
    let ids = submit(&world, &id, None, steps.clone()).await.unwrap();
    let first = program(&world, 0).await;
    let root = world.root().await;
    let terminate = json!({"JobFlowIds": [id]});
    world.run(&root, end::terminate, terminate).await.unwrap();
    assert_eq!(state(&world, &id, &ids[0]), "INTERRUPTED");
    assert_eq!(state(&world, &id, &ids[1]), "CANCELLED");
    world.until(&id, "TERMINATED").await;
    first.end(StepEnd::Killed);
    let error = submit(&world, &id, None, steps.clone()).await.unwrap_err();
    assert_eq!(
        error.message,
        "A job flow that is shutting down, terminated, or finished may not be modified."
    );
    let error = submit(&world, "j-NONE", None, steps).await.unwrap_err();
    assert_eq!(error.message, "Specified job flow ID not valid");
    assert_eq!(state(&world, &id, &ids[0]), "INTERRUPTED");
}

#[tokio::test]
async fn the_listing_pages_youngest_first_and_a_cluster_holds_so_many() {
    let world = World::new().await;
    let id = cluster(&world, PLAIN).await;
    let many: Vec<Value> = (0..120).map(|n| step(&n.to_string(), "wait")).collect();
    let ids = submit(&world, &id, None, json!(many)).await.unwrap();
    program(&world, 0).await;
    let root = world.root().await;
    let mut seen = Vec::new();
    let mut input = json!({"ClusterId": id});
    for size in [50, 50, 20] {
        let page = world.run(&root, show::list, input).await.unwrap();
        let steps = page["Steps"].as_array().unwrap();
        assert_eq!(steps.len(), size);
        seen.extend(
            steps
                .iter()
                .map(|step| step["Id"].as_str().unwrap().to_owned()),
        );
        input = json!({"ClusterId": id, "Marker": page["Marker"]});
    }
    assert!(input["Marker"].is_null());
    assert!(seen.iter().eq(ids.iter().rev()));

    for (filter, count) in [
        (json!({"StepStates": ["RUNNING"]}), 1),
        (json!({"StepStates": ["RUNNING", "COMPLETED"]}), 1),
        (json!({"StepIds": [ids[3], ids[5], "s-NONE"]}), 2),
        (json!({"StepIds": [ids[3]], "StepStates": ["RUNNING"]}), 0),
    ] {
        let mut input = filter.clone();
        input["ClusterId"] = json!(id);
        let page = world.run(&root, show::list, input).await.unwrap();
        assert_eq!(page["Steps"].as_array().unwrap().len(), count, "{filter}");
    }
    for bad in [
        json!({"StepStates": ["LOST"]}),
        json!({"Marker": "%%"}),
        json!({"StepIds": ids[..11]}),
    ] {
        let mut input = bad;
        input["ClusterId"] = json!(id);
        let error = world.run(&root, show::list, input).await.unwrap_err();
        assert_eq!(code(&error), "InvalidRequestException");
    }
    let unknown = json!({"ClusterId": id, "StepId": "s-NONE"});
    let error = world.run(&root, show::describe, unknown).await.unwrap_err();
    assert_eq!(error.message, "Step id 's-NONE' is not valid.");

    let more: Vec<Value> = (0..137).map(|n| step(&n.to_string(), "wait")).collect();
    let error = submit(&world, &id, None, json!(more)).await.unwrap_err();
    assert!(
        error.message.contains("Maximum number of active steps"),
        "{error}"
    );
    submit(&world, &id, None, json!(more[1..])).await.unwrap();
}

#[tokio::test]
async fn a_step_that_another_node_added_runs_on_the_clusters_own() {
    let world = World::new().await;
    let (own, other) = (world.node("one"), world.node("two"));
    let id = own.launch(request()).await;
    own.until(&id, "WAITING").await;
    let ids = submit(&other, &id, None, json!([step("1", "wait")]))
        .await
        .unwrap();
    assert_eq!(state(&other, &id, &ids[0]), "PENDING");
    own.emr.settle();
    program(&own, 0).await;
    assert!(other.sockets.programs.started().is_empty());
    let root = other.root().await;
    let input = json!({"ClusterId": id, "StepIds": ids});
    other.run(&root, cancel::cancel, input).await.unwrap();
    assert_eq!(state(&other, &id, &ids[0]), "CANCEL_PENDING");
    own.emr.settle();
    until(&own, &id, &ids[0], "CANCELLED").await;
}
