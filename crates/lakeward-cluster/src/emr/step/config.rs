//! `StepConfig`: what a request says about a step, and what may stand in it.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::emr::{
    error::EmrError,
    step::{ActionOnFailure, SparkSubmit},
};

const LONGEST_NAME: usize = 256;
/// EMR's bound on a step's arguments, in characters.
const LONGEST_ARGUMENTS: usize = 10_280;
/// EMR's bound on a request and on the active steps of a cluster.
pub(crate) const MOST_STEPS: usize = 256;
const RUNNER: &str = "command-runner.jar";

/// `StepConfig`
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct StepConfig {
    name: String,
    action_on_failure: Option<ActionOnFailure>,
    hadoop_jar_step: HadoopJarStep,
    #[serde(flatten)]
    unbuilt: Map<String, Value>,
}

/// `HadoopJarStepConfig`
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HadoopJarStep {
    jar: String,
    main_class: Option<String>,
    #[serde(default)]
    args: Vec<String>,
    #[serde(default)]
    properties: Vec<Value>,
}

/// A step that kept to the rules.
#[derive(Debug)]
pub(crate) struct Ordered {
    pub name: String,
    pub action_on_failure: ActionOnFailure,
    pub args: Vec<String>,
}

/// Checks what needs nothing but the request and how many steps the cluster runs at once.
pub(crate) fn validate(steps: Vec<StepConfig>, concurrency: u32) -> Result<Vec<Ordered>, EmrError> {
    if steps.len() > MOST_STEPS {
        return Err(EmrError::validation(format!(
            "Steps must hold at most {MOST_STEPS} steps."
        )));
    }
    let ordered = steps.into_iter().map(|step| step.validate(concurrency));
    ordered.collect()
}

impl StepConfig {
    fn validate(self, concurrency: u32) -> Result<Ordered, EmrError> {
        if self.name.chars().count() > LONGEST_NAME {
            return Err(EmrError::validation(format!(
                "The Name of a step is longer than {LONGEST_NAME} characters."
            )));
        }
        if let Some(field) = self.unbuilt.keys().next() {
            return Err(EmrError::Unsupported(format!("The field 'Steps.{field}'")));
        }
        let action_on_failure = action(self.action_on_failure, concurrency)?;
        Ok(Ordered {
            name: self.name,
            action_on_failure,
            args: self.hadoop_jar_step.validate()?,
        })
    }
}

/// More than one step at once leaves no order in which a failure could stop the others (EMR API
/// Reference, `StepConfig`).
fn action(given: Option<ActionOnFailure>, concurrency: u32) -> Result<ActionOnFailure, EmrError> {
    let alone = concurrency <= 1;
    match given {
        Some(action) if alone || action == ActionOnFailure::Continue => Ok(action),
        Some(_) => Err(EmrError::validation(
            "ActionOnFailure is not valid: with a StepConcurrencyLevel above 1 it must be CONTINUE.",
        )),
        None if alone => Ok(ActionOnFailure::TerminateCluster),
        None => Ok(ActionOnFailure::Continue),
    }
}

impl HadoopJarStep {
    fn validate(self) -> Result<Vec<String>, EmrError> {
        if self.jar != RUNNER {
            return Err(EmrError::Unsupported(format!(
                "The jar '{}' in a step (a step runs a PySpark program: Jar \"{RUNNER}\", Args \
                 [\"spark-submit\", \"s3://BUCKET/PROGRAM.py\", …])",
                self.jar.escape_debug().take(80).collect::<String>()
            )));
        }
        if self.main_class.is_some_and(|class| !class.is_empty()) {
            return Err(EmrError::Unsupported("MainClass in a step".to_owned()));
        }
        if !self.properties.is_empty() {
            return Err(EmrError::Unsupported("Properties in a step".to_owned()));
        }
        let length: usize = self.args.iter().map(|arg| arg.chars().count()).sum();
        if length > LONGEST_ARGUMENTS || self.args.iter().any(|arg| arg.contains('\0')) {
            return Err(EmrError::validation(format!(
                "The Args of a step are longer than {LONGEST_ARGUMENTS} characters, or hold a NUL."
            )));
        }
        SparkSubmit::parse(&self.args)?;
        Ok(self.args)
    }
}
