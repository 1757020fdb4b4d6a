//! What every operation has in common.

use crate::world::*;

/// What needs no permission, or is not asked with one's own signature.
const FOR_EVERYONE: [&str; 3] = [
    "GetCallerIdentity",
    "GetSessionToken",
    "AssumeRoleWithWebIdentity",
];

/// Enough for any operation to be decoded.
fn parameters(operation: &str) -> Vec<(&str, &str)> {
    const POLICY: &str =
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#;
    const ARN: &str = "arn:aws:iam::111122223333:policy/p";
    const ROLE: &str = "arn:aws:iam::111122223333:role/r";
    const PROVIDER: &str = "arn:aws:iam::111122223333:oidc-provider/example.com";
    let mut parameters = vec![
        ("Action", operation),
        ("PolicyName", "p"),
        ("PolicyDocument", POLICY),
        ("PolicyInputList.member.1", POLICY),
        ("PolicySourceArn", ROLE),
        ("ActionNames.member.1", "s3:GetObject"),
        ("PermissionsBoundary", ARN),
        ("VersionId", "v1"),
        ("AssumeRolePolicyDocument", "{}"),
        ("Description", "d"),
        ("InstanceProfileName", "i"),
        ("AccessKeyId", "AKIAQQQQQQQQQQQQQQQQ"),
        ("Status", "Active"),
        ("RoleSessionName", "here"),
        ("Tags.member.1.Key", "k"),
        ("Tags.member.1.Value", "v"),
        ("TagKeys.member.1", "k"),
        ("AWSServiceName", "elasticmapreduce.amazonaws.com"),
        (
            "DeletionTaskId",
            "task/aws-service-role/elasticmapreduce.amazonaws.com/r/id",
        ),
        ("Url", "https://example.com"),
        ("ClientID", "c"),
        (
            "ThumbprintList.member.1",
            "0123456789012345678901234567890123456789",
        ),
        ("OpenIDConnectProviderArn", PROVIDER),
        ("AccountAlias", "a"),
        ("EncodedMessage", "x"),
        ("Name", "guest"),
        ("RoleArn", ROLE),
    ];
    // An operation has one name of its own; the others would be given twice.
    let membership = ["AddUserToGroup", "RemoveUserFromGroup"].contains(&operation);
    let of_user = operation.contains("User") || operation.contains("Key");
    if of_user || membership {
        parameters.push(("UserName", "other"));
    }
    if operation.contains("Group") {
        parameters.push(("GroupName", "other"));
    }
    if !of_user && !operation.contains("Group") {
        parameters.push(("RoleName", "other"));
    }
    // Tags of policies go by the ARN, which is the name there.
    if ["TagPolicy", "UntagPolicy", "ListPolicyTags"].contains(&operation) {
        parameters.retain(|(name, _)| !["RoleName", "UserName"].contains(name));
    }
    if [
        "TagUser",
        "UntagUser",
        "ListUserTags",
        "TagRole",
        "UntagRole",
        "ListRoleTags",
    ]
    .contains(&operation)
    {
        return parameters;
    }
    parameters.push(("PolicyArn", ARN));
    parameters
}

#[tokio::test]
async fn a_principal_that_holds_nothing_is_denied_everything_and_audited() {
    let world = world().await;
    let ana = world.user("ana").await;
    let operations: Vec<_> = world
        .front
        .services()
        .flat_map(|service| {
            let name = service.signing_name();
            service
                .operations()
                .map(move |operation| (name, operation))
                .collect::<Vec<_>>()
        })
        .collect();
    for (service, operation) in operations {
        if FOR_EVERYONE.contains(&operation) {
            continue;
        }
        let parameters = parameters(operation);
        let reply = world.query(&ana, service, &parameters).await;
        assert_eq!(
            (reply.status.as_u16(), reply.code()),
            (403, "AccessDenied"),
            "{service} {operation}: {}",
            reply.body
        );
        let record = world.audit().pop().unwrap();
        assert_eq!(record["eventName"], operation);
        assert_eq!(record["errorCode"], "AccessDenied");
        assert_eq!(
            record["userIdentity"]["arn"],
            format!("arn:aws:iam::{ACCOUNT}:user/ana")
        );
    }
}

#[tokio::test]
async fn unknown_operations_and_services_are_named() {
    let world = world().await;
    let reply = world
        .query(&world.root, "iam", &[("Action", "CreateVirtualMFADevice")])
        .await;
    assert_eq!(reply.code(), "InvalidAction");
    assert!(reply.body.contains("CreateVirtualMFADevice"));
    let reply = world
        .query(&world.root, "ec2", &[("Action", "RunInstances")])
        .await;
    assert!(
        reply.body.contains("UnknownService") && reply.body.contains("ec2"),
        "{}",
        reply.body
    );
}

#[tokio::test]
async fn a_handler_that_never_asks_is_not_answered() {
    let world = world().await;
    let identity_dir = tempfile::tempdir().unwrap();
    let store = Store::open(&identity_dir.path().join("s.db"), schema(Schema::new()))
        .await
        .unwrap();
    let identity = Identity::open(
        store,
        AuditTrail::open(identity_dir.path()).unwrap(),
        "us-east-1",
    )
    .await
    .unwrap();
    let key = identity.ensure_account(ACCOUNT).await.unwrap();
    let forgetful = lakeward_identity::Service::new(
        "iam",
        lakeward_wire::Protocol::Query {
            version: "1",
            namespace: "n",
        },
    )
    .operation(
        "Leak",
        &Arc::new(()),
        |_: Arc<()>, _call, _: serde_json::Value| async { Ok("secret") },
    );
    let world = World {
        front: Front::new(&identity, [forgetful]),
        root: Credentials::permanent(&key.id, key.secret.expose()),
        ..world
    };
    let reply = world.query(&world.root, "iam", &[("Action", "Leak")]).await;
    assert_eq!(reply.status, 500);
    assert!(!reply.body.contains("secret"));
}

#[tokio::test]
async fn what_a_stranger_sends_is_not_kept() {
    let world = world().await;
    let long = "x".repeat(300_000);
    let stranger = Credentials::permanent("AKIANOBODY", "x");
    let make = [("Action", "CreateUser"), ("UserName", &*long)];
    world.query(&stranger, "iam", &make).await;
    let record = world.audit().pop().unwrap();
    assert_eq!(record["eventName"], "CreateUser");
    assert!(record["requestParameters"].is_null());
    assert!(record.to_string().len() < 2000);
    world.query(&world.root, "iam", &make).await;
    let record = world.audit().pop().unwrap();
    assert_eq!(record["eventName"], "CreateUser");
    assert_eq!(record["requestParameters"]["omitted"], true);
    assert!(record.to_string().len() < 4000);
}

#[tokio::test]
async fn a_malformed_body_is_recorded_under_its_operation() {
    let world = world().await;
    let body = "UserName=%ff&Action=CreateUser&Version=2010-05-08";
    let request = Request::post("https://iam.us-east-1.amazonaws.com/")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Bytes::from(body))
        .unwrap();
    let signed = Signer::new(&world.root, "us-east-1", "iam")
        .sign(request)
        .unwrap();
    assert_eq!(world.send(signed).await.code(), "MalformedQueryString");
    assert_eq!(world.audit().pop().unwrap()["eventName"], "CreateUser");
}
