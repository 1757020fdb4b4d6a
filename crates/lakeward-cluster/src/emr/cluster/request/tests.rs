use super::*;
use crate::emr::cluster::{InstanceGroup, instance::record::InstanceFleet};
use serde_json::json;

fn request() -> Value {
    json!({
        "Name": "demo-emr-cluster",
        "ReleaseLabel": "emr-6.10.0",
        "Applications": [{"Name": "Spark"}, {"Name": "livy"}, {"Name": "Hive"}],
        "Instances": {
            "InstanceGroups": [
                {"InstanceRole": "MASTER", "InstanceType": "m5.xlarge", "InstanceCount": 1},
                {"InstanceRole": "CORE", "InstanceType": "m5.xlarge", "InstanceCount": 2,
                 "EbsConfiguration": {"EbsOptimized": true, "EbsBlockDeviceConfigs": [
                    {"VolumeSpecification": {"VolumeType": "gp3", "SizeInGB": 64}}]}}
            ],
            "KeepJobFlowAliveWhenNoSteps": true,
            "Ec2SubnetId": "subnet-1"
        },
        "JobFlowRole": "profile",
        "ServiceRole": "service",
        "VisibleToAllUsers": true,
        "SecurityConfiguration": "runtime-roles",
        "AutoTerminationPolicy": {"IdleTimeout": 7200},
        "LogUri": "s3://logs/emr/",
        "Tags": [{"Key": "team", "Value": "red"}],
        "Steps": [], "BootstrapActions": []
    })
}

/// A request with fleets in place of groups.
fn with_fleets() -> Value {
    let types = json!([{"InstanceType": "m5.xlarge"}, {"InstanceType": "m6i.xlarge"}]);
    let mut request = request();
    request["Instances"] = json!({
        "InstanceFleets": [
            {"InstanceFleetType": "MASTER", "TargetOnDemandCapacity": 1, "InstanceTypeConfigs": types},
            {"InstanceFleetType": "CORE", "TargetSpotCapacity": 4, "TargetOnDemandCapacity": 2,
             "InstanceTypeConfigs": [{"InstanceType": "m5.2xlarge", "WeightedCapacity": 2,
                "BidPriceAsPercentageOfOnDemandPrice": 80.0, "Priority": 1.0}],
             "LaunchSpecifications": {"SpotSpecification": {"TimeoutDurationMinutes": 20,
                "TimeoutAction": "SWITCH_TO_ON_DEMAND", "AllocationStrategy": "capacity-optimized"},
                "OnDemandSpecification": {"AllocationStrategy": "lowest-price"}}}
        ],
        "KeepJobFlowAliveWhenNoSteps": true,
        "Ec2SubnetIds": ["subnet-1", "subnet-2"]
    });
    request
}

fn validate(request: Value) -> Result<Launch, EmrError> {
    serde_json::from_value::<RunJobFlowInput>(request)
        .unwrap()
        .validate()
}

fn groups(launch: Launch) -> Vec<InstanceGroup> {
    match launch.collection {
        Collection::Groups(groups) => groups,
        Collection::Fleets(fleets) => panic!("{fleets:?}"),
    }
}

fn fleets(launch: Launch) -> Vec<InstanceFleet> {
    match launch.collection {
        Collection::Fleets(fleets) => fleets,
        Collection::Groups(groups) => panic!("{groups:?}"),
    }
}

/// `request` with `value` at the JSON pointer's place.
fn put(mut request: Value, pointer: &str, value: Value) -> Value {
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    let parent = request.pointer_mut(parent).unwrap();
    match field.parse::<usize>() {
        Ok(index) => parent[index] = value,
        Err(_) => parent[field] = value,
    }
    request
}

fn with(pointer: &str, value: Value) -> Value {
    put(request(), pointer, value)
}

