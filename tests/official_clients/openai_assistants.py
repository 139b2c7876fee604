"""Uses assistants, threads, messages, runs, files, vector stores and chats through the unmodified official client."""

import json
import warnings

import openai
from openai import AssistantEventHandler, OpenAI

warnings.filterwarnings("ignore", category=DeprecationWarning)
client = OpenAI()
beta = client.beta
ADD = {
    "type": "function",
    "function": {
        "name": "add",
        "description": "Adds two numbers.",
        "parameters": {"type": "object", "properties": {"a": {"type": "number"}, "b": {"type": "number"}}},
    },
}


def refused(call, kind, status):
    """Checks that the call fails with this kind of error."""
    try:
        call()
    except kind as error:
        assert error.status_code == status, error
        assert error.request_id, "errors carry a request id"
    else:
        raise AssertionError(f"expected {kind.__name__}")


def crud():
    made = beta.assistants.create(model="scripted", name="Ada", instructions="Be brief.", metadata={"k": "v"}, tools=[ADD])
    assert made.id.startswith("asst_") and made.object == "assistant" and made.created_at
    assert beta.assistants.retrieve(made.id) == made
    changed = beta.assistants.update(made.id, name="Grace", temperature=0.5)
    assert (changed.name, changed.temperature, changed.instructions) == ("Grace", 0.5, "Be brief.")
    assert beta.assistants.delete(made.id).deleted
    refused(lambda: beta.assistants.retrieve(made.id), openai.NotFoundError, 404)
    refused(lambda: beta.assistants.create(model="m", name="n" * 257), openai.BadRequestError, 400)
    wrong = client.with_options(api_key="wrong", max_retries=0)
    refused(lambda: wrong.beta.assistants.list(), openai.AuthenticationError, 401)


def paging():
    ids = [beta.assistants.create(model="scripted").id for _ in range(5)]
    assert [one.id for one in beta.assistants.list(limit=2, order="asc")] == ids
    assert [one.id for one in beta.assistants.list(limit=2)] == ids[::-1]
    page = beta.assistants.list(limit=2, order="asc")
    assert page.has_more and page.first_id == ids[0] and page.last_id == ids[1]
    assert [one.id for one in beta.assistants.list(order="asc", before=ids[2]).data] == ids[:2]
    for one in ids:
        beta.assistants.delete(one)


def messages(assistant):
    thread = beta.threads.create(messages=[{"role": "user", "content": "first"}], metadata={"a": "b"})
    message = beta.threads.messages.create(thread.id, role="user", content=[{"type": "text", "text": "second"}])
    assert message.content[0].text.value == "second"
    beta.threads.messages.update(message.id, thread_id=thread.id, metadata={"x": "y"})
    assert beta.threads.messages.retrieve(message.id, thread_id=thread.id).metadata == {"x": "y"}
    run = beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    assert run.status == "completed" and run.usage.total_tokens > 0
    assert beta.threads.runs.retrieve(run.id, thread_id=thread.id).status == "completed"
    assert [one.id for one in beta.threads.runs.list(thread.id)] == [run.id]
    texts = [one.content[0].text.value for one in beta.threads.messages.list(thread.id, order="asc")]
    assert texts[:2] == ["first", "second"] and len(texts) == 3, texts
    (step,) = beta.threads.runs.steps.list(run.id, thread_id=thread.id).data
    assert beta.threads.runs.steps.retrieve(step.id, thread_id=thread.id, run_id=run.id).type == "message_creation"
    assert beta.threads.messages.delete(message.id, thread_id=thread.id).deleted
    assert beta.threads.delete(thread.id).deleted


class Log(AssistantEventHandler):
    """Records the events."""

    def __init__(self):
        super().__init__()
        self.text, self.told = "", []

    def on_text_created(self, text):
        self.told.append("text")

    def on_text_delta(self, delta, snapshot):
        self.text += delta.value
        assert snapshot.value == self.text

    def on_text_done(self, text):
        assert text.value == self.text
        self.told.append("text done")

    def on_tool_call_created(self, tool_call):
        self.told.append("call")

    def on_tool_call_done(self, tool_call):
        self.told.append("call done")

    def on_end(self):
        self.told.append("end")


def streaming(assistant):
    thread = beta.threads.create(messages=[{"role": "user", "content": "repeat 20"}])
    log = Log()
    with beta.threads.runs.stream(thread_id=thread.id, assistant_id=assistant.id, event_handler=log) as stream:
        stream.until_done()
    assert len(log.text.split()) == 20 and log.told == ["text", "text done", "end"], log.told
    assert stream.current_run.status == "completed"

    events = beta.threads.runs.create(thread_id=thread.id, assistant_id=assistant.id, stream=True)
    names = [event.event for event in events]
    assert names[0] == "thread.run.created" and names[-1] == "thread.run.completed", names

    with beta.threads.create_and_run_stream(
        assistant_id=assistant.id, thread={"messages": [{"role": "user", "content": "hello there"}]}
    ) as stream:
        assert "".join(stream.text_deltas) == "hello there"
        assert stream.get_final_run().status == "completed"


