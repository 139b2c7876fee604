//! Version 1 of the protocol against the local server: files of assistants, and runs that retrieve from them.

use assistants_blocking::openai::{
    Annotation, Assistant, Client, CreateAssistant, CreateAssistantFile, CreateMessage, CreateRun, CreateThread, File,
    StepToolCall, Tool, UpdateAssistant,
};
use assistants_blocking::{Error, FileSource};
use assistants_local::LocalServer;

fn client(server: &LocalServer) -> Client {
    let builder = Client::builder().base_url(server.base_url());
    builder.beta("assistants=v1").build().unwrap()
}

fn upload(client: &Client, name: &str, text: &str) -> File {
    let source = FileSource::bytes(name, text);
    client.files().upload(source, "assistants").send().unwrap()
}

#[test]
fn files_of_assistants() {
    let server = LocalServer::builder().start().unwrap();
    let client = client(&server);
    let (one, two) = (upload(&client, "one.md", "one"), upload(&client, "two.md", "two"));
    let params = CreateAssistant::new("scripted").file_ids([&one.id]);
    let assistant = client.assistants().create(params).send().unwrap();
    assert_eq!(assistant.file_ids.as_deref(), Some(&[one.id.clone()][..]));

    let files = client.assistant_files(&assistant);
    let attached = files.create(CreateAssistantFile::new(&two)).send().unwrap();
    assert_eq!((&attached.id, &attached.assistant_id), (&two.id, &assistant.id));
    assert!(attached.created_at.is_some());
    assert_eq!(files.retrieve(&two).send().unwrap(), attached);
    let listed: Vec<String> = files.list().limit(1).into_iter().map(|file| file.unwrap().id).collect();
    assert_eq!(listed, [two.id.clone(), one.id.clone()]);

    let deleted = files.delete(&attached).send().unwrap();
    assert_eq!((deleted.id, deleted.deleted), (two.id, true));
    let error: Error = files.retrieve(&attached).send().unwrap_err();
    assert_eq!(error.status(), Some(404));
    let none: [&str; 0] = [];
    let params = UpdateAssistant::default().file_ids(none);
    let assistant: Assistant = client.assistants().update(&assistant, params).send().unwrap();
    assert_eq!(assistant.file_ids, Some(Vec::new()));

    let current = Client::builder().base_url(server.base_url()).build().unwrap();
    assert_eq!(current.assistants().retrieve(&assistant).send().unwrap().file_ids, None);
    let error = current.assistant_files(&assistant).retrieve(&one).send().unwrap_err();
    assert_eq!(error.status(), Some(404));
}

#[test]
fn a_run_retrieves() {
    let server = LocalServer::builder().start().unwrap();
    let client = client(&server);
    let bread = upload(&client, "bread.md", "Bake the bread at 230 degrees.");
    let params = CreateAssistant::new("scripted")
        .tools([Tool::retrieval()])
        .file_ids([&bread.id]);
    let assistant = client.assistants().create(params).send().unwrap();
    let thread = client.threads().create(CreateThread::default()).send().unwrap();
    let message = CreateMessage::user("At how many degrees do I bake the bread?");
    client.messages(&thread).create(message).send().unwrap();
    let run = client
        .runs(&thread)
        .create_and_poll(CreateRun::new(&assistant))
        .send()
        .unwrap();
    assert_eq!(run.tools, [Tool::retrieval()]);
    let steps = client.run_steps(&thread, &run).list();
    // Version 2 has no such call, so it is read as raw JSON.
    let retrieved = steps.into_iter().any(|step| {
        let step = step.unwrap();
        step.tool_calls().iter().any(|call| match call {
            StepToolCall::Unknown(call) => call["type"] == "retrieval" && call["id"].is_string(),
            _ => false,
        })
    });
    assert!(retrieved);
    let answer = client.messages(&thread).list().into_iter().next().unwrap().unwrap();
    let cited = answer.annotations().any(|annotation| match annotation {
        Annotation::FileCitation(citation) => citation.file_citation.file_id == bread.id,
        _ => false,
    });
    assert!(cited, "{answer:?}");
}

#[test]
fn files_of_messages_are_sent_as_an_extra_field() {
    let server = LocalServer::builder().start().unwrap();
    let client = client(&server);
    let file = upload(&client, "one.md", "one");
    let thread = client.threads().create(CreateThread::default()).send().unwrap();
    let message = client
        .messages(&thread)
        .create(CreateMessage::user("Hello"))
        .body_field("file_ids", [file.id.as_str()])
        .send()
        .unwrap();
    let file_ids = serde_json::json!([file.id]);
    assert_eq!(message.extra.get("file_ids"), Some(&file_ids));
    let message = client.messages(&thread).retrieve(&message).send().unwrap();
    assert_eq!(message.extra.get("file_ids"), Some(&file_ids));
    let attachment = &message.attachments.unwrap()[0];
    assert_eq!(attachment.file_id.as_ref(), Some(&file.id));
}