#[test]
fn a_usual_request_is_understood() {
    let launch = validate(request()).unwrap();
    assert_eq!(launch.release.to_string(), "emr-6.10.0");
    assert_eq!(launch.applications, ["Spark", "Livy", "Hive"]);
    assert_eq!(launch.idle_timeout, Some(7200));
    assert_eq!(launch.step_concurrency, 1);
    assert_eq!(launch.log_uri.as_deref(), Some("s3://logs/emr/"));
    assert_eq!(launch.machine.subnets, ["subnet-1"]);
    assert_eq!(
        launch.machine.network.ec2_subnet_id.as_deref(),
        Some("subnet-1")
    );
    let groups = groups(launch);
    assert_eq!(groups.len(), 2);
    assert_eq!(groups[0].instances.len(), 1);
    assert!(groups[1].instances.is_empty());
    assert_eq!(groups[1].requested, 2);
    assert_eq!(groups[1].ebs.shown().len(), 1);
}

#[test]
fn groups_can_be_given_by_type_and_count() {
    let instances = json!({"MasterInstanceType": "m5.xlarge", "InstanceCount": 3});
    let groups = groups(validate(with("/Instances", instances)).unwrap());
    let counts: Vec<_> = groups.iter().map(|group| group.requested).collect();
    assert_eq!(counts, [1, 2]);
    for none in [
        json!({"MasterInstanceType": "m5.xlarge", "InstanceCount": 0}),
        json!({"SlaveInstanceType": "m5.xlarge", "InstanceCount": 2}),
    ] {
        assert!(validate(with("/Instances", none)).is_err());
    }
}

#[test]
fn fleets_are_understood() {
    let launch = validate(with_fleets()).unwrap();
    assert_eq!(launch.machine.subnets, ["subnet-1", "subnet-2"]);
    let fleets = fleets(launch);
    let targets: Vec<_> = fleets
        .iter()
        .map(|fleet| (fleet.on_demand, fleet.spot))
        .collect();
    assert_eq!(targets, [(1, 0), (2, 4)]);
    assert_eq!(fleets[0].instances.len(), 1);
    assert_eq!(fleets[1].types[0].weight, 2);
    assert!(fleets[1].launch.is_some());
}

#[test]
fn fleets_keep_to_the_rules() {
    let fleet = "/Instances/InstanceFleets";
    for (field, value) in [
        ("/0/TargetOnDemandCapacity", json!(2)),
        ("/0/TargetSpotCapacity", json!(1)),
        ("/0/InstanceFleetType", json!("CORE")),
        ("/1/InstanceFleetType", json!("MASTER")),
        ("/0/InstanceTypeConfigs", json!([])),
        ("/0/InstanceTypeConfigs/0/WeightedCapacity", json!(2)),
        ("/1/InstanceTypeConfigs/0/WeightedCapacity", json!(0)),
        ("/1/InstanceTypeConfigs/0/BidPrice", json!("0.5")),
        ("/0/InstanceTypeConfigs/0/BidPrice", json!("cheap")),
        ("/1/InstanceTypeConfigs/0/Priority", json!(-1.0)),
        ("/1/InstanceTypeConfigs/0/InstanceType", json!("m5 xlarge")),
        ("/1/InstanceTypeConfigs/0/CustomAmiId", json!("ami-1")),
        ("/1/TargetSpotCapacity", json!(1_000_000)),
        ("/1/Name", json!("n".repeat(257))),
        (
            "/1/LaunchSpecifications/SpotSpecification/TimeoutDurationMinutes",
            json!(4),
        ),
        (
            "/1/LaunchSpecifications/SpotSpecification/TimeoutAction",
            json!("PANIC"),
        ),
        (
            "/1/LaunchSpecifications/SpotSpecification/AllocationStrategy",
            json!("best"),
        ),
        (
            "/1/LaunchSpecifications/OnDemandSpecification/AllocationStrategy",
            json!("diversified"),
        ),
        ("/1/LaunchSpecifications/Other", json!({})),
    ] {
        let request = put(with_fleets(), &format!("{fleet}{field}"), value.clone());
        assert!(validate(request).is_err(), "{field} = {value}");
    }
    let none = put(with_fleets(), "/Instances/InstanceFleets/1", {
        json!({"InstanceFleetType": "TASK", "InstanceTypeConfigs": [{"InstanceType": "m5.xlarge"}]})
    });
    let error = validate(none).unwrap_err().to_string();
    assert!(error.contains("above 0"), "{error}");
}

