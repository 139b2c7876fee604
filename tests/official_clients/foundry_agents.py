"""Uses the protocol as Microsoft Foundry's classic agents did, through Microsoft's unmodified client."""

import os

from azure.ai.agents import AgentsClient
from azure.ai.agents.models import (
    FilePurpose,
    FunctionTool,
    ListSortOrder,
    MessageDeltaChunk,
    RequiredFunctionToolCall,
    SubmitToolOutputsAction,
    ToolOutput,
)
from azure.core.credentials import AccessToken
from azure.core.pipeline.policies import SansIOHTTPPolicy

KEY = os.environ["OPENAI_API_KEY"]


class Credential:
    def get_token(self, *scopes, **options):
        return AccessToken(KEY, 4102444800)


class Bearer(SansIOHTTPPolicy):
    """The client's own policy refuses to send a token over plain http."""

    def on_request(self, request):
        request.http_request.headers["Authorization"] = f"Bearer {KEY}"


def main():
    url = os.environ["OPENAI_BASE_URL"].removesuffix("/v1") + "/api/projects/demo"
    client = AgentsClient(endpoint=url, credential=Credential(), authentication_policy=Bearer())

    def weather(place: str) -> str:
        """Reports the weather.

        :param place: The place.
        """
        return f"Sun in {place}"

    functions = FunctionTool({weather})
    agent = client.create_agent(model="scripted", name="Ada", instructions="Be brief.", tools=functions.definitions)
    assert client.get_agent(agent.id).name == "Ada"
    assert client.update_agent(agent.id, description="first").description == "first"
    assert agent.id in [one.id for one in client.list_agents()]

    # Foundry lists threads, in pages.
    threads = [client.threads.create(metadata={"number": str(number)}) for number in range(5)]
    listed = [one.id for one in client.threads.list(limit=2, order=ListSortOrder.ASCENDING)]
    assert [one for one in listed if one in {thread.id for thread in threads}] == [thread.id for thread in threads]
    thread = threads[0]
    client.messages.create(thread_id=thread.id, role="user", content='call weather {"place":"Rome"}')
    run = client.runs.create(thread_id=thread.id, agent_id=agent.id)
    while run.status in ("queued", "in_progress"):
        run = client.runs.get(thread_id=thread.id, run_id=run.id)
    assert isinstance(run.required_action, SubmitToolOutputsAction), run
    calls = run.required_action.submit_tool_outputs.tool_calls
    assert all(isinstance(call, RequiredFunctionToolCall) for call in calls)
    outputs = [ToolOutput(tool_call_id=call.id, output=functions.execute(call)) for call in calls]
    run = client.runs.submit_tool_outputs(thread_id=thread.id, run_id=run.id, tool_outputs=outputs)
    while run.status in ("queued", "in_progress"):
        run = client.runs.get(thread_id=thread.id, run_id=run.id)
    assert run.status == "completed", run
    assert "Sun in Rome" in client.messages.get_last_message_text_by_role(thread.id, "assistant").text.value
    assert [step.type for step in client.run_steps.list(thread.id, run.id)] == ["message_creation", "tool_calls"]

    other = client.threads.create()
    client.messages.create(thread_id=other.id, role="user", content="Good morning")
    with client.runs.stream(thread_id=other.id, agent_id=agent.id) as stream:
        text = "".join(data.text for _, data, _ in stream if isinstance(data, MessageDeltaChunk))
    assert text == "Good morning", text

    path = os.path.join(os.path.dirname(__file__), "README.md")
    file = client.files.upload_and_poll(file_path=path, purpose=FilePurpose.AGENTS)
    store = client.vector_stores.create_and_poll(file_ids=[file.id], name="notes")
    assert store.file_counts.completed == 1, store
    client.vector_stores.delete(store.id)
    client.files.delete(file.id)

    # Tools that only Foundry has are kept; a run with them says that it cannot use them.
    tools = [
        {"type": "bing_grounding", "bing_grounding": {"connections": [{"connection_id": "c"}]}},
        {"type": "azure_ai_search", "azure_ai_search": {}},
        {"type": "connected_agent", "connected_agent": {"id": agent.id, "name": "ada", "description": "Ada"}},
        {"type": "mcp", "server_label": "docs", "server_url": "https://example.com/mcp", "allowed_tools": []},
        {
            "type": "openapi",
            "openapi": {"name": "api", "spec": {"openapi": "3.1.0"}, "auth": {"type": "anonymous", "security_scheme": {}}},
        },
    ]
    searching = client.create_agent(model="scripted", tools=tools)
    kept = client.get_agent(searching.id).tools
    assert [tool["type"] for tool in kept] == [tool["type"] for tool in tools], kept
    run = client.runs.create_and_process(thread_id=other.id, agent_id=searching.id)
    assert (run.status, run.last_error.code) == ("failed", "unsupported_tool"), run

    for one in threads + [other]:
        client.threads.delete(one.id)
    client.delete_agent(agent.id)
    client.delete_agent(searching.id)
    print("azure-ai-agents: agents, threads and their list, runs, streams, files and vector stores work")


if __name__ == "__main__":
    main()
