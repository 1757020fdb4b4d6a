"""Prints the AWS managed policies that moto carries, one JSON object a line: {"name", "text"}."""

import json

from moto.iam.aws_managed_policies import aws_managed_policies_data


def main():
    for name, policy in json.loads(aws_managed_policies_data).items():
        print(json.dumps({"name": name, "text": json.dumps(policy["Document"])}))


if __name__ == "__main__":
    main()
