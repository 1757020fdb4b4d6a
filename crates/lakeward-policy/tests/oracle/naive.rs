//! The documented evaluation logic, step by step over plain JSON.
//!
//! Source: IAM User Guide, "Policy evaluation logic", "Cross-account policy evaluation logic",
//! "AWS JSON policy elements: Principal, NotPrincipal, Condition operators".

use lakeward_policy::{Effect, Principal};
use serde_json::Value;

use crate::relation::{Reader, Token, fits};
use crate::world::{Side, World};

/// Ways to name a caller, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    Account,
    Behind,
    Itself,
}

pub fn effect(world: &World) -> Effect {
    if world.action.eq_ignore_ascii_case("sts:GetCallerIdentity") {
        return Effect::Allowed;
    }
    let judge = Judge { world };
    if judge.denied() {
        return Effect::ExplicitDeny;
    }
    match judge.passes_organizations() && judge.passes_endpoint() && judge.granted() {
        true => Effect::Allowed,
        false => Effect::ImplicitDeny,
    }
}

struct Judge<'a> {
    world: &'a World,
}

impl Judge<'_> {
    // Who the caller is.

    fn root_behind(&self) -> bool {
        match &self.world.principal {
            Principal::Root { .. } => true,
            Principal::FederatedUser { issuer_arn, .. } => issuer_arn.ends_with(":root"),
            _ => false,
        }
    }

    fn account(&self) -> Option<String> {
        let arn = match &self.world.principal {
            Principal::Root { account } => return Some(account.clone()),
            Principal::User { arn } | Principal::FederatedUser { arn, .. } => arn,
            Principal::RoleSession { role_arn, .. } => role_arn,
            _ => return None,
        };
        arn.split(':').nth(4).map(str::to_owned)
    }

    fn service_linked(&self) -> bool {
        matches!(&self.world.principal, Principal::RoleSession { role_arn, .. } if role_arn.contains("/aws-service-role/"))
    }

    // Which documents bear on the request.

    fn identity(&self) -> Vec<&Value> {
        match self.root_behind() {
            true => Vec::new(),
            false => self.world.identity.iter().collect(),
        }
    }

    fn own(&self) -> Option<&Value> {
        match &self.world.side {
            Side::Policy(document, _) | Side::Key(document, _) | Side::Trust(document, _) => {
                Some(document)
            }
            Side::None | Side::Account(_) => None,
        }
    }

    fn owner(&self) -> Option<&str> {
        match self.world.side {
            Side::None => None,
            Side::Account(owner)
            | Side::Policy(_, owner)
            | Side::Key(_, owner)
            | Side::Trust(_, owner) => Some(owner),
        }
    }

    fn resource_control(&self) -> &[Vec<Value>] {
        match self.service_linked() {
            true => &[],
            false => &self.world.resource_control,
        }
    }

    fn service_control(&self) -> &[Vec<Value>] {
        match self.service_linked() || self.account().is_none() {
            true => &[],
            false => &self.world.service_control,
        }
    }

    // The steps.

    /// An explicit deny in any policy is final.
    fn denied(&self) -> bool {
        let world = self.world;
        let levels = self.resource_control().iter().chain(self.service_control());
        let mut documents: Vec<&Value> = levels.flatten().collect();
        documents.extend(self.identity());
        documents.extend(world.boundary.iter().flatten());
        documents.extend(world.session.iter().flatten());
        documents.extend(world.endpoint.iter().flatten());
        let names_by_id = |document: &&Value| self.ways("Deny", document, false).is_empty();
        let own_denies = self
            .own()
            .is_some_and(|own| !self.ways("Deny", own, true).is_empty());
        own_denies || !documents.iter().all(names_by_id)
    }

    fn passes_organizations(&self) -> bool {
        let mut levels = self.resource_control().iter().chain(self.service_control());
        levels.all(|level| level.iter().any(|document| self.allows(document)))
    }

    /// An account in an endpoint's policy is its root user only.
    fn passes_endpoint(&self) -> bool {
        self.world.endpoint.as_ref().is_none_or(|documents| {
            let ways = documents
                .iter()
                .flat_map(|document| self.ways("Allow", document, false));
            ways.max() > Some(Way::Account)
        })
    }

    fn granted(&self) -> bool {
        let way = self
            .own()
            .and_then(|own| self.ways("Allow", own, true).into_iter().max());
        let Some(account) = self.account() else {
            return way == Some(Way::Itself);
        };
        let mine = self.identity_allows() && self.limits_allow();
        if self.owner().is_some_and(|owner| owner != account) {
            return mine && way.is_some();
        }
        let explicit = matches!(self.world.side, Side::Trust(..) | Side::Key(..));
        match way {
            Some(Way::Itself) => true,
            Some(Way::Behind) => self.limits_allow(),
            Some(Way::Account) => mine,
            None => mine && !explicit,
        }
    }

    fn identity_allows(&self) -> bool {
        self.root_behind()
            || self
                .identity()
                .into_iter()
                .any(|document| self.allows(document))
    }

    fn limits_allow(&self) -> bool {
        let any = |documents: &Vec<Value>| documents.iter().any(|document| self.allows(document));
        let federated = matches!(self.world.principal, Principal::FederatedUser { .. });
        self.world.boundary.as_ref().is_none_or(any)
            && self.world.session.as_ref().map_or(!federated, any)
    }

    // Statements.

    fn allows(&self, document: &Value) -> bool {
        !self.ways("Allow", document, false).is_empty()
    }

    /// How the document's statements of this effect name the caller; `Itself` where statements
    /// have no principal.
    fn ways(&self, effect: &str, document: &Value, bound: bool) -> Vec<Way> {
        let variables = document["Version"] == "2012-10-17";
        let statements = document["Statement"].as_array().unwrap().iter();
        statements
            .filter(|statement| statement["Effect"] == effect)
            .filter(|statement| self.speaks_of(statement, variables))
            .filter_map(|statement| self.way(statement, bound))
            .collect()
    }

    fn speaks_of(&self, statement: &Value, variables: bool) -> bool {
        let context = self.world.context();
        let values = |key: &str| context.get(key).unwrap_or_default().to_vec();
        let reader = Reader {
            context: &values,
            variables,
        };
        self.acts(statement) && self.reaches(statement, &reader) && meets(statement, &reader)
    }

    fn acts(&self, statement: &Value) -> bool {
        let action: Vec<char> = self.world.action.to_lowercase().chars().collect();
        let matching = |pattern: &String| {
            let token = |c| match c {
                '*' => Token::Run,
                '?' => Token::One,
                c => Token::Exactly(c),
            };
            let tokens: Vec<Token> = pattern.to_lowercase().chars().map(token).collect();
            fits(&tokens, &action)
        };
        match statement.get("NotAction") {
            Some(actions) => !list(actions).iter().any(matching),
            None => list(&statement["Action"]).iter().any(matching),
        }
    }

    fn reaches(&self, statement: &Value, reader: &Reader<'_>) -> bool {
        let matching = |pattern: &String| reader.arn(pattern, self.world.target, false);
        match (statement.get("NotResource"), statement.get("Resource")) {
            (Some(resources), _) => !list(resources).iter().any(matching),
            (None, Some(resources)) => list(resources).iter().any(matching),
            (None, None) => true,
        }
    }

    // Principals.

    fn way(&self, statement: &Value, bound: bool) -> Option<Way> {
        if let Some(exempted) = statement.get("NotPrincipal") {
            if statement["Effect"] == "Allow" {
                let listed = self.chain(bound).iter().any(|(_, known)| known(exempted));
                return (!listed).then_some(Way::Itself);
            }
            let exempt = self.world.boundary.is_none() && self.exempts(exempted, bound);
            return (!exempt).then_some(Way::Itself);
        }
        let Some(names) = statement.get("Principal") else {
            return Some(Way::Itself);
        };
        self.chain(bound)
            .into_iter()
            .filter(|(_, known)| known(names))
            .map(|(way, _)| way)
            .max()
    }

    /// Every identity behind the caller has to be left out.
    fn exempts(&self, names: &Value, bound: bool) -> bool {
        let everyone = self.is_everyone(names);
        let chain = self.chain(bound);
        everyone || (chain.len() > 1 && chain.iter().skip(1).all(|(_, known)| known(names)))
    }

    fn is_everyone(&self, names: &Value) -> bool {
        let service = matches!(self.world.principal, Principal::Service { .. });
        *names == "*" || (!service && list(&names["AWS"]).contains(&"*".to_owned()))
    }

    /// "Everyone" and then the identities of the caller, each with the question whether an
    /// element names it.
    #[allow(clippy::type_complexity)]
    fn chain(&self, bound: bool) -> Vec<(Way, Box<dyn Fn(&Value) -> bool + '_>)> {
        let mut chain: Vec<(Way, Box<dyn Fn(&Value) -> bool + '_>)> = Vec::new();
        chain.push((
            Way::Itself,
            Box::new(|names: &Value| self.is_everyone(names)),
        ));
        let mut add = |way, kind: &'static str, text: String| {
            chain.push((
                way,
                Box::new(move |names: &Value| list(&names[kind]).contains(&text)),
            ));
        };
        match self.world.principal.clone() {
            Principal::WebIdentity { provider } => add(Way::Itself, "Federated", provider),
            Principal::Service { name } => add(Way::Itself, "Service", name),
            Principal::RoleSession { session_arn, .. } => add(Way::Itself, "AWS", session_arn),
            Principal::FederatedUser { arn, .. } => add(Way::Itself, "AWS", arn),
            Principal::Root { .. } | Principal::User { .. } | Principal::Anonymous => {}
        }
        let owned = match &self.world.principal {
            Principal::User { arn } => Some((Way::Itself, arn.clone())),
            Principal::RoleSession { role_arn, .. } => Some((Way::Behind, role_arn.clone())),
            Principal::FederatedUser { issuer_arn, .. } if !self.root_behind() => {
                Some((Way::Behind, issuer_arn.clone()))
            }
            _ => None,
        };
        if let Some((way, arn)) = owned {
            chain.push((
                way,
                Box::new(move |names| self.is_named(&arn, names, bound)),
            ));
        }
        if let Some(account) = self.account() {
            let root = matches!(self.world.principal, Principal::Root { .. });
            let way = if root { Way::Itself } else { Way::Account };
            chain.push((
                way,
                Box::new(move |names| {
                    let names = list(&names["AWS"]);
                    names.contains(&account)
                        || names.contains(&format!("arn:aws:iam::{account}:root"))
                }),
            ));
        }
        chain
    }

    /// A user or role: by its id where the name was bound to one or an id stands in the text.
    fn is_named(&self, arn: &str, names: &Value, bound: bool) -> bool {
        let mine = |id: &str| self.world.unique_id == Some(id);
        list(&names["AWS"]).iter().any(|name| {
            let id = self.world.bound.get(name).filter(|_| bound);
            match id {
                Some(id) => mine(id),
                None => name == arn || mine(name),
            }
        })
    }
}

