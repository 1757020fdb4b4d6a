//! Programs of steps in place of interpreters: each does what its first argument says.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use lakeward_session::Login;
use tokio::sync::watch;

use crate::emr::{NotStarted, SparkSubmit, StepEnd, StepRun, StepRunner};

/// What was started, in its order.
#[derive(Default)]
pub(super) struct Programs {
    started: Mutex<Vec<Arc<Program>>>,
    pub(super) has_room: AtomicBool,
}

/// One program. It runs until it is told how it ends.
pub(super) struct Program {
    pub(super) login: Login,
    pub(super) submit: SparkSubmit,
    end: watch::Sender<Option<StepEnd>>,
}

impl Programs {
    pub(super) fn started(&self) -> Vec<Arc<Program>> {
        self.started.lock().unwrap().clone()
    }

    /// As a daemon that is shut down does with them.
    pub(super) fn end_all(&self) {
        for program in self.started() {
            program.end(StepEnd::Killed);
        }
    }
}

impl Program {
    pub(super) fn end(&self, end: StepEnd) {
        self.end.send_if_modified(|current| {
            let first = current.is_none();
            current.get_or_insert(end);
            first
        });
    }
}

impl StepRunner for Programs {
    fn run(&self, login: &Login, program: &SparkSubmit) -> Result<Arc<dyn StepRun>, NotStarted> {
        let end = match program.args.first().map(String::as_str) {
            Some("succeed") => Some(StepEnd::Succeeded),
            Some("fail" | "silent") => Some(StepEnd::Failed),
            Some("missing") => Some(StepEnd::NotBegun),
            Some("refuse") => return Err(NotStarted::Ever("it is no program".to_owned())),
            Some("full") if !self.has_room.load(Ordering::SeqCst) => {
                return Err(NotStarted::Now("the cluster has no room".to_owned()));
            }
            Some("full") => Some(StepEnd::Succeeded),
            _ => None,
        };
        let program = Arc::new(Program {
            login: login.clone(),
            submit: program.clone(),
            end: watch::Sender::new(end),
        });
        self.started.lock().unwrap().push(Arc::clone(&program));
        Ok(program)
    }
}

#[async_trait]
impl StepRun for Program {
    async fn finished(&self) -> StepEnd {
        let mut end = self.end.subscribe();
        let ended = end.wait_for(Option::is_some).await.unwrap();
        ended.unwrap()
    }

    fn cancel(&self) {
        self.end(StepEnd::Killed);
    }

    fn application_id(&self) -> Option<String> {
        Some("application_1_0001".to_owned())
    }

    fn verdict(&self) -> Option<String> {
        Some(match (*self.end.borrow())? {
            StepEnd::Succeeded => "the script ended with exit code 0".to_owned(),
            StepEnd::NotBegun => "cannot read s3://code/a.py: NoSuchKey".to_owned(),
            _ => "the script ended with exit code 3".to_owned(),
        })
    }

    fn stdout(&self) -> Vec<u8> {
        b"what it printed\n".to_vec()
    }

    fn stderr(&self) -> Vec<u8> {
        match self.submit.args.first().map(String::as_str) {
            Some("silent" | "missing") => Vec::new(),
            _ => b"Traceback\nValueError: it went wrong\n\n".to_vec(),
        }
    }
}
