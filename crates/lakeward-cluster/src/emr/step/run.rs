//! One step, from its start to what its end means for the cluster.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use lakeward_session::{Login, RuntimeRoles as _};

use crate::emr::{
    Emr,
    cluster::{Cluster, work::work_failed},
    error::EmrError,
    step::{
        ActionOnFailure, Failure, NotStarted, SparkSubmit, Step, StepEnd, StepRun, StepState,
        log::Logs, record::cancel_pending,
    },
};

pub(super) const CANCELLED: &str = "Cancelled by user request.";

/// The pause before a change that the state didn't take is tried again; it doubles with each try.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What a step came to.
struct Outcome {
    end: StepEnd,
    /// How the program ended and why, or why it did not even begin.
    verdict: Option<String>,
    logs: Logs,
}

impl Emr {
    /// Sees a step to its end, then looks at the next.
    pub(super) async fn run_step(self: Arc<Self>, cluster: Arc<Cluster>, step: Step) {
        match self.start(&cluster, &step).await {
            Err(NotStarted::Now(why)) => {
                self.steps.put_off(&step.id);
                recorded(&step, || self.put_back(&step, &why)).await;
            }
            Err(NotStarted::Ever(why)) => {
                let outcome = self.refused(&step, why);
                self.conclude(&cluster, &step, &outcome).await;
            }
            Ok(run) => {
                let outcome = self.attend(&step, &run).await;
                self.conclude(&cluster, &step, &outcome).await;
            }
        }
        self.steps.leave(&step.id);
        self.work_on(Cluster::key_of(&cluster.account, &cluster.id));
    }

    fn refused(&self, step: &Step, why: String) -> Outcome {
        let mut logs = Logs::begun(self.now(), &step.args);
        logs.controller
            .say(self.now(), &format!("Step not started: {why}"));
        Outcome {
            end: StepEnd::NotBegun,
            verdict: Some(why),
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
        tracing::info!(cluster = %step.cluster_id, step = %step.id, ?end, "step ended");
        let verdict = run.verdict();
        let why = verdict.as_deref().map(|why| format!(" ({why})"));
        let line = format!("Step ended: {end:?}{}", why.unwrap_or_default());
        logs.controller.say(self.now(), &line);
        logs.stdout = run.stdout();
        logs.stderr = run.stderr();
        Outcome { end, verdict, logs }
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

    /// Keeps what the step came to, and does what that means for its cluster.
    async fn conclude(self: &Arc<Self>, cluster: &Cluster, step: &Step, outcome: &Outcome) {
        let unwritten = self.write_logs(cluster, step, &outcome.logs).await.err();
        let key = Cluster::key_of(&cluster.account, &cluster.id);
        let record = || self.record_end(&key, step, outcome, unwritten.as_deref());
        if let Some(ending) = recorded(step, record).await {
            self.see_off(ending);
        }
    }

    /// Gives the cluster if the step's failure ends it.
    async fn record_end(
        &self,
        key: &str,
        step: &Step,
        outcome: &Outcome,
        unwritten: Option<&str>,
    ) -> Result<Option<Arc<Cluster>>, EmrError> {
        let now = self.now();
        self.store
            .change(|change| {
                let current = Step::find(change, &step.cluster_id, &step.id);
                // The end of the cluster came first.
                let Some(current) = current.filter(|step| step.state.is_running()) else {
                    return Ok(None);
                };
                let next = ended(&current, outcome, unwritten, now);
                let alone = change
                    .get::<Cluster>(key)
                    .is_some_and(|cluster| cluster.step_concurrency <= 1);
                // Only a failure of its own stops others, and only where there is an order.
                let failed = next.state == StepState::Failed && outcome.end != StepEnd::Killed;
                let action = next.action_on_failure;
                change.put(next);
                if !failed || !alone || action == ActionOnFailure::Continue {
                    return Ok(None);
                }
                let why = format!("Cancelled since step {} failed.", step.id);
                cancel_pending(change, &step.cluster_id, &why, now);
                let ends = action.terminates();
                Ok(ends
                    .then(|| work_failed(change, key, &step.id, now))
                    .flatten())
            })
            .await
    }
}

/// Makes a change again and again until the durable state takes it: what became of the step is known
/// here alone.
async fn recorded<T, F>(step: &Step, change: impl Fn() -> F) -> T
where
    F: Future<Output = Result<T, EmrError>>,
{
    let mut pause = FIRST_PAUSE;
    loop {
        match change().await {
            Ok(done) => return done,
            Err(error) => {
                let cluster = &step.cluster_id;
                tracing::error!(%cluster, step = %step.id, %error, ?pause, "step not recorded yet");
            }
        }
        tokio::time::sleep(pause).await;
        pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
    }
}

/// The step's record at its end.
fn ended(step: &Step, outcome: &Outcome, unwritten: Option<&str>, now: Timestamp) -> Step {
    let cancelled = step.state == StepState::CancelPending;
    let state = match outcome.end {
        StepEnd::Succeeded => StepState::Completed,
        StepEnd::Killed if cancelled => StepState::Cancelled,
        StepEnd::Failed | StepEnd::NotBegun | StepEnd::Killed => StepState::Failed,
    };
    let mut next = step.in_state(state, now);
    if state == StepState::Failed {
        next.failure = Some(failure(step, outcome, unwritten.is_some()));
    }
    if state == StepState::Cancelled {
        next.note = Some(CANCELLED.to_owned());
    }
    if let Some(why) = unwritten {
        next.note = Some(why.to_owned());
    }
    next
}

fn failure(step: &Step, outcome: &Outcome, unwritten: bool) -> Failure {
    let log_file = step.log_uri.as_ref().filter(|_| !unwritten);
    let (reason, message, file) = match outcome.end {
        StepEnd::NotBegun => (
            "The program could not be started.",
            outcome.verdict.clone(),
            "controller.gz",
        ),
        StepEnd::Killed => (
            "The program was ended from outside.",
            Some("Its session was ended by an operator, or with Lakeward itself.".to_owned()),
            "controller.gz",
        ),
        StepEnd::Failed | StepEnd::Succeeded => match outcome.logs.last_words() {
            Some(words) => (ERROR, Some(with(words, &outcome.verdict)), "stderr.gz"),
            None => (ERROR, outcome.verdict.clone(), "controller.gz"),
        },
    };
    Failure {
        reason: reason.to_owned(),
        message,
        log_file: log_file.map(|folder| format!("{folder}{file}")),
    }
}

const ERROR: &str = "The program ended with an error.";

/// What the program said last, and how it ended.
fn with(words: String, verdict: &Option<String>) -> String {
    match verdict {
        Some(verdict) => format!("{words} ({verdict})"),
        None => words,
    }
}
