"""Uses the helpers of the official client: uploads in parts, parsing, raw responses, polling."""

import io
import json
import warnings

import openai
from openai import OpenAI
from pydantic import BaseModel

warnings.filterwarnings("ignore", category=DeprecationWarning)
client = OpenAI()


class Add(BaseModel):
    """Adds two numbers."""

    a: int
    b: int


def uploads():
    data = bytes(range(256)) * 40_000
    upload = client.uploads.upload_file_chunked(
        file=data, filename="data.bin", bytes=len(data), mime_type="application/octet-stream", purpose="user_data",
        part_size=4_000_000,
    )
    assert upload.status == "completed" and upload.file.bytes == len(data), upload
    assert client.files.content(upload.file.id).read() == data
    assert client.files.delete(upload.file.id).deleted
    upload = client.uploads.create(filename="x.txt", bytes=3, mime_type="text/plain", purpose="assistants")
    part = client.uploads.parts.create(upload.id, data=io.BytesIO(b"abc"))
    assert part.upload_id == upload.id
    assert client.uploads.cancel(upload.id).status == "cancelled"


def raw_answers():
    answer = client.beta.assistants.with_raw_response.create(model="scripted")
    assistant = answer.parse()
    assert answer.status_code == 200 and answer.request_id and answer.headers["openai-processing-ms"]
    with client.beta.assistants.with_streaming_response.retrieve(assistant.id) as answer:
        assert b"".join(answer.iter_bytes()).startswith(b"{")
    listed = client.get("/assistants", cast_to=object, options={"params": {"limit": 1}})
    assert listed["data"][0]["id"] == assistant.id
    assert client.beta.assistants.delete(assistant.id).deleted


def waiting():
    """Submits tool outputs and polls the run, without streaming."""
    tool = openai.pydantic_function_tool(Add, name="add")
    assistant = client.beta.assistants.create(model="scripted", tools=[tool])
    run = client.beta.threads.create_and_run_poll(
        assistant_id=assistant.id, thread={"messages": [{"role": "user", "content": 'call add {"a": 2, "b": 3}'}]}
    )
    (call,) = run.required_action.submit_tool_outputs.tool_calls
    args = Add.model_validate_json(call.function.arguments)
    run = client.beta.threads.runs.submit_tool_outputs_and_poll(
        run_id=run.id, thread_id=run.thread_id, tool_outputs=[{"tool_call_id": call.id, "output": str(args.a + args.b)}]
    )
    assert run.status == "completed", run
    steps = client.beta.threads.runs.steps.list(run.id, thread_id=run.thread_id, order="asc").data
    assert [step.type for step in steps] == ["tool_calls", "message_creation"]
    assert steps[0].step_details.tool_calls[0].function.output == "5"
    assert client.beta.assistants.delete(assistant.id).deleted


def parsed_chats():
    wanted = {"a": 1, "b": 2}
    said = [{"role": "user", "content": json.dumps(wanted)}]
    answer = client.chat.completions.parse(model="scripted", messages=said, response_format=Add)
    assert answer.choices[0].message.parsed == Add(**wanted), answer

    said = [{"role": "user", "content": f"call add {json.dumps(wanted)}"}]
    tools = [openai.pydantic_function_tool(Add, name="add")]
    answer = client.chat.completions.parse(model="scripted", messages=said, tools=tools)
    assert answer.choices[0].message.tool_calls[0].function.parsed_arguments == Add(**wanted), answer

    said = [{"role": "user", "content": "repeat 7"}]
    with client.chat.completions.stream(model="scripted", messages=said, stream_options={"include_usage": True}) as stream:
        kinds = {event.type for event in stream}
        answer = stream.get_final_completion()
    assert {"chunk", "content.delta", "content.done"} <= kinds, kinds
    assert len(answer.choices[0].message.content.split()) == 7 and answer.usage.completion_tokens > 0, answer


def models():
    model = client.models.retrieve("scripted")
    assert model.id == "scripted" and model.object == "model", model
    try:
        client.models.retrieve("no-such-model")
    except openai.NotFoundError as error:
        assert error.request_id
    else:
        raise AssertionError("a model that is not there was found")


def stores():
    """Creates, fills, searches and empties a vector store, step by step."""
    store = client.vector_stores.create(name="one", metadata={"a": "b"})
    assert client.vector_stores.update(store.id, name="two", expires_after={"anchor": "last_active_at", "days": 2}).name == "two"
    file = client.vector_stores.files.upload_and_poll(vector_store_id=store.id, file=("a.md", b"alpha\n"), poll_interval_ms=50)
    assert file.status == "completed", file
    changed = client.vector_stores.files.update(file.id, vector_store_id=store.id, attributes={"year": 2026})
    assert changed.attributes == {"year": 2026}
    text = "".join(part.text for part in client.vector_stores.files.content(file.id, vector_store_id=store.id))
    assert text.strip() == "alpha", text
    year = {"type": "eq", "key": "year", "value": 2026}
    assert len(client.vector_stores.search(store.id, query="alpha", filters=year).data) == 1
    assert not client.vector_stores.search(store.id, query="alpha", filters={**year, "value": 1999}).data
    assert client.vector_stores.files.delete(file.id, vector_store_id=store.id).deleted
    assert client.vector_stores.delete(store.id).deleted
    assert client.files.delete(file.id).deleted


def main():
    uploads()
    raw_answers()
    waiting()
    parsed_chats()
    models()
    stores()
    print(f"openai {openai.__version__}: uploads in parts, raw answers, polling, parsing, models and store files work")


if __name__ == "__main__":
    main()