def tool_loop(assistant):
    thread = beta.threads.create()
    beta.threads.messages.create(thread.id, role="user", content='call add {"a": 1, "b": 2}\ncall add {"a": 3, "b": 4}')
    log = Log()
    with beta.threads.runs.stream(thread_id=thread.id, assistant_id=assistant.id, event_handler=log) as stream:
        stream.until_done()
    assert log.told == ["call", "call done", "call", "call done", "end"], log.told
    run = stream.current_run
    assert run.status == "requires_action"
    refused(
        lambda: beta.threads.messages.create(thread.id, role="user", content="wait"), openai.BadRequestError, 400
    )
    outputs = []
    for call in run.required_action.submit_tool_outputs.tool_calls:
        arguments = json.loads(call.function.arguments)
        outputs.append({"tool_call_id": call.id, "output": str(arguments["a"] + arguments["b"])})
    with beta.threads.runs.submit_tool_outputs_stream(
        run_id=run.id, thread_id=thread.id, tool_outputs=outputs
    ) as stream:
        text = "".join(stream.text_deltas)
    assert "3" in text and "7" in text, text

    beta.threads.messages.create(thread.id, role="user", content="call add {}")
    run = beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    assert run.status == "requires_action"
    beta.threads.runs.cancel(run.id, thread_id=thread.id)
    assert beta.threads.runs.poll(run.id, thread_id=thread.id).status == "cancelled"
    (call,) = run.required_action.submit_tool_outputs.tool_calls
    refused(
        lambda: beta.threads.runs.submit_tool_outputs(
            run.id, thread_id=thread.id, tool_outputs=[{"tool_call_id": call.id, "output": "late"}]
        ),
        openai.BadRequestError,
        400,
    )


def files():
    made = client.files.create(file=("notes.md", b"# Tests\n\nRun the tests with cargo test.\n"), purpose="assistants")
    assert made.id.startswith("file-") and made.bytes == 40 and made.filename == "notes.md", made
    assert client.files.wait_for_processing(made.id, poll_interval=0.05).status == "processed"
    assert client.files.content(made.id).read().startswith(b"# Tests")
    assert made.id in [one.id for one in client.files.list(purpose="assistants")]
    return made


def stores(file):
    store = client.vector_stores.create(name="notes")
    attached = client.vector_stores.files.create_and_poll(file.id, vector_store_id=store.id, poll_interval_ms=50)
    assert attached.status == "completed", attached
    batch = client.vector_stores.file_batches.upload_and_poll(
        store.id, files=[("a.txt", b"alpha beta"), ("b.txt", b"gamma delta")], poll_interval_ms=50
    )
    assert batch.status == "completed" and batch.file_counts.completed == 2, batch
    store = client.vector_stores.retrieve(store.id)
    assert store.file_counts.completed == 3, store
    found = client.vector_stores.search(store.id, query="How do I run the tests?").data
    assert found and found[0].filename == "notes.md" and 0 < found[0].score <= 1, found
    assert len(list(client.vector_stores.files.list(store.id))) == 3

    assistant = beta.assistants.create(
        model="scripted",
        tools=[{"type": "file_search"}],
        tool_resources={"file_search": {"vector_store_ids": [store.id]}},
    )
    run = beta.threads.create_and_run_poll(
        assistant_id=assistant.id,
        thread={"messages": [{"role": "user", "content": "How do I run the tests?"}]},
        poll_interval_ms=50,
    )
    assert run.status == "completed", run
    text = beta.threads.messages.list(run.thread_id).data[0].content[0].text
    assert "cargo test" in text.value, text
    assert file.id in [one.file_citation.file_id for one in text.annotations], text
    assert client.vector_stores.delete(store.id).deleted
    beta.assistants.delete(assistant.id)


def chats():
    completion = client.chat.completions.create(model="scripted", messages=[{"role": "user", "content": "hello you"}])
    assert completion.choices[0].message.content == "hello you" and completion.usage.total_tokens > 0
    chunks = client.chat.completions.create(
        model="scripted", messages=[{"role": "user", "content": "repeat 5"}], stream=True
    )
    words = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert len(words.split()) == 5, words
    assert "scripted" in [model.id for model in client.models.list()]


def main():
    crud()
    paging()
    assistant = beta.assistants.create(model="scripted", tools=[ADD])
    messages(assistant)
    streaming(assistant)
    tool_loop(assistant)
    assert beta.assistants.delete(assistant.id).deleted  # The scripts share a server: each cleans up.
    file = files()
    stores(file)
    assert client.files.delete(file.id).deleted
    chats()
    print(f"openai {openai.__version__}: assistants, threads, messages, runs, steps, streams, tools, files, vector stores and chats work")


if __name__ == "__main__":
    main()
