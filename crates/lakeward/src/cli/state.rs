use std::{convert::Infallible, path::PathBuf, str::FromStr};

use anyhow::{Context, Result};
use clap::Args;
use lakeward_store::Location;

use crate::daemon::StateFolder;

/// Where an instance keeps its state.
#[derive(Args, Clone)]
pub(crate) struct StateOptions {
    /// Folder of the instance's state.
    #[arg(long, env = "LAKEWARD_STATE_DIR", default_value = ".lakeward")]
    pub(crate) state_dir: PathBuf,
    /// Keep the control state here instead of in the folder's state.db: a PostgreSQL database
    /// that several nodes may share (postgres://USER@HOST/DATABASE), or a SQLite file.
    ///
    /// Other users of the machine see a password that is given here; LAKEWARD_STORE, PGPASSWORD and
    /// ~/.pgpass keep it from them. A server on another machine must prove who it is (TLS,
    /// sslmode=verify-full) unless the URL says otherwise.
    #[arg(
        long,
        env = "LAKEWARD_STORE",
        hide_env_values = true,
        value_name = "URL|PATH"
    )]
    pub(crate) store: Option<StoreText>,
}

impl StateOptions {
    /// A folder with its state in it.
    pub(crate) fn folder(state_dir: PathBuf) -> Self {
        Self {
            state_dir,
            store: None,
        }
    }

    /// Opens the folder, making it if needed.
    pub(crate) fn open(&self) -> Result<StateFolder> {
        let store = self.chosen_store()?;
        let folder = StateFolder::open(&self.state_dir)?;
        Ok(match store {
            Some(store) => folder.with_store(store),
            None => folder,
        })
    }

    /// Where the control state is; makes nothing.
    pub(crate) fn location(&self) -> Result<Location> {
        let in_folder = || Location::File(StateFolder::database_in(&self.state_dir));
        Ok(self.chosen_store()?.unwrap_or_else(in_folder))
    }

    fn chosen_store(&self) -> Result<Option<Location>> {
        Ok(match &self.store {
            Some(StoreText(text)) => Some(text.parse().context("--store can't be used")?),
            None => None,
        })
    }
}

/// What was written after `--store`. It may hold a password, so it is judged where the error
/// doesn't repeat it.
#[derive(Clone)]
pub(crate) struct StoreText(String);

impl FromStr for StoreText {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}
