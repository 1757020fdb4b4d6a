//! Runtime roles and the cluster.

use std::time::Duration;

use anyhow::{Context, Result};
use lakeward_client::{Client, ClientError};
use serde_json::{Value, json};

use super::{
    roles::{Iam, allow, policy, trust},
    stack::Stack,
};

/// The purposes of the three runtime roles.
pub(super) const PURPOSES: [&str; 3] = ["marketing", "sales", "electronics"];

const READY_POLLS: u32 = 300;
const READY_PAUSE: Duration = Duration::from_millis(200);

const ASSUME: [&str; 3] = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"];

/// Makes EMR's service role, the instance profile, and the runtime roles that trust it.
pub(super) async fn roles(admin: &Client, stack: &Stack) -> Result<()> {
    let iam = Iam(admin);
    let emr = policy(&[trust(
        &json!({"Service": "elasticmapreduce.amazonaws.com"}),
        &["sts:AssumeRole"],
    )]);
    let nothing = policy(&[json!({"Effect": "Deny", "Action": "*", "Resource": "*"})]);
    iam.role(&stack.service_role(), &emr, &nothing).await?;

    let runtime = stack.role_arn(&format!("{}-*-data-access-role", stack.name));
    let machines = policy(&[trust(
        &json!({"Service": "ec2.amazonaws.com"}),
        &["sts:AssumeRole"],
    )]);
    let objects = |folder: &str| format!("arn:aws:s3:::{}/{folder}/*", stack.cluster_bucket());
    iam.role(
        &stack.instance_role(),
        &machines,
        &policy(&[
            allow(&ASSUME, &[&runtime]),
            allow(&["s3:GetObject"], &[&objects("certificates")]),
            allow(&["s3:PutObject"], &[&objects("logs")]),
        ]),
    )
    .await?;
    iam.instance_profile(&stack.instance_profile(), &stack.instance_role())
        .await?;

    let trusted = policy(&[trust(
        &json!({"AWS": stack.role_arn(&stack.instance_role())}),
        &ASSUME,
    )]);
    let read_lake = policy(&[
        allow(&["lakeformation:GetDataAccess", "glue:Get*"], &["*"]),
        allow(&["s3:GetObject"], &[&objects("programs")]),
    ]);
    for purpose in PURPOSES {
        iam.role(&stack.runtime_role(purpose), &trusted, &read_lake)
            .await?;
    }
    Ok(())
}

/// Makes the security configuration and the cluster, and returns the cluster's id.
pub(super) async fn cluster(admin: &Client, stack: &Stack) -> Result<String> {
    let rules = json!({
        "AuthorizationConfiguration": {
            "IAMConfiguration": {
                "EnableApplicationScopedIAMRole": true,
                "ApplicationScopedIAMRoleConfiguration": {"PropagateSourceIdentity": true},
            },
            "LakeFormationConfiguration": {"AuthorizedSessionTagValue": "Amazon EMR"},
        },
        "EncryptionConfiguration": {
            "EnableInTransitEncryption": true,
            "EnableAtRestEncryption": false,
            "InTransitEncryptionConfiguration": {"TLSCertificateConfiguration": {
                "CertificateProviderType": "PEM",
                "S3Object": stack.certificate_uri(),
            }},
        },
    });
    let configuration =
        json!({"Name": stack.security_configuration(), "SecurityConfiguration": rules.to_string()});
    match emr(admin, "CreateSecurityConfiguration", configuration).await {
        Err(error) if error.to_string().contains("already exists") => {}
        made => drop(made?),
    }
    if let Some(id) = running(admin, stack).await? {
        return Ok(id);
    }
    let made = emr(admin, "RunJobFlow", job_flow(stack)).await?;
    made.get("JobFlowId")
        .and_then(Value::as_str)
        .map(str::to_owned)
        .context("RunJobFlow answered no JobFlowId")
}

fn job_flow(stack: &Stack) -> Value {
    let applications = ["Spark", "Livy", "Hive", "JupyterEnterpriseGateway"];
    json!({
        "Name": stack.cluster(),
        "ReleaseLabel": "emr-6.11.0",
        "Applications": applications.map(|name| json!({"Name": name})),
        "Instances": {
            "InstanceGroups": [{"Name": "Primary", "InstanceRole": "MASTER", "InstanceType": "m5.xlarge", "InstanceCount": 1}],
            "KeepJobFlowAliveWhenNoSteps": true,
        },
        "LogUri": format!("s3://{}/logs/", stack.cluster_bucket()),
        "JobFlowRole": stack.instance_profile(),
        "ServiceRole": stack.service_role(),
        "SecurityConfiguration": stack.security_configuration(),
        "VisibleToAllUsers": true,
    })
}

async fn running(admin: &Client, stack: &Stack) -> Result<Option<String>, ClientError> {
    let states = json!({"ClusterStates": ["STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING"]});
    let listed = emr(admin, "ListClusters", states).await?;
    let clusters = listed
        .get("Clusters")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let text = |cluster: &Value, member: &str| {
        cluster
            .get(member)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    Ok(clusters
        .iter()
        .find(|cluster| text(cluster, "Name") == Some(stack.cluster()))
        .and_then(|cluster| text(cluster, "Id")))
}

/// Waits until a cluster is ready and returns its address.
pub(super) async fn ready_at(admin: &Client, cluster_id: &str) -> Result<String> {
    for _ in 0..READY_POLLS {
        let described = emr(admin, "DescribeCluster", json!({"ClusterId": cluster_id})).await?;
        let text = |pointer: &str| {
            described
                .pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        match text("/Cluster/Status/State") {
            "WAITING" | "RUNNING" => return Ok(text("/Cluster/MasterPublicDnsName").to_owned()),
            "STARTING" | "BOOTSTRAPPING" => tokio::time::sleep(READY_PAUSE).await,
            _ => anyhow::bail!(
                "the cluster did not start: {}. If another instance uses its address, choose another network with --cluster-network",
                text("/Cluster/Status/StateChangeReason/Message")
            ),
        }
    }
    anyhow::bail!(
        "the cluster {cluster_id} did not become ready within a minute; LAKEWARD_LOG=info says more"
    )
}

async fn emr(admin: &Client, operation: &str, input: Value) -> Result<Value, ClientError> {
    admin
        .json(
            "elasticmapreduce",
            &format!("ElasticMapReduce.{operation}"),
            input,
        )
        .await
}
