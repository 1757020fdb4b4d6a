"""The demonstration's scenario, played by real clients: ``python -m lakeward_check --env FILE.json``.

Runs in the check environment of ``python/locks``. FILE.json, written by whoever started the instance:

    {
      "region": "us-east-1",
      "account": "123456789012",              the cluster's account
      "stack": "demo",                        the cluster is "<stack>-emr-cluster"
      "cluster_id": "j-...",
      "cluster_address": "127.0.1.1",         where the cluster's Livy listens
      "endpoint": "https://127.0.0.1:8443",   all AWS APIs; the host is an IP literal (path-style buckets)
      "proxy": "http://127.0.0.1:8442",       CONNECT proxy for *.amazonaws.com; notebooks use only this, never the endpoint
      "ca_bundle": "/state/ca.pem",
      "database": "tpc",                      default "tpc"
      "instance_profile_role": "demo-...",    name of the role in the cluster's instance profile
      "hidden_columns": ["c_first_name", ..], of dl_tpc_customer, for the marketing role
      "sales_filter": {"column": "ws_..", "values": ["..", ..]},   the rows of dl_tpc_web_sales that sales may see
      "roles": {"marketing": ARN, "sales": ARN, "electronics": ARN},
      "profiles": {
        "david": {"role_arn": ARN, "access_key": "..", "secret_key": "..", "session_token": "..", "home": "/state/home/david"},
        "tina":  {..},
        "admin": {"access_key": "..", "secret_key": ".."}
      }
    }

``role_arn`` is the profile's Studio execution role, whose (temporary) keys these are; ``session_token`` may be left out for keys
without one. ``home`` holds ``.sagemaker-analytics-configuration-DO_NOT_DELETE/emr-configurations-DO_NOT_DELETE.json``.

Output: one JSON line per statement, ``{"statement", "expectation", "seen", "ok"}``. The exit status is 0 only if all are ok.
"""
