//! The example, asked what its principals may do.

use std::collections::BTreeSet;

use lakeward::demo::Demo;
use serde_json::{Value, json};

use super::{
    exceptions,
    names::Names,
    requests::{every_door, exchange},
    support::{World, user},
    town::record,
};

/// May somebody do this?
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Question {
    pub service: String,
    pub action: String,
    resource: String,
    /// Condition keys, as JSON.
    context: String,
}

impl Question {
    fn new(action: &str, resource: &str, context: &Value) -> Self {
        let (service, name) = action.split_once(':').unwrap();
        Self {
            service: service.to_owned(),
            action: name.to_owned(),
            resource: resource.to_owned(),
            context: context.to_string(),
        }
    }

    /// What the action is on, for people.
    pub fn object(&self) -> &str {
        let role = self.context.split(":role/").nth(1);
        let role = role.and_then(|rest| rest.split('"').next());
        role.unwrap_or_else(|| self.resource.rsplit(['/', ':']).next().unwrap_or_default())
    }
}

/// What the policies say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    Allowed,
    Unmentioned,
    Denied,
}

impl Verdict {
    fn named(name: &str) -> Self {
        match name {
            "allowed" => Self::Allowed,
            "implicitDeny" => Self::Unmentioned,
            "explicitDeny" => Self::Denied,
            other => panic!("`{other}` is no decision"),
        }
    }
}

/// The example, and someone in it who holds nothing.
pub struct Example {
    world: World,
    demo: Demo,
    names: Names,
}

impl Example {
    pub async fn set_up() -> Self {
        let (world, demo, _) = World::demo().await;
        let stack = &demo.stack;
        let mut names = Names::missing();
        for (name, value) in [
            ("user", &*format!("{}-david", stack.name)),
            ("role", &*stack.runtime_role("marketing")),
            ("instance_profile", &*stack.instance_profile()),
            ("bucket", &*stack.bucket()),
            ("key", "tpc/dl_tpc_customer/part-0.parquet"),
            ("database", "tpc"),
            ("table", "dl_tpc_customer"),
            ("configuration", &*stack.security_configuration()),
            ("cluster", &*demo.cluster_id),
        ] {
            names.set(name, value);
        }
        Self { world, demo, names }
    }

    /// Everyone there is, by the name in the file.
    pub fn principals(&self) -> Vec<(String, String)> {
        let stack = &self.demo.stack;
        let root = format!("arn:aws:iam::{}:root", stack.account);
        let user = |name: &str| {
            let name = format!("{}-{name}", stack.name);
            (format!("user {name}"), stack.user_arn(&name))
        };
        let role = |name: String| (format!("role {name}"), stack.role_arn(&name));
        vec![
            ("root".to_owned(), root),
            user("admin"),
            user("david"),
            user("tina"),
            role(stack.studio_role("david-non-sensitive-customer")),
            role(stack.studio_role("tina-sales-electronics")),
            role(stack.runtime_role("marketing")),
            role(stack.runtime_role("sales")),
            role(stack.runtime_role("electronics")),
            role(stack.instance_role()),
            role(stack.service_role()),
        ]
    }

    /// Every action behind every operation, as the operation itself asks for it: it is in the
    /// record of a denial.
    pub async fn questions(&self) -> BTreeSet<Question> {
        let nobody = user(&self.world.root, "nobody", None).await;
        let mut questions = self.questions_besides();
        for door in every_door(&self.world.daemon, &self.names) {
            if exceptions::is_open(&door) || exceptions::is_public(&door) {
                continue;
            }
            let answer = self.world.sender.signed(&door.exchange, &nobody).await;
            let record = record(&self.world, &answer);
            let decisions = record["additionalEventData"]["decisions"].as_array();
            let asked = decisions.into_iter().flatten();
            // Other doors speak in their own words.
            let asked = asked.filter(|decision| decision["reason"].is_object());
            let mut count = 0;
            for decision in asked {
                let text = |member: &str| decision[member].as_str().unwrap().to_owned();
                let context = own_context(&decision["context"]);
                questions.insert(Question::new(&text("action"), &text("resource"), &context));
                count += 1;
            }
            assert!(count > 0, "{} asked for nothing: {record}", door.name());
        }
        questions
    }

