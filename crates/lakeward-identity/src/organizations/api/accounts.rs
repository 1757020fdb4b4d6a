//! The accounts of an organization: made, listed, and let go.

use std::sync::Arc;

use lakeward_policy::Context;
use lakeward_store::{Change, Snapshot};
use lakeward_wire::{AwsError, epoch};
use serde::{Deserialize, Serialize};

use super::{
    entry,
    paging::{JustPaging, Paging},
    visit::{Visit, amend},
};
use crate::{
    Account, Call, Identity, Role, Service, StoredPolicy,
    iam::{Nothing, Tag},
    identifier,
    inventory::{self, Tags},
    organizations::{
        AccountRequest, JoinedMethod, Membership, Organization, ResourceTags, error, naming,
        tree::{self, Node},
    },
};

pub(super) fn operations(service: Service, identity: &Arc<Identity>) -> Service {
    service
        .operation("CreateAccount", identity, create)
        .operation("DescribeCreateAccountStatus", identity, describe_status)
        .operation("ListCreateAccountStatus", identity, list_status)
        .operation("ListAccounts", identity, list)
        .operation("ListAccountsForParent", identity, list_for_parent)
        .operation("DescribeAccount", identity, describe)
        .operation("RemoveAccountFromOrganization", identity, remove)
        .operation("LeaveOrganization", identity, leave)
}

