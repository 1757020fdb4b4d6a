//! What clusters consist of: fleets, groups, and changes of them.

use serde_json::{Value, json};

use super::world::{World, code, request};
use crate::emr::cluster::{
    bootstrap,
    instance::{change, fleets, groups, list},
};

fn request_with_fleets() -> Value {
    let types = json!([{"InstanceType": "m5.xlarge"}]);
    let mut request = request();
    request["Instances"] = json!({
        "InstanceFleets": [
            {"InstanceFleetType": "MASTER", "TargetSpotCapacity": 1, "InstanceTypeConfigs": types},
            {"InstanceFleetType": "TASK", "Name": "burst", "TargetOnDemandCapacity": 3,
             "InstanceTypeConfigs": [{"InstanceType": "r5.xlarge", "WeightedCapacity": 3,
                "EbsConfiguration": {"EbsBlockDeviceConfigs": [
                    {"VolumeSpecification": {"VolumeType": "gp3", "SizeInGB": 32}}]}}]}
        ],
        "KeepJobFlowAliveWhenNoSteps": true,
        "Ec2SubnetIds": ["subnet-1", "subnet-2"]
    });
    request
}

#[tokio::test]
async fn a_cluster_of_fleets_lives_and_is_shown() {
    let world = World::new().await;
    let id = world.launch(request_with_fleets()).await;
    world.until(&id, "WAITING").await;
    let cluster = world.describe(&id).await;
    assert_eq!(cluster["InstanceCollectionType"], "INSTANCE_FLEET");
    let ec2 = &cluster["Ec2InstanceAttributes"];
    assert_eq!(ec2["Ec2SubnetId"], "subnet-1");
    assert_eq!(
        ec2["RequestedEc2SubnetIds"],
        json!(["subnet-1", "subnet-2"])
    );

    let root = world.root().await;
    let by_id = json!({"ClusterId": id});
    let shown = world.run(&root, fleets::instance_fleets, by_id.clone());
    let shown = shown.await.unwrap();
    let shown = shown["InstanceFleets"].as_array().unwrap();
    assert_eq!(shown.len(), 2);
    assert!(shown[0]["Id"].as_str().unwrap().starts_with("if-"));
    assert_eq!(shown[0]["Status"]["State"], "RUNNING");
    assert_eq!(shown[0]["ProvisionedSpotCapacity"], 1);
    assert_eq!(shown[0]["ProvisionedOnDemandCapacity"], 0);
    assert_eq!(shown[1]["Name"], "burst");
    assert_eq!(shown[1]["TargetOnDemandCapacity"], 3);
    assert_eq!(shown[1]["ProvisionedOnDemandCapacity"], 0);
    assert_eq!(shown[1]["Status"]["State"], "SUSPENDED");
    let types = &shown[1]["InstanceTypeSpecifications"][0];
    assert_eq!(types["WeightedCapacity"], 3);
    assert_eq!(
        types["EbsBlockDevices"][0]["VolumeSpecification"]["SizeInGB"],
        32
    );

    for (filter, value, count) in [
        ("InstanceFleetType", json!("MASTER"), 1),
        ("InstanceFleetType", json!("TASK"), 0),
        ("InstanceFleetId", shown[0]["Id"].clone(), 1),
        ("InstanceFleetId", json!("if-NONE"), 0),
    ] {
        let input = json!({"ClusterId": id, filter: value});
        let output = world.run(&root, list::instances, input).await.unwrap();
        assert_eq!(output["Instances"].as_array().unwrap().len(), count);
    }
    let instances = world.run(&root, list::instances, by_id.clone()).await;
    let primary = &instances.unwrap()["Instances"][0];
    assert_eq!(primary["InstanceFleetId"], shown[0]["Id"]);
    assert_eq!(primary["Market"], "SPOT");
    assert!(primary["InstanceGroupId"].is_null());
    let input = json!({"ClusterId": id, "InstanceGroupTypes": ["MASTER"]});
    let error = world.run(&root, list::instances, input).await.unwrap_err();
    assert!(error.message.contains("mutually exclusive"), "{error}");
    let error = world.run(&root, groups::instance_groups, by_id).await;
    let error = error.unwrap_err();
    assert_eq!(code(&error), "InvalidRequestException");
    assert!(error.message.contains("uses instance fleets"), "{error}");
}

