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

/// A full cluster has room again in a while, and a daemon that goes away comes back.
fn refusal(error: SessionError) -> NotStarted {
    match error {
        SessionError::TooManySessions { .. }
        | SessionError::TooManyStarting
        | SessionError::ShuttingDown => NotStarted::Now(error.to_string()),
        other => NotStarted::Ever(other.to_string()),
    }
}

#[async_trait]
impl StepRun for Program {
    async fn finished(&self) -> StepEnd {
        match self.0.finished().await {
            BatchState::Success => StepEnd::Succeeded,
            BatchState::Killed => StepEnd::Killed,
            _ => StepEnd::Failed,
        }
    }

    fn cancel(&self) {
        self.0.cancel();
    }

    fn application_id(&self) -> Option<String> {
        Some(self.0.application_id())
    }

    fn stdout(&self) -> Vec<u8> {
        self.0.stdout()
    }

    fn stderr(&self) -> Vec<u8> {
        self.0.stderr()
    }
}
