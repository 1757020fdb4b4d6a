//! Why a setting of a cluster or of a session was refused.

/// Why a setting of a cluster or of a session was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// The classification configures nothing that there is here.
    #[error(
        "The Configurations classification '{classification}' would have no effect; there are spark-defaults, \
         livy-conf, hive-site, spark-hive-site, lakeward-session and lakeward-network"
    )]
    Classification {
        /// As it was given.
        classification: String,
    },
    /// The property would have no effect.
    #[error(
        "The Configurations property '{property}' of the classification '{classification}' would have no effect; {accepted}"
    )]
    Property {
        /// Where it was given.
        classification: String,
        /// Its name.
        property: String,
        /// What there is instead.
        accepted: String,
    },
    /// The value is not accepted.
    #[error(
        "The Configurations property '{property}' = '{value}' of the classification '{classification}' is not accepted: {accepted}"
    )]
    Value {
        /// Where it was given.
        classification: String,
        /// Its name.
        property: String,
        /// As it was given.
        value: String,
        /// What would be accepted.
        accepted: String,
    },
    /// A session's request asks for a setting that would have no effect, or with a wrong value.
    #[error("the session's setting {setting} is not accepted: {accepted}")]
    Request {
        /// The setting's name, with its value when that is what is wrong.
        setting: String,
        /// What would be accepted.
        accepted: String,
    },
    /// More than the cluster gives one session.
    #[error(
        "{setting} comes to {asked}, and this cluster gives a session at most {limit}: ask for less, or start the \
         cluster with a higher '{property}' in the classification 'lakeward-session' (spark-defaults and the \
         session's own settings share the limit)"
    )]
    OverLimit {
        /// What was asked for.
        setting: &'static str,
        /// How much it comes to.
        asked: String,
        /// The cluster's limit.
        limit: String,
        /// What to raise.
        property: &'static str,
    },
}
