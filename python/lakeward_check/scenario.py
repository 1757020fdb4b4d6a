"""David and Tina on one cluster, each under a runtime role of their own."""

from __future__ import annotations

import contextlib
import sys
import traceback

import requests

from . import studio
from .admin import READ_THE_LAKE, Admin, allow, policy, role_name
from .notebook import Cell, Notebook
from .report import Finding, Report
from .settings import Settings
from .studio import DENIED, Connection, Table, connect

FREE_TABLE = "dl_tpc_income_band"  # nobody in the scenario has a grant on it
HTTP_SECONDS = 30


def play(settings: Settings, report: Report) -> None:
    """Runs every part; a part that breaks is reported and the others still run."""
    for part in (discovery, david_and_tina, trust_and_permission, execution_role):
        try:
            part(settings, report)
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            report.expect(part.__name__, "this part runs to its end", lambda error=error: (False, f"{type(error).__name__}: {error}"))


# What cells show


def select(notebook: Notebook, table: str, limit: int = 10) -> Cell:
    return notebook.spark(f'sqlContext.sql("select * from {table} limit {limit}").show()')


def rows_of(cell: Cell, count: int) -> Finding:
    table = Table.last_in(cell.text)
    return len(table.rows) == count, f"{len(table.rows)} rows in {cell.seconds:.1f} s of {', '.join(table.columns)}"


def refusal(cell: Cell) -> Finding:
    lines = [line for line in cell.text.splitlines() if DENIED.search(line)]
    return bool(lines) and not cell.text.lstrip().startswith("+-"), lines[0] if lines else cell.text[-300:]


def values_of(notebook: Notebook, table: str, column: str) -> list[str]:
    cell = notebook.spark(f'sqlContext.sql("select distinct {column} from {table}").show(100, False)')
    return Table.last_in(cell.text).column(column)


def outcome(connection: Connection) -> Finding:
    return connection.ok, connection.seen


def refused(connection: Connection) -> Finding:
    return connection.denied, connection.seen


def credentials(settings: Settings, profile: str, role: str) -> tuple[str, str]:
    """A Livy user name and password, straight from the API."""
    answer = settings.client(profile, "emr").get_cluster_session_credentials(ClusterId=settings.cluster_id, ExecutionRoleArn=role)
    pair = answer["Credentials"]["UsernamePassword"]
    return pair["Username"], pair["Password"]


def api_refusal(settings: Settings, profile: str, role: str) -> Finding:
    from botocore.exceptions import ClientError

    try:
        credentials(settings, profile, role)
    except ClientError as error:
        return error.response["Error"]["Code"] in ("AccessDeniedException", "AccessDenied"), str(error)
    return False, "credentials were issued"


# The parts


def discovery(settings: Settings, report: Report) -> None:
    """What both users find before they connect."""
    david, tina = settings.profiles["david"], settings.profiles["tina"]

    def launched() -> Finding:
        who = settings.client("david", "sts").get_caller_identity()["Arn"]
        clusters = settings.client("david", "emr").list_clusters(ClusterStates=["RUNNING", "WAITING"])["Clusters"]
        names = [cluster["Name"] for cluster in clusters if cluster["Id"] == settings.cluster_id]
        own = f"assumed-role/{role_name(david.role_arn or '')}/"
        return own in who and names == [f"{settings.stack}-emr-cluster"], f"{who} finds {names}"

    def offered_to_david() -> Finding:
        offered = david.listed_roles(cluster_account(settings, "david"))
        return settings.roles["marketing"] in offered, offered

    def offered_to_tina() -> Finding:
        offered = tina.listed_roles(cluster_account(settings, "tina"))
        wanted = {settings.roles["sales"], settings.roles["electronics"]}
        issued = [role for role in offered if credentials(settings, "tina", role)]
        return wanted <= set(issued) and len(offered) >= 2, f"credentials for {issued}"

    report.expect("S127", "David's keys are his execution role's, and the cluster exists already", launched)
    report.expect("S128", "the marketing role is offered to David for the cluster's account", offered_to_david)
    report.expect("S138", "Tina has several roles to choose from, and each is issued", offered_to_tina)
    unlisted = f"arn:aws:iam::{settings.account}:role/{settings.stack}-unlisted-role"
    report.expect("S34", "a runtime role that the caller's policy doesn't list is denied", lambda: api_refusal(settings, "david", unlisted))


def cluster_account(settings: Settings, profile: str) -> str:
    cluster = settings.client(profile, "emr").describe_cluster(ClusterId=settings.cluster_id)["Cluster"]
    return cluster["ClusterArn"].split(":")[4]


def david_and_tina(settings: Settings, report: Report) -> None:
    """Both notebooks at once."""
    with Notebook(settings, settings.profiles["david"]) as david, contextlib.ExitStack() as later:
        if not report.expect("S129", "connecting inserts and runs a cell, which ends in success",
                             lambda: outcome(connect(david, settings, settings.roles["marketing"]))):  # fmt: skip
            raise RuntimeError("David has no session")
        davids_queries(settings, report, david)
        tina = later.enter_context(Notebook(settings, settings.profiles["tina"]))
        tinas_queries(settings, report, david, tina)
        others_session(settings, report, david, tina)
        tinas_second_role(settings, report, tina)
        persistence(settings, report)
        for role in ("sales", "electronics"):
            report.expect("S135", f"David is denied Tina's {role} role",
                          lambda role=role: refused(connect(david, settings, settings.roles[role])))  # fmt: skip


