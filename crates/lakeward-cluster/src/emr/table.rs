//! The table of operations.

use std::sync::Arc;

use lakeward_identity::Service;
use lakeward_wire::Protocol;

use crate::emr::{
    Emr,
    cluster::{
        auto_termination, bootstrap, describe, end,
        instance::{self, change},
        job_flow, launch, list, scaling, setting, tagging,
    },
    credential, interface, notebook, public_access,
    release::operation as release,
    security_configuration as security, spark_connect, step, studio,
};

/// The services of EMR: one.
#[must_use]
pub fn services(emr: &Arc<Emr>) -> Vec<Service> {
    let protocol = Protocol::AwsJson {
        target: "ElasticMapReduce",
    };
    let parts = [
        clusters,
        settings,
        instances,
        policies,
        security_configurations,
        releases,
        interfaces,
        steps,
        notebooks,
        studios,
        connect_sessions,
        public_access_rules,
    ];
    let empty = Service::new("elasticmapreduce", protocol);
    vec![parts.iter().fold(empty, |service, part| part(service, emr))]
}

fn clusters(service: Service, emr: &Arc<Emr>) -> Service {
    service
        .operation("RunJobFlow", emr, launch::run_job_flow)
        .operation("DescribeCluster", emr, describe::describe)
        .operation("DescribeJobFlows", emr, job_flow::describe)
        .operation("ListClusters", emr, list::clusters)
        .operation("ListBootstrapActions", emr, bootstrap::list)
        .operation("TerminateJobFlows", emr, end::terminate)
        .operation("AddTags", emr, tagging::add)
        .operation("RemoveTags", emr, tagging::remove)
        .operation("GetClusterSessionCredentials", emr, credential::issue)
}

fn settings(service: Service, emr: &Arc<Emr>) -> Service {
    service
        .operation("ModifyCluster", emr, setting::modify)
        .operation("SetTerminationProtection", emr, end::protect)
        .operation("SetKeepJobFlowAliveWhenNoSteps", emr, setting::keep_alive)
        .operation("SetVisibleToAllUsers", emr, setting::visible)
        .operation("SetUnhealthyNodeReplacement", emr, setting::replacement)
}

fn instances(service: Service, emr: &Arc<Emr>) -> Service {
    service
        .operation("ListInstances", emr, instance::list::instances)
        .operation("ListInstanceGroups", emr, instance::groups::instance_groups)
        .operation("ListInstanceFleets", emr, instance::fleets::instance_fleets)
        .operation("AddInstanceGroups", emr, change::add_groups)
        .operation("AddInstanceFleet", emr, change::add_fleet)
        .operation("ModifyInstanceGroups", emr, change::modify_groups)
        .operation("ModifyInstanceFleet", emr, change::modify_fleet)
}

fn policies(service: Service, emr: &Arc<Emr>) -> Service {
    service
        .operation("PutAutoTerminationPolicy", emr, auto_termination::put)
        .operation("GetAutoTerminationPolicy", emr, auto_termination::get)
        .operation("RemoveAutoTerminationPolicy", emr, auto_termination::remove)
        .operation("PutManagedScalingPolicy", emr, scaling::put_managed)
        .operation("GetManagedScalingPolicy", emr, scaling::get_managed)
        .operation("RemoveManagedScalingPolicy", emr, scaling::remove_managed)
        .operation("PutAutoScalingPolicy", emr, scaling::put_automatic)
        .operation("RemoveAutoScalingPolicy", emr, scaling::remove_automatic)
}

fn security_configurations(service: Service, emr: &Arc<Emr>) -> Service {
    service
        .operation("CreateSecurityConfiguration", emr, security::create)
        .operation("DescribeSecurityConfiguration", emr, security::describe)
        .operation("ListSecurityConfigurations", emr, security::list)
        .operation("DeleteSecurityConfiguration", emr, security::delete)
}

fn releases(service: Service, emr: &Arc<Emr>) -> Service {
    service
        .operation("ListReleaseLabels", emr, release::list)
        .operation("DescribeReleaseLabel", emr, release::describe)
        .operation("ListSupportedInstanceTypes", emr, release::instance_types)
}

fn interfaces(service: Service, emr: &Arc<Emr>) -> Service {
    service
        .operation("CreatePersistentAppUI", emr, interface::create)
        .operation("DescribePersistentAppUI", emr, interface::describe)
        .operation(
            "GetPersistentAppUIPresignedURL",
            emr,
            interface::persistent_url,
        )
        .operation(
            "GetOnClusterAppUIPresignedURL",
            emr,
            interface::on_cluster_url,
        )
}

fn steps(service: Service, emr: &Arc<Emr>) -> Service {
    service
        .operation("AddJobFlowSteps", emr, step::add::add)
        .operation("ListSteps", emr, step::show::list)
        .operation("DescribeStep", emr, step::show::describe)
        .operation("CancelSteps", emr, step::cancel::cancel)
}

fn notebooks(service: Service, emr: &Arc<Emr>) -> Service {
    service
        .operation("StartNotebookExecution", emr, notebook::start)
        .operation("DescribeNotebookExecution", emr, notebook::describe)
        .operation("StopNotebookExecution", emr, notebook::stop)
        .operation("ListNotebookExecutions", emr, notebook::list)
}

fn studios(service: Service, emr: &Arc<Emr>) -> Service {
    let service = service
        .operation("CreateStudio", emr, studio::create)
        .operation("ListStudios", emr, studio::list)
        .operation("ListStudioSessionMappings", emr, studio::list_mappings);
    studio::OF_ONE.into_iter().fold(service, |service, name| {
        service.operation(name, emr, studio::of_one(name))
    })
}

fn connect_sessions(service: Service, emr: &Arc<Emr>) -> Service {
    let service = service
        .operation("StartSession", emr, spark_connect::start)
        .operation("ListSessions", emr, spark_connect::list);
    spark_connect::OF_ONE
        .into_iter()
        .fold(service, |service, name| {
            service.operation(name, emr, spark_connect::of_one(name))
        })
}

fn public_access_rules(service: Service, emr: &Arc<Emr>) -> Service {
    public_access::OPERATIONS
        .into_iter()
        .fold(service, |service, name| {
            service.operation(name, emr, public_access::refused(name))
        })
}