#[test]
fn a_cluster_has_one_kind_of_collection() {
    let groups =
        json!([{"InstanceRole": "MASTER", "InstanceType": "m5.xlarge", "InstanceCount": 1}]);
    let both = put(with_fleets(), "/Instances/InstanceGroups", groups);
    for request in [
        both,
        with("/Instances/MasterInstanceType", json!("m5.xlarge")),
        put(with_fleets(), "/Instances/InstanceCount", json!(1)),
        with("/Instances/InstanceGroups", json!([])),
    ] {
        let error = validate(request).unwrap_err();
        assert!(matches!(error, EmrError::Validation(_)), "{error}");
        assert!(error.to_string().contains("InstanceFleets"), "{error}");
    }
}

#[test]
fn what_is_kept_is_kept() {
    let scaling = json!({"ComputeLimits": {"UnitType": "Instances",
        "MinimumCapacityUnits": 1, "MaximumCapacityUnits": 10}});
    let mut request = with("/ManagedScalingPolicy", scaling);
    request["StepConcurrencyLevel"] = json!(256);
    request["EbsRootVolumeIops"] = json!(3000);
    request["RepoUpgradeOnBoot"] = json!("NONE");
    request["Instances"]["UnhealthyNodeReplacement"] = json!(true);
    let launch = validate(request).unwrap();
    assert!(launch.managed_scaling.is_some());
    assert_eq!(launch.step_concurrency, 256);
    assert_eq!(launch.machine.ebs_root_volume_iops, Some(3000));
    assert_eq!(launch.machine.repo_upgrade_on_boot.as_deref(), Some("NONE"));
    assert!(launch.machine.unhealthy_node_replacement);
}

#[test]
fn what_is_not_built_is_refused_by_name() {
    for (pointer, value, name) in [
        (
            "/KerberosAttributes",
            json!({"Realm": "R"}),
            "'KerberosAttributes'",
        ),
        (
            "/LogEncryptionKmsKeyId",
            json!("key"),
            "'LogEncryptionKmsKeyId'",
        ),
        ("/CustomAmiId", json!("ami-1"), "'CustomAmiId'"),
        ("/OSReleaseLabel", json!("2.0.2"), "'OSReleaseLabel'"),
        ("/AdditionalInfo", json!("{}"), "'AdditionalInfo'"),
        ("/ExtendedSupport", json!(true), "'ExtendedSupport'"),
        (
            "/NewSupportedProducts",
            json!([{"Name": "x"}]),
            "'NewSupportedProducts'",
        ),
        (
            "/MonitoringConfiguration",
            json!({"x": 1}),
            "'MonitoringConfiguration'",
        ),
        (
            "/PlacementGroupConfigs",
            json!([{"InstanceRole": "MASTER"}]),
            "'PlacementGroupConfigs'",
        ),
        ("/RepoUpgradeOnBoot", json!("SECURITY"), "RepoUpgradeOnBoot"),
        ("/SessionEnabled", json!(true), "'SessionEnabled'"),
        ("/VisibleToAllUsers", json!(false), "VisibleToAllUsers"),
        (
            "/Instances/HadoopVersion",
            json!("2.4"),
            "'Instances.HadoopVersion'",
        ),
        (
            "/Instances/InstanceGroups/1/AutoScalingPolicy",
            json!({"Rules": []}),
            "AutoScalingPolicy",
        ),
        (
            "/Instances/InstanceGroups/1/CustomAmiId",
            json!("ami-1"),
            "CustomAmiId",
        ),
        (
            "/Instances/InstanceGroups/0/InstanceCount",
            json!(3),
            "three primary",
        ),
        ("/Applications/0/Args", json!(["x"]), "'Applications.Args'"),
        (
            "/Applications/0/Version",
            json!("3.3"),
            "'Applications.Version'",
        ),
        ("/Applications/0/Name", json!("HBase"), "HBase"),
        (
            "/Configurations",
            json!([{"Classification": "spark-env", "Configurations": [
                {"Classification": "export", "Properties": {"A": "b"}}]}]),
            "spark-env",
        ),
    ] {
        let error = validate(with(pointer, value)).unwrap_err();
        assert!(
            matches!(error, EmrError::Unsupported(_)),
            "{pointer}: {error}"
        );
        let text = error.to_string();
        assert!(text.contains(name), "{text}");
        assert!(
            text.contains("isn't supported by this release of Lakeward"),
            "{text}"
        );
    }
}

