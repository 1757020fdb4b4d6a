//! From what is written in an expectation file to cases.

use std::collections::BTreeMap;

use lakeward_policy::{Glob, Principal, Usage};
use serde_json::Value;
use serde_saphyr::{Location, Spanned};

use super::reason::INLINE;
use super::suite::{Check, Load, SuiteError};
use super::written::{
    Variables, WrittenExpectation, WrittenPolicy, WrittenPrincipal, WrittenResource, WrittenSuite,
};
use crate::case::{
    Case, Documents, NamedPolicy, Policies, check_action, complete, principal, resource_kind,
    with_path_from,
};
use crate::words::one_line;

/// The most expectations of one file, each caller, action and resource counted.
const MOST: usize = 100_000;

/// Turns what is written into cases.
pub(super) struct Compiler<'a> {
    load: Load<'a>,
    documents: &'a mut Documents,
    suite: &'a WrittenSuite,
    /// Callers that are compiled already, by name.
    known: BTreeMap<&'a str, Policies>,
}

/// Someone whom an expectation speaks of.
struct Who<'a> {
    name: &'a str,
    /// The text that names the principal; none is an anonymous caller.
    principal: Option<&'a str>,
    context: Option<&'a Variables>,
    policies: Policies,
}

/// Something that an expectation speaks of.
struct What<'a> {
    arn: &'a str,
    entry: Option<&'a Spanned<WrittenResource>>,
}

