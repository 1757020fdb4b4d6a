//! The chain behind a runtime role: EC2 hands the cluster the instance profile's role, and that
//! role assumes the runtime role (EMR Management Guide, "Runtime roles for Amazon EMR steps").
//!
//! Both sides must agree, each time anew. STS alone would let a trust policy that names the
//! instance profile's role decide for both; EMR's guide asks for the permission as well, so the
//! instance profile's side is asked for itself, which also tells which link doesn't hold.

use std::sync::Arc;

use jiff::Timestamp;
use lakeward_identity::{
    AssumeRole, Call, Caller, Identity, OnBehalfOf, Origin, Role, RoleCredentials, ServiceSession,
};
use lakeward_policy::{Arn, Context};
use lakeward_wire::AwsError;
use serde_json::json;

use crate::emr::{cluster::Cluster, error::EmrError, security_configuration::SecurityDocument};

const EC2: &str = "ec2.amazonaws.com";
const USER_AGENT: &str = "lakeward-internal";
const LAKE_FORMATION_TAG: &str = "LakeFormationAuthorizedCaller";
const LONGEST_SESSION_NAME: usize = 64;

/// The role that EC2 hands to a cluster's instances.
pub(crate) struct ProfileRole {
    pub arn: String,
    /// The session's name: the primary instance's id.
    instance: String,
}

impl ProfileRole {
    /// The role that the cluster's instance profile holds now.
    pub(crate) fn of(identity: &Identity, cluster: &Cluster) -> Result<Self, EmrError> {
        let profile = &cluster.instance_profile;
        let arn = identity
            .instance_profile_role(&cluster.account, profile)
            .ok_or_else(|| {
                EmrError::invalid_request(format!(
                    "The instance profile {profile} of the cluster doesn't exist or holds no role. \
                     Put back its role (AddRoleToInstanceProfile)."
                ))
            })?;
        let instance = cluster.primary_instance().unwrap_or(&cluster.id).to_owned();
        Ok(Self { arn, instance })
    }

    /// Its temporary keys, as an instance gets them.
    pub(crate) fn keys(
        &self,
        identity: &Identity,
        now: Timestamp,
    ) -> Result<RoleCredentials, EmrError> {
        identity
            .service_credentials(&self.session(now))
            .map_err(|error| unusable_profile_role(&self.arn, &error))
    }

    /// EC2 takes the role for the cluster's primary instance.
    fn session(&self, now: Timestamp) -> ServiceSession<'_> {
        ServiceSession {
            role_arn: &self.arn,
            service: EC2,
            name: &self.instance,
            source: OnBehalfOf::default(),
            at: now,
        }
    }
}

/// One pass through the chain.
pub(crate) struct RoleChain<'a> {
    pub cluster: &'a Cluster,
    pub rules: &'a SecurityDocument,
    /// The runtime role.
    pub role_arn: &'a str,
    /// Who the session is for: the ARN of the caller that connected.
    pub caller_arn: &'a str,
    /// The caller's source identity.
    pub source_identity: Option<&'a str>,
    /// The time now.
    pub now: Timestamp,
}

