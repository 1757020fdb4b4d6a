//! One step, from its start to what its end means for the cluster.

use std::sync::Arc;

use jiff::Timestamp;
use lakeward_session::{Login, RuntimeRoles as _};

use crate::emr::{
    Emr,
    cluster::Cluster,
    error::EmrError,
    step::{
        ActionOnFailure, Failure, NotStarted, SparkSubmit, Step, StepEnd, StepRun, StepState,
        log::Logs, record::cancel_pending,
    },
};

pub(super) const CANCELLED: &str = "Cancelled by user request.";

/// What a step came to.
struct Outcome {
    end: StepEnd,
    /// Why the program did not even begin.
    refusal: Option<String>,
    logs: Logs,
}

impl Emr {
    /// Sees a step to its end, then looks at the next.
    pub(super) async fn run_step(self: Arc<Self>, cluster: Arc<Cluster>, step: Step) {
        let started = self.start(&cluster, &step).await;
        let recorded = match started {
            Err(NotStarted::Now(why)) => self.put_back(&step, &why).await,
            Err(NotStarted::Ever(why)) => {
                let outcome = self.refused(&step, why);
                self.conclude(&cluster, &step, &outcome).await
            }
            Ok(run) => {
                let outcome = self.attend(&step, &run).await;
                self.conclude(&cluster, &step, &outcome).await
            }
        };
        if let Err(error) = recorded {
            tracing::error!(cluster = %cluster.id, step = %step.id, %error, "step not recorded");
        }
    }

    fn refused(&self, step: &Step, why: String) -> Outcome {
        let mut logs = Logs::begun(self.now(), &step.args);
        logs.controller
            .say(self.now(), &format!("Step not started: {why}"));
        Outcome {
            end: StepEnd::Failed,
            refusal: Some(why),
            logs,
        }
    }

    /// Waits for a program's end.
    async fn attend(&self, step: &Step, run: &Arc<dyn StepRun>) -> Outcome {
        tracing::info!(cluster = %step.cluster_id, step = %step.id, "step runs");
        let mut logs = Logs::begun(self.now(), &step.args);
        if let Some(id) = run.application_id() {
            let line = format!("Step created application: {id}");
            logs.controller.say(self.now(), &line);
        }
        self.steps.enter(&step.id, run);
        // A cancellation may have come while it started.
        let current = Step::find(&self.store.snapshot(), &step.cluster_id, &step.id);
        if current.is_none_or(|step| step.state != StepState::Running) {
            run.cancel();
        }
        let end = run.finished().await;
        self.steps.leave(&step.id);
        tracing::info!(cluster = %step.cluster_id, step = %step.id, ?end, "step ended");
        logs.controller
            .say(self.now(), &format!("Step ended: {end:?}"));
        logs.stdout = run.stdout();
        logs.stderr = run.stderr();
        Outcome {
            end,
            refusal: None,
            logs,
        }
    }

    /// Lets a step wait on; it is looked at again in a moment.
    async fn put_back(&self, step: &Step, why: &str) -> Result<(), EmrError> {
        let now = self.now();
        self.store
            .change(|change| {
                let current = Step::find(change, &step.cluster_id, &step.id);
                match current {
                    Some(step) if step.state == StepState::Running => {
                        change.put(step.waiting(why));
                    }
                    Some(step) if step.state == StepState::CancelPending => {
                        change.put(step.ended(StepState::Cancelled, CANCELLED, now));
                    }
                    _ => {}
                }
                Ok(())
            })
            .await
    }

    /// Starts the program, if its role can still be had.
    async fn start(
        self: &Arc<Self>,
        cluster: &Cluster,
        step: &Step,
    ) -> Result<Arc<dyn StepRun>, NotStarted> {
        let text = |error: EmrError| NotStarted::Ever(error.to_string());
        let program = SparkSubmit::parse(&step.args).map_err(text)?;
        let login = self.step_login(cluster, step).map_err(text)?;
        let keys = self.check_keys(login.clone()).await;
        keys.map_err(NotStarted::Ever)?;
        self.runtime.steps().run(&login, &program)
    }

    /// Asks for the keys that the program will ask for, so that a refusal is the step's failure.
    async fn check_keys(self: &Arc<Self>, login: Login) -> Result<(), String> {
        let emr = Arc::clone(self);
        let asked = tokio::task::spawn_blocking(move || emr.credentials(&login).map(drop)).await;
        match asked {
            Ok(answer) => answer.map_err(|error| error.message),
            Err(error) => Err(error.to_string()),
        }
    }

    async fn conclude(
        self: &Arc<Self>,
        cluster: &Cluster,
        step: &Step,
        outcome: &Outcome,
    ) -> Result<(), EmrError> {
        let unwritten = self.write_logs(cluster, step, &outcome.logs).await.err();
        let now = self.now();
        let key = Cluster::key_of(&cluster.account, &cluster.id);
        let failed = self
            .store
            .change(|change| {
                let current = Step::find(change, &step.cluster_id, &step.id);
                // The end of the cluster came first.
                let Some(current) = current.filter(|step| step.state.is_running()) else {
                    return Ok::<_, EmrError>(false);
                };
                let next = ended(&current, outcome, unwritten.clone(), now);
                let alone = change
                    .get::<Cluster>(&key)
                    .is_some_and(|cluster| cluster.step_concurrency <= 1);
                // Only a failure of its own stops others, and only where there is an order.
                let failed = next.state == StepState::Failed && outcome.end == StepEnd::Failed;
                let stops = failed && alone && next.action_on_failure != ActionOnFailure::Continue;
                if stops {
                    let why = format!("Cancelled since step {} failed.", step.id);
                    cancel_pending(change, &step.cluster_id, &why, now);
                }
                change.put(next);
                Ok(stops)
            })
            .await?;
        if failed && step.action_on_failure.terminates() {
            self.work_failed(cluster, &step.id).await?;
        }
        self.work_on(key);
        Ok(())
    }
}

/// The step's record at its end.
fn ended(step: &Step, outcome: &Outcome, unwritten: Option<String>, now: Timestamp) -> Step {
    let cancelled = step.state == StepState::CancelPending;
    let state = match outcome.end {
        StepEnd::Succeeded => StepState::Completed,
        StepEnd::Killed if cancelled => StepState::Cancelled,
        StepEnd::Failed | StepEnd::Killed => StepState::Failed,
    };
    let mut next = step.in_state(state, now);
    if state == StepState::Failed {
        next.failure = Some(failure(step, outcome, unwritten.is_some()));
    }
    if state == StepState::Cancelled {
        next.note = Some(CANCELLED.to_owned());
    }
    if unwritten.is_some() {
        next.note = unwritten;
    }
    next
}

fn failure(step: &Step, outcome: &Outcome, unwritten: bool) -> Failure {
    let log_file = step.log_uri.as_ref().filter(|_| !unwritten);
    let (reason, message, file) = match (&outcome.refusal, outcome.end) {
        (Some(refusal), _) => (
            "The program could not be started.",
            Some(refusal.clone()),
            "controller.gz",
        ),
        (None, StepEnd::Killed) => (
            "The program was ended from outside.",
            Some("Its session was ended by an operator, or with Lakeward itself.".to_owned()),
            "controller.gz",
        ),
        (None, _) => (
            "The program ended with an error.",
            outcome.logs.last_words(),
            "stderr.gz",
        ),
    };
    Failure {
        reason: reason.to_owned(),
        message,
        log_file: log_file.map(|folder| format!("{folder}{file}")),
    }
}
