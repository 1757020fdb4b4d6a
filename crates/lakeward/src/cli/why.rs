use std::{collections::BTreeMap, process::ExitCode};

use anyhow::{Context, Result};
use clap::Args;
use lakeward_client::Client;
use serde_json::{Value, json};

use super::{
    Output,
    paint::{Paint, tame},
    signer::Signer,
};

#[derive(Args)]
#[command(after_help = "Examples:
  lakeward why                                   the last denials, whoever was denied
  lakeward why --principal arn:aws:iam::111122223333:role/marketing
                                                 the last denials of that role
  lakeward why --principal arn:aws:iam::111122223333:user/ana \\
      --action s3:GetObject --resource arn:aws:s3:::lake/sales.parquet \\
      --context aws:SourceIp=10.0.0.1            may she, and if not, what would allow it
  lakeward why --message ENCODED                 what the header x-lakeward-authorization-message
                                                 of a denial says

Whoever asks needs lakeward:ListDenials or lakeward:ExplainAccess on the principal's ARN (for
--message, sts:DecodeAuthorizationMessage); the profiles admin and root do.")]
pub(super) struct Why {
    #[command(flatten)]
    signer: Signer,
    /// The user, role, role session or root that was, or would be, denied.
    #[arg(long, value_name = "ARN")]
    principal: Option<String>,
    /// The action to ask about, such as s3:GetObject.
    #[arg(long, requires = "principal", conflicts_with = "message")]
    action: Option<String>,
    /// The resource to ask about.
    #[arg(long, value_name = "ARN", default_value = "*", requires = "action")]
    resource: String,
    /// A condition key of the request; again for more keys, or more values of one.
    #[arg(long, value_name = "KEY=VALUE", requires = "action", value_parser = pair)]
    context: Vec<(String, String)>,
    /// An encoded authorization message to read.
    #[arg(long, value_name = "ENCODED", conflicts_with = "principal")]
    message: Option<String>,
    /// How many denials to show.
    #[arg(long, default_value_t = 5, value_name = "COUNT")]
    limit: usize,
    /// Exit with 1 when the answer is that it is denied.
    #[arg(long)]
    exit_code: bool,
    /// How to print.
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

impl Why {
    pub(super) async fn run(self) -> Result<ExitCode> {
        let client = self.signer.client().await?;
        let (answer, text) = match (&self.message, &self.action) {
            (Some(message), _) => {
                let answer = decode(&client, message).await?;
                let text = of_message(&answer);
                (answer, text)
            }
            (None, Some(action)) => {
                let answer = self.explain(&client, action).await?;
                let text = of_question(&answer);
                (answer, text)
            }
            (None, None) => {
                let answer = self.denials(&client).await?;
                let text = of_denials(&answer);
                (answer, text)
            }
        };
        match self.output {
            Output::Json => say!("{answer}"),
            Output::Text => say!("{}", text.trim_end()),
        }
        let denied = answer.get("Allowed") == Some(&Value::Bool(false));
        Ok(ExitCode::from(u8::from(self.exit_code && denied)))
    }

    async fn explain(&self, client: &Client, action: &str) -> Result<Value> {
        let mut context: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (key, value) in &self.context {
            context.entry(key).or_default().push(value);
        }
        let question = json!({
            "Principal": self.principal, "Action": action, "Resource": self.resource,
            "Context": context,
        });
        ask(client, "Lakeward.ExplainAccess", question).await
    }

    async fn denials(&self, client: &Client) -> Result<Value> {
        let question = json!({"Principal": self.principal, "MaxResults": self.limit});
        ask(client, "Lakeward.ListDenials", question).await
    }
}

async fn ask(client: &Client, target: &str, question: Value) -> Result<Value> {
    client
        .json("lakeward", target, question)
        .await
        .context("the instance gave no answer; is it running?")
}

async fn decode(client: &Client, message: &str) -> Result<Value> {
    let parameters = [
        ("Action", "DecodeAuthorizationMessage"),
        ("EncodedMessage", message),
    ];
    let answer = client
        .query("sts", "2011-06-15", &parameters)
        .await
        .context("the message can't be decoded")?;
    let text = lakeward_client::element(&answer, "DecodedMessage").unwrap_or_default();
    let text = text
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&");
    serde_json::from_str(&text).context("the decoded message is not JSON")
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err(format!("`{text}` is not KEY=VALUE")),
    }
}