def davids_queries(settings: Settings, report: Report, david: Notebook) -> None:
    def no_names() -> Finding:
        columns = Table.last_in(customers.text).columns
        hidden = sorted(set(settings.hidden_columns) & {column.lower() for column in columns})
        return not hidden and len(columns) > 1, f"columns {', '.join(columns)}; hidden ones among them: {hidden or 'none'}"

    def databases() -> Finding:
        names = Table.last_in(david.spark('sqlContext.sql("show databases").show()').text).rows
        return [settings.database] in names, names

    def use() -> Finding:
        cell = david.spark(f'sqlContext.sql("use {settings.database}")\nspark.catalog.currentDatabase()')
        return f"'{settings.database}'" in cell.printed and "error" not in cell.text.lower(), cell.text

    def identity() -> Finding:
        cell = david.spark("import boto3\nprint(boto3.client('sts').get_caller_identity()['Arn'])")
        return f"assumed-role/{role_name(settings.roles['marketing'])}/" in cell.printed, cell.text

    report.expect("S130", f"show databases lists {settings.database}", databases)
    report.expect("S131", f"use {settings.database} works", use)
    customers = select(david, "dl_tpc_customer")
    report.expect("S132", "David reads 10 rows of dl_tpc_customer", lambda: rows_of(customers, 10))
    report.expect("S133", "without the columns that the marketing role may not see", no_names)
    report.expect("S134", "dl_tpc_customer_address is denied to David", lambda: refusal(select(david, "dl_tpc_customer_address")))
    report.expect("S100", "work runs as the runtime role, not as the instance profile", identity)


def tinas_queries(settings: Settings, report: Report, david: Notebook, tina: Notebook) -> None:
    wanted = settings.sales_filter

    def rows() -> Finding:
        found = values_of(tina, "dl_tpc_web_sales", wanted["column"])
        return bool(found) and set(found) <= {str(value) for value in wanted["values"]}, f"{wanted['column']} is {found}"

    def both() -> Finding:
        first, second = select(david, "dl_tpc_customer", 1), select(tina, "dl_tpc_customer", 1)
        return rows_of(first, 1)[0] and refusal(second)[0], f"David: {rows_of(first, 1)[1]}; Tina: {refusal(second)[1]}"

    connected = connect(tina, settings, settings.roles["sales"])
    report.expect("S141", "Tina connects with the sales role", lambda: outcome(connected))
    tina.spark(f'sqlContext.sql("use {settings.database}")')
    report.expect("S141", "Tina reads 10 rows of dl_tpc_web_sales", lambda: rows_of(select(tina, "dl_tpc_web_sales"), 10))
    report.expect("S145", "and only the rows that sales may see", rows)
    report.expect("S144", "dl_tpc_item is denied to the sales role", lambda: refusal(select(tina, "dl_tpc_item")))
    report.expect("S32", "two users hold sessions on one cluster and see different data", both)


def others_session(settings: Settings, report: Report, david: Notebook, tina: Notebook) -> None:
    """Tina tries to reach David's Livy session."""
    url, session = studio.livy_session(david)
    foreign = credentials(settings, "tina", settings.roles["sales"])

    def call(method: str, path: str, pair: tuple[str, str] = foreign, **more: object) -> requests.Response:
        return requests.request(method, url + path, auth=pair, verify=settings.ca_bundle, timeout=HTTP_SECONDS,
                                proxies={"https": "", "http": ""}, **more)  # type: ignore[arg-type] # fmt: skip

    def unlisted() -> Finding:
        listed = [entry["id"] for entry in call("GET", "/sessions").json()["sessions"]]
        return session not in listed, f"David's is {session}, Tina is shown {listed}"

    def unreachable() -> Finding:
        tried = {
            f"GET /sessions/{session}/statements": call("GET", f"/sessions/{session}/statements"),
            f"GET /sessions/{session}/log": call("GET", f"/sessions/{session}/log"),
            f"GET /sessions/{session}": call("GET", f"/sessions/{session}"),
            f"POST /sessions/{session}/statements": call("POST", f"/sessions/{session}/statements", json={"code": "1"}),
            f"DELETE /sessions/{session}": call("DELETE", f"/sessions/{session}"),
        }
        codes = {name: response.status_code for name, response in tried.items()}
        return all(code in (403, 404) for code in codes.values()), codes

    def wrong_password() -> Finding:
        code = call("GET", "/sessions", (foreign[0], "wrong")).status_code
        return code == 401, f"status {code}"

    def views() -> Finding:
        david.spark("spark.range(3).createOrReplaceTempView('davids_view')")
        mine = Table.last_in(david.spark('spark.sql("select count(*) as n from davids_view").show()').text).rows
        # To Tina, David's view must look like a table that never was.
        theirs = tina.spark('spark.sql("select * from davids_view").show()').text
        never = tina.spark('spark.sql("select * from nobodys_view").show()').text.replace("nobodys_view", "davids_view")
        alike = "An error was encountered" in theirs and theirs.strip() == never.strip()
        return mine == [["3"]] and alike, f"David counts {mine}; Tina: {theirs.strip()[:150]}"

    report.expect("S33", "David's Livy session isn't listed to Tina", unlisted)
    report.expect("S33", "nor can her user name and password see or drive it", unreachable)
    report.expect("S33", "a wrong password is refused", wrong_password)
    report.expect("S33", "temporary views stay in their session, which still works", views)


