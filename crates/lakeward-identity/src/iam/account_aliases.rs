//! The alias that stands for an account's id in addresses that people read.

use std::sync::Arc;

use lakeward_store::Change;
use lakeward_wire::AwsError;
use serde::{Deserialize, Serialize};

use super::{
    Nothing, error,
    paging::{self, End},
    target::Target,
};
use crate::{Account, Call, ChangeRefused, Identity, Service};

pub(super) fn operations(service: Service, identity: &Arc<Identity>) -> Service {
    service
        .operation("CreateAccountAlias", identity, create)
        .operation("ListAccountAliases", identity, list)
        .operation("DeleteAccountAlias", identity, delete)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Alias {
    #[serde(default)]
    account_alias: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct List {
    marker: Option<String>,
    max_items: Option<u32>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AliasList {
    account_aliases: Vec<String>,
    #[serde(flatten)]
    end: End,
}

/// 3 to 63 lower-case letters, digits and single hyphens between them.
fn check(alias: &str) -> Result<(), AwsError> {
    let plain = alias
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    let hyphens = alias.starts_with('-') || alias.ends_with('-') || alias.contains("--");
    if plain && !hyphens && (3..=63).contains(&alias.len()) {
        return Ok(());
    }
    Err(error::invalid(
        "1 validation error detected: Value at 'accountAlias' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$",
    ))
}

fn put(change: &mut Change<'_>, account: &str, alias: Option<String>) -> Result<(), AwsError> {
    let own = change
        .get::<Account>(account)
        .ok_or_else(|| error::no_such("account", account))?;
    change.put(Account {
        alias,
        ..(*own).clone()
    });
    Ok(())
}

async fn create(identity: Arc<Identity>, call: Call, input: Alias) -> Result<Nothing, AwsError> {
    let _permit = Target::new("*".to_owned()).authorize(&call, "iam:CreateAccountAlias")?;
    let alias = input.account_alias;
    check(&alias)?;
    let account = call.account();
    identity
        .store()
        .change(|change| -> Result<_, ChangeRefused> {
            if Account::with_alias(change, &alias).is_some() {
                return Err(AwsError::new(
                    409,
                    "EntityAlreadyExists",
                    format!("The account alias {alias} already exists."),
                )
                .into());
            }
            put(change, account, Some(alias.clone()))?;
            Ok(Nothing)
        })
        .await
        .map_err(AwsError::from)
}

async fn list(_identity: Arc<Identity>, call: Call, input: List) -> Result<AliasList, AwsError> {
    let _permit = Target::new("*".to_owned()).authorize(&call, "iam:ListAccountAliases")?;
    let account = call.snapshot().get::<Account>(call.account());
    let alias = account.and_then(|account| account.alias.clone());
    let marker = input.marker.as_deref();
    let page = paging::cut(
        "ListAccountAliases",
        marker,
        input.max_items,
        alias,
        |alias| alias.clone(),
    )?;
    Ok(AliasList {
        account_aliases: page.items,
        end: page.end,
    })
}

async fn delete(identity: Arc<Identity>, call: Call, input: Alias) -> Result<Nothing, AwsError> {
    let _permit = Target::new("*".to_owned()).authorize(&call, "iam:DeleteAccountAlias")?;
    let (account, alias) = (call.account(), input.account_alias);
    identity
        .store()
        .change(|change| -> Result<_, ChangeRefused> {
            let own = Account::with_alias(change, &alias);
            if own.is_none_or(|own| own != account) {
                return Err(error::no_such("account alias", &alias).into());
            }
            put(change, account, None)?;
            Ok(Nothing)
        })
        .await
        .map_err(AwsError::from)
}