/// The text at a pointer, tamed.
fn at(value: &Value, pointer: &str) -> String {
    match value.pointer(pointer) {
        Some(Value::String(text)) => tame(text),
        Some(Value::Null) | None => String::new(),
        Some(other) => tame(&other.to_string()),
    }
}

fn list<'v>(value: &'v Value, pointer: &str) -> impl Iterator<Item = &'v Value> {
    let items = value.pointer(pointer).and_then(Value::as_array);
    items.into_iter().flatten()
}

fn of_question(answer: &Value) -> String {
    let paint = Paint::for_stdout();
    let allowed = answer.get("Allowed") == Some(&Value::Bool(true));
    let question = format!(
        "{} for {} on {}",
        at(answer, "/Principal"),
        at(answer, "/Action"),
        at(answer, "/Resource")
    );
    let served_by = at(answer, "/ServedBy");
    let mut text = match allowed {
        true if !served_by.is_empty() => format!(
            "{} {question}\nAs {served_by} grants it, not the whole.\n",
            paint.green("✓ allowed in part:")
        ),
        true => format!("{} {question}\n", paint.green("✓ allowed:")),
        false => format!(
            "{} {question}\n{}\n",
            paint.red("✗ denied:"),
            at(answer, "/Message")
        ),
    };
    text.push_str("\nThe doors, in order:\n");
    for door in list(answer, "/Doors") {
        let verdict = at(door, "/Verdict");
        let mark = match &*verdict {
            "Allows" => paint.green("✓"),
            "Silent" => paint.dim("–"),
            _ => paint.red("✗"),
        };
        let name = words(&at(door, "/Door"));
        text.push_str(&format!("  {mark} {name}: {}\n", words(&verdict)));
        let telling = list(door, "/Reasons").filter(|reason| !is_bare(reason));
        text.push_str(&reasons(telling, "      "));
    }
    let not_asked: Vec<String> = list(answer, "/NotAsked").map(|door| at(door, "")).collect();
    if !not_asked.is_empty() {
        text.push_str(&format!("  not asked: {}\n", not_asked.join(", ")));
    }
    text + &remedies(list(answer, "/Remedies"))
}

fn of_denials(answer: &Value) -> String {
    let paint = Paint::for_stdout();
    let mut text = String::new();
    for denial in list(answer, "/Denials") {
        let source = at(denial, "/SourceIdentity");
        let who = match &*source {
            "" => at(denial, "/Principal"),
            source => format!("{} (as {source})", at(denial, "/Principal")),
        };
        text.push_str(&format!(
            "{} {} {who}: {} {}\n  {}: {}\n",
            paint.dim(&at(denial, "/EventTime")),
            paint.red("✗"),
            at(denial, "/EventSource"),
            at(denial, "/EventName"),
            at(denial, "/ErrorCode"),
            at(denial, "/ErrorMessage"),
        ));
        for decision in list(denial, "/Decisions") {
            text.push_str(&of_decision(decision, paint));
        }
        text.push('\n');
    }
    if text.is_empty() {
        text.push_str("Nothing was denied, as far back as was looked.\n");
    }
    text
}

fn of_message(answer: &Value) -> String {
    let paint = Paint::for_stdout();
    let message = answer.pointer("/lakeward").unwrap_or(&Value::Null);
    let mut text = format!(
        "{} {} {}\n",
        paint.dim(&at(message, "/time")),
        paint.red("✗"),
        at(message, "/principal/arn")
    );
    if let Some(denial) = message.get("denial") {
        text.push_str(&of_decision(denial, paint));
    }
    for other in list(message, "/others") {
        text.push_str(&of_decision(other, paint));
    }
    if message.get("shortened").is_some() {
        text.push_str("  (shortened to fit the header; `lakeward why` has the whole)\n");
    }
    text
}

/// One decision of a denied call, as the audit trail holds it.
fn of_decision(decision: &Value, paint: Paint) -> String {
    let allowed = decision.get("allowed") == Some(&Value::Bool(true));
    let mark = if allowed {
        paint.green("✓")
    } else {
        paint.red("✗")
    };
    let (action, resource) = (at(decision, "/action"), at(decision, "/resource"));
    let mut text = format!("  {mark} {action} on {resource}\n");
    match decision.get("reason") {
        Some(Value::String(said)) => text.push_str(&format!("      {}\n", tame(said))),
        Some(reason) if !allowed => text.push_str(&reasons(list(reason, "/reasons"), "      ")),
        _ => {}
    }
    text + &remedies(list(decision, "/remedies"))
}

