//! Looking at what an enclosure takes, and what it was refused for want of it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior, interval};

use super::incident::IncidentKind;
use super::occupant::Occupant;
use super::process::SessionProcess;

/// How often it is looked.
const PAUSE: Duration = Duration::from_secs(1);

/// A look at the processes now and then.
pub(super) struct Checkup {
    pause: Interval,
    occupant: Arc<Occupant>,
    /// What to say when they go over their memory limit.
    text: String,
    /// Processes that were refused so far.
    refused: u64,
}

impl Checkup {
    pub fn new(occupant: Arc<Occupant>) -> Self {
        let mut pause = interval(PAUSE);
        pause.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            pause,
            occupant,
            text: String::new(),
            refused: 0,
        }
    }

    /// From now on there is a limit that can be named.
    pub fn explain(&mut self, text: String) {
        self.text = text;
    }

    /// Waits until something was killed for going over the memory limit, and says so in words.
    /// Outside an enclosure there is no limit. Dropping the future loses nothing.
    pub async fn over_memory(&mut self, process: &SessionProcess) -> String {
        loop {
            self.pause.tick().await;
            if let Some(text) = self.look(process) {
                return text;
            }
        }
    }

    /// Looks now.
    pub fn look(&mut self, process: &SessionProcess) -> Option<String> {
        let usage = process.usage()?;
        let incidents = &self.occupant.incidents;
        let refused = usage.fork_refusals.saturating_sub(self.refused);
        if refused > 0 {
            incidents.add(IncidentKind::Processes, refused, "");
            self.refused = usage.fork_refusals;
        }
        (usage.oom_kills > 0).then(|| {
            incidents.add(IncidentKind::Memory, usage.oom_kills, "");
            self.text.clone()
        })
    }
}
