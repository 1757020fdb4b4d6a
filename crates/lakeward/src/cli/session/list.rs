use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    super::{
        Output,
        cluster::text,
        paint::Paint,
        signer::Signer,
        table::{Cell, Colour, bytes, duration, table},
    },
    Known,
};

#[derive(Args)]
#[command(after_help = "Examples:
  lakeward session ls
  lakeward session ls --cluster j-2AXXXXXXGAPLF
  lakeward session ls --output json | jq '.Sessions[] | select(.State == \"busy\")'

WHO is the source identity, or else the role session that was given the user name and password. MEMORY
and CPU are what the session's processes have resident and have used. A session that ended is shown for
ten minutes. Needs lakeward:ListSessions on the cluster's ARN; clusters where that is denied are left
out, and named.

Where several nodes share a state, a session is known to the node that runs its cluster: this lists
those of the node that is asked, and names the clusters that run elsewhere.")]
pub(in super::super) struct List {
    #[command(flatten)]
    signer: Signer,
    /// Only those on this cluster.
    #[arg(long, value_name = "ID")]
    cluster: Option<String>,
    /// How to print.
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

impl List {
    pub(super) async fn run(self) -> Result<ExitCode> {
        let client = self.signer.client().await?;
        let known = Known::gather(&client, self.cluster.as_deref()).await?;
        match self.output {
            Output::Json => say!("{}", json_of(&known)),
            Output::Text => {
                let now = Timestamp::now().as_second();
                let text = of_sessions(&known.sessions, now, Paint::for_stdout());
                say!("{}", text.trim_end());
                let caveat = known.caveat();
                if !caveat.is_empty() {
                    eprintln!("lakeward:{}", caveat.replace('\n', "\n  "));
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn json_of(known: &Known) -> Value {
    let elsewhere = known
        .elsewhere
        .iter()
        .map(|(cluster, node)| json!({"ClusterId": cluster, "Node": node}));
    json!({
        "Sessions": known.sessions,
        "Elsewhere": elsewhere.collect::<Vec<_>>(),
        "Denied": known.denied,
    })
}

fn of_sessions(sessions: &[Value], now: i64, paint: Paint) -> String {
    if sessions.is_empty() {
        return "No sessions.\n".to_owned();
    }
    let heads = [
        "ID", "CLUSTER", "KIND", "STATE", "ROLE", "WHO", "NAME", "AGE", "IDLE", "MEMORY", "CPU",
    ];
    let rows: Vec<Vec<Cell>> = sessions.iter().map(|session| row(session, now)).collect();
    table(&heads, &rows, paint)
}

fn row(session: &Value, now: i64) -> Vec<Cell> {
    let of = |name: &str| text(session, &format!("/{name}"));
    let since = |name: &str| {
        let then = session.get(name).and_then(Value::as_f64);
        then.map_or_else(String::new, |then| duration(now - whole(then)))
    };
    let memory = session.get("MemoryBytes").and_then(Value::as_u64);
    let cpu = session.get("CpuSeconds").and_then(Value::as_f64);
    let state = of("State");
    let colour = match &*state {
        "idle" | "busy" => Colour::Good,
        "error" | "dead" => Colour::Bad,
        "killed" => Colour::Faint,
        _ => Colour::Plain,
    };
    vec![
        Cell::new(of("Id")),
        Cell::new(of("ClusterId")),
        Cell::new(of("Kind")),
        Cell::painted(state, colour),
        Cell::new(last(&of("RoleArn"))),
        Cell::new(who(&of("SourceIdentity"), &of("CallerArn"))),
        Cell::new(of("Name")),
        Cell::new(since("CreatedAt")),
        Cell::new(since("ActiveAt")),
        Cell::new(memory.map(bytes).unwrap_or_default()),
        Cell::new(cpu.map(|cpu| format!("{cpu:.1}s")).unwrap_or_default()),
    ]
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "seconds of the epoch, and a cast that saturates"
)]
fn whole(seconds: f64) -> i64 {
    seconds as i64
}

fn last(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// The person, as far as AWS's names tell: a source identity, or role and session.
fn who(source_identity: &str, caller: &str) -> String {
    if !source_identity.is_empty() {
        return source_identity.to_owned();
    }
    let (_, name) = caller.split_once('/').unwrap_or(("", caller));
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_a_row() {
        let session = json!({
            "Id": 7, "ClusterId": "j-1", "Kind": "pyspark", "State": "idle", "Name": "a\x1b]0;b\x07",
            "RoleArn": "arn:aws:iam::1:role/team/marketing",
            "CallerArn": "arn:aws:sts::1:assumed-role/studio/SageMaker", "SourceIdentity": "david",
            "CreatedAt": 1000.5, "ActiveAt": 4600.0, "MemoryBytes": 220_200_960, "CpuSeconds": 3.06,
        });
        let mut other = session.clone();
        other["SourceIdentity"] = Value::Null;
        other["MemoryBytes"] = Value::Null;
        let text = of_sessions(&[session, other], 4645, Paint::none());
        let expected = "\
ID  CLUSTER  KIND     STATE  ROLE       WHO               NAME     AGE    IDLE  MEMORY   CPU
7   j-1      pyspark  idle   marketing  david             a\u{fffd}]0;b\u{fffd}  1h00m  45s   210 MiB  3.1s
7   j-1      pyspark  idle   marketing  studio/SageMaker  a\u{fffd}]0;b\u{fffd}  1h00m  45s   -        3.1s
";
        assert_eq!(text, expected);
        assert_eq!(of_sessions(&[], 0, Paint::none()), "No sessions.\n");
    }
}
