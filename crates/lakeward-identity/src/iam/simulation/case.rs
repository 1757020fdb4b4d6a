//! One question of a simulation: an action on a resource.

use std::cell::OnceCell;

use lakeward_policy::{Arn, Context, Decision, PolicyDocument, Request, ResourceSide, Usage};
use lakeward_wire::AwsError;

use super::{
    invalid,
    policies::Policies,
    subject::Subject,
    view::{self, BoundaryDetail, Details, EvaluationResult, OrganizationsDetail, ResourceResult},
};
use crate::{
    Call, Role, User,
    call::set_request_keys,
    organizations::{self, control},
    standing::{Named, Standing, everything},
};

/// What all questions of a call share.
pub(super) struct Simulation<'a> {
    pub(super) call: &'a Call,
    pub(super) subject: Subject,
    pub(super) policies: Policies,
    /// The context entries that were given; they win over what is known.
    pub(super) entries: Context,
    pub(super) resource_policy: Option<GivenPolicy<'a>>,
    pub(super) resource_owner: Option<String>,
}

/// The resource policy of the input, compiled once for each use that the questions make of it.
pub(super) struct GivenPolicy<'a> {
    text: &'a str,
    trust: OnceCell<PolicyDocument>,
    resource: OnceCell<PolicyDocument>,
}

impl<'a> GivenPolicy<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            trust: OnceCell::new(),
            resource: OnceCell::new(),
        }
    }

    fn document(&self, kind: Kind) -> Result<PolicyDocument, AwsError> {
        let (kept, usage) = match kind {
            Kind::Trust => (&self.trust, Usage::Trust),
            Kind::Resource | Kind::Key => (&self.resource, Usage::Resource),
        };
        if let Some(document) = kept.get() {
            return Ok(document.clone());
        }
        let document = PolicyDocument::parse(self.text, usage).map_err(|malformed| {
            invalid(format!(
                "ResourcePolicy: {} (line {}, column {})",
                malformed.message, malformed.line, malformed.column
            ))
        })?;
        Ok(kept.get_or_init(|| document).clone())
    }
}

/// The resource's side of one question.
struct Owner {
    account: String,
    policy: Option<(Kind, PolicyDocument)>,
}

#[derive(Clone, Copy)]
enum Kind {
    Resource,
    Trust,
    Key,
}

impl Owner {
    fn side(&self) -> ResourceSide<'_> {
        let account = &*self.account;
        match &self.policy {
            None => ResourceSide::Account { account },
            Some((Kind::Resource, document)) => ResourceSide::Policy { document, account },
            Some((Kind::Trust, document)) => ResourceSide::Trust { document, account },
            Some((Kind::Key, document)) => ResourceSide::Key { document, account },
        }
    }

    fn document(&self) -> Option<&PolicyDocument> {
        self.policy.as_ref().map(|(_, document)| document)
    }
}

