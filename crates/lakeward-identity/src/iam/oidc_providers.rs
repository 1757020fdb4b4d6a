use std::sync::Arc;

use lakeward_policy::Context;
use lakeward_store::{Change, Snapshot};
use lakeward_wire::{AwsError, iso};
use serde::{Deserialize, Serialize};

use super::{Nothing, Tag, error, tag_list, tag_map, tags};
use crate::{Call, ChangeRefused, Identity, OidcProvider, Service, inventory};

/// Quotas of an account and of a provider ("IAM and AWS STS quotas").
const PROVIDERS: usize = 100;
const CLIENT_IDS: usize = 100;
const THUMBPRINTS: usize = 5;

pub(super) fn operations(service: Service, identity: &Arc<Identity>) -> Service {
    service
        .operation("CreateOpenIDConnectProvider", identity, create)
        .operation("GetOpenIDConnectProvider", identity, get)
        .operation("ListOpenIDConnectProviders", identity, list)
        .operation("DeleteOpenIDConnectProvider", identity, delete)
        .operation(
            "UpdateOpenIDConnectProviderThumbprint",
            identity,
            update_thumbprints,
        )
        .operation(
            "AddClientIDToOpenIDConnectProvider",
            identity,
            add_client_id,
        )
        .operation(
            "RemoveClientIDFromOpenIDConnectProvider",
            identity,
            remove_client_id,
        )
        .operation("TagOpenIDConnectProvider", identity, tag)
        .operation("UntagOpenIDConnectProvider", identity, untag)
        .operation("ListOpenIDConnectProviderTags", identity, list_tags)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Create {
    url: String,
    #[serde(default, rename = "ClientIDList")]
    client_ids: Vec<String>,
    #[serde(default, rename = "ThumbprintList")]
    thumbprints: Vec<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
struct Named {
    #[serde(rename = "OpenIDConnectProviderArn")]
    arn: String,
}

#[derive(Deserialize)]
struct WithThumbprints {
    #[serde(rename = "OpenIDConnectProviderArn")]
    arn: String,
    #[serde(default, rename = "ThumbprintList")]
    thumbprints: Vec<String>,
}

#[derive(Deserialize)]
struct WithClientId {
    #[serde(rename = "OpenIDConnectProviderArn")]
    arn: String,
    #[serde(rename = "ClientID")]
    client_id: String,
}

#[derive(Deserialize)]
struct WithTags {
    #[serde(rename = "OpenIDConnectProviderArn")]
    arn: String,
    #[serde(default, rename = "Tags")]
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
struct WithTagKeys {
    #[serde(rename = "OpenIDConnectProviderArn")]
    arn: String,
    #[serde(default, rename = "TagKeys")]
    tag_keys: Vec<String>,
}

#[derive(Deserialize)]
struct Everything {}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Created {
    #[serde(rename = "OpenIDConnectProviderArn")]
    arn: String,
    tags: Vec<Tag>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Shown {
    url: String,
    #[serde(rename = "ClientIDList")]
    client_ids: Vec<String>,
    thumbprint_list: Vec<String>,
    create_date: String,
    tags: Vec<Tag>,
}

#[derive(Serialize)]
struct Listed {
    #[serde(rename = "OpenIDConnectProviderList")]
    providers: Vec<ListedProvider>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListedProvider {
    arn: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TagsShown {
    tags: Vec<Tag>,
    is_truncated: bool,
}

/// Asks about a provider that need not exist.
fn authorize(call: &Call, action: &str, arn: &str, more: Context) -> Result<(), AwsError> {
    let mut context = match find(call.snapshot(), arn) {
        Ok(provider) => provider.tag_context(),
        Err(_) => Context::new(),
    };
    context.extend(more);
    let _permit = call.authorize(action, arn, context)?;
    Ok(())
}

fn find(snapshot: &Snapshot, arn: &str) -> Result<Arc<OidcProvider>, AwsError> {
    snapshot.get::<OidcProvider>(arn).ok_or_else(|| {
        AwsError::new(
            404,
            "NoSuchEntity",
            format!("OpenIDConnect Provider not found for arn {arn}"),
        )
    })
}

/// Changes a provider that is there.
async fn edit(
    identity: &Identity,
    arn: &str,
    edit: impl FnOnce(&mut OidcProvider) -> Result<(), AwsError> + Send,
) -> Result<Nothing, AwsError> {
    let change = |change: &mut Change<'_>| -> Result<(), ChangeRefused> {
        let mut provider = (*find(change, arn)?).clone();
        edit(&mut provider)?;
        change.put(provider);
        Ok(())
    };
    identity.store().change(change).await?;
    Ok(Nothing)
}

async fn create(identity: Arc<Identity>, call: Call, input: Create) -> Result<Created, AwsError> {
    check_url(&input.url)?;
    check_client_ids(&input.client_ids)?;
    check_thumbprints(&input.thumbprints)?;
    let tags = tag_map(input.tags)?;
    let provider = OidcProvider {
        account: call.account().to_owned(),
        url: input.url,
        client_ids: input.client_ids,
        thumbprints: input.thumbprints,
        tags,
        created: call.now(),
    };
    let arn = provider.arn();
    let answer = Created {
        tags: tag_list(&provider.tags),
        arn: arn.clone(),
    };
    let context = inventory::request_tags(&provider.tags);
    let _permit = call.authorize("iam:CreateOpenIDConnectProvider", &arn, context)?;
    identity
        .store()
        .change(|change| insert(change, provider))
        .await?;
    Ok(answer)
}

fn insert(change: &mut Change<'_>, provider: OidcProvider) -> Result<(), ChangeRefused> {
    if find(change, &provider.arn()).is_ok() {
        let text = format!("Provider with url {} already exists.", provider.url);
        return Err(AwsError::new(409, "EntityAlreadyExists", text).into());
    }
    if of_account(change, &provider.account).len() >= PROVIDERS {
        return Err(error::limit(&format!("OpenIdConnectProvidersPerAccount: {PROVIDERS}")).into());
    }
    change.put(provider);
    Ok(())
}

fn of_account(snapshot: &Snapshot, account: &str) -> Vec<Arc<OidcProvider>> {
    snapshot.scan(&OidcProvider::arn_of(account, ""))
}

async fn get(_identity: Arc<Identity>, call: Call, input: Named) -> Result<Shown, AwsError> {
    let action = "iam:GetOpenIDConnectProvider";
    authorize(&call, action, &input.arn, Context::new())?;
    let provider = find(call.snapshot(), &input.arn)?;
    Ok(Shown {
        url: provider.issuer().to_owned(),
        client_ids: provider.client_ids.clone(),
        thumbprint_list: provider.thumbprints.clone(),
        create_date: iso(provider.created),
        tags: tag_list(&provider.tags),
    })
}

async fn list(
    _identity: Arc<Identity>,
    call: Call,
    _input: Everything,
) -> Result<Listed, AwsError> {
    let all = OidcProvider::arn_of(call.account(), "*");
    let _permit = call.authorize("iam:ListOpenIDConnectProviders", &all, Context::new())?;
    let providers = of_account(call.snapshot(), call.account());
    Ok(Listed {
        providers: providers
            .iter()
            .map(|provider| ListedProvider {
                arn: provider.arn(),
            })
            .collect(),
    })
}

/// Deleting what isn't there succeeds: "This operation is idempotent" (API reference).
async fn delete(identity: Arc<Identity>, call: Call, input: Named) -> Result<Nothing, AwsError> {
    let action = "iam:DeleteOpenIDConnectProvider";
    authorize(&call, action, &input.arn, Context::new())?;
    identity
        .store()
        .change(|change| -> Result<(), ChangeRefused> {
            change.delete::<OidcProvider>(&input.arn);
            Ok(())
        })
        .await?;
    Ok(Nothing)
}

async fn update_thumbprints(
    identity: Arc<Identity>,
    call: Call,
    input: WithThumbprints,
) -> Result<Nothing, AwsError> {
    check_thumbprints(&input.thumbprints)?;
    let action = "iam:UpdateOpenIDConnectProviderThumbprint";
    authorize(&call, action, &input.arn, Context::new())?;
    edit(&identity, &input.arn, |provider| {
        provider.thumbprints = input.thumbprints;
        Ok(())
    })
    .await
}

async fn add_client_id(
    identity: Arc<Identity>,
    call: Call,
    input: WithClientId,
) -> Result<Nothing, AwsError> {
    let action = "iam:AddClientIDToOpenIDConnectProvider";
    authorize(&call, action, &input.arn, Context::new())?;
    edit(&identity, &input.arn, |provider| {
        if !provider.client_ids.contains(&input.client_id) {
            provider.client_ids.push(input.client_id);
        }
        check_client_ids(&provider.client_ids)
    })
    .await
}

async fn remove_client_id(
    identity: Arc<Identity>,
    call: Call,
    input: WithClientId,
) -> Result<Nothing, AwsError> {
    let action = "iam:RemoveClientIDFromOpenIDConnectProvider";
    authorize(&call, action, &input.arn, Context::new())?;
    edit(&identity, &input.arn, |provider| {
        provider.client_ids.retain(|own| *own != input.client_id);
        Ok(())
    })
    .await
}

async fn tag(identity: Arc<Identity>, call: Call, input: WithTags) -> Result<Nothing, AwsError> {
    let new = tag_map(input.tags)?;
    let context = inventory::request_tags(&new);
    authorize(&call, "iam:TagOpenIDConnectProvider", &input.arn, context)?;
    edit(&identity, &input.arn, |provider| {
        tags::merge(&mut provider.tags, new)
    })
    .await
}

async fn untag(
    identity: Arc<Identity>,
    call: Call,
    input: WithTagKeys,
) -> Result<Nothing, AwsError> {
    let context = Context::new().with_all("aws:TagKeys", input.tag_keys.clone());
    authorize(&call, "iam:UntagOpenIDConnectProvider", &input.arn, context)?;
    edit(&identity, &input.arn, |provider| {
        tags::remove(&mut provider.tags, &input.tag_keys);
        Ok(())
    })
    .await
}

async fn list_tags(
    _identity: Arc<Identity>,
    call: Call,
    input: Named,
) -> Result<TagsShown, AwsError> {
    let action = "iam:ListOpenIDConnectProviderTags";
    authorize(&call, action, &input.arn, Context::new())?;
    let provider = find(call.snapshot(), &input.arn)?;
    Ok(TagsShown {
        tags: tag_list(&provider.tags),
        is_truncated: false,
    })
}

/// The issuer's URL as OpenID Connect Discovery wants it: no query and no fragment. Unlike AWS we
/// take a port, since issuers near a self-hosted server often have one.
fn check_url(url: &str) -> Result<(), AwsError> {
    let invalid = || error::invalid("Invalid Open ID Connect Provider URL");
    let rest = url.strip_prefix(OidcProvider::SCHEME).ok_or_else(invalid)?;
    let host = rest.split('/').next().unwrap_or_default();
    let port = host.split_once(':').map(|(_, port)| port);
    let printable = rest.chars().all(|c| ('!'..='~').contains(&c));
    let plain = printable && !rest.contains(['?', '#', '@', '\\', '*', '"', '<', '>']);
    let numbered = port.is_none_or(|port| port.parse::<u16>().is_ok());
    if url.len() <= 255 && !host.is_empty() && !host.starts_with(':') && plain && numbered {
        return Ok(());
    }
    Err(invalid())
}

fn check_client_ids(ids: &[String]) -> Result<(), AwsError> {
    if ids.iter().any(|id| !(1..=255).contains(&id.len())) {
        return Err(error::invalid("A client ID must have 1 to 255 characters"));
    }
    if ids.len() > CLIENT_IDS {
        let quota = format!("ClientIdsPerOpenIdConnectProvider: {CLIENT_IDS}");
        return Err(error::limit(&quota));
    }
    Ok(())
}

fn check_thumbprints(thumbprints: &[String]) -> Result<(), AwsError> {
    let whole = |text: &String| text.len() == 40 && text.bytes().all(|b| b.is_ascii_hexdigit());
    if !thumbprints.iter().all(whole) {
        return Err(AwsError::new(
            400,
            "InvalidInput",
            "Thumbprint must be 40 hexadecimal digits, the SHA-1 of a certificate",
        ));
    }
    if thumbprints.len() > THUMBPRINTS {
        return Err(AwsError::new(
            400,
            "InvalidInput",
            "Thumbprint list must contain fewer than 5 entries.",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_https_urls_are_issuers() {
        for good in [
            "https://token.example.com",
            "https://idp.example.com:8443/realms/a",
            "https://auth.example.com/",
        ] {
            assert!(check_url(good).is_ok(), "{good}");
        }
        for bad in [
            "http://token.example.com",
            "https://",
            "https:///path",
            "https://a b",
            "https://user@host",
            "https://host?x=1",
            "https://host#x",
            "https://host:port",
            "https://*",
            "token.example.com",
        ] {
            assert!(check_url(bad).is_err(), "{bad}");
        }
        assert!(check_url(&format!("https://{}", "x".repeat(300))).is_err());
    }

    #[test]
    fn thumbprints_are_sha1() {
        let good = "0123456789abcdefABCDEF0123456789abcdef01".to_owned();
        assert!(check_thumbprints(std::slice::from_ref(&good)).is_ok());
        assert!(check_thumbprints(&["xyz".to_owned()]).is_err());
        assert!(check_thumbprints(&vec![good; 6]).is_err());
    }
}
