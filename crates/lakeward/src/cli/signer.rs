use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use lakeward_client::Client;

use crate::{
    daemon::StateFolder,
    profile::{Instance, Profiles},
};

/// Which instance a command asks, and with whose keys.
#[derive(Args)]
pub(super) struct Signer {
    /// Folder of the instance's state.
    #[arg(long, env = "LAKEWARD_STATE_DIR", default_value = ".lakeward")]
    state_dir: PathBuf,
    /// Whose keys to ask with; `admin`, or else `root`, when not given.
    #[arg(long)]
    profile: Option<String>,
}

impl Signer {
    /// A client of the instance that signs with the profile's keys.
    pub(super) async fn client(&self) -> Result<Client> {
        let folder = StateFolder::existing(&self.state_dir)?;
        let instance = Instance::read(&folder)?;
        let profiles = Profiles::read(&folder)?;
        let usual = || match profiles.names().any(|name| name == "admin") {
            true => "admin",
            false => "root",
        };
        let profile = profiles.get(self.profile.as_deref().unwrap_or_else(usual))?;
        instance.client(profile.credentials(&instance).await?)
    }
}
