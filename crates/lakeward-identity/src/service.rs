use std::{collections::BTreeMap, future::Future, sync::Arc};

use futures::future::BoxFuture;
use jiff::Timestamp;
use lakeward_wire::{Answer, AwsError, Incoming, Protocol};
use serde::{Serialize, de::DeserializeOwned};

use crate::{Call, Caller};

type Handler = Arc<dyn Fn(Call, Incoming) -> BoxFuture<'static, Answer> + Send + Sync>;
type Voucher =
    Arc<dyn Fn(Incoming, Timestamp) -> BoxFuture<'static, Result<Caller, AwsError>> + Send + Sync>;

/// A service: a signing name, a protocol, and a table of operations.
#[derive(Clone)]
pub struct Service {
    pub(crate) signing_name: &'static str,
    pub(crate) protocol: Protocol,
    operations: BTreeMap<&'static str, Handler>,
    /// For the operations that need no signature: who the input says is asking.
    vouchers: BTreeMap<&'static str, Voucher>,
}

impl Service {
    /// A service without operations.
    #[must_use]
    pub fn new(signing_name: &'static str, protocol: Protocol) -> Self {
        Self {
            signing_name,
            protocol,
            operations: BTreeMap::new(),
            vouchers: BTreeMap::new(),
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

    /// Lets an operation be called without a signature: `vouch` reads from the input who asks, and
    /// believes nothing that it hasn't verified.
    #[must_use]
    pub fn vouched_by<S, I, F, Fut>(mut self, name: &'static str, state: &Arc<S>, vouch: F) -> Self
    where
        S: Send + Sync + 'static,
        I: DeserializeOwned + Send + 'static,
        F: Fn(Arc<S>, I, Timestamp) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<Caller, AwsError>> + Send + 'static,
    {
        let state = Arc::clone(state);
        let run = move |incoming: Incoming, now| -> BoxFuture<'static, Result<Caller, AwsError>> {
            let (state, vouch) = (Arc::clone(&state), vouch.clone());
            Box::pin(async move { vouch(state, incoming.read()?, now).await })
        };
        self.vouchers.insert(name, Arc::new(run));
        self
    }

    /// True for an operation that is called without a signature.
    #[must_use]
    pub fn is_public(&self, operation: &str) -> bool {
        self.vouchers.contains_key(operation)
    }

    /// Who asks a public operation.
    pub(crate) async fn vouch(
        &self,
        incoming: Incoming,
        now: Timestamp,
    ) -> Result<Caller, AwsError> {
        match self.vouchers.get(&*incoming.operation) {
            Some(voucher) => voucher(incoming, now).await,
            None => Err(self.protocol.unknown_operation(&incoming.operation)),
        }
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
        call.caller().check_reach(self.signing_name, &operation)?;
        let answer = handler(call.clone(), incoming).await?;
        if !call.decided() {
            return Err(AwsError::internal(format!(
                "{operation} answered without a decision"
            )));
        }
        Ok(answer)
    }
}
