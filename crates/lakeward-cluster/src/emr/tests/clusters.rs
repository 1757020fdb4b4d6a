use std::sync::atomic::Ordering;

use serde_json::json;

use super::world::{ACCOUNT, OTHER, RULES, World, code, request};
use crate::emr::{
    Cluster,
    cluster::{describe, end, instance, launch, list, tagging},
    identifier, security_configuration,
};

#[tokio::test]
async fn a_cluster_lives_from_request_to_end() {
    let world = World::new().await;
    world.create_rules("rules", RULES).await.unwrap();
    let mut request = request();
    request["SecurityConfiguration"] = json!("rules");
    let id = world.launch(request).await;
    assert!(id.starts_with("j-"));
    world.until(&id, "WAITING").await;

    let cluster = world.describe(&id).await;
    assert_eq!(cluster["Configurations"], json!([]));
    assert_eq!(cluster["InstanceCollectionType"], "INSTANCE_GROUP");
    assert_eq!(cluster["SecurityConfiguration"], "rules");
    assert_eq!(cluster["Tags"], json!([{"Key": "team", "Value": "red"}]));
    assert_eq!(
        cluster["Ec2InstanceAttributes"]["IamInstanceProfile"],
        "profile"
    );
    assert!(cluster["Status"]["Timeline"]["ReadyDateTime"].is_number());
    assert!(cluster["Status"]["StateChangeReason"].is_object());
    assert!(cluster["KerberosAttributes"].is_null());
    let primary = cluster["MasterPublicDnsName"].as_str().unwrap();
    assert!(primary.starts_with("127.87."), "{primary}");

    let root = world.root().await;
    let by_id = json!({"ClusterId": id});
    let instances = world
        .run(&root, instance::list::instances, by_id.clone())
        .await
        .unwrap();
    assert_eq!(instances["Instances"].as_array().unwrap().len(), 1);
    let instance = &instances["Instances"][0];
    assert_eq!(instance["PrivateDnsName"], primary);
    assert_eq!(instance["PublicDnsName"], "");
    assert_eq!(instance["Status"]["State"], "RUNNING");

    let groups = world
        .run(&root, instance::groups::instance_groups, by_id)
        .await
        .unwrap();
    let groups = groups["InstanceGroups"].as_array().unwrap();
    assert_eq!(groups[0]["InstanceGroupType"], "MASTER");
    assert_eq!(groups[0]["Configurations"], json!([]));
    assert_eq!(groups[0]["RunningInstanceCount"], 1);
    assert_eq!(groups[0]["Status"]["State"], "RUNNING");
    assert_eq!(groups[1]["RequestedInstanceCount"], 2);
    assert_eq!(groups[1]["RunningInstanceCount"], 0);
    assert_eq!(groups[1]["Status"]["State"], "SUSPENDED");

    assert_eq!(world.sockets.running().len(), 1);
    let ids = json!({"JobFlowIds": [id]});
    world.run(&root, end::terminate, ids.clone()).await.unwrap();
    world.until(&id, "TERMINATED").await;
    assert!(world.sockets.running().is_empty());
    let ended = world.describe(&id).await;
    assert_eq!(ended["Status"]["StateChangeReason"]["Code"], "USER_REQUEST");
    assert!(ended["Status"]["Timeline"]["EndDateTime"].is_number());
    world.run(&root, end::terminate, ids).await.unwrap();

    let retag = json!({"ResourceId": id, "Tags": [{"Key": "a", "Value": "b"}]});
    let error = world.run(&root, tagging::add, retag).await.unwrap_err();
    assert!(error.message.contains("may not be modified"), "{error}");
}

