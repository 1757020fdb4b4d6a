//! Programs of steps: each is a batch in a session of its own.

use std::sync::Arc;

use async_trait::async_trait;
use lakeward_cluster::emr::{NotStarted, SparkSubmit, StepEnd, StepRun, StepRunner};
use lakeward_session::{Batch, BatchRequest, BatchState, Login, SessionError, SessionRegistry};
use serde_json::json;

/// The sessions of the daemon.
pub(super) struct Programs {
    pub(super) sessions: Arc<SessionRegistry>,
}

struct Program(Arc<Batch>);

impl StepRunner for Programs {
    fn run(&self, login: &Login, program: &SparkSubmit) -> Result<Arc<dyn StepRun>, NotStarted> {
        let request = BatchRequest {
            name: program.name.clone(),
            file: program.file.clone(),
            args: program.args.clone(),
            py_files: program.py_files.clone(),
            settings: json!(program.settings).to_string(),
            ..BatchRequest::default()
        };
        let batch = self.sessions.open_batch(login, request).map_err(refusal)?;
        Ok(Arc::new(Program(batch)))
    }
}

/// A full cluster, role or login has room again in a while, and a daemon that goes away comes back.
/// Nothing else mends itself.
fn refusal(error: SessionError) -> NotStarted {
    let text = error.to_string();
    match error {
        SessionError::TooManySessions { .. }
        | SessionError::TooManyStarting
        | SessionError::TooManyOfRole { .. }
        | SessionError::TooManyOfLogin { .. }
        | SessionError::Full { .. }
        | SessionError::ShuttingDown => NotStarted::Now(text),
        SessionError::Settings(_)
        | SessionError::Sandbox(_)
        | SessionError::DuplicateName { .. }
        | SessionError::NotActive(_)
        | SessionError::TooManyStatements { .. }
        | SessionError::Script(_)
        | SessionError::KernelGone { .. }
        | SessionError::KernelNotRestarted { .. }
        | SessionError::TooManyConnections { .. }
        | SessionError::Folder { .. }
        | SessionError::Launch { .. } => NotStarted::Ever(text),
    }
}

#[async_trait]
impl StepRun for Program {
    async fn finished(&self) -> StepEnd {
        match self.0.finished().await {
            BatchState::Success => StepEnd::Succeeded,
            BatchState::Killed => StepEnd::Killed,
            _ if !self.0.has_begun() => StepEnd::NotBegun,
            _ => StepEnd::Failed,
        }
    }

    fn cancel(&self) {
        self.0.cancel();
    }

    fn application_id(&self) -> Option<String> {
        Some(self.0.application_id())
    }

    fn verdict(&self) -> Option<String> {
        self.0.verdict()
    }

    fn stdout(&self) -> Vec<u8> {
        self.0.stdout()
    }

    fn stderr(&self) -> Vec<u8> {
        self.0.stderr()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_waits_for_room_and_fails_for_what_stays_so() {
        let role = || SessionError::TooManyOfRole {
            role: "marketing".to_owned(),
            limit: 32,
        };
        for error in [
            role(),
            SessionError::TooManySessions { limit: 1 },
            SessionError::TooManyStarting,
            SessionError::TooManyOfLogin { limit: 1 },
            SessionError::Full { limit: 1 },
            SessionError::ShuttingDown,
        ] {
            let text = error.to_string();
            assert_eq!(refusal(error), NotStarted::Now(text));
        }
        for error in [
            SessionError::Script("no".to_owned()),
            SessionError::Sandbox("none".to_owned()),
            SessionError::DuplicateName {
                name: "nightly".to_owned(),
                id: 1,
            },
        ] {
            let text = error.to_string();
            assert_eq!(refusal(error), NotStarted::Ever(text));
        }
    }
}
