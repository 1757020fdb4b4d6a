use lakeward_policy::PolicyDocument;
use lakeward_store::Snapshot;
use serde::Serialize;
use serde_json::Value;

/// How a door's word counts beside that of the policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Bearing {
    /// It is part of the policies' decision.
    #[default]
    Policies,
    /// It has to allow as well.
    AsWell,
    /// It serves something else where the policies don't allow, for instance a table's view, to
    /// those who may do this action.
    Instead(&'static str),
}

/// What one door says to a question.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DoorAnswer {
    /// The door's name, such as `identityPolicy`.
    pub door: String,
    /// What it says.
    pub verdict: Verdict,
    /// Why: the policies' statements, or the door's own words.
    pub reasons: Vec<Value>,
    /// How it counts.
    #[serde(skip)]
    pub bearing: Bearing,
    /// What would open it, if it is shut: `{"advice": …, "grant": …}`.
    #[serde(skip)]
    pub remedy: Option<Value>,
}

impl DoorAnswer {
    pub(super) fn is_shut(&self) -> bool {
        matches!(self.verdict, Verdict::Denies | Verdict::NothingAllows)
    }
}

/// A door's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Verdict {
    /// It opens.
    Allows,
    /// It forbids, whatever the others say.
    Denies,
    /// Nothing behind it allows, and something would have to.
    NothingAllows,
    /// It doesn't bear on the question.
    Silent,
}

/// A resource's own policy.
#[derive(Debug, Clone)]
pub struct ResourcePolicy {
    /// The policy; none when the resource has none.
    pub document: Option<PolicyDocument>,
    /// The account that owns the resource.
    pub account: String,
}

/// A question, as doors beside the policies are asked.
#[derive(Debug, Clone, Copy)]
pub struct Foreign<'a> {
    /// The ARN that Lake Formation grants to: a user's, or the role's behind a session.
    pub principal: &'a str,
    /// The principal's account.
    pub account: &'a str,
    /// The action.
    pub action: &'a str,
    /// The resource's ARN.
    pub resource: &'a str,
}

/// Doors that other parts of the system keep. `ExplainAccess` asks those it was given and names
/// them, so that nobody takes silence for consent.
pub trait Doors: Send + Sync {
    /// The doors' names, for people.
    fn names(&self) -> Vec<&'static str>;

    /// The resource's own policy, if these doors keep resources of that kind and have this one.
    fn resource_policy(&self, snapshot: &Snapshot, resource: &str) -> Option<ResourcePolicy>;

    /// What the doors themselves say.
    fn ask(&self, snapshot: &Snapshot, question: Foreign<'_>) -> Vec<DoorAnswer>;
}