#[tokio::test]
async fn the_number_of_instances_stays() {
    let world = World::new().await;
    let by_group = world.launch(request()).await;
    let by_fleet = world.launch(request_with_fleets()).await;
    for id in [&by_group, &by_fleet] {
        world.until(id, "WAITING").await;
    }
    let root = world.root().await;
    let input = json!({"ClusterId": by_group});
    let output = world.run(&root, groups::instance_groups, input).await;
    let group = output.unwrap()["InstanceGroups"][1]["Id"].clone();
    let input = json!({"ClusterId": by_fleet});
    let output = world.run(&root, fleets::instance_fleets, input).await;
    let fleet = output.unwrap()["InstanceFleets"][1]["Id"].clone();

    let groups = |count: u32| json!([{"InstanceGroupId": group, "InstanceCount": count}]);
    for input in [
        json!({"InstanceGroups": groups(2)}),
        json!({"ClusterId": by_group, "InstanceGroups": groups(2)}),
        json!({"ClusterId": by_group}),
    ] {
        let same = world.run(&root, change::modify_groups, input).await;
        same.unwrap();
    }
    for (input, message) in [
        (json!({"InstanceGroups": groups(3)}), "one machine"),
        (
            json!({"ClusterId": by_group, "InstanceGroups": [
                {"InstanceGroupId": group, "Configurations": [{"Classification": "x"}]}]}),
            "'InstanceGroups.Configurations'",
        ),
        (
            json!({"ClusterId": by_group, "InstanceGroups": [{"InstanceGroupId": "ig-NONE"}]}),
            "Instance group id 'ig-NONE' is not valid.",
        ),
        (
            json!({"ClusterId": by_fleet, "InstanceGroups": groups(3)}),
            "mutually exclusive",
        ),
        (
            json!({"InstanceGroups": [{"InstanceGroupId": "ig-NONE"}]}),
            "needs the ClusterId",
        ),
    ] {
        let error = world.run(&root, change::modify_groups, input).await;
        let error = error.unwrap_err();
        assert_eq!(code(&error), "ValidationException");
        assert!(error.message.contains(message), "{error}");
    }
    let modify = |fleet: Value| {
        let input = json!({"ClusterId": by_fleet, "InstanceFleet": fleet});
        world.run(&root, change::modify_fleet, input)
    };
    modify(json!({"InstanceFleetId": fleet, "TargetOnDemandCapacity": 3}))
        .await
        .unwrap();
    for (fleet, message) in [
        (
            json!({"InstanceFleetId": fleet, "TargetOnDemandCapacity": 4}),
            "one machine",
        ),
        (
            json!({"InstanceFleetId": fleet, "TargetSpotCapacity": 1}),
            "one machine",
        ),
        (
            json!({"InstanceFleetId": "if-NONE"}),
            "Instance fleet id 'if-NONE'",
        ),
    ] {
        let error = modify(fleet).await.unwrap_err();
        assert_eq!(code(&error), "InvalidRequestException");
        assert!(error.message.contains(message), "{error}");
    }
    let input = json!({"JobFlowId": by_group, "InstanceGroups": []});
    let error = world.run(&root, change::add_groups, input).await;
    assert_eq!(code(&error.unwrap_err()), "ValidationException");
    let input = json!({"ClusterId": by_fleet, "InstanceFleet": {}});
    let error = world.run(&root, change::add_fleet, input).await;
    assert_eq!(code(&error.unwrap_err()), "InvalidRequestException");
}

#[tokio::test]
async fn what_is_not_served_is_said_and_not_listed() {
    let world = World::new().await;
    let mut request = request();
    request["Applications"] =
        json!([{"Name": "spark"}, {"Name": "Hive"}, {"Name": "presto"}, {"Name": "Livy"}]);
    request["LogUri"] = json!("s3://logs/emr/");
    let id = world.launch(request).await;
    world.until(&id, "WAITING").await;
    let cluster = world.describe(&id).await;
    assert_eq!(
        cluster["Applications"],
        json!([{"Name": "Spark"}, {"Name": "Livy"}])
    );
    assert_eq!(cluster["LogUri"], "s3://logs/emr/");
    let details = cluster["Status"]["ErrorDetails"].as_array().unwrap();
    let named: Vec<_> = details
        .iter()
        .map(|detail| &detail["ErrorData"][0]["Application"])
        .collect();
    assert_eq!(named, ["Hive", "Presto"]);
    assert_eq!(details[0]["ErrorCode"], "APPLICATION_NOT_SERVED");

    let root = world.root().await;
    let by_id = json!({"ClusterId": id});
    let actions = world.run(&root, bootstrap::list, by_id).await.unwrap();
    assert_eq!(actions, json!({"BootstrapActions": []}));
}
