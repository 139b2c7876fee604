"""Uses Azure's paths through the unmodified official Azure client."""

import os
import warnings

import openai
from openai import AzureOpenAI

warnings.filterwarnings("ignore", category=DeprecationWarning)
# The client accepts an endpoint or a base URL, not both.
endpoint = os.environ.pop("OPENAI_BASE_URL").removesuffix("/v1")
client = AzureOpenAI(azure_endpoint=endpoint, api_version="2024-05-01-preview", api_key=os.environ["OPENAI_API_KEY"])


def main():
    assistant = client.beta.assistants.create(model="my-deployment", name="Ada")
    assert client.beta.assistants.retrieve(assistant.id).name == "Ada"
    thread = client.beta.threads.create(messages=[{"role": "user", "content": "Good morning"}])
    run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    assert run.status == "completed", run
    with client.beta.threads.runs.stream(thread_id=thread.id, assistant_id=assistant.id) as stream:
        assert "".join(stream.text_deltas) == "Good morning"
    file = client.files.create(file=("notes.md", b"# Notes\n"), purpose="assistants")
    assert client.files.content(file.id).read() == b"# Notes\n"
    assert client.files.delete(file.id).deleted
    assert client.beta.assistants.delete(assistant.id).deleted

    # Chats use the path of their deployment.
    answer = client.chat.completions.create(model="my-deployment", messages=[{"role": "user", "content": "hello"}])
    assert answer.choices[0].message.content == "hello"

    try:
        client.with_options(api_key="wrong", max_retries=0).beta.assistants.list()
    except openai.AuthenticationError as error:
        assert error.code == "invalid_api_key", error
    else:
        raise AssertionError("a wrong key was let in")
    print(f"openai {openai.__version__}, AzureOpenAI: assistants, runs, files and chats work")


if __name__ == "__main__":
    main()
