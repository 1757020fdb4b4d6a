use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::{certificate, compute, lake, people, stack::Stack};
use crate::{
    cli::Progress,
    daemon::{Daemon, StateFolder},
    profile::{Instance, Profile, Profiles},
};

const DONE: &str = "demo.json";

/// The example, set up.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Demo {
    /// Its names.
    pub stack: Stack,
    /// The cluster's id.
    pub cluster_id: String,
    /// The cluster's address.
    pub cluster_address: String,
}

/// The example of a state folder, once its set-up came to its end.
///
/// # Errors
/// The note about it is damaged.
pub fn ready(folder: &StateFolder) -> Result<Option<Demo>> {
    let path = folder.root().join(DONE);
    match std::fs::read(&path) {
        Ok(text) => serde_json::from_slice(&text)
            .map(Some)
            .with_context(|| format!("{} is damaged; start with --reset", path.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("{} can't be read", path.display())),
    }
}

impl Demo {
    /// Sets the example up through the API, or finds it as it was. A set-up that was killed is
    /// taken up where it stopped.
    ///
    /// # Errors
    /// A call is refused; the text names the operation.
    pub async fn set_up(
        daemon: &Daemon,
        folder: &StateFolder,
        stack: Stack,
        scale: f64,
        progress: &Progress,
    ) -> Result<Self> {
        if let Some(demo) = ready(folder)? {
            return Ok(demo);
        }
        let key = daemon.identity().ensure_account(&stack.account).await?;
        let mut profiles = Profiles::read(folder)?;
        let root = Profile::of_key(&key);
        profiles.set("root", root.clone());
        profiles.write(folder)?;

        let instance = Instance::of(daemon, &stack.region, folder);
        progress.step("Creating users and roles");
        let admin = people::administrator(&instance.client(root.key())?, &stack, folder).await?;
        compute::roles(&admin, &stack).await?;
        people::create(&admin, &stack, folder).await?;
        lake::create(&admin, &stack, scale, progress).await?;
        progress.step("Starting the cluster");
        certificate::upload(&admin, &stack, folder, daemon.cluster_network()).await?;
        let cluster_id = compute::cluster(&admin, &stack).await?;
        let demo = Self {
            cluster_address: compute::ready_at(&admin, &cluster_id).await?,
            cluster_id,
            stack,
        };
        folder.write_private(DONE, &serde_json::to_vec_pretty(&demo)?)?;
        Ok(demo)
    }
}