/// The most accounts an organization may have here; AWS's largest organizations have as many.
const MOST_ACCOUNTS: usize = 10_000;
/// The role that lets the management account into a new account.
const ACCESS_ROLE: &str = "OrganizationAccountAccessRole";
const ALLOW_ALL: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Create {
    email: String,
    account_name: String,
    role_name: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RequestId {
    create_account_request_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListStatus {
    #[serde(default)]
    states: Vec<String>,
    #[serde(flatten)]
    paging: Paging,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AccountId {
    account_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ForParent {
    parent_id: String,
    #[serde(flatten)]
    paging: Paging,
}

#[derive(Deserialize)]
struct NoInput {}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct StatusView {
    id: String,
    account_name: String,
    state: &'static str,
    requested_timestamp: f64,
    completed_timestamp: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_reason: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct StatusAnswer {
    create_account_status: StatusView,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct StatusList {
    create_account_statuses: Vec<StatusView>,
    next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AccountView {
    id: String,
    arn: String,
    email: String,
    name: String,
    status: &'static str,
    state: &'static str,
    paths: Vec<String>,
    joined_method: JoinedMethod,
    joined_timestamp: f64,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AccountAnswer {
    account: AccountView,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AccountList {
    accounts: Vec<AccountView>,
    next_token: Option<String>,
}

fn status(request: &AccountRequest) -> StatusView {
    let at = epoch(request.at);
    let state = match request.outcome {
        Ok(_) => "SUCCEEDED",
        Err(_) => "FAILED",
    };
    StatusView {
        id: request.id.clone(),
        account_name: request.name.clone(),
        state,
        requested_timestamp: at,
        completed_timestamp: at,
        account_id: request.outcome.clone().ok(),
        failure_reason: request.outcome.clone().err(),
    }
}

fn view(snapshot: &Snapshot, organization: &Organization, member: &Membership) -> AccountView {
    let account = snapshot.get::<Account>(&member.account).map_or_else(
        || Account::new(&*member.account, member.joined),
        |own| (*own).clone(),
    );
    let path = tree::path(snapshot, organization, &member.parent);
    AccountView {
        arn: organization.target_arn(&member.account),
        email: account.address(),
        name: account.display_name().to_owned(),
        status: "ACTIVE",
        state: "ACTIVE",
        paths: path
            .into_iter()
            .map(|path| format!("{path}{}/", account.id))
            .collect(),
        joined_method: member.joined_method,
        joined_timestamp: epoch(member.joined),
        id: account.id,
    }
}

async fn create(
    identity: Arc<Identity>,
    call: Call,
    input: Create,
) -> Result<StatusAnswer, AwsError> {
    let tags = naming::tag_map(input.tags)?;
    let _permit = Visit::new(&call).ask("CreateAccount", inventory::request_tags(&tags))?;
    naming::check_text("AccountName", &input.account_name, 50)?;
    naming::check_email(&input.email)?;
    naming::check_tags(&tags)?;
    let role = input.role_name.unwrap_or_else(|| ACCESS_ROLE.to_owned());
    naming::check_role(&role)?;
    let at = call.now();
    amend(&identity, &call, |change, organization| {
        if tree::members(change, organization).len() >= MOST_ACCOUNTS {
            return Err(error::constraint(
                "ACCOUNT_NUMBER_LIMIT_EXCEEDED",
                "You have exceeded the allowed number of AWS accounts.",
            ));
        }
        let account = Account {
            name: Some(input.account_name.clone()),
            email: Some(input.email),
            ..Account::new(free_id(change)?, at)
        };
        let outcome = make(change, organization, account, &role, tags)?;
        let request = AccountRequest {
            organization: organization.id.clone(),
            id: naming::fresh("car", 32),
            name: input.account_name,
            outcome,
            at,
        };
        let create_account_status = status(&request);
        change.put(request);
        Ok(StatusAnswer {
            create_account_status,
        })
    })
    .await
}

fn free_id(snapshot: &Snapshot) -> Result<String, AwsError> {
    std::iter::repeat_with(naming::fresh_account)
        .take(64)
        .find(|id| snapshot.get::<Account>(id).is_none())
        .ok_or_else(|| AwsError::internal("no free account id was found"))
}

/// Makes the account, its place and the role that lets the management account in.
fn make(
    change: &mut Change<'_>,
    organization: &Organization,
    account: Account,
    role: &str,
    tags: Tags,
) -> Result<Result<String, String>, AwsError> {
    let address = account.address();
    let taken = |other: &Arc<Account>| other.address().eq_ignore_ascii_case(&address);
    if change.scan::<Account>("").iter().any(taken) {
        return Ok(Err("EMAIL_ALREADY_EXISTS".to_owned()));
    }
    change.put(access_role(organization, &account, role)?);
    entry::admit(
        change,
        organization,
        &account.id,
        JoinedMethod::Created,
        account.created,
    );
    ResourceTags::put(change, &organization.id, &account.id, tags);
    let id = account.id.clone();
    change.put(account);
    Ok(Ok(id))
}

fn access_role(
    organization: &Organization,
    account: &Account,
    name: &str,
) -> Result<Role, AwsError> {
    let management = &organization.management_account;
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{management}:root"}},"Action":"sts:AssumeRole"}}]}}"#
    );
    let everything = StoredPolicy::identity(ALLOW_ALL).map_err(AwsError::internal)?;
    Ok(Role {
        account: account.id.clone(),
        name: name.to_owned(),
        id: identifier::unique("AROA", 17),
        path: "/".to_owned(),
        trust: StoredPolicy::trust(trust).map_err(AwsError::internal)?,
        policies: [("AdministratorAccess".to_owned(), everything)].into(),
        attached: Default::default(),
        boundary: None,
        tags: Tags::new(),
        description: None,
        max_session_duration: 3600,
        created: account.created,
    })
}

async fn describe_status(
    _identity: Arc<Identity>,
    call: Call,
    input: RequestId,
) -> Result<StatusAnswer, AwsError> {
    let visit = Visit::new(&call);
    let _permit = visit.ask("DescribeCreateAccountStatus", Context::new())?;
    let key = format!(
        "{}/{}",
        visit.managed()?.id,
        input.create_account_request_id
    );
    let request = call.snapshot().get::<AccountRequest>(&key);
    Ok(StatusAnswer {
        create_account_status: status(
            &*request.ok_or_else(|| error::not_found("CreateAccountStatus"))?,
        ),
    })
}

async fn list_status(
    _identity: Arc<Identity>,
    call: Call,
    input: ListStatus,
) -> Result<StatusList, AwsError> {
    let visit = Visit::new(&call);
    let _permit = visit.ask("ListCreateAccountStatus", Context::new())?;
    let within = format!("{}/", visit.managed()?.id);
    let asked = |view: &StatusView| {
        input.states.is_empty() || input.states.iter().any(|state| state == view.state)
    };
    let requests = call.snapshot().scan::<AccountRequest>(&within);
    let views = requests.iter().map(|request| status(request)).filter(asked);
    let (create_account_statuses, next_token) =
        input.paging.page(views.collect(), |view| &view.id)?;
    Ok(StatusList {
        create_account_statuses,
        next_token,
    })
}

async fn list(
    _identity: Arc<Identity>,
    call: Call,
    input: JustPaging,
) -> Result<AccountList, AwsError> {
    let visit = Visit::new(&call);
    let _permit = visit.ask("ListAccounts", Context::new())?;
    let organization = visit.managed()?;
    let members = tree::members(call.snapshot(), &organization);
    page(&visit, &organization, members, &input.paging)
}

async fn list_for_parent(
    _identity: Arc<Identity>,
    call: Call,
    input: ForParent,
) -> Result<AccountList, AwsError> {
    let visit = Visit::new(&call);
    let _permit = visit.ask_on("ListAccountsForParent", &input.parent_id, Context::new())?;
    let organization = visit.managed()?;
    Node::parent(call.snapshot(), &organization, &input.parent_id)
        .ok_or_else(|| error::not_found("Parent"))?;
    let mut members = tree::members(call.snapshot(), &organization);
    members.retain(|member| member.parent == input.parent_id);
    page(&visit, &organization, members, &input.paging)
}

fn page(
    visit: &Visit<'_>,
    organization: &Organization,
    members: Vec<Arc<Membership>>,
    paging: &Paging,
) -> Result<AccountList, AwsError> {
    let (members, next_token) = paging.page(members, |member| &member.account)?;
    let view = |member: &Arc<Membership>| view(visit.snapshot(), organization, member);
    Ok(AccountList {
        accounts: members.iter().map(view).collect(),
        next_token,
    })
}

async fn describe(
    _identity: Arc<Identity>,
    call: Call,
    input: AccountId,
) -> Result<AccountAnswer, AwsError> {
    let visit = Visit::new(&call);
    let _permit = visit.ask_on("DescribeAccount", &input.account_id, Context::new())?;
    let organization = visit.managed()?;
    let member = tree::member(call.snapshot(), &organization, &input.account_id)
        .ok_or_else(|| error::not_found("Account"))?;
    Ok(AccountAnswer {
        account: view(call.snapshot(), &organization, &member),
    })
}

async fn remove(
    identity: Arc<Identity>,
    call: Call,
    input: AccountId,
) -> Result<Nothing, AwsError> {
    let visit = Visit::new(&call);
    let action = "RemoveAccountFromOrganization";
    let _permit = visit.ask_on(action, &input.account_id, Context::new())?;
    amend(&identity, &call, |change, organization| {
        dismiss(change, organization, &input.account_id)
    })
    .await
}

async fn leave(identity: Arc<Identity>, call: Call, _input: NoInput) -> Result<Nothing, AwsError> {
    let _permit = Visit::new(&call).ask("LeaveOrganization", Context::new())?;
    let account = call.account();
    identity
        .store()
        .change(|change| -> Result<_, crate::ChangeRefused> {
            let organization = Organization::of(change, account).ok_or_else(error::not_in_use)?;
            Ok(dismiss(change, &organization, account)?)
        })
        .await
        .map_err(AwsError::from)
}

fn dismiss(
    change: &mut Change<'_>,
    organization: &Organization,
    account: &str,
) -> Result<Nothing, AwsError> {
    if account == organization.management_account {
        return Err(error::refused(
            "MasterCannotLeaveOrganizationException",
            "You can't remove a management account from an organization. If you want the management account to become a member account in another organization, you must first delete the current organization of the management account.",
        ));
    }
    if tree::member(change, organization, account).is_none() {
        return Err(error::not_found("Account"));
    }
    entry::dismiss(change, organization, account);
    Ok(Nothing)
}