fn reasons<'v>(reasons: impl Iterator<Item = &'v Value>, indent: &str) -> String {
    reasons
        .map(|reason| format!("{indent}{}\n", of_reason(reason)))
        .collect()
}

/// That nothing allows: the verdict says it already.
fn is_bare(reason: &Value) -> bool {
    reason.is_object() && reason.get("statement").is_none()
}

/// `identity policy "read", statement "Lake" (line 4): nothing allows`.
fn of_reason(reason: &Value) -> String {
    if let Value::String(said) = reason {
        return tame(said);
    }
    let mut place = words(&at(reason, "/door"));
    if let Some(level) = reason.get("level").and_then(Value::as_u64) {
        place.push_str(&format!(" of level {level}"));
    }
    if let Some(policy) = reason.get("policy").and_then(Value::as_str) {
        place.push_str(&format!(" \"{}\"", tame(policy)));
    }
    let index = reason.get("statement").and_then(Value::as_u64);
    match (reason.get("sid").and_then(Value::as_str), index) {
        (Some(sid), _) => place.push_str(&format!(", statement \"{}\"", tame(sid))),
        (None, Some(index)) => place.push_str(&format!(", statement {}", index + 1)),
        (None, None) => {}
    }
    if let Some(line) = reason.get("line").and_then(Value::as_u64) {
        place.push_str(&format!(" (line {line})"));
    }
    let mut text = format!("{place}: {}", words(&at(reason, "/outcome")));
    let detail = at(reason, "/detail");
    if !detail.is_empty() {
        text.push_str(&format!(", {detail}"));
    }
    text
}

fn remedies<'v>(remedies: impl Iterator<Item = &'v Value>) -> String {
    let mut text = String::new();
    for remedy in remedies {
        if text.is_empty() {
            text.push_str("\n  What would allow it:\n");
        }
        text.push_str(&format!("    • {}\n", at(remedy, "/advice")));
        let ready = ["statement", "grant"].map(|member| remedy.get(member));
        for ready in ready.into_iter().flatten().filter(|own| !own.is_null()) {
            let pretty = serde_json::to_string_pretty(ready).unwrap_or_default();
            for line in pretty.lines() {
                text.push_str(&format!("      {}\n", tame(line)));
            }
        }
    }
    text
}

/// `identityPolicy` and `NothingAllows` as words.
fn words(name: &str) -> String {
    if name.contains(' ') {
        return name.to_owned();
    }
    let mut text = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !text.is_empty() {
            text.push(' ');
        }
        text.extend(c.to_lowercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denial_names_doors_statements_and_what_would_allow_it() {
        let answer = json!({
            "Principal": "arn:aws:iam::111122223333:user/ana", "Action": "s3:GetObject",
            "Resource": "arn:aws:s3:::lake/k", "Allowed": false, "Message": "User: … no",
            "Doors": [
                {"Door": "identityPolicy", "Verdict": "NothingAllows", "Reasons": [
                    {"door": "identityPolicy", "outcome": "nothingAllows"},
                    {"door": "identityPolicy", "outcome": "conditionUnmet", "policy": "read",
                     "statement": 0, "sid": "Lake", "line": 4, "detail": "IpAddress aws:SourceIp"},
                ]},
                {"Door": "bucket policy", "Verdict": "Silent", "Reasons": []},
            ],
            "NotAsked": ["Lake Formation"],
            "Remedies": [{"advice": "Add the statement.", "statement": {"Effect": "Allow"}}],
        });
        let expected = "\
✗ denied: arn:aws:iam::111122223333:user/ana for s3:GetObject on arn:aws:s3:::lake/k
User: … no

The doors, in order:
  ✗ identity policy: nothing allows
      identity policy \"read\", statement \"Lake\" (line 4): condition unmet, IpAddress aws:SourceIp
  – bucket policy: silent
  not asked: Lake Formation

  What would allow it:
    • Add the statement.
      {
        \"Effect\": \"Allow\"
      }
";
        assert_eq!(of_question(&answer), expected);
    }

    #[test]
    fn nothing_denied_is_said() {
        assert!(of_denials(&json!({"Denials": []})).contains("Nothing was denied"));
    }
}