def tinas_second_role(settings: Settings, report: Report, tina: Notebook) -> None:
    def pid() -> str:
        return tina.run("import os; print(os.getpid())", 30).printed.strip()

    def reconnect() -> Finding:
        before = pid()
        connection = connect(tina, settings, settings.roles["electronics"])
        return connection.ok and pid() == before, f"{connection.seen}; kernel process {before}, then {pid()}"

    def categories() -> Finding:
        found = values_of(tina, "dl_tpc_item", "i_category")
        return found == ["Electronics"], f"i_category is {found}"

    report.expect("S142", "Tina reconnects with the electronics role in the same notebook, kernel and cluster", reconnect)
    tina.spark(f'sqlContext.sql("use {settings.database}")')
    report.expect("S143", "Tina reads 10 rows of dl_tpc_item", lambda: rows_of(select(tina, "dl_tpc_item"), 10))
    report.expect("S145", "and only Electronics among them", categories)
    report.expect("S144", "dl_tpc_web_sales is denied to the electronics role", lambda: refusal(select(tina, "dl_tpc_web_sales")))


def persistence(settings: Settings, report: Report) -> None:
    def file_after_restart() -> Finding:
        profile = settings.profiles["tina"]
        before = profile.listed_roles(settings.account)
        with Notebook(settings, profile) as restarted:
            home = restarted.run("import pathlib; print(pathlib.Path.home())", 30).printed.strip()
        after = profile.listed_roles(settings.account)
        wanted = {settings.roles["sales"], settings.roles["electronics"]}
        return before == after and wanted <= set(after) and home == profile.home, f"{after} in {home}"

    report.expect("S136", "Tina's roles are in a file of her own home, before and after a restart", file_after_restart)


def trust_and_permission(settings: Settings, report: Report) -> None:
    """Both halves of assuming a runtime role, each taken away once."""
    admin = Admin(settings)
    studio_arn = settings.profiles["david"].role_arn or ""

    def attempt(role: str) -> Connection:
        with Notebook(settings, settings.profiles["david"]) as notebook:
            return connect(notebook, settings, role)

    def without_trust() -> Finding:
        with (
            admin.role("check-untrusting-role", {"Service": "glue.amazonaws.com"}) as role,
            admin.may_pass(studio_arn, role),
            admin.may_assume(role),
        ):
            connection = attempt(role)
            with admin.trusting(role_name(role), {"AWS": admin.instance_profile}):
                control = attempt(role)
            return not connection.ok and control.ok, f"without: {connection.seen}; with: {control.seen}"

    def without_permission() -> Finding:
        with admin.role("check-unassumable-role", {"AWS": admin.root}) as role, admin.may_pass(studio_arn, role):
            connection = attempt(role)
            with admin.may_assume(role):
                control = attempt(role)
            return not connection.ok and control.ok, f"without: {connection.seen}; with: {control.seen}"

    report.expect("S103", "connecting fails unless the runtime role trusts the instance profile", without_trust)
    report.expect("S104", "connecting fails unless the instance profile may assume the runtime role", without_permission)


def execution_role(settings: Settings, report: Report) -> None:
    """The Studio execution role itself as the runtime role."""
    admin = Admin(settings)
    role = settings.profiles["tina"].role_arn or ""
    name = role_name(role)
    with (
        admin.may_pass(role, role),
        admin.may_assume(role),
        admin.trusting(name, {"AWS": admin.instance_profile}),
        admin.inline(name, policy(allow(READ_THE_LAKE, "*"))),
        Notebook(settings, settings.profiles["tina"]) as notebook,
    ):
        written = connect(notebook, settings, role)

        def identity() -> Finding:
            cell = notebook.spark("import boto3\nprint(boto3.client('sts').get_caller_identity()['Arn'])")
            return written.ok and f"assumed-role/{name}/" in cell.printed, f"{written.seen}: {cell.text.strip()}"

        def granted() -> Finding:
            table = f"{settings.database}.{FREE_TABLE}"
            before = refusal(select(notebook, table, 5))
            with admin.granted(role, FREE_TABLE):
                after = rows_of(select(notebook, table, 5), 5)
            return before[0] and after[0], f"before: {before[1]}; granted: {after[1]}"

        report.expect("S113", "the execution role, written into the cell, is the runtime role", identity)
        report.expect("S140", f"a grant on {FREE_TABLE} to the execution role works for it", granted)
