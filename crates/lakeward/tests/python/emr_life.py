"""The life of EMR clusters, as boto3 lives it.

Keys, endpoint, region and CA come from the environment, as for any AWS client. Every step asserts
what AWS would answer; the first that doesn't hold ends the run with a traceback.
"""

import datetime
import json

import boto3
from botocore.exceptions import ClientError, WaiterError

WAIT = {"Delay": 1, "MaxAttempts": 60}
RULES = json.dumps(
    {
        "EncryptionConfiguration": {"EnableInTransitEncryption": False, "EnableAtRestEncryption": False},
        "AuthorizationConfiguration": {
            "IAMConfiguration": {
                "EnableApplicationScopedIAMRole": True,
                "ApplicationScopedIAMRoleConfiguration": {"PropagateSourceIdentity": True},
            }
        },
    }
)


def refused(code, text, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        found = error.response["Error"]
        assert found["Code"] == code, f"expected {code}, found {found}"
        assert text in found["Message"], f"no {text!r} in {found}"
        return
    raise AssertionError(f"{code} was expected, but the call succeeded")


def trust(service):
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def roles():
    iam = boto3.client("iam")
    iam.create_role(RoleName="emr-service", AssumeRolePolicyDocument=trust("elasticmapreduce.amazonaws.com"))
    iam.create_role(RoleName="emr-machine", AssumeRolePolicyDocument=trust("ec2.amazonaws.com"))
    iam.create_role(RoleName="emr-scaling", AssumeRolePolicyDocument=trust("application-autoscaling.amazonaws.com"))
    iam.create_instance_profile(InstanceProfileName="emr-profile")
    iam.add_role_to_instance_profile(InstanceProfileName="emr-profile", RoleName="emr-machine")


def request(**changes):
    usual = {
        "Name": "life",
        "ReleaseLabel": "emr-6.15.0",
        "Applications": [{"Name": "Spark"}, {"Name": "Livy"}, {"Name": "Hive"}],
        "Instances": {
            "InstanceGroups": [
                {"Name": "primary", "InstanceRole": "MASTER", "InstanceType": "m5.xlarge", "InstanceCount": 1},
                {
                    "InstanceRole": "CORE",
                    "InstanceType": "m5.xlarge",
                    "InstanceCount": 2,
                    "Market": "SPOT",
                    "BidPrice": "0.10",
                    "EbsConfiguration": {
                        "EbsBlockDeviceConfigs": [
                            {"VolumeSpecification": {"VolumeType": "gp3", "SizeInGB": 64}, "VolumesPerInstance": 2}
                        ]
                    },
                },
            ],
            "KeepJobFlowAliveWhenNoSteps": True,
            "Ec2SubnetId": "subnet-0123",
            "EmrManagedMasterSecurityGroup": "sg-primary",
        },
        "ServiceRole": "emr-service",
        "JobFlowRole": "emr-profile",
        "LogUri": "s3://logs/emr/",
        "VisibleToAllUsers": True,
        "Tags": [{"Key": "team", "Value": "red"}],
    }
    return {**usual, **changes}


def start(emr, **changes):
    started = emr.run_job_flow(**request(**changes))
    assert started["JobFlowId"].startswith("j-") and started["ClusterArn"].endswith(started["JobFlowId"]), started
    return started["JobFlowId"]


def ready(emr, cluster):
    emr.get_waiter("cluster_running").wait(ClusterId=cluster, WaiterConfig=WAIT)
    return emr.describe_cluster(ClusterId=cluster)["Cluster"]


def by_groups(emr):
    emr.create_security_configuration(Name="rules", SecurityConfiguration=RULES)
    configurations = [{"Classification": "spark-defaults", "Properties": {"spark.sql.shuffle.partitions": "8"}}]
    cluster = start(
        emr,
        SecurityConfiguration="rules",
        Configurations=configurations,
        AutoScalingRole="emr-scaling",
        StepConcurrencyLevel=3,
        ScaleDownBehavior="TERMINATE_AT_TASK_COMPLETION",
        EbsRootVolumeSize=50,
        AutoTerminationPolicy={"IdleTimeout": 7200},
        ManagedScalingPolicy={
            "ComputeLimits": {"UnitType": "Instances", "MinimumCapacityUnits": 1, "MaximumCapacityUnits": 3}
        },
    )
    shown = ready(emr, cluster)
    assert shown["Status"]["State"] == "WAITING" and shown["InstanceCollectionType"] == "INSTANCE_GROUP"
    timeline = shown["Status"]["Timeline"]
    assert isinstance(timeline["ReadyDateTime"], datetime.datetime) and timeline["CreationDateTime"] <= timeline["ReadyDateTime"]
    assert [one["Name"] for one in shown["Applications"]] == ["Spark", "Livy"], shown["Applications"]
    assert shown["Status"]["ErrorDetails"][0]["ErrorData"] == [{"Application": "Hive"}], shown["Status"]
    assert shown["Configurations"] == configurations and shown["StepConcurrencyLevel"] == 3
    assert shown["LogUri"] == "s3://logs/emr/" and shown["EbsRootVolumeSize"] == 50
    assert shown["AutoScalingRole"] == "emr-scaling" and shown["SecurityConfiguration"] == "rules"
    ec2 = shown["Ec2InstanceAttributes"]
    assert ec2["Ec2SubnetId"] == "subnet-0123" and ec2["IamInstanceProfile"] == "emr-profile"
    assert ec2["EmrManagedMasterSecurityGroup"] == "sg-primary"
    groups = list(emr.get_paginator("list_instance_groups").paginate(ClusterId=cluster).search("InstanceGroups"))
    assert [group["InstanceGroupType"] for group in groups] == ["MASTER", "CORE"]
    assert groups[0]["RunningInstanceCount"] == 1 and groups[1]["RunningInstanceCount"] == 0
    assert groups[1]["RequestedInstanceCount"] == 2 and groups[1]["BidPrice"] == "0.10"
    assert len(groups[1]["EbsBlockDevices"]) == 2
    instances = list(emr.get_paginator("list_instances").paginate(ClusterId=cluster).search("Instances"))
    assert len(instances) == 1 and instances[0]["InstanceGroupId"] == groups[0]["Id"]
    assert instances[0]["PrivateDnsName"] == shown["MasterPublicDnsName"]
    cores = emr.list_instances(ClusterId=cluster, InstanceGroupTypes=["CORE"], InstanceStates=["RUNNING"])
    assert cores["Instances"] == []
    actions = list(emr.get_paginator("list_bootstrap_actions").paginate(ClusterId=cluster).search("BootstrapActions"))
    assert actions == []
    refused("InvalidRequestException", "uses instance groups", emr.list_instance_fleets, ClusterId=cluster)
    change = [{"InstanceGroupId": groups[1]["Id"], "InstanceCount": 5}]
    refused("ValidationException", "one machine", emr.modify_instance_groups, ClusterId=cluster, InstanceGroups=change)
    return cluster


def by_fleets(emr):
    types = [{"InstanceType": "m5.xlarge"}, {"InstanceType": "m6i.xlarge", "BidPriceAsPercentageOfOnDemandPrice": 80.0}]
    launch = {"SpotSpecification": {"TimeoutDurationMinutes": 20, "TimeoutAction": "SWITCH_TO_ON_DEMAND"}}
    cluster = start(
        emr,
        Instances={
            "InstanceFleets": [
                {"InstanceFleetType": "MASTER", "TargetOnDemandCapacity": 1, "InstanceTypeConfigs": types},
                {
                    "Name": "workers",
                    "InstanceFleetType": "CORE",
                    "TargetSpotCapacity": 4,
                    "InstanceTypeConfigs": types,
                    "LaunchSpecifications": launch,
                },
            ],
            "KeepJobFlowAliveWhenNoSteps": True,
            "TerminationProtected": True,
            "Ec2SubnetIds": ["subnet-1", "subnet-2"],
        },
    )
    shown = ready(emr, cluster)
    assert shown["InstanceCollectionType"] == "INSTANCE_FLEET" and shown["TerminationProtected"]
    assert shown["Ec2InstanceAttributes"]["RequestedEc2SubnetIds"] == ["subnet-1", "subnet-2"]
    fleets = list(emr.get_paginator("list_instance_fleets").paginate(ClusterId=cluster).search("InstanceFleets"))
    assert [fleet["InstanceFleetType"] for fleet in fleets] == ["MASTER", "CORE"]
    assert fleets[0]["ProvisionedOnDemandCapacity"] == 1 and fleets[0]["Status"]["State"] == "RUNNING"
    assert fleets[1]["Status"]["State"] == "SUSPENDED" and fleets[1]["LaunchSpecifications"] == launch
    primary = emr.list_instances(ClusterId=cluster, InstanceFleetType="MASTER")["Instances"]
    assert [one["InstanceFleetId"] for one in primary] == [fleets[0]["Id"]]
    change = {"InstanceFleetId": fleets[1]["Id"], "TargetSpotCapacity": 9}
    refused("InvalidRequestException", "one machine", emr.modify_instance_fleet, ClusterId=cluster, InstanceFleet=change)
    return cluster


def settings(emr, cluster):
    shown = lambda: emr.describe_cluster(ClusterId=cluster)["Cluster"]
    emr.set_termination_protection(JobFlowIds=[cluster], TerminationProtected=True)
    refused("ValidationException", "termination protected", emr.terminate_job_flows, JobFlowIds=[cluster])
    emr.set_termination_protection(JobFlowIds=[cluster], TerminationProtected=False)
    assert not shown()["TerminationProtected"]
    assert emr.modify_cluster(ClusterId=cluster, StepConcurrencyLevel=10)["StepConcurrencyLevel"] == 10
    refused("InvalidRequestException", "256", emr.modify_cluster, ClusterId=cluster, StepConcurrencyLevel=300)
    emr.set_unhealthy_node_replacement(JobFlowIds=[cluster], UnhealthyNodeReplacement=True)
    assert shown()["UnhealthyNodeReplacement"] and shown()["StepConcurrencyLevel"] == 10
    emr.set_visible_to_all_users(JobFlowIds=[cluster], VisibleToAllUsers=True)
    refused("ValidationException", "IAM policies", emr.set_visible_to_all_users, JobFlowIds=[cluster], VisibleToAllUsers=False)
    emr.set_keep_job_flow_alive_when_no_steps(JobFlowIds=[cluster], KeepJobFlowAliveWhenNoSteps=True)
    assert not shown()["AutoTerminate"]


def tags(emr, cluster):
    shown = lambda: emr.describe_cluster(ClusterId=cluster)["Cluster"]["Tags"]
    emr.add_tags(ResourceId=cluster, Tags=[{"Key": "team", "Value": "blue"}, {"Key": "cost", "Value": "7"}])
    assert shown() == [{"Key": "team", "Value": "blue"}, {"Key": "cost", "Value": "7"}]
    emr.remove_tags(ResourceId=cluster, TagKeys=["team"])
    assert shown() == [{"Key": "cost", "Value": "7"}]
    reserved = [{"Key": "aws:x", "Value": "y"}]
    refused("InvalidRequestException", "reserved", emr.add_tags, ResourceId=cluster, Tags=reserved)
    many = [{"Key": f"k{number}", "Value": ""} for number in range(51)]
    refused("InvalidRequestException", "50 tags", emr.add_tags, ResourceId=cluster, Tags=many)


def policies(emr, cluster):
    policy = lambda: emr.get_auto_termination_policy(ClusterId=cluster).get("AutoTerminationPolicy")
    assert policy() == {"IdleTimeout": 7200}
    emr.put_auto_termination_policy(ClusterId=cluster, AutoTerminationPolicy={"IdleTimeout": 60})
    assert policy() == {"IdleTimeout": 60}
    emr.put_auto_termination_policy(ClusterId=cluster, AutoTerminationPolicy={})
    assert policy() == {"IdleTimeout": 3600}
    short = {"IdleTimeout": 59}
    refused("ValidationException", "604800", emr.put_auto_termination_policy, ClusterId=cluster, AutoTerminationPolicy=short)
    emr.remove_auto_termination_policy(ClusterId=cluster)
    assert policy() is None

    scaling = lambda: emr.get_managed_scaling_policy(ClusterId=cluster).get("ManagedScalingPolicy")
    assert scaling()["ComputeLimits"]["MaximumCapacityUnits"] == 3
    limits = {"UnitType": "VCPU", "MinimumCapacityUnits": 4, "MaximumCapacityUnits": 16, "MaximumOnDemandCapacityUnits": 8}
    emr.put_managed_scaling_policy(ClusterId=cluster, ManagedScalingPolicy={"ComputeLimits": limits})
    assert scaling() == {"ComputeLimits": limits}
    wrong = {"ComputeLimits": {**limits, "MinimumCapacityUnits": 17}}
    refused("ValidationException", "MinimumCapacityUnits", emr.put_managed_scaling_policy, ClusterId=cluster, ManagedScalingPolicy=wrong)
    emr.remove_managed_scaling_policy(ClusterId=cluster)
    assert scaling() is None


def launches_that_fail(emr):
    run = emr.run_job_flow
    instances = request()["Instances"]
    two_ways = {**instances, "MasterInstanceType": "m5.xlarge"}
    three = [{"InstanceRole": "MASTER", "InstanceType": "m5.xlarge", "InstanceCount": 3}]
    install = [{"Name": "install", "ScriptBootstrapAction": {"Path": "s3://b/install.sh"}}]
    for text, changes in [
        ("The supplied release label is invalid: emr-6.99.0.", {"ReleaseLabel": "emr-6.99.0"}),
        ("Only one AMI version and release label may be specified.", {"AmiVersion": "3.1"}),
        ("InstanceProfile is required for creating cluster", {"JobFlowRole": ""}),
        ("ServiceRole is required for creating cluster.", {"ServiceRole": ""}),
        ("does not exist", {"SecurityConfiguration": "none"}),
        ("either InstanceGroups", {"Instances": two_ways}),
        ("three primary instances", {"Instances": {**instances, "InstanceGroups": three}}),
        ("aren't run", {"BootstrapActions": install}),
        ("'Trino'", {"Applications": [{"Name": "Trino"}]}),
        ("not known", {"Applications": [{"Name": "Sparkle"}]}),
        ("LogUri", {"LogUri": "logs"}),
        ("256", {"StepConcurrencyLevel": 300}),
        ("hdfs-site", {"Configurations": [{"Classification": "hdfs-site", "Properties": {"a": "b"}}]}),
        ("'KerberosAttributes'", {"KerberosAttributes": {"Realm": "R", "KdcAdminPassword": "secret"}}),
        ("VisibleToAllUsers", {"VisibleToAllUsers": False}),
    ]:
        refused("ValidationException", text, run, **request(**changes))


def what_there_is_none_of(emr, cluster):
    arn = emr.describe_cluster(ClusterId=cluster)["Cluster"]["ClusterArn"]
    invalid = "InvalidRequestException"
    refused(invalid, "no application history", emr.create_persistent_app_ui, TargetResourceArn=arn)
    refused(invalid, "does not exist", emr.describe_persistent_app_ui, PersistentAppUIId="p-1")
    history = "SparkHistoryServer"
    page = emr.get_on_cluster_app_ui_presigned_url(ClusterId=cluster, OnClusterAppUIType=history)
    assert page["PresignedURLReady"] and page["PresignedURL"].endswith(":8998/ui/"), page
    kind = "TezUI"
    refused(invalid, "no TezUI interface", emr.get_on_cluster_app_ui_presigned_url, ClusterId=cluster, OnClusterAppUIType=kind)
    engine = {"Id": cluster, "Type": "EMR", "ExecutionRoleArn": "arn:aws:iam::111122223333:role/analyst"}
    notebook = {"EditorId": "e-1", "RelativePath": "a.ipynb", "ServiceRole": "emr-service"}
    refused(invalid, "currently not supported", emr.start_notebook_execution, ExecutionEngine=engine, **notebook)
    assert list(emr.get_paginator("list_notebook_executions").paginate().search("NotebookExecutions")) == []
    refused(invalid, "uses instance", emr.list_instance_fleets, ClusterId=cluster)
    for call in (emr.describe_cluster, emr.list_instances, emr.get_managed_scaling_policy):
        refused(invalid, "Cluster id 'j-NONE' is not valid.", call, ClusterId="j-NONE")
    refused("ValidationException", "Specified job flow ID not valid", emr.terminate_job_flows, JobFlowIds=["j-NONE"])


def releases(emr):
    labels, token = [], {}
    while True:
        page = emr.list_release_labels(MaxResults=25, **token)
        labels += page["ReleaseLabels"]
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert len(labels) == len(set(labels)) > 40 and "emr-6.15.0" in labels
    assert set(emr.list_release_labels(Filters={"Prefix": "emr-7"})["ReleaseLabels"]) < set(labels)
    one = emr.describe_release_label(ReleaseLabel="emr-6.15.0")
    assert {"Name": "Spark"} in one["Applications"] and one["AvailableOSReleases"] == []
    refused("InvalidRequestException", "invalid", emr.describe_release_label, ReleaseLabel="emr-6.99.0")


def listing_and_end(emr, groups, fleets):
    transient = start(emr, Name="transient", Instances={"MasterInstanceType": "m5.xlarge", "InstanceCount": 1})
    emr.get_waiter("cluster_terminated").wait(ClusterId=transient, WaiterConfig=WAIT)
    reason = emr.describe_cluster(ClusterId=transient)["Cluster"]["Status"]["StateChangeReason"]
    assert reason["Code"] == "ALL_STEPS_COMPLETED", reason
    waiter = emr.get_waiter("cluster_running")
    try:
        waiter.wait(ClusterId=transient, WaiterConfig=WAIT)
        raise AssertionError("an ended cluster doesn't run")
    except WaiterError as error:
        assert "terminal failure" in str(error), error

    everything = list(emr.get_paginator("list_clusters").paginate().search("Clusters"))
    assert [one["Id"] for one in everything] == [transient, fleets, groups], "the youngest first"
    waiting = emr.list_clusters(ClusterStates=["WAITING"])["Clusters"]
    assert {one["Id"] for one in waiting} == {groups, fleets}
    hour = datetime.timedelta(hours=1)
    assert emr.list_clusters(CreatedBefore=everything[-1]["Status"]["Timeline"]["CreationDateTime"] - hour)["Clusters"] == []

    refused("ValidationException", "termination protected", emr.terminate_job_flows, JobFlowIds=[groups, fleets])
    emr.set_termination_protection(JobFlowIds=[fleets], TerminationProtected=False)
    emr.terminate_job_flows(JobFlowIds=[groups, fleets])
    for cluster in (groups, fleets):
        emr.get_waiter("cluster_terminated").wait(ClusterId=cluster, WaiterConfig=WAIT)
        status = emr.describe_cluster(ClusterId=cluster)["Cluster"]["Status"]
        assert status["StateChangeReason"]["Code"] == "USER_REQUEST" and "EndDateTime" in status["Timeline"]
    late = {"ClusterId": groups, "AutoTerminationPolicy": {}}
    refused("ValidationException", "may not be modified", emr.put_auto_termination_policy, **late)
    emr.terminate_job_flows(JobFlowIds=[groups])
    emr.delete_security_configuration(Name="rules")


def main():
    emr = boto3.client("emr")
    roles()
    launches_that_fail(emr)
    assert emr.list_clusters()["Clusters"] == []
    groups = by_groups(emr)
    settings(emr, groups)
    tags(emr, groups)
    policies(emr, groups)
    what_there_is_none_of(emr, groups)
    fleets = by_fleets(emr)
    releases(emr)
    listing_and_end(emr, groups, fleets)
    print("all held")


if __name__ == "__main__":
    main()
