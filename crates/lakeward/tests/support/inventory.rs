//! All that the example's set-up makes, as an administrator lists it, without what differs from one
//! set-up to the next (times, generated ids).

use http::Method;
use lakeward_client::{Client, Credentials};
use serde_json::{Map, Value, json};

use super::{
    emr, glue, iam, lake_formation,
    wire::{Exchange, Sender, elements},
};

const DATABASE: &str = "tpc";

/// Everything there is.
pub async fn of(admin: &Client, sender: &Sender, bucket: &str) -> Value {
    json!({
        "users": users(admin).await,
        "roles": roles(admin).await,
        "instance profiles": instance_profiles(admin).await,
        "objects": objects(sender, admin.credentials(), bucket).await,
        "tables": tables(admin).await,
        "lake": lake(admin).await,
        "clusters": clusters(admin).await,
    })
}

/// Users by name, with the number of their keys and the policies they hold.
async fn users(admin: &Client) -> Value {
    let mut users = Map::new();
    for name in elements(&iam(admin, &[("Action", "ListUsers")]).await, "UserName") {
        let keys = iam(admin, &[("Action", "ListAccessKeys"), ("UserName", &name)]).await;
        let get = [
            ("Action", "GetUserPolicy"),
            ("UserName", &*name),
            ("PolicyName", "permissions"),
        ];
        let policy = elements(&iam(admin, &get).await, "PolicyDocument");
        let held = json!({"keys": elements(&keys, "AccessKeyId").len(), "policy": policy});
        users.insert(name, held);
    }
    Value::Object(users)
}

async fn roles(admin: &Client) -> Value {
    let mut roles = Map::new();
    for name in elements(&iam(admin, &[("Action", "ListRoles")]).await, "RoleName") {
        let role = iam(admin, &[("Action", "GetRole"), ("RoleName", &name)]).await;
        let get = [
            ("Action", "GetRolePolicy"),
            ("RoleName", &*name),
            ("PolicyName", "permissions"),
        ];
        let policy = iam(admin, &get).await;
        let held = json!({
            "trust": elements(&role, "AssumeRolePolicyDocument"),
            "policy": elements(&policy, "PolicyDocument"),
        });
        roles.insert(name, held);
    }
    Value::Object(roles)
}

async fn instance_profiles(admin: &Client) -> Value {
    let listed = iam(admin, &[("Action", "ListInstanceProfiles")]).await;
    json!({
        "names": elements(&listed, "InstanceProfileName"),
        "roles": elements(&listed, "RoleName"),
    })
}

/// Key, size and ETag of every object: the ETag is the MD5 of the bytes.
async fn objects(sender: &Sender, keys: &Credentials, bucket: &str) -> Value {
    let list = Exchange::s3(Method::GET, &format!("/{bucket}?list-type=2"));
    let listed = sender.signed(&list, keys).await;
    assert_eq!(listed.status, 200, "{}", listed.text());
    json!({"keys": listed.all("Key"), "sizes": listed.all("Size"), "etags": listed.all("ETag")})
}

async fn tables(admin: &Client) -> Value {
    let databases = glue(admin, "GetDatabases", json!({})).await;
    let names: Vec<&Value> = databases["DatabaseList"]
        .as_array()
        .unwrap()
        .iter()
        .map(|database| &database["Name"])
        .collect();
    let listed = glue(admin, "GetTables", json!({"DatabaseName": DATABASE})).await;
    let mut tables = Map::new();
    for table in listed["TableList"].as_array().unwrap() {
        let name = table["Name"].as_str().unwrap().to_owned();
        tables.insert(name, table["StorageDescriptor"].clone());
    }
    json!({"databases": names, "tables": tables})
}

async fn lake(admin: &Client) -> Value {
    let settings = lake_formation(admin, "GetDataLakeSettings", json!({})).await;
    let locations = lake_formation(admin, "ListResources", json!({})).await;
    let locations: Vec<&Value> = locations["ResourceInfoList"]
        .as_array()
        .unwrap()
        .iter()
        .map(|location| &location["ResourceArn"])
        .collect();
    let filters = lake_formation(admin, "ListDataCellsFilter", json!({})).await;
    json!({
        "settings": settings["DataLakeSettings"],
        "locations": locations,
        "filters": sorted(&filters["DataCellsFilters"]),
        "grants": grants(admin).await,
    })
}

/// Who holds what on what, in order.
pub async fn grants(admin: &Client) -> Vec<String> {
    let listed = lake_formation(admin, "ListPermissions", json!({})).await;
    let listed = listed["PrincipalResourcePermissions"].as_array().unwrap();
    let mut grants: Vec<String> = listed
        .iter()
        .map(|grant| {
            json!([
                grant["Principal"],
                grant["Resource"],
                grant["Permissions"],
                grant["PermissionsWithGrantOption"]
            ])
            .to_string()
        })
        .collect();
    grants.sort();
    grants
}

fn sorted(list: &Value) -> Vec<String> {
    let mut texts: Vec<String> = list
        .as_array()
        .unwrap()
        .iter()
        .map(Value::to_string)
        .collect();
    texts.sort();
    texts
}

/// Clusters by name, with what was asked for and the state they are in.
async fn clusters(admin: &Client) -> Value {
    let listed = emr(admin, "ListClusters", json!({})).await;
    let mut clusters = Vec::new();
    for cluster in listed["Clusters"].as_array().unwrap() {
        let id = json!({"ClusterId": cluster["Id"]});
        let described = emr(admin, "DescribeCluster", id).await;
        let described = &described["Cluster"];
        clusters.push(json!({
            "name": described["Name"],
            "state": described["Status"]["State"],
            "release": described["ReleaseLabel"],
            "applications": described["Applications"],
            "security": described["SecurityConfiguration"],
            "profile": described["Ec2InstanceAttributes"]["IamInstanceProfile"],
        }));
    }
    let configurations = emr(admin, "ListSecurityConfigurations", json!({})).await;
    let names: Vec<&Value> = configurations["SecurityConfigurations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|configuration| &configuration["Name"])
        .collect();
    json!({"clusters": clusters, "security configurations": names})
}