/// Every operator and every key must hold.
fn meets(statement: &Value, reader: &Reader<'_>) -> bool {
    let Some(blocks) = statement.get("Condition") else {
        return true;
    };
    blocks.as_object().unwrap().iter().all(|(operator, keys)| {
        let mut keys = keys.as_object().unwrap().iter();
        keys.all(|(key, values)| condition(operator, key, &list(values), reader))
    })
}

fn condition(operator: &str, key: &str, values: &[String], reader: &Reader<'_>) -> bool {
    let request = (reader.context)(key);
    let (set, name) = operator.split_once(':').unwrap_or(("", operator));
    let (name, if_exists) = match name.strip_suffix("IfExists") {
        Some(name) => (name, true),
        None => (name, false),
    };
    if name == "Null" {
        return match set {
            "ForAllValues" => true,
            "ForAnyValue" => false,
            _ => values.contains(&request.is_empty().to_string()),
        };
    }
    let positive = name.replace("Not", "");
    let negated = positive != name;
    let one = |text: &String| {
        let mut related = values
            .iter()
            .map(|value| reader.holds(&positive, value, text));
        match negated {
            false => related.any(|holds| holds),
            true => related.all(|holds| !holds),
        }
    };
    match (set, request.as_slice()) {
        ("ForAllValues", values) => values.iter().all(one),
        ("ForAnyValue", []) => if_exists,
        ("ForAnyValue", values) => values.iter().any(one),
        ("", []) => negated || if_exists,
        ("", [value]) => one(value),
        ("", _) => false,
        other => panic!("{other:?}"),
    }
}

fn list(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items
            .iter()
            .map(|item| item.as_str().unwrap().to_owned())
            .collect(),
        Value::Null => Vec::new(),
        other => panic!("{other}"),
    }
}
