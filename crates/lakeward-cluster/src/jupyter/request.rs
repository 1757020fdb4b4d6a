//! What a client asks for when it starts a kernel.

use std::collections::BTreeMap;

use lakeward_session::KernelRequest;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::error::GatewayError;
use super::specifications;

/// Characters of one variable's value, as Jupyter's gateways bound it.
const VALUE_CHARACTERS: usize = 4096;
/// Variables that reach a kernel, and the length of their names.
const VARIABLES: usize = 64;
const NAME_BYTES: usize = 128;
/// Jupyter's gateways refuse values with these: launchers hand them to shells.
const REFUSED: [char; 5] = ['$', '`', '\n', '\r', '\0'];
/// The only variables that a client may give a kernel. No program reads any that begin so, but
/// what is written for Jupyter's gateways.
const PREFIX: &str = "KERNEL_";

/// The body of `POST /api/kernels`. What else clients send there says nothing to this service.
#[derive(Debug, Default, Deserialize)]
pub(super) struct CreateKernel {
    name: Option<String>,
    env: Option<Map<String, Value>>,
}

impl CreateKernel {
    /// Reads the body; an empty one asks for the default.
    pub fn read(body: &[u8]) -> Result<Self, GatewayError> {
        if body.is_empty() {
            return Ok(Self::default());
        }
        serde_json::from_slice(body).map_err(|error| GatewayError::Malformed(error.to_string()))
    }

    /// Checks the request and turns it into the kernel's own.
    pub fn into_request(self) -> Result<KernelRequest, GatewayError> {
        let name = self
            .name
            .unwrap_or_else(|| specifications::DEFAULT.to_owned());
        if !specifications::is_known(&name) {
            return Err(GatewayError::NoSpecification(name));
        }
        let mut environment = BTreeMap::new();
        for (name, value) in self.env.unwrap_or_default() {
            let value = checked(&name, value)?;
            if is_passed_on(&name) {
                environment.insert(name, value);
            }
        }
        if environment.len() > VARIABLES {
            let text = format!("env has more than {VARIABLES} variables named {PREFIX}…");
            return Err(GatewayError::Malformed(text));
        }
        environment.insert("KERNEL_GATEWAY".to_owned(), "1".to_owned());
        environment.insert("KERNEL_LANGUAGE".to_owned(), "python".to_owned());
        Ok(KernelRequest { name, environment })
    }
}

/// The value of a variable, also of one that is not passed on.
fn checked(name: &str, value: Value) -> Result<String, GatewayError> {
    let refuse = |why: &str| {
        let name: String = name.chars().take(NAME_BYTES).collect();
        GatewayError::Malformed(format!("the value of {name} in env {why}"))
    };
    let Value::String(value) = value else {
        return Err(refuse("must be a string"));
    };
    if value.chars().count() > VALUE_CHARACTERS {
        let why = format!("is longer than {VALUE_CHARACTERS} characters");
        return Err(refuse(&why));
    }
    if value.contains(REFUSED) {
        return Err(refuse(
            "must hold no dollar sign, backtick, line break or NUL",
        ));
    }
    Ok(value)
}

fn is_passed_on(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    name.len() <= NAME_BYTES && name.starts_with(PREFIX) && name.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(body: &str) -> Result<KernelRequest, GatewayError> {
        CreateKernel::read(body.as_bytes())?.into_request()
    }

    #[test]
    fn what_jupyterlab_sends_is_taken_and_only_its_own_variables_are_passed_on() {
        let request = request(
            r#"{"name": "python3", "path": "a", "env": {"KERNEL_USERNAME": "alice", "PYTHONPATH": "/evil",
                "AWS_ACCESS_KEY_ID": "x", "KERNEL_A=B": "x", "LD_PRELOAD": "x", "KERNEL_LAUNCH_TIMEOUT": "40"}}"#,
        )
        .unwrap();
        assert_eq!(request.name, "python3");
        let names: Vec<_> = request.environment.keys().map(String::as_str).collect();
        let expected = [
            "KERNEL_GATEWAY",
            "KERNEL_LANGUAGE",
            "KERNEL_LAUNCH_TIMEOUT",
            "KERNEL_USERNAME",
        ];
        assert_eq!(names, expected);
        assert_eq!(
            CreateKernel::read(b"")
                .unwrap()
                .into_request()
                .unwrap()
                .name,
            "pyspark"
        );
    }

    #[test]
    fn values_that_gateways_refuse_are_refused_whatever_their_name() {
        let long = format!(r#"{{"env": {{"A": "{}"}}}}"#, "é".repeat(4097));
        for (body, expected) in [
            (r#"{"env": {"KERNEL_A": 1}}"#, "KERNEL_A"),
            (r#"{"env": {"A": "$HOME"}}"#, "dollar"),
            (r#"{"env": {"KERNEL_A": "`id`"}}"#, "backtick"),
            (r#"{"env": {"KERNEL_A": "a\nb"}}"#, "line break"),
            (r#"{"env": {"KERNEL_A": "a\rb"}}"#, "line break"),
            (r#"{"env": {"KERNEL_A": "a\u0000b"}}"#, "NUL"),
            (&long, "4096"),
            (r#"{"name": "scala"}"#, "scala"),
            (r#"{"name": 3}"#, "string"),
            ("[", "EOF"),
        ] {
            let error = request(body).unwrap_err().to_string();
            assert!(error.contains(expected), "{body}: {error}");
        }
        let exact = format!(r#"{{"env": {{"KERNEL_A": "{}"}}}}"#, "é".repeat(4096));
        assert!(request(&exact).is_ok());
    }
}
