//! What an operation is about, as policies are asked, and whether the caller's account may.

use std::sync::Arc;

use lakeward_policy::{Context, ResourceSide};
use lakeward_store::{Change, Snapshot};
use lakeward_wire::AwsError;

use crate::{
    Call, ChangeRefused, Identity, Permit,
    inventory::Tags,
    organizations::{Organization, OrganizationPolicy, PolicyType, ResourceTags, error, policy},
};

/// The type that a policy counts as that isn't there.
const MISSING: PolicyType = PolicyType::ServiceControlPolicy;

/// A call, seen from the organization that its account is in.
pub(super) struct Visit<'c> {
    call: &'c Call,
    organization: Option<Arc<Organization>>,
}

impl<'c> Visit<'c> {
    pub(super) fn new(call: &'c Call) -> Self {
        Self {
            call,
            organization: Organization::of(call.snapshot(), call.account()),
        }
    }

    /// Asks for an action on nothing in particular.
    pub(super) fn ask(&self, action: &str, context: Context) -> Result<Permit, AwsError> {
        self.authorize(action, "*", context)
    }

    /// Asks for an action on a root, unit or account.
    pub(super) fn ask_on(
        &self,
        action: &str,
        target: &str,
        context: Context,
    ) -> Result<Permit, AwsError> {
        let arn = self
            .organization
            .as_ref()
            .map_or_else(|| "*".to_owned(), |own| own.target_arn(target));
        let context = self.tagged(target, context);
        self.authorize(action, &arn, context)
    }

    /// Asks for an action on a policy, whose type is a condition key. A refusal names it as it
    /// would name one that isn't there.
    pub(super) fn ask_on_policy(
        &self,
        action: &str,
        id: &str,
        context: Context,
    ) -> Result<Permit, AwsError> {
        let ask = |kind: PolicyType| {
            let arn = self
                .organization
                .as_ref()
                .map_or_else(|| "*".to_owned(), |own| policy::arn(own, kind, id));
            let context = self
                .tagged(id, context.clone())
                .with("organizations:PolicyType", kind.name());
            self.authorize(action, &arn, context)
        };
        let kind = self.kind_of(id);
        match ask(kind) {
            Err(refusal) if kind != MISSING => Err(ask(MISSING).err().unwrap_or(refusal)),
            answer => answer,
        }
    }

    /// The type of a policy; one that isn't there counts as a service control policy.
    pub(super) fn kind_of(&self, id: &str) -> PolicyType {
        let organization = self.organization.as_ref().map_or("", |own| &own.id);
        OrganizationPolicy::find(self.call.snapshot(), organization, id)
            .map_or(MISSING, |policy| policy.kind)
    }

    /// The ARNs of these things name the management account, but what a member's own policies
    /// say of them is all there is to ask: whether its account may is [`Visit::managed`].
    fn authorize(&self, action: &str, arn: &str, context: Context) -> Result<Permit, AwsError> {
        self.call.authorize_with(
            &format!("organizations:{action}"),
            arn,
            context,
            ResourceSide::None,
        )
    }

    fn tagged(&self, resource: &str, context: Context) -> Context {
        let tags = self.organization.as_ref().map_or_else(Tags::new, |own| {
            ResourceTags::of(self.call.snapshot(), &own.id, resource)
        });
        let mut whole = Context::new();
        for (key, value) in tags {
            whole.insert(&format!("aws:ResourceTag/{key}"), vec![value]);
        }
        whole.extend(context);
        whole
    }

    /// The organization, for operations that members may call.
    pub(super) fn organization(&self) -> Result<Arc<Organization>, AwsError> {
        self.organization.clone().ok_or_else(error::not_in_use)
    }

    /// The organization, for operations that only the management account may call.
    pub(super) fn managed(&self) -> Result<Arc<Organization>, AwsError> {
        managed_by(self.call.snapshot(), self.call.account())
    }

    pub(super) fn snapshot(&self) -> &Snapshot {
        self.call.snapshot()
    }
}

fn managed_by(snapshot: &Snapshot, account: &str) -> Result<Arc<Organization>, AwsError> {
    let organization = Organization::of(snapshot, account).ok_or_else(error::not_in_use)?;
    if organization.management_account == account {
        return Ok(organization);
    }
    Err(error::management_only())
}

/// Changes the organization that the caller's account manages.
pub(super) async fn amend<T>(
    identity: &Identity,
    call: &Call,
    edit: impl FnOnce(&mut Change<'_>, &Organization) -> Result<T, AwsError> + Send,
) -> Result<T, AwsError> {
    let account = call.account();
    identity
        .store()
        .change(|change| -> Result<T, ChangeRefused> {
            let organization = managed_by(change, account)?;
            Ok(edit(change, &organization)?)
        })
        .await
        .map_err(AwsError::from)
}
