//! A user profile's home folder, with the file that tells notebook clients which roles there are
//! (SageMaker Developer Guide, "Preload your execution roles into Studio").

use std::{fs, path::PathBuf};

use anyhow::{Context, Result};
use serde_json::json;

use super::{people::Person, stack::Stack};
use crate::daemon::StateFolder;

const FOLDER: &str = ".sagemaker-analytics-configuration-DO_NOT_DELETE";
const FILE: &str = "emr-configurations-DO_NOT_DELETE.json";

/// Makes the home folder of a person and returns its path.
pub(super) fn furnish(folder: &StateFolder, stack: &Stack, person: &Person) -> Result<PathBuf> {
    let home = folder.homes().join(person.user_profile);
    let settings = home.join(FOLDER);
    let roles: Vec<String> = person
        .purposes
        .iter()
        .map(|purpose| stack.role_arn(&stack.runtime_role(purpose)))
        .collect();
    let text =
        serde_json::to_vec_pretty(&json!({"emr-execution-role-arns": {&stack.account: roles}}))?;
    fs::create_dir_all(&settings)
        .and_then(|()| fs::write(settings.join(FILE), text))
        .with_context(|| format!("the home folder {} can't be made", home.display()))?;
    Ok(home)
}
