//! Roles that belong to a service: made by request, and changed by nobody else.

use std::sync::Arc;

use lakeward_wire::AwsError;
use serde::{Deserialize, Serialize};

use super::{
    error, naming,
    roles::{self, RoleView},
    target::Target,
};
use crate::{
    Call, ChangeRefused, Identity, ManagedPolicy, Role, Service, StoredPolicy, identifier,
};

pub(super) fn operations(service: Service, identity: &Arc<Identity>) -> Service {
    service
        .operation("CreateServiceLinkedRole", identity, create)
        .operation("DeleteServiceLinkedRole", identity, delete)
        .operation("GetServiceLinkedRoleDeletionStatus", identity, status)
}

/// A service with a role of its own.
struct Linked {
    service: &'static str,
    /// The role's name after `AWSServiceRoleFor`.
    name: &'static str,
    /// AWS's managed policy that the role has.
    policy: &'static str,
    /// Whether the account may have several, told apart by a suffix.
    suffix: bool,
}

const fn linked(service: &'static str, name: &'static str, policy: &'static str) -> Linked {
    Linked {
        service,
        name,
        policy,
        suffix: false,
    }
}

/// From the services' own guides, "Using service-linked roles".
const LINKED: [Linked; 20] = [
    linked(
        "access-analyzer.amazonaws.com",
        "AccessAnalyzer",
        "AccessAnalyzerServiceRolePolicy",
    ),
    Linked {
        suffix: true,
        ..linked(
            "autoscaling.amazonaws.com",
            "AutoScaling",
            "AutoScalingServiceRolePolicy",
        )
    },
    linked(
        "cloudtrail.amazonaws.com",
        "CloudTrail",
        "CloudTrailServiceRolePolicy",
    ),
    linked(
        "config.amazonaws.com",
        "Config",
        "AWSConfigServiceRolePolicy",
    ),
    linked("ecs.amazonaws.com", "ECS", "AmazonECSServiceRolePolicy"),
    linked(
        "eks.amazonaws.com",
        "AmazonEKS",
        "AmazonEKSServiceRolePolicy",
    ),
    linked(
        "elasticloadbalancing.amazonaws.com",
        "ElasticLoadBalancing",
        "AWSElasticLoadBalancingServiceRolePolicy",
    ),
    linked(
        "elasticmapreduce.amazonaws.com",
        "EMRCleanup",
        "AmazonEMRCleanupPolicy",
    ),
    linked(
        "emr-wal.amazonaws.com",
        "EMRWAL",
        "EMRDescribeClusterPolicyForEMRWAL",
    ),
    linked(
        "guardduty.amazonaws.com",
        "AmazonGuardDuty",
        "AmazonGuardDutyServiceRolePolicy",
    ),
    linked(
        "lakeformation.amazonaws.com",
        "LakeFormationDataAccess",
        "LakeFormationDataAccessServiceRolePolicy",
    ),
    linked(
        "opensearchservice.amazonaws.com",
        "AmazonOpenSearchService",
        "AmazonOpenSearchServiceRolePolicy",
    ),
    linked(
        "ops.emr-serverless.amazonaws.com",
        "AmazonEMRServerless",
        "AmazonEMRServerlessServiceRolePolicy",
    ),
    linked(
        "organizations.amazonaws.com",
        "Organizations",
        "AWSOrganizationsServiceTrustPolicy",
    ),
    linked("rds.amazonaws.com", "RDS", "AmazonRDSServiceRolePolicy"),
    linked(
        "redshift.amazonaws.com",
        "Redshift",
        "AmazonRedshiftServiceLinkedRolePolicy",
    ),
    linked(
        "sagemaker.amazonaws.com",
        "AmazonSageMakerNotebooks",
        "AmazonSageMakerNotebooksServiceRolePolicy",
    ),
    linked(
        "spot.amazonaws.com",
        "EC2Spot",
        "AWSEC2SpotServiceRolePolicy",
    ),
    linked(
        "spotfleet.amazonaws.com",
        "EC2SpotFleet",
        "AWSEC2SpotFleetServiceRolePolicy",
    ),
    linked("sso.amazonaws.com", "SSO", "AWSSSOServiceRolePolicy"),
];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Create {
    #[serde(rename = "AWSServiceName", default)]
    service: String,
    description: Option<String>,
    custom_suffix: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RoleName {
    #[serde(default)]
    role_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TaskId {
    #[serde(default)]
    deletion_task_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct RoleAnswer {
    role: RoleView,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Task {
    deletion_task_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Status {
    status: &'static str,
}

fn invalid(message: impl Into<String>) -> AwsError {
    AwsError::new(400, "InvalidInput", message)
}

fn find(service: &str) -> Option<&'static Linked> {
    LINKED.iter().find(|linked| linked.service == service)
}

impl Linked {
    fn role_name(&self, suffix: Option<&str>) -> String {
        let suffix = suffix.map(|suffix| format!("_{suffix}"));
        format!(
            "AWSServiceRoleFor{}{}",
            self.name,
            suffix.unwrap_or_default()
        )
    }

    fn path(&self) -> String {
        format!("/aws-service-role/{}/", self.service)
    }

    fn trust(&self) -> Result<StoredPolicy, AwsError> {
        let text = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Service":"{}"}},"Action":"sts:AssumeRole"}}]}}"#,
            self.service
        );
        StoredPolicy::trust(text).map_err(AwsError::internal)
    }
}

async fn create(
    identity: Arc<Identity>,
    call: Call,
    input: Create,
) -> Result<RoleAnswer, AwsError> {
    let known = find(&input.service);
    let suffix = input.custom_suffix.as_deref();
    let arn = known.map_or_else(
        || naming::arn(call.account(), "role", "/aws-service-role/", &input.service),
        |known| {
            naming::arn(
                call.account(),
                "role",
                &known.path(),
                &known.role_name(suffix),
            )
        },
    );
    let _permit = Target::new(arn)
        .with("iam:AWSServiceName", &input.service)
        .authorize(&call, "iam:CreateServiceLinkedRole")?;
    let known = known.ok_or_else(|| {
        invalid(format!(
            "Service-linked roles of `{}` are not known to this server.",
            input.service
        ))
    })?;
    if suffix.is_some() && !known.suffix {
        return Err(invalid(format!(
            "Custom suffix is not allowed for {}",
            known.service
        )));
    }
    let role = make(&call, known, &input)?;
    identity
        .store()
        .change(|change| -> Result<_, ChangeRefused> {
            if roles::find(change, &role.account, &role.name).is_ok() {
                return Err(invalid(format!(
                    "Service role name {} has been taken in this account, please try a different suffix.",
                    role.name
                ))
                .into());
            }
            let answer = RoleAnswer {
                role: RoleView::listed(change, &role),
            };
            change.put(role);
            Ok(answer)
        })
        .await
        .map_err(AwsError::from)
}

fn make(call: &Call, known: &Linked, input: &Create) -> Result<Role, AwsError> {
    let name = known.role_name(input.custom_suffix.as_deref());
    naming::check_name("roleName", &name, 64)?;
    let arn = ManagedPolicy::arn_of(ManagedPolicy::AWS, "/aws-service-role/", known.policy);
    // What this server doesn't know of AWS's own policies grants the role nothing.
    let attached = ManagedPolicy::find(call.snapshot(), &arn).map(|_| arn);
    Ok(Role {
        account: call.account().to_owned(),
        id: identifier::unique("AROA", identifier::UNIQUE_LENGTH),
        path: known.path(),
        trust: known.trust()?,
        policies: Default::default(),
        attached: attached.into_iter().collect(),
        boundary: None,
        tags: Default::default(),
        description: input.description.clone(),
        max_session_duration: 3600,
        created: call.now(),
        name,
    })
}

async fn delete(identity: Arc<Identity>, call: Call, input: RoleName) -> Result<Task, AwsError> {
    let name = input.role_name;
    let _permit = Target::role(&call, &name).authorize(&call, "iam:DeleteServiceLinkedRole")?;
    let account = call.account();
    identity
        .store()
        .change(|change| -> Result<_, ChangeRefused> {
            let role = roles::find(change, account, &name)?;
            let Some(service) = service_of(&role) else {
                return Err(invalid(format!("{name} is not a service-linked role")).into());
            };
            change.delete::<Role>(&Role::key_of(account, &name));
            Ok(Task {
                deletion_task_id: format!(
                    "task/aws-service-role/{service}/{}/{}",
                    role.name, role.id
                ),
            })
        })
        .await
        .map_err(AwsError::from)
}

fn service_of(role: &Role) -> Option<&str> {
    role.path
        .strip_prefix("/aws-service-role/")?
        .strip_suffix('/')
}

/// A deletion is done when it is answered; its task's id names the role that is gone.
async fn status(_identity: Arc<Identity>, call: Call, input: TaskId) -> Result<Status, AwsError> {
    let task = &input.deletion_task_id;
    let mut parts = task
        .strip_prefix("task/aws-service-role/")
        .unwrap_or("")
        .split('/');
    let (service, name, id) = (parts.next(), parts.next(), parts.next());
    let arn = naming::arn(
        call.account(),
        "role",
        &format!("/aws-service-role/{}/", service.unwrap_or_default()),
        name.unwrap_or_default(),
    );
    let action = "iam:GetServiceLinkedRoleDeletionStatus";
    let _permit = Target::new(arn).authorize(&call, action)?;
    let (Some(known), Some(name), Some(id)) = (service.and_then(find), name, id) else {
        return Err(error::no_such("deletion task", task));
    };
    let prefix = known.role_name(None);
    let there = roles::find(call.snapshot(), call.account(), name).is_ok_and(|own| own.id == id);
    if there || !name.starts_with(&prefix) || !id.starts_with("AROA") {
        return Err(error::no_such("deletion task", task));
    }
    Ok(Status {
        status: "SUCCEEDED",
    })
}
