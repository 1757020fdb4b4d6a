//! Under which role a step runs, and who may submit it.

use super::*;

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
    assert!(world.emr.login(&id, &ids[0], "").is_err());

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
async fn an_empty_role_is_no_role_to_a_policy_that_demands_one() {
    let world = World::new().await;
    let id = cluster(&world, PLAIN).await;
    let missing = json!({"Null": {"elasticmapreduce:ExecutionRoleArn": "true"}});
    let policy = allow(json!([
        {"Effect": "Allow", "Action": "elasticmapreduce:*", "Resource": "*"},
        {"Effect": "Deny", "Action": "elasticmapreduce:AddJobFlowSteps", "Resource": "*",
            "Condition": missing},
    ]));
    let call = world.studio(&policy, None).await;
    for role in [json!(null), json!("")] {
        let input = json!({"JobFlowId": id, "Steps": [step("s", "succeed")],
            "ExecutionRoleArn": role});
        let error = world.run(&call, add::add, input).await.unwrap_err();
        assert_eq!(code(&error), "AccessDeniedException", "{role}: {error}");
    }
    assert!(Step::of_cluster(&world.store.snapshot(), &id).is_empty());
}

#[tokio::test]
async fn a_role_made_again_under_its_name_lends_a_step_nothing() {
    let world = World::new().await;
    let wish = Wish {
        rules: Some(RULES),
        ..PLAIN
    };
    let id = cluster(&world, wish).await;
    let role = role_arn("marketing");
    let steps = json!([step("1", "wait"), step("2", "wait")]);
    let ids = submit(&world, &id, Some(&role), steps).await.unwrap();
    let first = program(&world, 0).await;
    world.emr.credentials(&first.login).unwrap();
    world.remake_role("marketing").await;
    let error = world.emr.credentials(&first.login).unwrap_err();
    assert!(error.message.contains("made again"), "{error}");
    first.end(StepEnd::Succeeded);
    until(&world, &id, &ids[1], "FAILED").await;
    let details = describe(&world, &id, &ids[1]).await["Status"]["FailureDetails"].clone();
    let message = details["Message"].as_str().unwrap();
    assert!(message.contains("Submit the step again"), "{message}");
    assert_eq!(world.sockets.programs.started().len(), 1);
}

#[tokio::test]
async fn steps_that_come_with_a_cluster_run_under_their_runtime_role() {
    let world = World::new().await;
    world.create_rules("rules", RULES).await.unwrap();
    let mut request = request();
    request["SecurityConfiguration"] = json!("rules");
    request["Instances"]["KeepJobFlowAliveWhenNoSteps"] = json!(false);
    request["Steps"] = json!([step("1", "wait")]);
    request["StepExecutionRoleArn"] = json!(role_arn("marketing"));
    let id = world.launch(request.clone()).await;
    let program = program(&world, 0).await;
    assert_eq!(program.login.role_arn, role_arn("marketing"));
    assert!(world.emr.credentials(&program.login).is_ok());
    program.end(StepEnd::Succeeded);
    world.until(&id, "TERMINATED").await;

    // Who may start clusters but not run steps under that role gets around nothing.
    let others_only = allow(json!([
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Effect": "Deny", "Action": "elasticmapreduce:AddJobFlowSteps", "Resource": "*",
            "Condition": {"StringEquals": {
                "elasticmapreduce:ExecutionRoleArn": role_arn("marketing"),
                "elasticmapreduce:ResourceTag/team": "red"}}}
    ]));
    let call = world.studio(&others_only, None).await;
    let run = async |role: &str, steps: Value| {
        let mut request = request.clone();
        request["StepExecutionRoleArn"] = json!(role);
        request["Steps"] = steps;
        world.run(&call, launch::run_job_flow, request).await
    };
    let steps = json!([step("1", "succeed")]);
    let error = run(&role_arn("marketing"), steps.clone()).await;
    assert_eq!(code(&error.unwrap_err()), "AccessDeniedException");
    for (role, steps, words) in [
        (role_arn("nobody"), steps.clone(), "must exist"),
        (
            "nobody".to_owned(),
            steps.clone(),
            "StepExecutionRoleArn 'nobody'",
        ),
        (role_arn("sales"), json!([]), "there are none"),
    ] {
        let error = run(&role, steps).await.unwrap_err();
        assert_eq!(code(&error), "ValidationException");
        assert!(error.message.contains(words), "{error}");
    }
    assert_eq!(world.store.snapshot().scan::<Cluster>("").len(), 1);
    run(&role_arn("sales"), steps).await.unwrap();
}
