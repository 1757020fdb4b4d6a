//! Asking STS.

use lakeward_client::Credentials;

use crate::world::{ACCOUNT, Reply, World};

pub const ME: [(&str, &str); 1] = [("Action", "GetCallerIdentity")];
/// Whom the account's policies let in, is in.
pub const OPEN: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]}]}"#;
pub const EVERYTHING: &str = r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#;

pub fn policy(statement: &str) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#)
}

pub async fn admin(world: &World, name: &str) -> Credentials {
    let credentials = world.user(name).await;
    world.allow_user(name, EVERYTHING).await;
    credentials
}

pub async fn own_session(world: &World, who: &Credentials, more: &[(&str, &str)]) -> Reply {
    let mut parameters = vec![("Action", "GetSessionToken")];
    parameters.extend(more);
    world.query(who, "sts", &parameters).await
}

/// `more` in the place of what it names again.
pub fn over<'a>(
    usual: &[(&'a str, &'a str)],
    more: &[(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    let again = |name: &str| more.iter().any(|(own, _)| *own == name);
    let kept = usual.iter().filter(|(name, _)| !again(name));
    kept.chain(more).copied().collect()
}

pub async fn assume(world: &World, who: &Credentials, role: &str, more: &[(&str, &str)]) -> Reply {
    let arn = format!("arn:aws:iam::{ACCOUNT}:role/{role}");
    let usual = [
        ("Action", "AssumeRole"),
        ("RoleArn", &*arn),
        ("RoleSessionName", "here"),
    ];
    world.query(who, "sts", &over(&usual, more)).await
}

pub async fn root_does(world: &World, parameters: &[(&str, &str)]) {
    let reply = world.query(&world.root, "iam", parameters).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
}

pub async fn role_may(world: &World, role: &str, statement: &str) {
    let parameters = [
        ("Action", "PutRolePolicy"),
        ("RoleName", role),
        ("PolicyName", "p"),
        ("PolicyDocument", &*policy(statement)),
    ];
    root_does(world, &parameters).await;
}
