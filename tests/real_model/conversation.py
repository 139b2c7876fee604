"""Holds a streamed conversation with an assistant whose model is executed by llama.cpp."""

import openai

SENTENCE = "Hello from a very small model."


def main():
    client = openai.OpenAI()
    models = [model.id for model in client.models.list()]
    assert "tiny" in models and "scripted" in models, models
    assistant = client.beta.assistants.create(model="tiny", instructions="Be brief.")
    thread = client.beta.threads.create(messages=[{"role": "user", "content": "Who are you?"}])
    for _ in range(3):
        with client.beta.threads.runs.stream(thread_id=thread.id, assistant_id=assistant.id) as stream:
            pieces = list(stream.text_deltas)
        run = stream.current_run
        assert run.status == "completed", run
        assert "".join(pieces) == SENTENCE, pieces
        assert len(pieces) > 3, pieces
        assert run.usage.prompt_tokens > 10 and run.usage.completion_tokens >= len(pieces), run.usage
        client.beta.threads.messages.create(thread.id, role="user", content="Once more?")
    assert len(list(client.beta.threads.messages.list(thread.id))) == 7

    limited = client.beta.threads.runs.create_and_poll(
        thread_id=thread.id, assistant_id=assistant.id, max_completion_tokens=256, max_prompt_tokens=256
    )
    assert limited.status == "completed", limited
    try:
        client.beta.assistants.create(model="definitely-not-a-model")
    except openai.BadRequestError as error:
        assert error.code == "model_not_found", error
    else:
        raise AssertionError("an unknown model was accepted")
    print(f"a conversation of {3} streamed answers: {SENTENCE}")


if __name__ == "__main__":
    main()