impl Simulation<'_> {
    pub(super) fn evaluate(
        &self,
        action: &str,
        resource: &str,
    ) -> Result<EvaluationResult, AwsError> {
        let owner = self.owner(action, resource)?;
        let resource_control = self.resource_control(&owner, action)?;
        let context = self.context(resource, &owner);
        let request = Request {
            principal: &self.subject.principal,
            unique_id: self.subject.unique_id.as_deref(),
            action,
            resource,
            context: &context,
        };
        let standing = &self.policies.standing;
        let decision = standing.decide(&request, owner.side(), &resource_control);
        let matched_statements = view::matched(&decision, &self.policies, owner.document());
        let missing_context_values = self.missing(&context, &owner);
        let boundary = self.boundary_detail(&request);
        let details = self.details(&request, &owner);
        Ok(EvaluationResult {
            eval_action_name: action.to_owned(),
            eval_resource_name: resource.to_owned(),
            eval_decision: view::word(&decision),
            organizations_decision_detail: self.organizations(&request, &resource_control),
            resource_specific_results: [ResourceResult {
                eval_resource_name: resource.to_owned(),
                eval_resource_decision: view::word(&decision),
                matched_statements: matched_statements.clone(),
                missing_context_values: missing_context_values.clone(),
                permissions_boundary_decision_detail: boundary.clone(),
                eval_decision_details: details.clone(),
            }],
            matched_statements,
            missing_context_values,
            permissions_boundary_decision_detail: boundary,
            eval_decision_details: details,
        })
    }

    /// Who owns the resource, and its policy: the given one, or a role's own trust policy.
    fn owner(&self, action: &str, resource: &str) -> Result<Owner, AwsError> {
        let parsed = Arn::parse(resource).ok();
        let service = parsed.as_ref().map_or("", |arn| &arn.service);
        let named = parsed
            .as_ref()
            .map(|arn| arn.account.clone())
            .filter(|account| !account.is_empty() && !account.contains('*'));
        let account = named
            .or_else(|| self.resource_owner.clone())
            .unwrap_or_else(|| self.subject.account.clone());
        let role = service == "iam" && resource.contains(":role/");
        let assumes = role && action.to_ascii_lowercase().starts_with("sts:");
        let kind = match (assumes, service) {
            (true, _) => Kind::Trust,
            (false, "kms") => Kind::Key,
            (false, _) => Kind::Resource,
        };
        if let Some(given) = &self.resource_policy {
            let policy = Some((kind, given.document(kind)?));
            return Ok(Owner { account, policy });
        }
        if assumes && !resource.contains(['*', '?']) {
            return self.trust(account, resource);
        }
        let policy = None;
        Ok(Owner { account, policy })
    }

    /// The trust policy of a role of the caller's account. Others' aren't shown: like a role that
    /// isn't there, they let nobody in.
    fn trust(&self, account: String, arn: &str) -> Result<Owner, AwsError> {
        let role = Role::find(self.call.snapshot(), arn)
            .filter(|role| role.account == self.call.account());
        let Some(role) = role else {
            let (account, policy) = (String::new(), None);
            return Ok(Owner { account, policy });
        };
        match role.trust.document() {
            Ok(document) => Ok(Owner {
                account,
                policy: Some((Kind::Trust, document.clone())),
            }),
            Err(malformed) => Err(invalid(format!(
                "the trust policy of {arn} can't be read: {malformed}"
            ))),
        }
    }

    /// Other accounts' resource control policies aren't shown.
    fn resource_control(&self, owner: &Owner, action: &str) -> Result<Vec<Vec<Named>>, AwsError> {
        if owner.account != self.call.account() {
            return Ok(Vec::new());
        }
        control::resource_control(self.call.snapshot(), &owner.account, action)
    }

    fn context(&self, resource: &str, owner: &Owner) -> Context {
        let snapshot = self.call.snapshot();
        let mut context = self.subject.context(snapshot);
        set_request_keys(&mut context, self.call.now(), self.call.region());
        if owner.account == self.call.account() {
            let own = organizations::resource_context(snapshot, &owner.account);
            context.extend(own);
            if let Some(user) = User::find(snapshot, resource) {
                context.extend(user.tag_context());
            }
            if let Some(role) = Role::find(snapshot, resource) {
                context.extend(role.tag_context());
            }
        }
        context.extend(self.entries.clone());
        context
    }

    /// The keys that the policies ask about and that nobody gave a value.
    fn missing(&self, context: &Context, owner: &Owner) -> Vec<String> {
        let mut keys = self.policies.context_keys();
        if let Some(document) = owner.document() {
            keys.extend(document.context_keys());
        }
        keys.retain(|key| context.get(key).is_none());
        keys.into_iter().collect()
    }

    fn boundary_detail(&self, request: &Request<'_>) -> Option<BoundaryDetail> {
        let boundary = self.policies.standing.boundary.clone()?;
        let alone = Standing {
            identity: boundary,
            ..Standing::default()
        };
        let decision = alone.decide(request, ResourceSide::None, &[]);
        Some(BoundaryDetail {
            allowed_by_permissions_boundary: decision.is_allowed(),
        })
    }

    fn organizations(
        &self,
        request: &Request<'_>,
        resource_control: &[Vec<Named>],
    ) -> Option<OrganizationsDetail> {
        let service_control = &self.policies.standing.service_control;
        if service_control.is_empty() && resource_control.is_empty() {
            return None;
        }
        let alone = Standing {
            identity: everything("everything"),
            service_control: service_control.clone(),
            ..Standing::default()
        };
        let decision = alone.decide(request, ResourceSide::None, resource_control);
        Some(OrganizationsDetail {
            allowed_by_organizations: decision.is_allowed(),
        })
    }

    /// What the principal's side and the resource's policy say, each alone.
    fn details(&self, request: &Request<'_>, owner: &Owner) -> Option<Details> {
        let document = owner.document()?;
        let identity = self
            .policies
            .standing
            .decide(request, ResourceSide::None, &[]);
        Some(Details::new(&identity, &resource_alone(request, document)))
    }
}

/// To another account's callers, a resource's policy must allow by itself.
fn resource_alone(request: &Request<'_>, document: &PolicyDocument) -> Decision {
    let alone = Standing {
        identity: everything("everything"),
        ..Standing::default()
    };
    let account = "";
    let side = ResourceSide::Policy { document, account };
    alone.decide(request, side, &[])
}
