//! Roles, users and their policies.

use anyhow::Result;
use lakeward_client::{Client, ClientError};
use serde_json::{Value, json};

const IAM: &str = "2010-05-08";

/// An IAM client: what exists already is left as it is.
pub(super) struct Iam<'a>(pub(super) &'a Client);

impl Iam<'_> {
    pub(super) async fn role(
        &self,
        name: &str,
        trust: &Value,
        permissions: &Value,
    ) -> Result<(), ClientError> {
        let trust = trust.to_string();
        let create = [
            ("Action", "CreateRole"),
            ("RoleName", name),
            ("AssumeRolePolicyDocument", &*trust),
        ];
        self.make(&create).await?;
        let permissions = permissions.to_string();
        let put = [
            ("Action", "PutRolePolicy"),
            ("RoleName", name),
            ("PolicyName", "permissions"),
            ("PolicyDocument", &*permissions),
        ];
        self.make(&put).await
    }

    pub(super) async fn user(&self, name: &str, permissions: &Value) -> Result<(), ClientError> {
        self.make(&[("Action", "CreateUser"), ("UserName", name)])
            .await?;
        let permissions = permissions.to_string();
        let put = [
            ("Action", "PutUserPolicy"),
            ("UserName", name),
            ("PolicyName", "permissions"),
            ("PolicyDocument", &*permissions),
        ];
        self.make(&put).await
    }

    pub(super) async fn instance_profile(&self, name: &str, role: &str) -> Result<(), ClientError> {
        self.make(&[
            ("Action", "CreateInstanceProfile"),
            ("InstanceProfileName", name),
        ])
        .await?;
        let add = [
            ("Action", "AddRoleToInstanceProfile"),
            ("InstanceProfileName", name),
            ("RoleName", role),
        ];
        match self.make(&add).await {
            // It holds its role already.
            Err(error) if error.code() == Some("LimitExceeded") => Ok(()),
            made => made,
        }
    }

    /// A new key in place of any the user has: a secret is shown only once.
    pub(super) async fn fresh_key(&self, user: &str) -> Result<(String, String), ClientError> {
        let held = self
            .0
            .query(
                "iam",
                IAM,
                &[("Action", "ListAccessKeys"), ("UserName", user)],
            )
            .await?;
        for chunk in held.split("<AccessKeyId>").skip(1) {
            let id = chunk.split('<').next().unwrap_or_default();
            self.0
                .query(
                    "iam",
                    IAM,
                    &[
                        ("Action", "DeleteAccessKey"),
                        ("UserName", user),
                        ("AccessKeyId", id),
                    ],
                )
                .await?;
        }
        let made = self
            .0
            .query(
                "iam",
                IAM,
                &[("Action", "CreateAccessKey"), ("UserName", user)],
            )
            .await?;
        let text = |name: &str| {
            lakeward_client::element(&made, name)
                .unwrap_or_default()
                .to_owned()
        };
        Ok((text("AccessKeyId"), text("SecretAccessKey")))
    }

    async fn make(&self, parameters: &[(&str, &str)]) -> Result<(), ClientError> {
        match self.0.query("iam", IAM, parameters).await {
            Err(error) if error.code() == Some("EntityAlreadyExists") => Ok(()),
            made => made.map(drop),
        }
    }
}

/// A policy document.
pub(super) fn policy(statements: &[Value]) -> Value {
    json!({"Version": "2012-10-17", "Statement": statements})
}

/// `{"Effect": "Allow", …}` for an identity policy.
pub(super) fn allow(actions: &[&str], resources: &[&str]) -> Value {
    json!({"Effect": "Allow", "Action": actions, "Resource": resources})
}

/// A trust policy's statement.
pub(super) fn trust(principal: &Value, actions: &[&str]) -> Value {
    json!({"Effect": "Allow", "Principal": principal, "Action": actions})
}
