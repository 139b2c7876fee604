"""Uses responses through the unmodified official client."""

import json

import openai
from openai import OpenAI
from pydantic import BaseModel

client = OpenAI()
ADD = {
    "type": "function",
    "name": "add",
    "description": "Adds two numbers.",
    "parameters": {"type": "object", "properties": {"a": {"type": "number"}, "b": {"type": "number"}}},
    "strict": False,
}


def texts():
    response = client.responses.create(model="scripted", input="Hello you", store=False)
    assert (response.output_text, response.status, response.error) == ("Hello you", "completed", None)
    assert response.id.startswith("resp_") and response.created_at
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens
    assert (response.usage.input_tokens_details.cached_tokens, response.store, response.tools) == (0, False, [])
    response = client.responses.create(
        model="scripted",
        instructions="Be brief.",
        input=[{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"}, {"role": "user", "content": "three"}],
        include=["reasoning.encrypted_content"],
        reasoning={"effort": "low"},
        temperature=0.5,
        metadata={"a": "b"},
    )
    assert (response.output_text, response.temperature, response.reasoning.effort) == ("three", 0.5, "low")


def streams():
    events = list(client.responses.create(model="scripted", input="repeat 3", stream=True))
    assert (events[0].type, events[-1].type) == ("response.created", "response.completed")
    assert [event.sequence_number for event in events] == list(range(len(events)))
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert text == events[-1].response.output_text == "word1 word2 word3"
    with client.responses.stream(model="scripted", input="repeat 2", tools=[ADD]) as stream:
        seen = [event.type for event in stream]
        assert stream.get_final_response().output_text == "word1 word2"
    assert "response.output_text.done" in seen and "response.content_part.done" in seen


def calls():
    conversation = [{"role": "user", "content": 'repeat 1\ncall add {"a": 1, "b": 2}\ncall add {}'}]
    with client.responses.stream(model="scripted", input=conversation, tools=[ADD]) as stream:
        arguments = [event.arguments for event in stream if event.type == "response.function_call_arguments.done"]
        response = stream.get_final_response()
    assert [json.loads(text) for text in arguments] == [{"a": 1, "b": 2}, {}]
    assert [item.type for item in response.output] == ["message", "function_call", "function_call"]
    conversation += response.output
    for item in response.output:
        if item.type == "function_call":
            conversation.append({"type": "function_call_output", "call_id": item.call_id, "output": "3"})
    response = client.responses.create(model="scripted", input=conversation, tools=[ADD])
    assert response.output_text == "add returned 3\nadd returned 3", response.output_text
    forced = client.responses.create(model="scripted", input="Hi", tools=[ADD], tool_choice={"type": "function", "name": "add"})
    assert forced.output[0].name == "add"


def parsing():
    class Answer(BaseModel):
        number: int

    response = client.responses.parse(model="scripted", input='{"number": 7}', text_format=Answer)
    assert response.output_parsed == Answer(number=7)
    assert response.text.format.type == "json_schema"


def endings():
    cut = client.responses.create(model="scripted", input="repeat 40", max_output_tokens=16)
    assert (cut.status, cut.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    events = list(client.responses.create(model="scripted", input="repeat 1\nfail server_error", stream=True))
    assert events[-1].type == "response.failed" and events[-1].response.error.code == "server_error"
    for wrong in [{"previous_response_id": "resp_1"}, {"conversation": "conv_1"}, {"tools": [{"type": "web_search"}]}]:
        try:
            client.responses.create(model="scripted", input="Hi", **wrong)
        except openai.BadRequestError as error:
            assert error.status_code == 400 and error.param, error
        else:
            raise AssertionError(f"{wrong} was accepted")
    try:
        client.with_options(max_retries=0).responses.create(model="scripted", input="fail rate_limit_exceeded", stream=True)
    except openai.RateLimitError as error:
        assert error.code == "rate_limit_exceeded"
    else:
        raise AssertionError("a failure before the first event has a status")


texts()
streams()
calls()
parsing()
endings()
print("responses: everything works")