    /// What operations ask for after the first denial, and of other roles.
    fn questions_besides(&self) -> BTreeSet<Question> {
        let stack = &self.demo.stack;
        let role = |name: &str| stack.role_arn(name);
        let mut besides = BTreeSet::new();
        let mut add = |action: &str, resource: &str, context: Value| {
            besides.insert(Question::new(action, resource, &context));
        };
        add("lakeformation:GetDataAccess", "*", json!({}));
        for (role, service) in [
            (
                role(&stack.service_role()),
                "elasticmapreduce.amazonaws.com",
            ),
            (role(&stack.instance_role()), "ec2.amazonaws.com"),
        ] {
            let context = json!({"iam:PassedToService": [service]});
            add("iam:PassRole", &role, context);
        }
        let cluster = format!(
            "arn:aws:elasticmapreduce:{}:{}:cluster/{}",
            stack.region, stack.account, self.demo.cluster_id
        );
        for purpose in ["sales", "electronics"] {
            let context =
                json!({"elasticmapreduce:ExecutionRoleArn": [role(&stack.runtime_role(purpose))]});
            add(
                "elasticmapreduce:GetClusterSessionCredentials",
                &cluster,
                context,
            );
        }
        for role in [
            stack.runtime_role("marketing"),
            stack.runtime_role("sales"),
            stack.runtime_role("electronics"),
            stack.studio_role("david-non-sensitive-customer"),
            stack.studio_role("tina-sales-electronics"),
            stack.instance_role(),
            stack.service_role(),
        ] {
            for action in ["AssumeRole", "SetSourceIdentity", "TagSession"] {
                add(&format!("sts:{action}"), &stack.role_arn(&role), json!({}));
            }
        }
        besides
    }

    pub async fn ask(&self, principal: &str, question: &Question) -> Verdict {
        let context: Value = serde_json::from_str(&question.context).unwrap();
        let input = json!({
            "Principal": principal,
            "Action": format!("{}:{}", question.service, question.action),
            "Resource": question.resource,
            "Context": context,
        });
        let root = &self.world.root;
        let said = root.json("lakeward", "Lakeward.ExplainAccess", input).await;
        let said = said.unwrap_or_else(|error| panic!("{question:?}: {error}"));
        Verdict::named(said["Decision"].as_str().unwrap_or_default())
    }

    /// What the policy simulator says. It knows neither roots nor trust policies.
    async fn simulate(&self, principal: &str, question: &Question) -> Verdict {
        let context: Value = serde_json::from_str(&question.context).unwrap();
        let entries = context.as_object().unwrap().iter().map(|(key, values)| {
            json!({"ContextKeyName": key, "ContextKeyType": "stringList", "ContextKeyValues": values})
        });
        let input = json!({
            "PolicySourceArn": principal,
            "ActionNames": [format!("{}:{}", question.service, question.action)],
            "ResourceArns": [question.resource],
            "ContextEntries": entries.collect::<Vec<Value>>(),
        });
        let mut services = self.world.daemon.services();
        let iam = services.find(|service| service.signing_name() == "iam");
        let ask = exchange(
            "iam",
            iam.unwrap().protocol(),
            "SimulatePrincipalPolicy",
            &input,
        );
        let root = self.world.root.credentials();
        let said = self.world.sender.signed(&ask, root).await;
        assert_eq!(said.status, 200, "{question:?}: {}", said.text());
        Verdict::named(&said.one("EvalDecision"))
    }
}

/// The condition keys that the operation brought along; those of its caller are another's.
fn own_context(context: &Value) -> Value {
    let own = context
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(key, _)| {
            !key.starts_with("aws:")
                || ["aws:RequestTag/", "aws:ResourceTag/", "aws:TagKeys"]
                    .iter()
                    .any(|kept| key.starts_with(kept))
        });
    Value::Object(
        own.map(|(key, value)| (key.clone(), value.clone()))
            .collect(),
    )
}

#[tokio::test]
async fn the_simulator_and_the_explanation_agree() {
    let example = Example::set_up().await;
    let questions = example.questions().await;
    let mut unlike = Vec::new();
    for (name, arn) in example.principals() {
        if !name.contains("admin") && !name.contains("david-") && !name.contains("emr-") {
            continue;
        }
        for question in &questions {
            let trust = ["AssumeRole", "SetSourceIdentity", "TagSession"];
            if trust.contains(&&*question.action) {
                continue;
            }
            let explained = example.ask(&arn, question).await;
            let simulated = example.simulate(&arn, question).await;
            if explained != simulated {
                unlike.push(format!(
                    "{name}: {question:?}: {explained:?}, {simulated:?}"
                ));
            }
        }
    }
    assert!(unlike.is_empty(), "{}", unlike.join("\n"));
}