#[tokio::test]
async fn instances_can_be_filtered() {
    let world = World::new().await;
    let id = world.ready_cluster().await;
    let root = world.root().await;
    for (filter, value, count) in [
        ("InstanceGroupTypes", json!(["MASTER"]), 1),
        ("InstanceGroupTypes", json!(["CORE", "TASK"]), 0),
        ("InstanceStates", json!(["RUNNING"]), 1),
        ("InstanceStates", json!(["TERMINATED"]), 0),
        ("InstanceGroupId", json!("ig-NONE"), 0),
    ] {
        let mut input = json!({"ClusterId": id});
        input[filter] = value.clone();
        let output = world
            .run(&root, instance::list::instances, input)
            .await
            .unwrap();
        assert_eq!(
            output["Instances"].as_array().unwrap().len(),
            count,
            "{filter} = {value}"
        );
    }
    for (field, value) in [("InstanceFleetId", "if-1"), ("Marker", "x")] {
        let mut input = json!({"ClusterId": id});
        input[field] = json!(value);
        let error = world
            .run(&root, instance::list::instances, input)
            .await
            .unwrap_err();
        assert_eq!(code(&error), "InvalidRequestException");
    }
}

#[tokio::test]
async fn every_live_cluster_has_an_address_of_its_own() {
    let world = World::new().await;
    let (a, b) = (world.launch(request()).await, world.launch(request()).await);
    world.until(&a, "WAITING").await;
    world.until(&b, "WAITING").await;
    let running = world.sockets.running();
    assert_ne!(running[&a], running[&b]);

    let root = world.root().await;
    world
        .run(&root, end::terminate, json!({"JobFlowIds": [a]}))
        .await
        .unwrap();
    world.until(&a, "TERMINATED").await;
    let c = world.launch(request()).await;
    world.until(&c, "WAITING").await;
    assert_ne!(world.sockets.running()[&c], running[&b]);
    assert_eq!(world.sockets.running()[&c], running[&a]);
}

#[tokio::test]
async fn a_new_cluster_that_cannot_be_bound_ends_with_its_reason() {
    let world = World::new().await;
    world.sockets.taken.store(true, Ordering::SeqCst);
    let id = world.launch(request()).await;
    world.until(&id, "TERMINATED_WITH_ERRORS").await;
    let status = world.describe(&id).await["Status"].clone();
    assert_eq!(status["StateChangeReason"]["Code"], "BOOTSTRAP_FAILURE");
    let message = status["StateChangeReason"]["Message"].as_str().unwrap();
    assert!(message.contains("127.87.0.1"), "{message}");
}

#[tokio::test]
async fn without_keep_alive_a_cluster_ends_when_there_is_no_step() {
    let world = World::new().await;
    let mut request = request();
    request["Instances"]["KeepJobFlowAliveWhenNoSteps"] = json!(false);
    let id = world.launch(request).await;
    world.until(&id, "TERMINATED").await;
    let cluster = world.describe(&id).await;
    assert_eq!(cluster["AutoTerminate"], true);
    assert_eq!(
        cluster["Status"]["StateChangeReason"]["Code"],
        "ALL_STEPS_COMPLETED"
    );
    assert!(world.sockets.running().is_empty());
}

#[tokio::test]
async fn a_protected_cluster_is_not_terminated_and_neither_are_the_others_named() {
    let world = World::new().await;
    let (a, b) = (world.launch(request()).await, world.launch(request()).await);
    world.until(&a, "WAITING").await;
    world.until(&b, "WAITING").await;
    let root = world.root().await;
    let both = json!({"JobFlowIds": [a, b]});
    let protect = |on: bool| json!({"JobFlowIds": [b], "TerminationProtected": on});
    world.run(&root, end::protect, protect(true)).await.unwrap();
    let error = world
        .run(&root, end::terminate, both.clone())
        .await
        .unwrap_err();
    assert_eq!(code(&error), "ValidationException");
    assert_eq!(
        error.message,
        "Could not shut down one or more job flows since they are termination protected."
    );
    assert_eq!((world.state(&a), world.state(&b)), ("WAITING", "WAITING"));
    world
        .run(&root, end::protect, protect(false))
        .await
        .unwrap();
    world.run(&root, end::terminate, both).await.unwrap();
    world.until(&a, "TERMINATED").await;
    world.until(&b, "TERMINATED").await;
    let error = world
        .run(&root, end::protect, protect(true))
        .await
        .unwrap_err();
    assert!(error.message.contains("may not be modified"), "{error}");
}

