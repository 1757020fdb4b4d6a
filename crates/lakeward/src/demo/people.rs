//! The administrator, and the two people of the example with their Studio execution roles.

use anyhow::Result;
use lakeward_client::Client;
use lakeward_wire::Secret;
use serde_json::{Value, json};

use super::{
    homes,
    roles::{Iam, allow, policy, trust},
    stack::{DAVID, Stack, TINA},
};
use crate::{
    daemon::StateFolder,
    profile::{Profile, Profiles},
};

/// What the connect client calls before it asks for credentials.
const FIND_CLUSTERS: [&str; 6] = [
    "elasticmapreduce:ListClusters",
    "elasticmapreduce:DescribeCluster",
    "elasticmapreduce:ListInstances",
    "elasticmapreduce:ListInstanceGroups",
    "elasticmapreduce:DescribeSecurityConfiguration",
    "elasticmapreduce:ListSecurityConfigurations",
];

/// Someone with a user profile, and the purposes of the runtime roles they may use.
pub(super) struct Person {
    /// What `lakeward env --profile` calls them.
    pub(super) short: &'static str,
    /// The Studio user profile.
    pub(super) user_profile: &'static str,
    pub(super) purposes: &'static [&'static str],
}

pub(super) const PEOPLE: [Person; 2] = [
    Person {
        short: "david",
        user_profile: DAVID,
        purposes: &["marketing"],
    },
    Person {
        short: "tina",
        user_profile: TINA,
        purposes: &["sales", "electronics"],
    },
];

/// Makes the administrator with root's key and returns a client that signs as the administrator.
pub(super) async fn administrator(
    root: &Client,
    stack: &Stack,
    folder: &StateFolder,
) -> Result<Client> {
    let name = format!("{}-admin", stack.name);
    Iam(root)
        .user(&name, &policy(&[allow(&["*"], &["*"])]))
        .await?;
    let profile = profile_of(root, "admin", &name, folder).await?;
    Ok(root.with_credentials(profile.key()))
}

/// Makes users, Studio execution roles, profiles and home folders.
pub(super) async fn create(admin: &Client, stack: &Stack, folder: &StateFolder) -> Result<()> {
    for person in &PEOPLE {
        let user = format!("{}-{}", stack.name, person.short);
        let studio_role = stack.studio_role(person.user_profile);
        let arn = stack.role_arn(&studio_role);
        let sign_in = ["sts:AssumeRole", "sts:SetSourceIdentity"];
        Iam(admin)
            .user(&user, &policy(&[allow(&sign_in, &[&arn])]))
            .await?;
        let trusted = policy(&[
            trust(&json!({"Service": "sagemaker.amazonaws.com"}), &sign_in),
            trust(&json!({"AWS": stack.user_arn(&user)}), &sign_in),
        ]);
        Iam(admin)
            .role(&studio_role, &trusted, &studio_permissions(stack, person))
            .await?;
        let mut profile = profile_of(admin, person.short, &user, folder).await?;
        profile.role_arn = Some(arn);
        profile.source_identity = Some(person.user_profile.to_owned());
        profile.home = Some(homes::furnish(folder, stack, person)?);
        keep(folder, person.short, profile)?;
    }
    Ok(())
}

/// Credentials on the cluster only for exactly the person's runtime roles.
fn studio_permissions(stack: &Stack, person: &Person) -> Value {
    let arns: Vec<String> = person
        .purposes
        .iter()
        .map(|purpose| stack.role_arn(&stack.runtime_role(purpose)))
        .collect();
    policy(&[
        allow(&FIND_CLUSTERS, &["*"]),
        json!({
            "Sid": "AllowEMRRuntimeRole",
            "Effect": "Allow",
            "Action": "elasticmapreduce:GetClusterSessionCredentials",
            "Resource": format!("arn:aws:elasticmapreduce:{}:{}:cluster/*", stack.region, stack.account),
            "Condition": {"StringEquals": {"elasticmapreduce:ExecutionRoleArn": arns}},
        }),
    ])
}

/// The user's profile; its key is made when the profile isn't there yet.
async fn profile_of(
    iam: &Client,
    short: &str,
    user: &str,
    folder: &StateFolder,
) -> Result<Profile> {
    let profiles = Profiles::read(folder)?;
    if let Ok(profile) = profiles.get(short) {
        return Ok(profile.clone());
    }
    let (id, secret) = Iam(iam).fresh_key(user).await?;
    let profile = Profile::new(&id, Secret::new(secret));
    keep(folder, short, profile.clone())?;
    Ok(profile)
}

fn keep(folder: &StateFolder, short: &str, profile: Profile) -> Result<()> {
    let mut profiles = Profiles::read(folder)?;
    profiles.set(short, profile);
    profiles.write(folder)
}
