use std::{process::ExitCode, time::Duration};

use anyhow::Result;
use clap::Args;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{
    super::{Output, paint::tame, signer::Signer},
    Chosen, ask,
};

/// How often `--follow` asks.
const PAUSE: Duration = Duration::from_millis(500);

#[derive(Args)]
#[command(after_help = "Examples:
  lakeward session logs 1804289383
  lakeward session logs etl --lines 20 --follow
  lakeward session logs 1804289383 --output json | jq -r .Line

A session remembers its last 200 lines, and an ended one is remembered for ten minutes. With --follow it
goes on until the session ends. With --output json each line is an object of its own. Needs
lakeward:GetSessionLog on the cluster's ARN.")]
pub(in super::super) struct Logs {
    #[command(flatten)]
    signer: Signer,
    #[command(flatten)]
    chosen: Chosen,
    /// The most lines to begin with, the last ones.
    #[arg(long, default_value_t = 100, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..=200))]
    lines: u64,
    /// Stay, and print what comes.
    #[arg(long, short)]
    follow: bool,
    /// How to print.
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

impl Logs {
    pub(super) async fn run(self) -> Result<ExitCode> {
        let client = self.signer.client().await?;
        let (cluster, id) = self.chosen.find(&client).await?;
        let mut input = json!({"ClusterId": cluster, "SessionId": id, "MaxLines": self.lines});
        loop {
            let page = ask(&client, "GetSessionLog", input).await?;
            self.print(&page);
            if !self.follow || page.get("IsOpen") != Some(&Value::Bool(true)) {
                return Ok(ExitCode::SUCCESS);
            }
            sleep(PAUSE).await;
            input =
                json!({"ClusterId": cluster, "SessionId": id, "FromLine": page.get("NextLine")});
        }
    }

    fn print(&self, page: &Value) {
        let lines = page.get("Lines").and_then(Value::as_array);
        let lines = lines.into_iter().flatten().filter_map(Value::as_str);
        for line in lines {
            match self.output {
                Output::Json => say!("{}", json!({"Line": line})),
                // The session wrote it, so that it may hold anything.
                Output::Text => say!("{}", tame(&line.replace('\t', "    "))),
            }
        }
    }
}
