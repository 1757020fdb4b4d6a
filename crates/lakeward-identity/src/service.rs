use std::{collections::BTreeMap, future::Future, sync::Arc};

use futures::future::BoxFuture;
use lakeward_wire::{Answer, AwsError, Incoming, Protocol};
use serde::{Serialize, de::DeserializeOwned};

use crate::Call;

type Handler = Arc<dyn Fn(Call, Incoming) -> BoxFuture<'static, Answer> + Send + Sync>;

/// A service: a signing name, a protocol, and a table of operations.
#[derive(Clone)]
pub struct Service {
    pub(crate) signing_name: &'static str,
    pub(crate) protocol: Protocol,
    operations: BTreeMap<&'static str, Handler>,
}

impl Service {
    /// A service without operations.
    #[must_use]
    pub fn new(signing_name: &'static str, protocol: Protocol) -> Self {
        Self {
            signing_name,
            protocol,
            operations: BTreeMap::new(),
        }
    }

    /// Adds an operation: its input is decoded, the handler runs, its output is encoded.
    #[must_use]
    pub fn operation<S, I, O, F, Fut>(
        mut self,
        name: &'static str,
        state: &Arc<S>,
        handler: F,
    ) -> Self
    where
        S: Send + Sync + 'static,
        I: DeserializeOwned + Send + 'static,
        O: Serialize,
        F: Fn(Arc<S>, Call, I) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<O, AwsError>> + Send + 'static,
    {
        let state = Arc::clone(state);
        let run = move |call: Call, incoming: Incoming| -> BoxFuture<'static, Answer> {
            let (state, handler) = (Arc::clone(&state), handler.clone());
            Box::pin(async move {
                let output = handler(state, call, incoming.read()?).await?;
                serde_json::to_value(output).map_err(AwsError::internal)
            })
        };
        self.operations.insert(name, Arc::new(run));
        self
    }

    /// The service's signing name.
    #[must_use]
    pub fn signing_name(&self) -> &'static str {
        self.signing_name
    }

    /// The service's protocol.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// The operations' names, in order.
    pub fn operations(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.operations.keys().copied()
    }

    /// Runs an operation. A handler that answers without having asked for a decision is refused.
    pub(crate) async fn run(&self, call: Call, incoming: Incoming) -> Answer {
        let operation = incoming.operation.clone();
        let Some(handler) = self.operations.get(&*operation) else {
            return Err(self.protocol.unknown_operation(&operation));
        };
        let answer = handler(call.clone(), incoming).await?;
        if !call.decided() {
            return Err(AwsError::internal(format!(
                "{operation} answered without a decision"
            )));
        }
        Ok(answer)
    }
}
