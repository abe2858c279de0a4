"""The MCP handshake and what stands on the wire."""

import json

import pytest

from flashpods_test.mcp_lines import McpLines
from flashpods_test.waiting import wait_until

SESSIONS = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]
PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS = -32700, -32600, -32601, -32602


@pytest.fixture
def server(daemon, tmp_path):
    with McpLines(daemon.client_environment(), tmp_path) as lines:
        yield lines


@pytest.mark.parametrize("revision", SESSIONS)
def test_initialize_answers_with_the_revision_asked_for(server, revision):
    result = server.initialize(revision)
    assert result["protocolVersion"] == revision
    assert result["serverInfo"]["name"] == "flashpods"
    assert "tools" in result["capabilities"]
    assert "/artifacts" in result["instructions"]


def test_initialize_answers_an_unknown_revision_with_the_newest_known(server):
    assert server.initialize("1999-01-01")["protocolVersion"] == SESSIONS[-1]


def test_requests_without_a_session_carry_their_revision(server):
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    }
    found = server.request("server/discover", {"_meta": meta})["result"]
    assert set(found["supportedVersions"]) == {*SESSIONS, "2026-07-28"}
    listed = server.request("tools/list", {"_meta": meta})["result"]
    assert listed["resultType"] == "complete"
    assert len(listed["tools"]) == 9


def test_a_revision_never_heard_of_is_refused_with_those_there_are(server):
    meta = {"io.modelcontextprotocol/protocolVersion": "2099-01-01"}
    error = server.request("tools/list", {"_meta": meta})["error"]
    assert "2026-07-28" in json.dumps(error)


def test_tools_before_initialize_are_refused(server):
    assert "initialize" in server.request("tools/list")["error"]["message"]
    assert server.request("ping")["result"] == {}


def test_old_revisions_get_no_members_they_do_not_know(server):
    server.initialize("2024-11-05")
    for tool in server.request("tools/list")["result"]["tools"]:
        assert set(tool) == {"name", "description", "inputSchema"}
    result = server.call("list_jobs")
    assert "structuredContent" not in result
    assert result["content"][0]["type"] == "text"


def test_batches_exist_in_the_one_revision_that_has_them(server):
    server.initialize("2025-03-26")
    ping = {"jsonrpc": "2.0", "method": "ping"}
    server.send([ping | {"id": "a"}, ping | {"id": "b"}])
    assert {reply["id"] for reply in server.receive()} == {"a", "b"}


def test_a_batch_is_refused_where_there_are_none(server):
    server.initialize("2025-06-18")
    server.send([{"jsonrpc": "2.0", "method": "ping", "id": 7}])
    assert server.receive()["error"]["code"] == INVALID_REQUEST


@pytest.mark.parametrize("line", [b"{", b"nonsense", b"\xff\xfe", b'{"jsonrpc": "2.0", "id": 1'])
def test_broken_json_gets_a_parse_error_and_the_session_goes_on(server, line):
    server.initialize()
    server.send_bytes(line + b"\n")
    reply = server.receive()
    assert reply["error"]["code"] == PARSE_ERROR
    assert reply["id"] is None
    assert server.request("ping")["result"] == {}


@pytest.mark.parametrize("message", [
    17, "text", {}, {"jsonrpc": "1.0", "id": 1, "method": "ping"}, {"jsonrpc": "2.0", "id": None,
    "method": "ping"}, {"jsonrpc": "2.0", "id": 5, "method": 5},
])
def test_what_is_no_json_rpc_is_an_invalid_request(server, message):
    server.initialize()
    server.send(message)
    assert server.receive()["error"]["code"] == INVALID_REQUEST
    assert server.request("ping")["result"] == {}


def test_a_message_beyond_4_mb_is_refused_and_the_session_goes_on(server):
    server.initialize()
    server.send({"jsonrpc": "2.0", "id": 1, "method": "ping", "params": {"x": "y" * (5 << 20)}})
    assert "4 MB" in server.receive()["error"]["message"]
    assert server.request("ping")["result"] == {}


def test_deep_nesting_is_refused_and_the_session_goes_on(server):
    server.initialize()
    server.send_bytes(b"[" * 100_000 + b"]" * 100_000 + b"\n")
    assert server.receive()["error"]["code"] in (PARSE_ERROR, INVALID_REQUEST)
    assert server.request("ping")["result"] == {}


def test_unknown_methods_tools_and_notifications(server):
    server.initialize()
    assert server.request("resources/list")["error"]["code"] == METHOD_NOT_FOUND
    unknown = server.request("tools/call", {"name": "rm", "arguments": {}})["error"]
    assert unknown["code"] == INVALID_PARAMS
    assert "rm" in unknown["message"]
    arguments = server.request("tools/call", {"name": "list_jobs", "arguments": [1]})["error"]
    assert arguments["code"] == INVALID_PARAMS
    server.notify("notifications/never/heard/of")
    assert server.request("ping")["result"] == {}


@pytest.mark.parametrize("tool, arguments, word", [
    ("spawn_worker", {}, "command"),
    ("spawn_worker", {"command": 5}, "command"),
    ("spawn_worker", {"command": "true", "cpus": 0}, "cpus"),
    ("spawn_worker", {"command": "true", "cpu": 2}, "cpu"),
    ("spawn_worker", {"command": "true", "files": {}}, "local_path"),
    ("spawn_sub_agent", {"task": "x"}, "git_branch"),
    ("get_job_output", {"job_id": "job_x", "tail": "all"}, "tail"),
    ("download_artifact", {"job_id": "job_x"}, "artifact_name"),
    ("kill_job", {}, "job_id"),
])
def test_wrong_arguments_are_a_tool_error_that_names_the_field(server, tool, arguments, word):
    server.initialize()
    result = server.call(tool, **arguments)
    assert result["isError"]
    assert word in result["content"][0]["text"]


def test_the_end_of_input_ends_the_process(server):
    server.initialize()
    assert server.end() == ([], 0)


def test_the_end_of_input_lets_a_call_under_way_answer(server):
    server.initialize()
    server.send({"jsonrpc": "2.0", "id": "last", "method": "tools/call",
                 "params": {"name": "list_jobs", "arguments": {}}})
    lines, code = server.end()
    assert code == 0
    assert [json.loads(line)["id"] for line in lines] == ["last"]


def test_sigterm_ends_the_process(server):
    server.initialize()
    server.process.terminate()
    wait_until(lambda: server.process.poll() is not None, what="the end of flashpods mcp")


def test_a_tool_without_a_server_says_what_to_run(tmp_path):
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    with McpLines(environment, tmp_path) as server:
        server.initialize()
        result = server.call("list_jobs")
    assert result["isError"]
    assert "flashpods up" in result["content"][0]["text"]


def test_a_server_that_is_gone_is_a_tool_error(daemon, tmp_path):
    environment = daemon.client_environment() | {"FLASHPODS_URL": "http://127.0.0.1:1"}
    with McpLines(environment, tmp_path) as server:
        server.initialize()
        result = server.call("list_jobs")
    assert result["isError"]
    assert "127.0.0.1:1" in result["content"][0]["text"]


def test_plain_http_to_elsewhere_never_gets_the_token(daemon, tmp_path):
    environment = daemon.client_environment() | {"FLASHPODS_URL": "http://192.0.2.1:8080"}
    with McpLines(environment, tmp_path) as server:
        server.initialize()
        result = server.call("list_jobs")
    assert result["isError"]
    text = result["content"][0]["text"]
    assert "unencrypted" in text
    assert daemon.token not in text
