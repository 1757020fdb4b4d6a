use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::Args;

use super::{Output, Progress};
use crate::{
    daemon::StateFolder,
    profile::{Instance, Profiles},
    python::{self, Kit},
};

#[derive(Args)]
pub(super) struct Env {
    /// Folder of the instance's state.
    #[arg(long, env = "LAKEWARD_STATE_DIR", default_value = ".lakeward")]
    state_dir: PathBuf,
    /// Whose keys to print; `lakeward env --profile help` names those there are.
    #[arg(long, default_value = "admin")]
    profile: String,
    /// Put the open notebook client (sparkmagic and the connect extension) on PATH; installs it
    /// at first use.
    #[arg(long)]
    client: bool,
    /// How to print.
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

impl Env {
    pub(super) async fn run(self) -> Result<ExitCode> {
        let folder = StateFolder::existing(&self.state_dir)?;
        let profiles = Profiles::read(&folder)?;
        let profile = profiles.get(&self.profile)?;
        let instance = Instance::read(&folder)?;
        let credentials = profile.credentials(&instance).await?;
        let mut variables = instance_variables(&instance);
        variables.push(("AWS_ACCESS_KEY_ID", credentials.access_key_id().to_owned()));
        variables.push((
            "AWS_SECRET_ACCESS_KEY",
            credentials.secret_access_key().to_owned(),
        ));
        // An empty token would win over none, so that a profile without one clears it.
        variables.push((
            "AWS_SESSION_TOKEN",
            credentials.session_token().unwrap_or_default().to_owned(),
        ));
        if self.client {
            let progress = Progress::new();
            let python = python::ensure(Kit::Client, &progress)?;
            progress.finish();
            let programs = python
                .parent()
                .map(|folder| folder.display().to_string())
                .unwrap_or_default();
            let path = std::env::var("PATH").unwrap_or_default();
            variables.push(("PATH", format!("{programs}:{path}")));
        }
        print(self.output, &variables);
        Ok(ExitCode::SUCCESS)
    }
}

/// What points an AWS client at an instance. No endpoint URL: the clients that ignore it go
/// through the proxy, and some break when it is set.
fn instance_variables(instance: &Instance) -> Vec<(&'static str, String)> {
    let (ca, proxy) = (
        instance.ca.display().to_string(),
        instance.addresses.proxy_url(),
    );
    let direct = "localhost,127.0.0.0/8,127.0.0.1".to_owned();
    vec![
        ("AWS_DEFAULT_REGION", instance.region.clone()),
        ("AWS_REGION", instance.region.clone()),
        ("AWS_CA_BUNDLE", ca.clone()),
        ("REQUESTS_CA_BUNDLE", ca),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ("HTTPS_PROXY", proxy.clone()),
        ("https_proxy", proxy),
        ("NO_PROXY", direct.clone()),
        ("no_proxy", direct),
        ("LAKEWARD_ENDPOINT", instance.addresses.endpoint_url()),
    ]
}

fn print(output: Output, variables: &[(&'static str, String)]) {
    match output {
        Output::Json => {
            let object: serde_json::Map<_, _> = variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), serde_json::Value::String(value.clone())))
                .collect();
            say!("{}", serde_json::Value::Object(object));
        }
        Output::Text => {
            for (name, value) in variables {
                match value.as_str() {
                    "" => say!("unset {name}"),
                    value => say!("export {name}={}", quoted(value)),
                }
            }
        }
    }
}

/// For a POSIX shell.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_quote_can_not_end_the_quotes() {
        assert_eq!(quoted("a'; rm -rf ~; '"), r"'a'\''; rm -rf ~; '\'''");
    }
}