impl<'a> Compiler<'a> {
    pub fn new(
        suite: &'a WrittenSuite,
        load: Load<'a>,
        documents: &'a mut Documents,
    ) -> Compiler<'a> {
        Compiler {
            load,
            documents,
            suite,
            known: BTreeMap::new(),
        }
    }

    /// Adds the checks of one expectation: one for each caller, resource and action.
    pub fn expectation(
        &mut self,
        expectation: &'a Spanned<WrittenExpectation>,
        checks: &mut Vec<Check>,
    ) -> Result<(), SuiteError> {
        let at = expectation.referenced;
        let fail = |why: String| failure(at, why);
        let written = &expectation.value;
        let [who, may, may_not, on] = [&written.who, &written.may, &written.may_not, &written.on]
            .map(|texts| texts.0.as_slice());
        if may.is_empty() && may_not.is_empty() {
            return Err(fail(
                "an expectation needs actions in `may` or `mayNot`".to_owned(),
            ));
        }
        if written.denied.is_some() && may_not.is_empty() {
            return Err(fail("`denied` goes with `mayNot`".to_owned()));
        }
        let on: Vec<&'a str> = match on {
            [] => vec!["*"],
            on => on.iter().map(String::as_str).collect(),
        };
        let actions = may.iter().map(|action| (action, true));
        let actions: Vec<_> = actions
            .chain(may_not.iter().map(|action| (action, false)))
            .collect();
        for name in who {
            let who = self.who(name, at)?;
            for &arn in &on {
                let what = self.what(arn).map_err(fail)?;
                for (action, allowed) in &actions {
                    if checks.len() >= MOST {
                        return Err(fail(format!("the file has more than {MOST} expectations")));
                    }
                    checks.push(Check {
                        name: written.name.clone(),
                        line: at.line(),
                        who: who.name.to_owned(),
                        allowed: *allowed,
                        denied: written.denied,
                        case: self.case(&who, &what, action, written, at)?,
                    });
                }
            }
        }
        Ok(())
    }

    fn who(&mut self, name: &'a str, at: Location) -> Result<Who<'a>, SuiteError> {
        let Some(entry) = self.suite.principals.get(name) else {
            let listed = name.starts_with("arn:") || name.contains('.') || name == "anonymous";
            if !listed {
                let known: Vec<&str> = self.suite.principals.keys().map(String::as_str).collect();
                let known = known.join(", ");
                let why = format!(
                    "{name:?} is neither an ARN or service nor one of the principals: {known}"
                );
                return Err(failure(at, why));
            }
            return Ok(Who {
                name,
                principal: (name != "anonymous").then_some(name),
                context: None,
                policies: Policies::default(),
            });
        };
        let policies = match self.known.get(name) {
            Some(policies) => policies.clone(),
            None => self.policies_of(&entry.value)?,
        };
        self.known.insert(name, policies.clone());
        Ok(Who {
            name,
            principal: entry.value.principal.as_deref(),
            context: Some(&entry.value.context_variables),
            policies,
        })
    }

    fn policies_of(&mut self, written: &WrittenPrincipal) -> Result<Policies, SuiteError> {
        Ok(Policies {
            identity: self.list(&written.identity_policies, Usage::Identity)?,
            boundaries: self.list(&written.boundaries, Usage::Identity)?,
            session: self.list(&written.session_policies, Usage::Identity)?,
            service_control: self.levels(&written.scps, Usage::ServiceControl)?,
            endpoint: self.list(&written.endpoint_policies, Usage::Endpoint)?,
            ..Policies::default()
        })
    }

    /// A resource by its name, or by an ARN that one of the resources' patterns matches.
    fn what(&self, text: &'a str) -> Result<What<'a>, String> {
        if let Some(entry) = self.suite.resources.get(text) {
            return match entry.value.resource.0.as_slice() {
                [arn] if !arn.contains(['*', '?']) => Ok(What {
                    arn,
                    entry: Some(entry),
                }),
                _ => Err(format!(
                    "the resource {text} stands for many; name one of them by its ARN"
                )),
            };
        }
        if text != "*" && !text.starts_with("arn:") {
            let known: Vec<&str> = self.suite.resources.keys().map(String::as_str).collect();
            let known = known.join(", ");
            return Err(format!(
                "{text:?} is neither an ARN nor \"*\" nor one of the resources: {known}"
            ));
        }
        let fits = |entry: &&Spanned<WrittenResource>| {
            let patterns = &entry.value.resource.0;
            patterns
                .iter()
                .any(|pattern| Glob::new(pattern).matches(text))
        };
        let entry = self
            .suite
            .resources
            .values()
            .find(fits)
            .filter(|_| text != "*");
        Ok(What { arn: text, entry })
    }

    fn case(
        &mut self,
        who: &Who<'a>,
        what: &What<'a>,
        action: &str,
        written: &WrittenExpectation,
        at: Location,
    ) -> Result<Case, SuiteError> {
        let fail = |why: String| failure(at, why);
        check_action(action).map_err(fail)?;
        let mut context = self.suite.context_variables.0.clone();
        let resource = what.entry.map(|entry| &entry.value);
        let of_resource = resource.map(|resource| &resource.context_variables);
        for Variables(more) in [who.context, of_resource, Some(&written.context_variables)]
            .into_iter()
            .flatten()
        {
            context.extend(more.clone());
        }
        let principal = match who.principal {
            Some(text) => {
                principal(text, action, &context).map_err(|error| fail(error.to_string()))?
            }
            None => Principal::Anonymous,
        };
        let account = self.account(what, &principal).map_err(fail)?;
        let mut policies = who.policies.clone();
        if let Some(resource) = resource {
            let usage = resource_kind(action, what.arn).usage();
            let policy = resource.resource_policy.as_ref();
            policies.resource = policy
                .map(|policy| self.policy(policy, usage))
                .transpose()?;
            policies.resource_control = self.levels(&resource.rcps, Usage::ResourceControl)?;
        }
        let principal = match context.get("aws:PrincipalArn") {
            Some(_) => principal,
            None => with_path_from(principal, policies.resource_document()),
        };
        Ok(Case {
            id: None,
            context: complete(context, &principal, &account),
            principal,
            action: action.to_owned(),
            resource: what.arn.to_owned(),
            account,
            policies,
        })
    }

    fn account(&self, what: &What<'_>, principal: &Principal) -> Result<String, String> {
        let given = what
            .entry
            .and_then(|entry| entry.value.account_id.as_deref());
        let own = what
            .arn
            .split(':')
            .nth(4)
            .filter(|account| !account.is_empty());
        let account = given.or(own).or(self.suite.account_id.as_deref());
        let account = account.or_else(|| principal.account().filter(|_| what.arn == "*"));
        match account {
            Some(account)
                if account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit()) =>
            {
                Ok(account.to_owned())
            }
            Some(account) => Err(format!(
                "{account:?} is not an account: twelve digits, in quotes if the first is 0"
            )),
            None => Err(format!(
                "the account that owns {} is unknown; give `accountId` for the resource or the file",
                what.arn
            )),
        }
    }

    fn levels(
        &mut self,
        levels: &[Vec<WrittenPolicy>],
        usage: Usage,
    ) -> Result<Vec<Vec<NamedPolicy>>, SuiteError> {
        levels.iter().map(|level| self.list(level, usage)).collect()
    }

    fn list(
        &mut self,
        policies: &[WrittenPolicy],
        usage: Usage,
    ) -> Result<Vec<NamedPolicy>, SuiteError> {
        policies
            .iter()
            .map(|policy| self.policy(policy, usage))
            .collect()
    }

    fn policy(&mut self, policy: &WrittenPolicy, usage: Usage) -> Result<NamedPolicy, SuiteError> {
        let at = policy.referenced;
        let (name, value) = match (policy.value.get("name"), policy.value.get("policy")) {
            (Some(Value::String(name)), Some(value)) => (Some(name.clone()), value),
            (None, Some(value)) => (None, value),
            _ => (None, &policy.value),
        };
        let (name, text) = match value {
            Value::String(text) if text.trim_start().starts_with('{') => (name, text.clone()),
            Value::String(path) => {
                let text = (self.load)(path).map_err(|why| failure(at, why))?;
                (name.or_else(|| Some(path.clone())), text)
            }
            value => (name, value.to_string()),
        };
        let name = name.unwrap_or_else(|| format!("{INLINE}{}", at.line()));
        let document = self.documents.compile(&text, usage);
        let document = document.map_err(|error| failure(at, format!("policy {name}: {error}")))?;
        Ok(NamedPolicy { name, document })
    }
}

fn failure(at: Location, why: String) -> SuiteError {
    SuiteError {
        line: at.line(),
        column: at.column(),
        why: one_line(&why),
    }
}