impl RoleChain<'_> {
    /// Temporary keys of the runtime role.
    ///
    /// # Errors
    /// The link that doesn't hold, and what to change.
    pub(crate) fn assume(&self, identity: &Arc<Identity>) -> Result<RoleCredentials, EmrError> {
        let profile_role = ProfileRole::of(identity, self.cluster)?;
        let instance_session = identity
            .service_session(&profile_role.session(self.now))
            .map_err(|error| unusable_profile_role(&profile_role.arn, &error))?;
        let request = self.request();
        self.check_permissions(identity, &instance_session, &profile_role.arn, &request)?;
        identity
            .assume_role(&instance_session, request, self.origin())
            .map_err(|error| self.not_trusted(&profile_role.arn, &error))
    }

    /// The cluster asks, from its own address.
    fn origin(&self) -> Origin {
        Origin {
            source_ip: self.cluster.address.into(),
            user_agent: Some(USER_AGENT.to_owned()),
            at: self.now,
        }
    }

    /// The first link: the policies of the instance profile's role.
    fn check_permissions(
        &self,
        identity: &Arc<Identity>,
        instance_session: &Arc<Caller>,
        profile_role: &str,
        request: &AssumeRole,
    ) -> Result<(), EmrError> {
        let call = Call::begin(identity, Arc::clone(instance_session), self.origin());
        let owner = Arn::parse(self.role_arn).map_or_else(|_| String::new(), |arn| arn.account);
        let mut context = context(request);
        if let Some(role) = Role::find(call.snapshot(), self.role_arn) {
            context.extend(role.tag_context());
        }
        for action in self.actions() {
            let asked = call.authorize_own_side(action, self.role_arn, context.clone(), &owner);
            if let Err(refused) = asked {
                let parameters = json!({
                    "roleArn": self.role_arn, "roleSessionName": request.session_name,
                });
                // When the chain goes on, STS leaves the record.
                let closed = call.close::<()>("sts", "AssumeRole", parameters, Err(refused));
                return closed
                    .map_err(|error| not_permitted(action, profile_role, self.role_arn, &error));
            }
        }
        Ok(())
    }

    fn request(&self) -> AssumeRole {
        let caller = self.rules.lake_formation_caller();
        let source_identity = self
            .source_identity
            .filter(|_| self.rules.propagate_source_identity());
        AssumeRole {
            role_arn: self.role_arn.to_owned(),
            session_name: session_name(&self.cluster.id, self.caller_arn),
            tags: caller
                .map(|value| (LAKE_FORMATION_TAG.to_owned(), value.to_owned()))
                .into_iter()
                .collect(),
            external_id: self.rules.external_id().map(ToOwned::to_owned),
            source_identity: source_identity.map(ToOwned::to_owned),
            ..AssumeRole::default()
        }
    }

    /// What the chain asks of STS.
    fn actions(&self) -> Vec<&'static str> {
        let mut actions = vec!["sts:AssumeRole"];
        if self.rules.lake_formation_caller().is_some() {
            actions.push("sts:TagSession");
        }
        if self.source_identity.is_some() && self.rules.propagate_source_identity() {
            actions.push("sts:SetSourceIdentity");
        }
        actions
    }

    /// The second link: the runtime role's trust policy.
    fn not_trusted(&self, profile_role: &str, error: &AwsError) -> EmrError {
        if !error.is_sender_fault() {
            return EmrError::Aws(error.clone());
        }
        let condition = if self.rules.external_id().is_some() {
            " (a condition on sts:ExternalId must hold for the ExternalId that \
             DescribeSecurityConfiguration shows)"
        } else {
            ""
        };
        EmrError::invalid_request(format!(
            "The runtime role {} can't be assumed by the cluster: {} The role must exist, and its \
             trust policy must allow {} to {profile_role}, the role of the cluster's instance \
             profile{condition}.",
            self.role_arn,
            sentence(&error.message),
            self.actions().join(", "),
        ))
    }
}

fn not_permitted(action: &str, profile_role: &str, role_arn: &str, error: &AwsError) -> EmrError {
    if !error.is_access_denied() {
        return EmrError::Aws(error.clone());
    }
    EmrError::invalid_request(format!(
        "The cluster may not assume the runtime role {role_arn}: {} A policy of {profile_role}, the \
         role of the cluster's instance profile, must allow {action} on the runtime role.",
        sentence(&error.message)
    ))
}

/// The condition keys of the request, as STS fills them.
fn context(request: &AssumeRole) -> Context {
    let mut context = Context::new().with("sts:RoleSessionName", request.session_name.clone());
    if let Some(external_id) = &request.external_id {
        context.insert("sts:ExternalId", vec![external_id.clone()]);
    }
    if let Some(source_identity) = &request.source_identity {
        context.insert("sts:SourceIdentity", vec![source_identity.clone()]);
    }
    for (key, value) in &request.tags {
        context.insert(&format!("aws:RequestTag/{key}"), vec![value.clone()]);
        context.insert("aws:TagKeys", vec![key.clone()]);
    }
    context
}

fn unusable_profile_role(profile_role: &str, error: &AwsError) -> EmrError {
    if !error.is_sender_fault() {
        return EmrError::Aws(error.clone());
    }
    EmrError::invalid_request(format!(
        "The instance profile's role {profile_role} can't be used by the cluster: {} Its trust \
         policy must allow sts:AssumeRole to the service {EC2}.",
        sentence(&error.message)
    ))
}

/// `text` with a full stop at its end.
fn sentence(text: &str) -> String {
    format!("{}.", text.trim_end_matches('.'))
}

/// Names cluster and user, in the characters STS takes: `[\w+=,.@-]`, at most 64.
fn session_name(cluster_id: &str, caller_arn: &str) -> String {
    let user = caller_arn.rsplit(['/', ':']).next().unwrap_or_default();
    format!("{cluster_id}-{user}")
        .chars()
        .map(|c| if is_allowed(c) { c } else { '-' })
        .take(LONGEST_SESSION_NAME)
        .collect()
}

fn is_allowed(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_+=,.@-".contains(c)
}

#[cfg(test)]
mod tests {
    use super::session_name;

    #[test]
    fn a_session_names_cluster_and_user() {
        assert_eq!(
            session_name("j-ABC", "arn:aws:sts::1:assumed-role/studio/david"),
            "j-ABC-david"
        );
        let long = session_name("j-ABC", &format!("arn:aws:iam::1:user/{}é", "x".repeat(80)));
        assert_eq!(long.len(), 64);
        assert_eq!(session_name("j-A", "arn:aws:iam::1:user/a b"), "j-A-a-b");
    }
}
