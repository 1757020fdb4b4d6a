use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use lakeward_identity::{AuditTrail, Identity};
use lakeward_store::Store;

use super::{Output, state::StateOptions};
use crate::{
    daemon::schema,
    profile::{Profile, Profiles},
};

#[derive(Args)]
pub(super) struct Init {
    #[command(flatten)]
    state: StateOptions,
    /// Id of the account to make: twelve digits.
    #[arg(long, default_value = "123456789012")]
    account: String,
    /// How to print the key.
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

impl Init {
    pub(super) async fn run(self) -> Result<ExitCode> {
        if self.account.len() != 12 || !self.account.bytes().all(|digit| digit.is_ascii_digit()) {
            anyhow::bail!(
                "`{}` is not an account id; it has twelve digits",
                self.account
            );
        }
        let folder = self.state.open()?;
        let store = Store::at(&folder.store(), schema())
            .await
            .context("the state can't be opened")?;
        let identity =
            Identity::open(store, AuditTrail::open(&folder.audit())?, "us-east-1").await?;
        let key = identity.ensure_account(&self.account).await?;
        let mut profiles = Profiles::read(&folder)?;
        profiles.set("root", Profile::of_key(&key));
        profiles.write(&folder)?;
        match self.output {
            Output::Json => say!(
                "{}",
                serde_json::json!({"Account": self.account, "AccessKeyId": key.id, "SecretAccessKey": key.secret.expose()})
            ),
            Output::Text => {
                say!("account            {}", self.account);
                say!("root access key    {}", key.id);
                say!("root secret key    {}", key.secret.expose());
                say!(
                    "\nThe key may do everything in its account: make a user for daily work and keep this one safe."
                );
                say!("Next: lakeward serve, then eval \"$(lakeward env --profile root)\"");
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
