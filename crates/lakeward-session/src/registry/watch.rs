//! What holds of a session's task however it ends.

use std::sync::Arc;

use crate::session::{Session, SessionState};

/// Runs a session's task. Where it ends without having ended the session, because it panicked or was
/// dropped, the session ends with it: somebody may be waiting for that.
pub(super) async fn until_it_ends(session: Arc<Session>, task: impl Future<Output = ()>) {
    let _watched = Watched(session);
    task.await;
}

struct Watched(Arc<Session>);

impl Drop for Watched {
    fn drop(&mut self) {
        if !self.0.state().has_ended() {
            let text = "the service stopped looking after it; its process was ended";
            self.0.end(SessionState::Dead, "SessionEnded", text);
        }
    }
}

#[cfg(test)]
mod tests {
    use lakeward_wire::Secret;

    use super::*;
    use crate::counters::Counters;
    use crate::fixture::{limits, login};
    use crate::session::SessionRequest;

    fn session() -> Arc<Session> {
        let (key, token) = (String::new(), Secret::new(String::new()));
        let (request, counters) = (SessionRequest::default(), Counters::default());
        let session = Session::new(7, key, token, login("david"), request, &limits(), counters);
        Arc::new(session)
    }

    #[tokio::test]
    async fn a_session_ends_with_its_task_whatever_becomes_of_that() {
        let session = session();
        let task = until_it_ends(Arc::clone(&session), async { panic!("a mistake") });
        assert!(tokio::spawn(task).await.unwrap_err().is_panic());
        session.gone().await;
        assert_eq!(session.state(), SessionState::Dead);
        assert!(session.log_tail(1)[0].contains("stopped looking after it"));
    }

    #[tokio::test]
    async fn a_session_that_was_ended_stays_as_it_ended() {
        let session = session();
        let ending = Arc::clone(&session);
        let task = async move { ending.end(SessionState::Success, "", "done") };
        until_it_ends(Arc::clone(&session), task).await;
        assert_eq!(session.state(), SessionState::Success);
    }
}
