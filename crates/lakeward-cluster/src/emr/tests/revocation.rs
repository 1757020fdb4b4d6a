//! What ends a login, and what ends the keys of the sessions that it opened: for each change of
//! the world, when it is felt.

use std::sync::Arc;

use jiff::Timestamp;
use lakeward_identity::{AccessKey, Caller, KeyStatus};
use lakeward_session::{Login, NoLogin, RoleCredentials, RuntimeRoles, Visit};
use lakeward_wire::AwsError;
use serde_json::json;

use super::{
    connect::{issue, pair},
    world::{ACCOUNT, RULES, World, allow, code, everything, pass_time, role_arn, trust},
};
use crate::emr::{CredentialLimits, SessionCredential, cluster::end, cluster::tagging};

const CHAIN: [&str; 3] = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"];

/// Someone who is connected under `marketing`, with keys that a session of theirs has fetched.
struct Guest {
    cluster: String,
    username: String,
    password: String,
    login: Login,
    keys: RoleCredentials,
}

impl Guest {
    async fn connect(world: &World, policy: &str) -> Self {
        let cluster = world.ready_cluster().await;
        Self::connect_to(world, cluster, policy).await
    }

    async fn connect_to(world: &World, cluster: String, policy: &str) -> Self {
        let call = world.studio(policy, None).await;
        let output = issue(world, &call, &cluster, "marketing").await.unwrap();
        let (username, password) = pair(&output);
        let login = world.emr.login(&cluster, &username, &password).unwrap();
        let keys = world.emr.credentials(&login).unwrap();
        Self {
            cluster,
            username,
            password,
            login,
            keys,
        }
    }

    /// Whether the pair still opens Livy.
    fn may_log_in(&self, world: &World) -> bool {
        let login = world
            .emr
            .login(&self.cluster, &self.username, &self.password);
        login.is_ok()
    }

    /// New keys for the session.
    fn renew(&self, world: &World) -> Result<RoleCredentials, AwsError> {
        world.emr.credentials(&self.login)
    }

    /// Who the keys that the session has are of.
    fn holder(&self, world: &World) -> Option<Arc<Caller>> {
        let token = Some(self.keys.session_token.expose());
        let (key, now) = (&self.keys.access_key_id, Timestamp::now());
        world.identity.authenticate(key, token, now).ok()
    }

    fn assert_open(&self, world: &World) {
        assert!(
            self.may_log_in(world) && self.renew(world).is_ok() && self.holder(world).is_some()
        );
    }

    /// Livy is shut at the next call, and the session gets no more keys. Those it has last.
    fn assert_login_revoked(&self, world: &World) {
        assert!(!self.may_log_in(world));
        assert!(self.renew(world).is_err());
    }
}

