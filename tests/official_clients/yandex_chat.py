"""Lists models, runs, streams and calls tools through the chat part of Yandex's unmodified official client."""

import os
from importlib.metadata import version

import httpx
from pydantic import BaseModel
from yandex_ai_studio_sdk import AIStudio

FOLDER = "my-folder"


def studio(auth):
    """The client uses the whole base URL as the address of a service. It uses gRPC for everything except chats."""
    return AIStudio(folder_id=FOLDER, auth=auth, service_map={"http_completions": os.environ["OPENAI_BASE_URL"] + "/"})


sdk = studio(os.environ["OPENAI_API_KEY"])
completions = sdk.chat.completions


def refused(call, status):
    """Checks that the call fails with this status."""
    try:
        call()
    except httpx.HTTPStatusError as error:
        assert error.response.status_code == status, error
    else:
        raise AssertionError(f"expected {status}")


def models():
    (model,) = completions.list()
    assert model.uri == f"gpt://{FOLDER}/scripted/latest" and model.owner, model
    assert (model.name, model.version, model.fine_tuned) == ("scripted", "latest", False)
    assert completions("scripted").uri == model.uri
    assert completions.list(filters={"owner": "somebody else"}) == ()
    refused(lambda: studio("wrong").chat.completions.list(), 401)
    return model


def runs(model):
    result = model.configure(temperature=0.5, max_tokens=100, reasoning_mode="HIGH", extra_query={"top_k": 3}).run(
        [{"role": "system", "text": "Be brief."}, "Hello you"]
    )
    assert (result.text, result.role, result.status.name) == ("Hello you", "assistant", "FINAL"), result
    assert result.usage.total_tokens == 6 and result.model == model.uri and len(result.alternatives) == 1
    assert model.run([result, "And you?"]).text == "And you?"
    assert model.configure(max_tokens=2).run("repeat 5").status.name == "TRUNCATED_FINAL"
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    assert model.run({"role": "user", "content": [{"type": "text", "text": "Look"}, image]}).text == "Look"
    refused(lambda: model.run("fail rate_limit_exceeded"), 429)


def streams(model):
    results = list(model.run_stream("repeat 20"))
    texts = [result.text for result in results if result.status.name == "PARTIAL"]
    assert len(texts) == 20 and all(more.startswith(less) for less, more in zip(texts, texts[1:])), texts
    assert "".join(result[0].delta for result in results) == results[-1].text == texts[-1]
    assert [result.status.name for result in results[-2:]] == ["FINAL", "USAGE"], results
    assert results[-1].usage.completion_tokens == 20 and all(result.role == "assistant" for result in results)


def tools(model):
    schema = {"type": "object", "properties": {"a": {"type": "number"}, "b": {"type": "number"}}}
    add = sdk.tools.function(schema, name="add", description="Adds two numbers.")
    other = sdk.tools.function(schema, name="other")  # Described by null.
    model = model.configure(tools=[add, other], tool_choice="AUTO", parallel_tool_calls=True)
    question = 'call add {"a": 1, "b": 2}\ncall other {}'
    (*_, streamed, usage) = model.run_stream(question)
    assert usage.status.name == "USAGE"
    for result in [model.run(question), streamed]:
        assert result.status.name == "TOOL_CALLS", result
        calls = result.tool_calls
        assert [(call.id, call.function.name) for call in calls] == [("add", "add"), ("other", "other")]
        assert calls[0].function.arguments == {"a": 1, "b": 2}
        outputs = {"tool_results": [{"name": "add", "content": "3"}, {"name": "other", "content": "none"}]}
        assert model.run([question, result, outputs]).text == "add returned 3\nother returned none"
    assert model.configure(tool_choice="none").run("call add {}").tool_calls is None
    assert model.configure(tool_choice=other).run("Hi").tool_calls[0].function.name == "other"
    assert model.configure(tool_choice="required").run("Hi").tool_calls[0].function.name == "add"


def structures(model):
    class Place(BaseModel):
        city: str


    named = {"name": "Any", "json_schema": {"type": "object"}}
    for form, text in [(Place, '{"city": "Perm"}'), (named, "{}"), ("json", "{}")]:
        assert model.configure(response_format=form).run(text).text == text


def main():
    model = models()
    runs(model)
    streams(model)
    tools(model)
    structures(model)
    name = "yandex-ai-studio-sdk"
    print(f"{name} {version(name)}: lists, runs, streams, tools and forms of answers of chats work")


if __name__ == "__main__":
    main()