#[tokio::test]
async fn the_listing_pages_through_everything_youngest_first() {
    let world = World::new().await;
    let id = world.launch(request()).await;
    world.until(&id, "WAITING").await;
    let key = Cluster::key_of(ACCOUNT, &id);
    let first = world.store.snapshot().get::<Cluster>(&key).unwrap();
    world
        .change(|change| {
            for age in 1..120 {
                let mut older = (*first).clone();
                older.id = identifier::cluster();
                older.name = format!("older-{age}");
                older.created_at -= jiff::SignedDuration::from_secs(age * 60);
                if age > 99 {
                    older.state = crate::emr::ClusterState::Terminated;
                }
                change.put(older);
            }
        })
        .await;
    let root = world.root().await;
    let mut names = Vec::new();
    let mut input = json!({});
    for page in [50, 50, 20] {
        let output = world.run(&root, list::clusters, input).await.unwrap();
        let clusters = output["Clusters"].as_array().unwrap();
        assert_eq!(clusters.len(), page);
        names.extend(
            clusters
                .iter()
                .map(|c| c["Name"].as_str().unwrap().to_owned()),
        );
        input = json!({"Marker": output["Marker"]});
    }
    assert!(input["Marker"].is_null());
    let mut expected = vec!["demo-emr-cluster".to_owned()];
    expected.extend((1..120).map(|age| format!("older-{age}")));
    assert_eq!(names, expected);

    let ended = json!({"ClusterStates": ["TERMINATED"]});
    let output = world.run(&root, list::clusters, ended).await.unwrap();
    assert_eq!(output["Clusters"].as_array().unwrap().len(), 20);
    let created = lakeward_wire::epoch(first.created_at);
    for (filter, count) in [
        (json!({"CreatedAfter": created - 90.0}), 2),
        (json!({"CreatedBefore": created - 118.5 * 60.0}), 1),
    ] {
        let output = world.run(&root, list::clusters, filter).await.unwrap();
        assert_eq!(output["Clusters"].as_array().unwrap().len(), count);
    }
    for bad in [json!({"Marker": "%%%"}), json!({"ClusterStates": ["LOST"]})] {
        let error = world.run(&root, list::clusters, bad).await.unwrap_err();
        assert_eq!(code(&error), "InvalidRequestException");
    }
}

#[tokio::test]
async fn another_accounts_cluster_looks_like_a_missing_one() {
    let world = World::new().await;
    let id = world.ready_cluster().await;
    let foreign = world.root_of(OTHER).await;
    let listed = world
        .run(&foreign, list::clusters, json!({}))
        .await
        .unwrap();
    assert_eq!(listed["Clusters"], json!([]));
    for asked in [id.as_str(), "j-NOSUCHCLUSTER"] {
        let error = world
            .run(&foreign, describe::describe, json!({"ClusterId": asked}))
            .await
            .unwrap_err();
        assert_eq!(code(&error), "InvalidRequestException");
        assert_eq!(error.message, format!("Cluster id '{asked}' is not valid."));
        let error = world
            .run(&foreign, end::terminate, json!({"JobFlowIds": [asked]}))
            .await
            .unwrap_err();
        assert_eq!(code(&error), "ValidationException");
        assert_eq!(error.message, "Specified job flow ID not valid");
        let error = world
            .run(
                &foreign,
                tagging::remove,
                json!({"ResourceId": asked, "TagKeys": ["team"]}),
            )
            .await
            .unwrap_err();
        assert_eq!(error.message, format!("Cluster id '{asked}' is not valid."));
    }
    assert_eq!(world.state(&id), "WAITING");
}