fn nothing() -> String {
    allow(json!([{"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}]))
}

fn connects(condition: serde_json::Value) -> String {
    allow(json!([{
        "Effect": "Allow", "Action": "elasticmapreduce:GetClusterSessionCredentials", "Resource": "*",
        "Condition": condition,
    }]))
}

/// The audit records of refused `GetClusterSessionCredentials`.
fn refusals(world: &World) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(world.folder.join("audit.jsonl")).unwrap();
    text.lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter(|record| record["eventName"] == "GetClusterSessionCredentials")
        .filter(|record| record["errorCode"].is_string())
        .collect()
}

#[tokio::test]
async fn a_narrower_policy_of_the_caller_shuts_the_next_call() {
    let world = World::new().await;
    let role = |name: &str| {
        connects(json!({"StringEquals": {"elasticmapreduce:ExecutionRoleArn": role_arn(name)}}))
    };
    let guest = Guest::connect(&world, &role("marketing")).await;
    guest.assert_open(&world);
    assert!(refusals(&world).is_empty());
    let denied = allow(json!([
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Effect": "Deny", "Action": "elasticmapreduce:*", "Resource": "*"},
    ]));
    for policy in [role("sales"), denied, nothing()] {
        world.studio(&policy, None).await;
        guest.assert_login_revoked(&world);
        let error = guest.renew(&world).unwrap_err();
        assert!(error.is_access_denied(), "{error}");
        assert!(
            guest.holder(&world).is_some(),
            "issued keys end with their time"
        );
    }
    let records = refusals(&world);
    let record = records.last().unwrap();
    assert_eq!(
        record["requestParameters"]["usedBy"],
        guest.username.as_str()
    );
    assert_eq!(
        record["userIdentity"]["arn"],
        format!("arn:aws:sts::{ACCOUNT}:assumed-role/studio/david")
    );
    assert!(!record.to_string().contains(&guest.password));
    world.studio(&role("marketing"), None).await;
    guest.assert_open(&world);
}

/// The records of requests that came with the guest's user name.
fn visits(world: &World) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(world.folder.join("audit.jsonl")).unwrap();
    text.lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter(|record| record["eventSource"] == "livy.amazonaws.com")
        .collect()
}

#[tokio::test]
async fn a_dead_pair_says_whose_it_was_and_why_it_is_dead() {
    let world = World::new().await;
    let guest = Guest::connect(&world, &everything()).await;
    let ask = || {
        let opened = world
            .emr
            .login(&guest.cluster, &guest.username, &guest.password);
        let Err(NoLogin::Lapsed { login, reason }) = opened else {
            panic!("not lapsed: {opened:?}");
        };
        assert_eq!(*login, guest.login);
        reason
    };
    world.studio(&nothing(), None).await;
    let reason = ask();
    assert!(reason.contains("is not authorized to perform"), "{reason}");
    assert!(
        refusals(&world).is_empty(),
        "what it was used for has the record"
    );
    let touched = serde_json::Map::new();
    let visit = Visit {
        service: "livy",
        cluster_id: &guest.cluster,
        login: Some(&guest.login),
        operation: "ListSessions",
        touched: &touched,
        made: None,
        source_ip: [192, 0, 2, 7].into(),
        user_agent: None,
        status: 401,
        lapse: Some(&reason),
    };
    world.emr.record(visit).unwrap();
    let record = visits(&world).pop().unwrap();
    assert_eq!(record["errorCode"], "Unauthorized");
    let message = record["errorMessage"].as_str().unwrap();
    assert!(message.contains(&reason), "{message}");
    assert_eq!(record["sourceIPAddress"], "192.0.2.7");
    let who = &record["userIdentity"];
    assert_eq!(who["type"], "AssumedRole");
    assert_eq!(
        who["arn"],
        format!("arn:aws:sts::{ACCOUNT}:assumed-role/studio/david")
    );
    let issuer = &who["sessionContext"]["sessionIssuer"]["arn"];
    assert_eq!(*issuer, role_arn("studio"));
    let came_with = json!({
        "username": guest.username, "executionRoleArn": role_arn("marketing"),
    });
    assert_eq!(record["additionalEventData"], came_with);

    world.studio(&everything(), None).await;
    pass_time(12 * 3600 + 1);
    assert!(ask().contains("expired"));
}

#[tokio::test]
async fn a_wrong_password_asks_nobody() {
    let world = World::new().await;
    let guest = Guest::connect(&world, &everything()).await;
    world.studio(&nothing(), None).await;
    let login = world.emr.login(&guest.cluster, &guest.username, "wrong");
    assert_eq!(login, Err(NoLogin::Unknown));
    assert!(refusals(&world).is_empty());
}

#[tokio::test]
async fn retagging_the_cluster_shuts_the_next_call() {
    let world = World::new().await;
    let by_tag = connects(json!({"StringEquals": {"elasticmapreduce:ResourceTag/team": "red"}}));
    let guest = Guest::connect(&world, &by_tag).await;
    let root = world.root().await;
    for (team, open) in [("blue", false), ("red", true)] {
        let retag = json!({"ResourceId": guest.cluster, "Tags": [{"Key": "team", "Value": team}]});
        world.run(&root, tagging::add, retag).await.unwrap();
        assert_eq!(guest.may_log_in(&world), open, "{team}");
        assert_eq!(guest.renew(&world).is_ok(), open, "{team}");
    }
}

#[tokio::test]
async fn a_caller_that_is_gone_shuts_the_next_call() {
    let world = World::new().await;
    let guest = Guest::connect(&world, &everything()).await;
    world.remake_role("studio").await;
    guest.assert_login_revoked(&world);
    world.delete_role("studio").await;
    guest.assert_login_revoked(&world);
    // `studio` makes the role as it was, under its old unique id.
    world.studio(&everything(), None).await;
    guest.assert_open(&world);
}

#[tokio::test]
async fn a_callers_key_that_is_switched_off_shuts_the_next_call() {
    let world = World::new().await;
    let cluster = world.ready_cluster().await;
    let root = world.root().await;
    let output = issue(&world, &root, &cluster, "marketing").await.unwrap();
    let (username, password) = pair(&output);
    assert!(world.emr.login(&cluster, &username, &password).is_ok());
    let id = root.caller().access_key_id.clone();
    world
        .change(|change| {
            let mut key = (*change.get::<AccessKey>(&id).unwrap()).clone();
            key.status = KeyStatus::Inactive;
            change.put(key);
        })
        .await;
    assert!(world.emr.login(&cluster, &username, &password).is_err());
}

#[tokio::test]
async fn a_deleted_runtime_role_ends_login_and_keys_at_once() {
    let world = World::new().await;
    let guest = Guest::connect(&world, &everything()).await;
    world.delete_role("marketing").await;
    guest.assert_login_revoked(&world);
    assert!(guest.holder(&world).is_none(), "the keys die with the role");
}

#[tokio::test]
async fn a_runtime_role_made_anew_is_another() {
    let world = World::new().await;
    let guest = Guest::connect(&world, &everything()).await;
    world.remake_role("marketing").await;
    guest.assert_login_revoked(&world);
    assert!(guest.holder(&world).is_none());
    let again = Guest::connect_to(&world, guest.cluster.clone(), &everything()).await;
    again.assert_open(&world);
}

/// The links of the chain: the login goes on, since nothing about the caller changed, but the
/// session's keys aren't renewed.
#[tokio::test]
async fn a_broken_link_of_the_chain_ends_the_keys_at_their_renewal() {
    let world = World::new().await;
    let guest = Guest::connect(&world, &everything()).await;
    let to_machine = trust(json!({"AWS": role_arn("machine")}), json!(CHAIN), json!({}));
    let to_sales = trust(json!({"AWS": role_arn("sales")}), json!(CHAIN), json!({}));
    let by = |service: &str| {
        trust(
            json!({"Service": service}),
            json!("sts:AssumeRole"),
            json!({}),
        )
    };
    let ec2 = by("ec2.amazonaws.com");
    let lambda = by("lambda.amazonaws.com");
    let may_all = allow(json!([{"Effect": "Allow", "Action": CHAIN, "Resource": "*"}]));
    let nothing: [String; 0] = [];
    let fine = std::slice::from_ref(&may_all);
    for (role, broken, policies, whole, again, words) in [
        (
            "marketing",
            &to_sales,
            &nothing[..],
            &to_machine,
            &nothing[..],
            "trust policy",
        ),
        (
            "machine",
            &ec2,
            &nothing[..],
            &ec2,
            fine,
            "must allow sts:AssumeRole",
        ),
        ("machine", &lambda, fine, &ec2, fine, "ec2.amazonaws.com"),
    ] {
        world.role(role, broken, policies).await;
        let error = guest.renew(&world).unwrap_err();
        assert!(error.message.contains(words), "{words}: {error}");
        assert!(guest.may_log_in(&world), "{words}");
        assert!(guest.holder(&world).is_some(), "{words}");
        world.role(role, whole, again).await;
        guest.assert_open(&world);
    }
    let key = format!("{ACCOUNT}/profile");
    world
        .change(|change| change.delete::<lakeward_identity::InstanceProfile>(&key))
        .await;
    let error = guest.renew(&world).unwrap_err();
    assert!(error.message.contains("instance profile"), "{error}");
}

#[tokio::test]
async fn a_terminated_cluster_ends_everything_but_the_keys_that_were_issued() {
    let world = World::new().await;
    let guest = Guest::connect(&world, &everything()).await;
    let root = world.root().await;
    let input = json!({"JobFlowIds": [guest.cluster]});
    world.run(&root, end::terminate, input).await.unwrap();
    guest.assert_login_revoked(&world);
    assert!(guest.holder(&world).is_some());
}

/// What IAM's console does with "Revoke active sessions": keys older than a moment are denied.
#[tokio::test]
async fn older_sessions_of_a_runtime_role_can_be_denied() {
    let world = World::new().await;
    let lists = json!({"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"});
    let trusted = trust(json!({"AWS": role_arn("machine")}), json!(CHAIN), json!({}));
    let before = allow(json!([lists]));
    world.role("marketing", &trusted, &[before]).await;
    let guest = Guest::connect(&world, &everything()).await;
    let may = |keys: &RoleCredentials| {
        let token = Some(keys.session_token.expose());
        let caller = world
            .identity
            .authenticate(&keys.access_key_id, token, Timestamp::now())
            .unwrap();
        let call = world.call_of(caller);
        call.authorize("s3:ListAllMyBuckets", "*", lakeward_policy::Context::new())
            .is_ok()
    };
    assert!(may(&guest.keys));
    let moment = lakeward_wire::iso(Timestamp::now() + jiff::SignedDuration::from_secs(60));
    let after = allow(json!([lists, {
        "Effect": "Deny", "Action": "*", "Resource": "*",
        "Condition": {"DateLessThan": {"aws:TokenIssueTime": moment}},
    }]));
    world.role("marketing", &trusted, &[after]).await;
    assert!(!may(&guest.keys), "at the next request");
}

#[tokio::test]
async fn a_session_may_outlive_its_pair_for_a_day() {
    let world = World::new().await;
    let guest = Guest::connect(&world, &everything()).await;
    pass_time(12 * 3600 + 1);
    assert!(!guest.may_log_in(&world));
    assert!(guest.renew(&world).is_ok(), "its work goes on");
    world.emr.tidy().await.unwrap();
    assert!(guest.renew(&world).is_ok(), "still on record");
    pass_time(24 * 3600);
    assert!(guest.renew(&world).is_err());
    world.emr.tidy().await.unwrap();
    assert!(
        world
            .store
            .snapshot()
            .scan::<SessionCredential>("")
            .is_empty()
    );
}

#[tokio::test]
async fn a_second_pair_leaves_the_first_as_it_was() {
    let world = World::new().await;
    let first = Guest::connect(&world, &everything()).await;
    let second = Guest::connect_to(&world, first.cluster.clone(), &everything()).await;
    assert_ne!(first.username, second.username);
    first.assert_open(&world);
    second.assert_open(&world);
    let crossed = world
        .emr
        .login(&first.cluster, &first.username, &second.password);
    assert_eq!(crossed, Err(NoLogin::Unknown));
}

#[tokio::test]
async fn pairs_are_bounded_for_each_principal_and_each_cluster() {
    let world = World::new().await;
    let cluster = world.ready_cluster().await;
    let few = world.limited(CredentialLimits {
        for_one_principal: 3,
        for_one_cluster: 5,
    });
    let call = few.studio(&everything(), None).await;
    for _ in 0..3 {
        issue(&few, &call, &cluster, "marketing").await.unwrap();
    }
    let error = issue(&few, &call, &cluster, "sales").await.unwrap_err();
    assert_eq!(code(&error), "InvalidRequestException");
    assert!(
        error
            .message
            .contains("role/studio has 3 session credentials"),
        "{error}"
    );
    // Another session of the role is the same principal; another principal has room of its own.
    let root = few.root().await;
    for _ in 0..2 {
        issue(&few, &root, &cluster, "marketing").await.unwrap();
    }
    let error = issue(&few, &root, &cluster, "marketing").await.unwrap_err();
    assert!(error.message.contains("5 session credentials"), "{error}");
    // An expired pair leaves room.
    pass_time(12 * 3600 + 1);
    let call = few.studio(&everything(), None).await;
    issue(&few, &call, &cluster, "marketing").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_each_get_their_own() {
    let world = World::new().await;
    let cluster = world.ready_cluster_with(RULES, |_| {}).await;
    let call = world.studio(&everything(), None).await;
    let asked = (0..64).map(|n| {
        let role = if n % 2 == 0 { "marketing" } else { "sales" };
        let (world, call, cluster) = (&world, &call, &cluster);
        async move {
            (
                role,
                pair(&issue(world, call, cluster, role).await.unwrap()),
            )
        }
    });
    let pairs = futures::future::join_all(asked).await;
    let mut names = std::collections::BTreeSet::new();
    for (role, (username, password)) in &pairs {
        let login = world.emr.login(&cluster, username, password).unwrap();
        assert_eq!(login.role_arn, role_arn(role));
        names.insert(username);
    }
    assert_eq!(names.len(), 64);
}
