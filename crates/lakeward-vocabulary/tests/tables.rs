//! What the compiled-in tables hold.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use lakeward_vocabulary::{
    AccessLevel, action, actions_matching, condition_key, is_under_resource_control, service,
    services, version,
};

/// A refreshed table may know more, never less.
#[test]
fn the_services_we_speak_are_whole() {
    for (prefix, actions, types, keys) in [
        ("elasticmapreduce", 88, 5, 6),
        ("lakeformation", 61, 0, 1),
        ("glue", 304, 24, 11),
        ("s3", 180, 13, 64),
        ("sts", 16, 5, 131),
        ("iam", 190, 15, 22),
        ("kms", 56, 2, 98),
        ("secretsmanager", 23, 1, 24),
        ("sagemaker", 449, 73, 68),
        ("ec2", 826, 114, 148),
        ("sso", 126, 6, 7),
        ("identitystore", 29, 7, 6),
        ("organizations", 63, 9, 7),
    ] {
        let found = service(prefix).unwrap();
        assert!(found.actions().count() >= actions, "{prefix}");
        assert!(found.resource_types.len() >= types, "{prefix}");
        assert!(found.condition_keys.len() >= keys, "{prefix}");
    }
    assert!(services().count() >= 456);
    assert!(actions_matching("*").count() >= 22_091);
    assert!(!version().is_empty());
}

#[test]
fn everything_that_is_referred_to_exists() {
    for service in services() {
        assert!(!service.name.is_empty());
        for action in service.actions() {
            assert!(action.access_levels().count() > 0, "{action}");
            for used in action.resources() {
                assert!(
                    service.resource_type(used.name).is_some(),
                    "{action} {used:?}"
                );
            }
            for key in action.condition_keys() {
                assert!(condition_key(&key).is_some(), "{action} {key}");
                assert!(action.carries(&key), "{action} {key}");
            }
        }
        for found in &service.resource_types {
            assert!(found.overlaps(found.arn), "{}", found.arn);
            for key in found.condition_keys() {
                assert!(condition_key(&key).is_some(), "{} {key}", found.arn);
            }
        }
    }
}

#[test]
fn actions_are_found_without_case() {
    let connect = action("ElasticMapReduce:getClusterSessionCREDENTIALS").unwrap();
    assert_eq!(
        connect.to_string(),
        "elasticmapreduce:GetClusterSessionCredentials"
    );
    let keys: Vec<String> = connect.condition_keys().collect();
    assert_eq!(keys, ["elasticmapreduce:ExecutionRoleArn"]);
    assert!(connect.carries("elasticmapreduce:resourceTag/group"));
    assert!(connect.carries("aws:SourceIp"));
    assert!(!connect.carries("elasticmapreduce:RequestTag/group"));
    assert!(!connect.carries("s3:prefix"));
    assert_eq!(
        connect.access_levels().collect::<Vec<_>>(),
        [AccessLevel::Write]
    );
    assert!(action("elasticmapreduce:Nothing").is_none());
    assert!(action("nothing:At").is_none());
    assert!(action("").is_none());
}

#[test]
fn patterns_find_actions() {
    let names = |pattern: &str| -> Vec<String> {
        actions_matching(pattern).map(ToString::to_string).collect()
    };
    assert_eq!(names("S3:getobjec?"), ["s3:GetObject"]);
    assert!(names("s3:Get*").len() > 30);
    assert_eq!(names("*:*").len(), names("*").len());
    assert!(names("GetObject").is_empty());
    assert!(names("").is_empty());
}

#[test]
fn resource_control_policies_reach_some_services() {
    assert!(is_under_resource_control("s3:GetObject"));
    assert!(is_under_resource_control("STS:AssumeRole"));
    assert!(!is_under_resource_control("ec2:RunInstances"));
    assert!(!is_under_resource_control("kms:RetireGrant"));
}