#[tokio::test]
async fn a_launch_needs_its_roles_and_rules() {
    let world = World::new().await;
    let root = world.root().await;
    for (field, value, message) in [
        (
            "SecurityConfiguration",
            json!("none"),
            "Security configuration with name 'none' does not exist.",
        ),
        (
            "JobFlowRole",
            json!("none"),
            "Invalid InstanceProfile: none.",
        ),
        (
            "JobFlowRole",
            json!(format!("arn:aws:iam::{OTHER}:instance-profile/profile")),
            "Invalid InstanceProfile",
        ),
        (
            "ServiceRole",
            json!("none"),
            "EMR service role arn:aws:iam::111122223333:role/none is invalid",
        ),
        ("ServiceRole", json!("machine"), "role/machine is invalid"),
        (
            "ServiceRole",
            json!(format!("arn:aws:iam::{OTHER}:role/service")),
            "not the ARN of a role of account",
        ),
    ] {
        let mut request = request();
        request[field] = value;
        let error = world
            .run(&root, launch::run_job_flow, request)
            .await
            .unwrap_err();
        assert_eq!(code(&error), "ValidationException", "{error}");
        assert!(error.message.contains(message), "{error}");
    }
    assert!(world.store.snapshot().scan::<Cluster>("").is_empty());
}

#[tokio::test]
async fn a_running_cluster_keeps_the_rules_it_was_started_with() {
    let world = World::new().await;
    world.create_rules("rules", RULES).await.unwrap();
    let mut request = request();
    request["SecurityConfiguration"] = json!("rules");
    let id = world.launch(request).await;
    let root = world.root().await;
    world
        .run(
            &root,
            security_configuration::delete,
            json!({"Name": "rules"}),
        )
        .await
        .unwrap();
    world.create_rules("rules", "{}").await.unwrap();
    let key = Cluster::key_of(ACCOUNT, &id);
    let cluster = world.store.snapshot().get::<Cluster>(&key).unwrap();
    assert!(cluster.security_rules().unwrap().runtime_roles());
}

#[tokio::test]
async fn security_configurations_are_kept_by_name() {
    let world = World::new().await;
    let created = world.create_rules("rules", RULES).await.unwrap();
    assert_eq!(created["Name"], "rules");
    let error = world.create_rules("rules", RULES).await.unwrap_err();
    assert_eq!(code(&error), "InvalidRequestException");
    assert_eq!(
        error.message,
        "SecurityConfiguration with name 'rules' already exists."
    );

    let root = world.root().await;
    let by_name = json!({"Name": "rules"});
    let output = world
        .run(&root, security_configuration::describe, by_name.clone())
        .await
        .unwrap();
    let text = output["SecurityConfiguration"].as_str().unwrap();
    let document: serde_json::Value = serde_json::from_str(text).unwrap();
    let external_id = &document["AuthorizationConfiguration"]["IAMConfiguration"]["ApplicationScopedIAMRoleConfiguration"]
        ["ExternalId"];
    assert_eq!(external_id.as_str().unwrap().len(), 52);

    world.create_rules("plain", "{}").await.unwrap();
    let listed = world
        .run(&root, security_configuration::list, json!({}))
        .await
        .unwrap();
    let names: Vec<_> = listed["SecurityConfigurations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| &c["Name"])
        .collect();
    assert_eq!(names, ["plain", "rules"]);

    let foreign = world.root_of(OTHER).await;
    for name in ["rules", "none"] {
        let input = json!({"Name": name});
        let expected = format!("Security configuration with name '{name}' does not exist.");
        let error = world
            .run(&foreign, security_configuration::describe, input.clone())
            .await
            .unwrap_err();
        assert_eq!(error.message, expected);
        let error = world
            .run(&foreign, security_configuration::delete, input)
            .await
            .unwrap_err();
        assert_eq!(error.message, expected);
    }
    world
        .run(&root, security_configuration::delete, by_name.clone())
        .await
        .unwrap();
    assert!(
        world
            .run(&root, security_configuration::describe, by_name)
            .await
            .is_err()
    );
}
