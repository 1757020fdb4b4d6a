//! The policies of a simulation, and where each came from.

use std::collections::BTreeSet;

use lakeward_policy::{PolicyDocument, Usage};
use lakeward_store::Snapshot;
use lakeward_wire::AwsError;

use super::{parse, subject::Source};
use crate::{
    inventory::InlinePolicies,
    organizations::control,
    standing::{Named, Standing, of_group},
};

/// Where a policy came from, as the answer names it.
pub(super) struct Origin {
    pub(super) id: String,
    pub(super) kind: &'static str,
    pub(super) document: PolicyDocument,
}

/// Everything that bears on the principal. Names don't tell two policies apart, so each stands
/// under its index in `origins`.
#[derive(Default)]
pub(super) struct Policies {
    pub(super) standing: Standing,
    origins: Vec<Origin>,
}

impl Policies {
    /// What a user, role or group has, and the organization's policies above its account.
    pub(super) fn of(snapshot: &Snapshot, source: &Source) -> Result<Self, AwsError> {
        let (standing, own, kind, linked) = match source {
            Source::User(user) => {
                let standing = Standing::of_user(snapshot, user)?;
                (standing, Some(&user.policies), "user", false)
            }
            Source::Role(role) => {
                let linked = role.path.starts_with("/aws-service-role/");
                let standing = Standing::of_role(snapshot, role)?;
                (standing, Some(&role.policies), "role", linked)
            }
            Source::Group(group) => {
                let identity = of_group(snapshot, &group.account, &group.name)?;
                let standing = Standing {
                    identity,
                    ..Standing::default()
                };
                (standing, None, "group", false)
            }
        };
        let mut policies = Self::default();
        policies.standing.identity =
            policies.adopt(standing.identity, |name| kind_of(name, own, kind));
        let boundary = standing.boundary;
        policies.standing.boundary =
            boundary.map(|boundary| policies.adopt(boundary, |name| kind_of(name, None, kind)));
        if !linked {
            for level in control::service_control(snapshot, source.account())? {
                let level = policies.adopt(level, |_| "scp");
                policies.standing.service_control.push(level);
            }
        }
        Ok(policies)
    }

    fn adopt(&mut self, named: Vec<Named>, kind: impl Fn(&str) -> &'static str) -> Vec<Named> {
        named
            .into_iter()
            .map(|(name, document)| {
                let kind = kind(&name);
                let id = match name.rsplit_once('/') {
                    Some((_, short)) if name.starts_with("arn:") => short.to_owned(),
                    _ => name,
                };
                self.number(id, kind, document)
            })
            .collect()
    }

    fn number(&mut self, id: String, kind: &'static str, document: PolicyDocument) -> Named {
        let index = self.origins.len().to_string();
        self.origins.push(Origin {
            id,
            kind,
            document: document.clone(),
        });
        (index, document)
    }

    fn input(
        &mut self,
        list: &'static str,
        texts: &[String],
        usage: Usage,
    ) -> Result<Vec<Named>, AwsError> {
        let texts = texts.iter().enumerate();
        texts
            .map(|(at, text)| {
                let document = parse(list, at, text, usage)?;
                Ok(self.number(format!("{list}.{}", at + 1), "none", document))
            })
            .collect()
    }

    /// Adds further policies of the principal.
    pub(super) fn add(&mut self, texts: &[String]) -> Result<(), AwsError> {
        let more = self.input("PolicyInputList", texts, Usage::Identity)?;
        self.standing.identity.extend(more);
        Ok(())
    }

    /// Puts another boundary in the place of the principal's, if one is given.
    pub(super) fn replace_boundary(&mut self, texts: &[String]) -> Result<(), AwsError> {
        if !texts.is_empty() {
            let list = "PermissionsBoundaryPolicyInputList";
            self.standing.boundary = Some(self.input(list, texts, Usage::Identity)?);
        }
        Ok(())
    }

    /// Adds a level of an organization below those there are.
    pub(super) fn add_level(&mut self, texts: &[String]) -> Result<(), AwsError> {
        let list = "ServiceControlPolicyInputList";
        let level = self.input(list, texts, Usage::ServiceControl)?;
        self.standing.service_control.push(level);
        Ok(())
    }

    /// Where the policy that a reason names came from.
    pub(super) fn origin(&self, name: &str) -> Option<&Origin> {
        self.origins.get(name.parse::<usize>().ok()?)
    }

    /// The condition keys that the principal's policies ask about.
    pub(super) fn context_keys(&self) -> BTreeSet<String> {
        let standing = &self.standing;
        let limits = standing.boundary.iter().flatten();
        let documents = standing.identity.iter().chain(limits);
        documents
            .flat_map(|(_, document)| document.context_keys())
            .collect()
    }
}

/// What kind of policy a name stands for: ARNs are managed ones'; inline ones that the source
/// hasn't itself are its groups'.
fn kind_of(name: &str, own: Option<&InlinePolicies>, source: &'static str) -> &'static str {
    if name.starts_with("arn:aws:iam::aws:") {
        "aws-managed"
    } else if name.starts_with("arn:") {
        "user-managed"
    } else if own.is_none_or(|own| own.contains_key(name)) {
        source
    } else {
        "group"
    }
}
