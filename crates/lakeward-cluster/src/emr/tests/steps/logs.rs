//! Logs of steps, and what is said of programs that failed.

use super::*;

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
async fn why_a_program_ended_or_never_began_is_told_when_it_said_nothing_itself() {
    let world = World::new().await;
    let wish = Wish {
        logs: true,
        ..PLAIN
    };
    let id = cluster(&world, wish).await;
    let steps = json!([step("1", "missing"), step("2", "silent")]);
    let ids = submit(&world, &id, None, steps).await.unwrap();
    until(&world, &id, &ids[1], "FAILED").await;
    for (step, reason, message) in [
        (
            &ids[0],
            "The program could not be started.",
            "cannot read s3://code/a.py: NoSuchKey",
        ),
        (
            &ids[1],
            "The program ended with an error.",
            "the script ended with exit code 3",
        ),
    ] {
        let details = describe(&world, &id, step).await["Status"]["FailureDetails"].clone();
        assert_eq!(details["Reason"], reason);
        assert_eq!(details["Message"], message);
        let file = details["LogFile"].as_str().unwrap();
        assert!(file.ends_with("/controller.gz"), "{file}");
        let key = file.strip_prefix(&format!("s3://{NAME}/")).unwrap();
        let controller = unpacked(&world, key);
        assert!(controller.contains(message), "{controller}");
    }
}