#[test]
fn bootstrap_actions_are_refused_with_what_to_do_instead() {
    let actions = json!([{"Name": "install", "ScriptBootstrapAction": {"Path": "s3://b/x.sh"}}]);
    let error = validate(with("/BootstrapActions", actions)).unwrap_err();
    assert!(matches!(error, EmrError::Validation(_)), "{error}");
    let text = error.to_string();
    assert!(
        text.contains("'install'") && text.contains("packages"),
        "{text}"
    );
}

#[test]
fn broken_requests_are_refused() {
    for (pointer, value) in [
        ("/ReleaseLabel", json!("6.10")),
        (
            "/Configurations",
            json!([{"Classification": "hdfs-site", "Properties": {"a": "b"}}]),
        ),
        (
            "/Instances/InstanceGroups/0/Configurations",
            json!([{"Classification": "lakeward-session", "Properties": {"memory": "much"}}]),
        ),
        ("/ReleaseLabel", json!("emr-6.99.0")),
        ("/ReleaseLabel", json!(null)),
        ("/AmiVersion", json!("3.1")),
        ("/ServiceRole", json!("")),
        ("/JobFlowRole", json!(null)),
        ("/Name", json!("n".repeat(257))),
        ("/Applications/0/Name", json!("Sparkle")),
        ("/AutoTerminationPolicy", json!({"IdleTimeout": 59})),
        ("/AutoTerminationPolicy", json!({"IdleTimeout": 604_801})),
        ("/AutoTerminationPolicy", json!({"IdleTimeout": -1})),
        ("/StepConcurrencyLevel", json!(0)),
        ("/StepConcurrencyLevel", json!(257)),
        ("/LogUri", json!("/var/log")),
        ("/ScaleDownBehavior", json!("AT_ONCE")),
        ("/ManagedScalingPolicy", json!({})),
        (
            "/ManagedScalingPolicy",
            json!({"ComputeLimits": {"UnitType": "InstanceFleetUnits",
                "MinimumCapacityUnits": 1, "MaximumCapacityUnits": 2}}),
        ),
        ("/Instances/Ec2SubnetIds", json!(["subnet-2"])),
        (
            "/Instances/Placement",
            json!({"AvailabilityZones": ["us-east-1a", "us-east-1b"]}),
        ),
        ("/Instances/Ec2KeyName", json!("k".repeat(257))),
        ("/Instances/InstanceGroups/0/BidPrice", json!("0.1")),
        ("/Instances/InstanceGroups/0/InstanceType", json!("")),
        ("/Instances/InstanceGroups/0/Name", json!("n".repeat(257))),
        (
            "/Instances/InstanceGroups/1/EbsConfiguration",
            json!({"EbsBlockDeviceConfigs": [
                {"VolumeSpecification": {"VolumeType": "tape", "SizeInGB": 1}}]}),
        ),
        ("/Instances/InstanceGroups/1/InstanceRole", json!("MASTER")),
        ("/Instances/InstanceGroups/0/InstanceCount", json!(0)),
        ("/Instances/InstanceGroups/0/InstanceCount", json!(2)),
        (
            "/Instances/InstanceGroups/1/InstanceCount",
            json!(4_000_000_000_u32),
        ),
        ("/Tags", json!([{"Key": "aws:x"}])),
    ] {
        assert!(
            validate(with(pointer, value.clone())).is_err(),
            "{pointer} = {value}"
        );
    }
    let default = validate(with("/AutoTerminationPolicy", json!({}))).unwrap();
    assert_eq!(default.idle_timeout, Some(3600));
}
