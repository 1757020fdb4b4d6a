//! The whole environment of an interpreter process. Nothing is inherited from the daemon.

use std::collections::BTreeMap;
use std::path::Path;

use super::authority::SessionRuntime;
use super::credentials::{OWN, PATH as CREDENTIALS_PATH};

/// Variables that would win over the session's own keys, and never renew.
const OTHER_KEYS: [&str; 5] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_PROFILE",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
];

/// The variables an interpreter starts with, and there are no others.
#[derive(Debug, Clone, Default)]
pub struct SessionEnvironment {
    variables: BTreeMap<String, String>,
}

impl SessionEnvironment {
    /// What every session gets: the runtime's own variables, the search paths of its Python, and
    /// a locale.
    #[must_use]
    pub fn of_runtime(runtime: &SessionRuntime) -> Self {
        let mut environment = Self::default();
        for (name, value) in &runtime.environment {
            if !OTHER_KEYS.contains(&name.as_str()) {
                environment.set(name, value);
            }
        }
        let programs = match runtime.python.parent() {
            Some(folder) if folder.is_absolute() => {
                format!("{}:/usr/local/bin:/usr/bin:/bin", folder.display())
            }
            _ => "/usr/local/bin:/usr/bin:/bin".to_owned(),
        };
        environment.set("PATH", &programs);
        environment.set("PYTHONPATH", &runtime.module_path.display().to_string());
        environment.set("PYTHONDONTWRITEBYTECODE", "1");
        environment.set("PYTHONNOUSERSITE", "1");
        environment.set("PYTHONUNBUFFERED", "1");
        environment.set("PYTHONIOENCODING", "utf-8");
        environment.set("LANG", "C.UTF-8");
        environment
    }

    /// Puts the session's home and scratch folder in place of anyone else's.
    #[must_use]
    pub fn with_folders(mut self, home: &Path, scratch: &Path) -> Self {
        self.set("HOME", &home.display().to_string());
        self.set("TMPDIR", &scratch.display().to_string());
        self
    }

    /// Points every AWS client at this session's keys, by the container credential provider
    /// (SDK reference guide, "Container credential provider"). The token is in a file, so that
    /// printing the environment does not show it.
    #[must_use]
    pub fn with_credentials(mut self, base_url: &str, key: &str, token_file: &Path) -> Self {
        let url = format!("{}{CREDENTIALS_PATH}/{key}", base_url.trim_end_matches('/'));
        self.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", &url);
        self.set(
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
            &token_file.display().to_string(),
        );
        self.set("AWS_EC2_METADATA_DISABLED", "true");
        self
    }

    /// The same in an enclosure, whose credentials endpoint is its own.
    #[must_use]
    pub fn with_own_credentials(self, base_url: &str, token_file: &Path) -> Self {
        self.with_credentials(base_url, OWN, token_file)
    }

    /// Leads clients of other hosts than the AWS endpoint to a CONNECT proxy.
    #[must_use]
    pub fn with_proxy(mut self, url: &str) -> Self {
        // Some clients read one spelling, some the other.
        for name in ["HTTPS_PROXY", "https_proxy"] {
            self.set(name, url);
        }
        for name in ["NO_PROXY", "no_proxy"] {
            self.set(name, "127.0.0.1,localhost");
        }
        self
    }

    /// Sets one variable, over what was there.
    pub fn set(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    /// The variables, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::isolation::Isolation;

    fn runtime() -> SessionRuntime {
        SessionRuntime {
            python: PathBuf::from("/opt/env/bin/python"),
            module_path: PathBuf::from("/opt/modules"),
            readable: Vec::new(),
            state_dir: PathBuf::from("/var/state"),
            environment: vec![
                ("AWS_REGION".to_owned(), "us-east-1".to_owned()),
                ("HOME".to_owned(), "/root".to_owned()),
            ],
            credentials_url: "http://127.0.0.1:1/".to_owned(),
            isolation: Isolation::None,
            closed_networks: [].into(),
        }
    }

    #[test]
    fn own_folders_win_over_the_runtimes_variables() {
        let environment = SessionEnvironment::of_runtime(&runtime())
            .with_folders(Path::new("/s/home"), Path::new("/s/tmp"));
        let home = environment.iter().find(|(name, _)| *name == "HOME");
        assert_eq!(home, Some(("HOME", "/s/home")));
    }

    #[test]
    fn the_sessions_keys_are_the_only_ones() {
        let mut runtime = runtime();
        for name in OTHER_KEYS {
            runtime.environment.push((name.to_owned(), "x".to_owned()));
        }
        let environment = SessionEnvironment::of_runtime(&runtime).with_credentials(
            &runtime.credentials_url,
            "abc",
            Path::new("/s/token"),
        );
        let aws: Vec<_> = environment
            .iter()
            .filter(|(name, _)| name.starts_with("AWS_"))
            .collect();
        let expected = [
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/s/token"),
            (
                "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                "http://127.0.0.1:1/session-credentials/abc",
            ),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("AWS_REGION", "us-east-1"),
        ];
        assert_eq!(aws, expected);
    }

    #[test]
    fn only_other_hosts_are_behind_the_proxy() {
        let environment = SessionEnvironment::default().with_proxy("http://127.0.0.1:3128");
        let all: Vec<_> = environment.iter().collect();
        assert!(all.contains(&("HTTPS_PROXY", "http://127.0.0.1:3128")));
        assert!(all.contains(&("no_proxy", "127.0.0.1,localhost")));
        assert!(!all.iter().any(|(name, _)| *name == "HTTP_PROXY"));
    }
}
