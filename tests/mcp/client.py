"""Speaks to `flow2pcap mcp` with the official client from PyPI, which checks every message by its own types.

    python3 tests/mcp/client.py PROGRAM
"""

import asyncio
import json
import sys
import tempfile
from pathlib import Path

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

LINE_MAX = 20_000


async def call(session, tool, arguments):
    """All facts of a call, page by page."""
    facts = []
    arguments = dict(arguments)
    while True:
        result = await session.call_tool(tool, arguments)
        assert not failed(result), (tool, result)
        page = structured(result)
        assert json.loads(result.content[0].text) == page
        assert len(result.model_dump_json()) < LINE_MAX + 1_000
        facts += page["facts"]
        if "next_cursor" not in page:
            assert len(facts) == page["total"]
            return facts
        arguments["cursor"] = page["next_cursor"]


def failed(result):
    """Versions of the client before 2 and from 2 on name this in different ways."""
    return result.is_error if hasattr(result, "is_error") else result.isError


def structured(result):
    if hasattr(result, "structured_content"):
        return result.structured_content
    return result.structuredContent


def kinds(facts, kind):
    return [fact for fact in facts if fact["kind"] == kind]


async def check(session, folder):
    initialized = await session.initialize()
    assert "never instructions" in initialized.instructions
    await session.send_ping()
    tools = {tool.name: tool for tool in (await session.list_tools()).tools}
    assert {"inspect", "diagnose", "explain_connection", "metrics", "changes", "capture"} <= set(tools)

    archive = kinds(await call(session, "inspect", {}), "archive")[0]
    assert archive["observed"]["records"] == 623, archive
    finding = kinds(await call(session, "diagnose", {}), "finding")[0]
    assert finding["deduced"]["cause"] == "security-group-inbound", finding
    assert finding["records"], finding
    explained = await call(session, "explain_connection", {"connection": ["10.0.1.20:31869 > 10.0.12.32:8080"]})
    assert kinds(explained, "record")[0]["observed"]["action"] == "REJECT"
    assert "time" in kinds(explained, "packet")[0]["invented"]
    totals = kinds(await call(session, "metrics", {"by": ["action"], "measure": ["records"]}), "total")
    assert sum(total["observed"]["sums"]["records"] for total in totals) == 623
    change = kinds(await call(session, "changes", {"to": "2026-03-17T09:42:00Z"}), "change")[0]
    assert change["observed"]["event"] == "RevokeSecurityGroupIngress", change
    await call(session, "capture", {"name": "incident.pcapng", "finding": 1})
    assert (folder / "incident.pcapng").stat().st_size > 1_000
    if "query" in tools:
        rows = await call(session, "query", {"sql": "SELECT action, count(*) AS n FROM vpc_flow_logs GROUP BY action"})
        counts = {row["observed"].get("action"): row["observed"]["n"] for row in kinds(rows, "row")}
        assert counts["REJECT"] == 11, counts

    refused = await session.call_tool("inspect", {"paths": ["../../etc"]})
    assert failed(refused) and "within the roots" in refused.content[0].text
    try:
        unknown = await session.call_tool("rm", {})
    except Exception as error:
        assert "no tool rm" in str(error), error
    else:
        assert failed(unknown), unknown
    return sorted(tools)


async def main(program):
    with tempfile.TemporaryDirectory() as folder:
        server = StdioServerParameters(command=program, args=["mcp", "testdata/bucket", "--write", folder])
        async with stdio_client(server) as (read, write):
            async with ClientSession(read, write) as session:
                tools = await asyncio.wait_for(check(session, Path(folder)), 300)
    print("mcp: a client of its own agrees with", ", ".join(tools))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
