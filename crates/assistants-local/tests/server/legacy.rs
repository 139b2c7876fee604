//! Version 1 of the protocol: files of assistants and the tool `retrieval`, for clients that request it.

use assistants_local::LocalServer;
use serde_json::{Value, json};

use super::client::{Client, id};

fn clients(server: &LocalServer) -> (Client, Client) {
    let current = Client::new(server.base_url()).header("openai-beta", "assistants=v2");
    let legacy = Client::new(server.base_url()).header("openai-beta", "assistants=v1");
    (current, legacy)
}

fn upload(client: &Client, name: &str, text: &str) -> String {
    let body = format!(
        "--XX\r\ncontent-disposition: form-data; name=purpose\r\n\r\nassistants\r\n\
         --XX\r\ncontent-disposition: form-data; name=file; filename={name}\r\n\r\n{text}\r\n--XX--"
    );
    let client = client.header("content-type", "multipart/form-data; boundary=XX");
    id(&client.call("POST", "/files", &body).ok())
}

fn ids(page: &Value) -> Vec<&str> {
    let data = page["data"].as_array().unwrap();
    data.iter().map(|one| one["id"].as_str().unwrap()).collect()
}

#[test]
fn assistants_show_their_files_to_version_1_only() {
    let server = LocalServer::builder().start().unwrap();
    let (current, legacy) = clients(&server);
    let (one, two) = (upload(&legacy, "one.md", "one"), upload(&legacy, "two.md", "two"));

    let made = legacy
        .post("/assistants", json!({"model": "test", "file_ids": [one, two]}))
        .ok();
    assert_eq!(made["file_ids"], json!([one, two]));
    let path = format!("/assistants/{}", id(&made));
    assert_eq!(legacy.get(&path).ok()["file_ids"], json!([one, two]));
    assert_eq!(legacy.get("/assistants").ok()["data"][0]["file_ids"], json!([one, two]));
    // A member that is not sent is unchanged; files that are not listed are detached.
    assert_eq!(
        legacy.post(&path, json!({"name": "n"})).ok()["file_ids"],
        json!([one, two])
    );
    assert_eq!(
        legacy.post(&path, json!({"file_ids": [two]})).ok()["file_ids"],
        json!([two])
    );

    for seen in [
        current.get(&path).ok(),
        current.get("/assistants").ok()["data"][0].clone(),
        current.post(&path, json!({"name": "m", "file_ids": [one]})).ok(),
        current.post(&path, json!({"file_ids": "no list, and no matter"})).ok(),
        current
            .post("/assistants", json!({"model": "test", "file_ids": [one]}))
            .ok(),
    ] {
        assert_eq!(seen.get("file_ids"), None, "{seen}");
        assert_eq!(seen["tool_resources"].get("file_search"), None, "{seen}");
    }
    assert_eq!(legacy.get(&path).ok()["file_ids"], json!([two]));
    // An assistant created over version 2 has none.
    assert_eq!(legacy.get("/assistants").ok()["data"][0]["file_ids"], json!([]));

    let refused = legacy.post("/assistants", json!({"model": "test", "file_ids": ["file-none"]}));
    assert!(refused.error().starts_with("400 file_ids[0] -: "), "{}", refused.json);
    assert_eq!(current.get("/assistants").ok()["data"].as_array().unwrap().len(), 2);
    let many: Vec<String> = (0..21).map(|number| format!("file-{number}")).collect();
    let refused = legacy.post("/assistants", json!({"model": "test", "file_ids": many}));
    assert!(
        refused.error().starts_with("400 file_ids array_above_max_length"),
        "{}",
        refused.json
    );
}

#[test]
fn files_of_assistants() {
    let server = LocalServer::builder().start().unwrap();
    let (current, legacy) = clients(&server);
    let (one, two) = (upload(&legacy, "one.md", "one"), upload(&legacy, "two.md", "two"));
    let assistant = id(&legacy.post("/assistants", json!({"model": "test"})).ok());
    let files = format!("/assistants/{assistant}/files");
    assert_eq!(ids(&legacy.get(&files).ok()), Vec::<&str>::new());

    let attached = legacy.post(&files, json!({"file_id": one})).ok();
    let created_at = attached["created_at"].as_i64().unwrap();
    let want = json!({"id": one, "object": "assistant.file", "created_at": created_at, "assistant_id": assistant});
    assert_eq!(attached, want);
    legacy.post(&files, json!({"file_id": two})).ok();
    // Attaching a file twice has no further effect.
    assert_eq!(legacy.post(&files, json!({"file_id": one})).ok(), want);
    assert_eq!(legacy.get(&format!("{files}/{one}")).ok(), want);

    let page = legacy.get(&files).ok();
    assert_eq!(
        (ids(&page), &page["data"][1]),
        (vec![two.as_str(), one.as_str()], &want)
    );
    let page = legacy.get(&format!("{files}?order=asc&limit=1")).ok();
    assert_eq!((ids(&page), &page["has_more"]), (vec![one.as_str()], &json!(true)));
    let page = legacy.get(&format!("{files}?order=asc&after={one}")).ok();
    assert_eq!((ids(&page), &page["has_more"]), (vec![two.as_str()], &json!(false)));

    let gone = legacy.delete(&format!("{files}/{one}")).ok();
    assert_eq!(
        gone,
        json!({"id": one, "object": "assistant.file.deleted", "deleted": true})
    );
    assert_eq!(legacy.get(&format!("{files}/{one}")).status, 404);
    assert_eq!(legacy.delete(&format!("{files}/{one}")).status, 404);
    assert_eq!(current.get(&format!("/files/{one}")).status, 200);
    // A deleted file disappears everywhere.
    current.delete(&format!("/files/{two}")).ok();
    assert_eq!(
        legacy.get(&format!("/assistants/{assistant}")).ok()["file_ids"],
        json!([])
    );

    // The vector store behind the files belongs to the assistant, and is not visible as one.
    legacy.post(&files, json!({"file_id": one})).ok();
    assert_eq!(ids(&current.get("/vector_stores").ok()), Vec::<&str>::new());
    let store = format!("/vector_stores/vs_{assistant}");
    assert_eq!(current.get(&store).status, 404);
    assert_eq!(current.get(&format!("{store}/files")).status, 404);
    assert_eq!(current.delete(&store).status, 404);
    assert_eq!(ids(&legacy.get(&files).ok()), [one.as_str()]);

    for refused in [
        current.get(&files),
        current.post(&files, json!({"file_id": one})),
        current.get(&format!("{files}/{one}")),
        current.delete(&format!("{files}/{one}")),
        Client::new(server.base_url()).get(&files),
    ] {
        assert!(refused.error().starts_with("404 - unknown_url: "), "{}", refused.json);
    }
    assert_eq!(legacy.get("/assistants/asst_none/files").status, 404);
    assert_eq!(
        legacy
            .post("/assistants/asst_none/files", json!({"file_id": one}))
            .status,
        404
    );
    assert_eq!(
        legacy.post(&files, json!({})).error(),
        "400 file_id missing_required_parameter: Missing required parameter: 'file_id'."
    );
    legacy.delete(&format!("/assistants/{assistant}")).ok();
    assert_eq!(legacy.get(&files).status, 404);
    assert_eq!(current.get(&format!("/files/{one}")).status, 200);
}

#[test]
fn an_assistant_has_at_most_twenty_files() {
    let server = LocalServer::builder().start().unwrap();
    let (_, legacy) = clients(&server);
    let all: Vec<String> = (0..21)
        .map(|number| upload(&legacy, &format!("{number}.md"), "text"))
        .collect();
    let body = json!({"model": "test", "file_ids": all[..20]});
    let assistant = id(&legacy.post("/assistants", body).ok());
    let files = format!("/assistants/{assistant}/files");
    let refused = legacy.post(&files, json!({"file_id": all[20]}));
    assert!(refused.error().starts_with("400 file_id -: "), "{}", refused.json);
    // Detaching a file makes room for another, also in the same request.
    let path = format!("/assistants/{assistant}");
    assert_eq!(
        legacy.post(&path, json!({"file_ids": all[1..]})).ok()["file_ids"],
        json!(all[1..])
    );
}

#[test]
fn retrieval_is_a_tool_of_version_1() {
    let server = LocalServer::builder().start().unwrap();
    let (current, legacy) = clients(&server);
    let body = json!({"model": "test", "tools": [{"type": "retrieval"}]});
    assert_eq!(
        current.post("/assistants", body.clone()).error(),
        "400 tools[0].type invalid_value: Invalid value: 'retrieval'. \
         Supported values are: 'code_interpreter', 'file_search', 'function', 'azure_ai_search', 'azure_function', \
         'bing_grounding', 'connected_agent', 'openapi', and 'mcp'."
    );
    let made = legacy.post("/assistants", body).ok();
    assert_eq!(made["tools"], json!([{"type": "retrieval"}]));
    assert_eq!(
        current.get(&format!("/assistants/{}", id(&made))).ok()["tools"],
        made["tools"]
    );
}

/// Covers all operations of both protocols that take the id of a vector store, and all lists of vector stores.
#[test]
fn the_store_of_an_assistants_files_cannot_be_used() {
    let server = LocalServer::builder().start().unwrap();
    let (current, legacy) = clients(&server);
    let file = upload(&legacy, "secret.md", "The treasure lies below the oak.");
    let other = upload(&legacy, "other.md", "other");
    let body = json!({"model": "test", "tools": [{"type": "retrieval"}], "file_ids": [file]});
    let owner = id(&legacy.post("/assistants", body).ok());
    let hidden = format!("vs_{owner}");
    let store = format!("/vector_stores/{hidden}");
    let (with_file, with_batch) = (format!("{store}/files/{file}"), format!("{store}/file_batches/vsfb_x"));
    for refused in [
        current.get(&store),
        current.post(&store, json!({"name": "mine"})),
        current.delete(&store),
        current.post(&format!("{store}/search"), json!({"query": "treasure"})),
        current.get(&format!("{store}/files")),
        current.post(&format!("{store}/files"), json!({"file_id": other})),
        current.get(&with_file),
        current.post(&with_file, json!({"attributes": {}})),
        current.delete(&with_file),
        current.get(&format!("{with_file}/content")),
        current.post(&format!("{store}/file_batches"), json!({"file_ids": [other]})),
        current.get(&with_batch),
        current.get(&format!("{with_batch}/files")),
        current.post(&format!("{with_batch}/cancel"), json!({})),
    ] {
        assert_eq!(refused.status, 404, "{}", refused.json);
    }
    assert_eq!(ids(&current.get("/vector_stores").ok()), Vec::<&str>::new());
    assert_eq!(
        current.get(&format!("/vector_stores?after={hidden}")).status,
        400,
        "its place in the list is known"
    );

    let yandex = Client::new(server.yandex_url());
    let index = format!("/assistants/v1/searchIndex/{hidden}");
    let files = format!("/assistants/v1/searchIndexFile/{hidden}");
    for refused in [
        yandex.get(&index),
        yandex.call("PATCH", &index, r#"{"updateMask": "name", "name": "mine"}"#),
        yandex.delete(&index),
        yandex.get(&files),
        yandex.get(&format!("{files}/{file}")),
        yandex.post(
            "/assistants/v1/searchIndexFile:batchCreate",
            json!({"searchIndexId": hidden, "fileIds": [other]}),
        ),
    ] {
        assert_eq!(refused.status, 404, "{}", refused.json);
    }
    for folder in ["", "?folderId=fld"] {
        assert_eq!(
            yandex
                .get(&format!("/assistants/v1/searchIndex{folder}"))
                .json
                .get("indices"),
            None
        );
    }

    // Naming it in resources does not give access, neither in those of an assistant nor of a thread.
    let resources = json!({"file_search": {"vector_store_ids": [hidden]}});
    let tools = json!([{"type": "file_search"}]);
    let body = json!({"model": "test", "tools": tools, "tool_resources": resources});
    let thief = id(&current.post("/assistants", body).ok());
    let message = json!({"role": "user", "content": "Where is the treasure?"});
    let asked = |assistant: &str| {
        let thread = json!({"messages": [message], "tool_resources": resources});
        let run = current
            .post("/threads/runs", json!({"assistant_id": assistant, "thread": thread}))
            .ok();
        let thread = format!("/threads/{}", run["thread_id"].as_str().unwrap());
        current.wait_for(&format!("{thread}/runs/{}", id(&run)), "completed");
        let newest = &current.get(&format!("{thread}/messages")).ok()["data"][0];
        newest["content"][0]["text"]["value"].as_str().unwrap().to_owned()
    };
    assert!(!asked(&thief).contains("oak"));
    // It still works for its purpose.
    assert!(asked(&owner).contains("oak"));
    assert_eq!(
        legacy.get(&format!("/assistants/{owner}")).ok()["file_ids"],
        json!([file])
    );
}

#[test]
fn messages_and_runs_show_their_files_to_version_1_only() {
    let server = LocalServer::builder().start().unwrap();
    let (current, legacy) = clients(&server);
    let (one, two) = (
        upload(&legacy, "one.md", "One oak stands here."),
        upload(&legacy, "two.md", "two"),
    );
    let body = json!({"model": "test", "tools": [{"type": "retrieval"}], "file_ids": [two]});
    let assistant = id(&legacy.post("/assistants", body).ok());
    let thread = id(&legacy.post("/threads", json!({})).ok());
    let messages = format!("/threads/{thread}/messages");

    let body = json!({"role": "user", "content": "Which oak stands?", "file_ids": [one]});
    let made = legacy.post(&messages, body.clone()).ok();
    assert_eq!(made["file_ids"], json!([one]));
    let path = format!("{messages}/{}", id(&made));
    let searched = json!([{"file_id": one, "tools": [{"type": "file_search"}]}]);
    let seen = current.get(&path).ok();
    assert_eq!((seen.get("file_ids"), &seen["attachments"]), (None, &searched));
    assert_eq!(legacy.get(&path).ok()["file_ids"], json!([one]));
    let changed = legacy.post(&path, json!({"metadata": {"a": "b"}})).ok();
    assert_eq!(changed["file_ids"], json!([one]));
    // Version 2 does not have the parameter.
    let ignored = current.post(&messages, body).ok();
    assert_eq!((ignored.get("file_ids"), &ignored["attachments"]), (None, &json!([])));
    let listed = legacy.get(&format!("{messages}?order=asc")).ok();
    let listed: Vec<&Value> = listed["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["file_ids"])
        .collect();
    assert_eq!(listed, [&json!([one]), &json!([])]);
    assert_eq!(current.get(&messages).ok()["data"][0].get("file_ids"), None);

    // A run finds them, and shows those of its assistant.
    let runs = format!("/threads/{thread}/runs");
    let run = legacy.post(&runs, json!({"assistant_id": assistant})).ok();
    assert_eq!(run["file_ids"], json!([two]));
    let path = format!("{runs}/{}", id(&run));
    assert_eq!(legacy.wait_for(&path, "completed")["file_ids"], json!([two]));
    assert_eq!(legacy.get(&runs).ok()["data"][0]["file_ids"], json!([two]));
    assert_eq!(current.get(&path).ok().get("file_ids"), None);
    let answer = legacy.get(&messages).ok()["data"][0].clone();
    assert_eq!(answer["file_ids"], json!([]));
    let cited = &answer["content"][0]["text"]["annotations"][0]["file_citation"]["file_id"];
    assert_eq!(cited, &json!(one), "{answer}");
}

#[test]
fn files_of_messages_are_part_of_every_response_with_messages() {
    let server = LocalServer::builder().start().unwrap();
    let (_, legacy) = clients(&server);
    let file = upload(&legacy, "one.md", "one");
    let assistant = id(&legacy.post("/assistants", json!({"model": "test"})).ok());
    let message = json!({"role": "user", "content": "Hello", "file_ids": [file]});
    let thread = id(&legacy.post("/threads", json!({"messages": [message]})).ok());
    let first = |thread: &str| legacy.get(&format!("/threads/{thread}/messages?order=asc")).ok()["data"][0].clone();
    assert_eq!(first(&thread)["file_ids"], json!([file]));
    let body = json!({"assistant_id": assistant, "thread": {"messages": [message]}});
    let run = legacy.post("/threads/runs", body).ok();
    assert_eq!(first(run["thread_id"].as_str().unwrap())["file_ids"], json!([file]));
    let thread = id(&legacy.post("/threads", json!({})).ok());
    let body = json!({"assistant_id": assistant, "additional_messages": [message]});
    legacy.post(&format!("/threads/{thread}/runs"), body).ok();
    assert_eq!(first(&thread)["file_ids"], json!([file]));

    // Attachments are kept, and a repetition with the same key gets the same response.
    let thread = id(&legacy.post("/threads", json!({})).ok());
    let attached = json!([{"file_id": "file-x", "tools": [{"type": "code_interpreter"}]}]);
    let body = json!({"role": "user", "content": "Hello", "file_ids": [file], "attachments": attached});
    let keyed = legacy.header("idempotency-key", "once");
    for _ in 0..2 {
        let made = keyed.post(&format!("/threads/{thread}/messages"), body.clone()).ok();
        assert_eq!(made["file_ids"], json!(["file-x", file]));
    }

    let many = vec![file.as_str(); 11];
    for (file_ids, want) in [
        (json!("file-x"), "400 file_ids invalid_type: "),
        (json!([1]), "400 file_ids invalid_type: "),
        (json!(many), "400 file_ids array_above_max_length: "),
        (json!(["file-none"]), "400 attachments -: "),
    ] {
        let message = json!({"role": "user", "content": "Hello", "file_ids": file_ids});
        let refused = legacy
            .post(&format!("/threads/{thread}/messages"), message.clone())
            .error();
        assert!(refused.starts_with(want), "{refused}, not {want}");
        let refused = legacy.post("/threads", json!({"messages": [message]})).error();
        let nested = want.replace(" file_ids", " messages[0].file_ids");
        assert!(refused.starts_with(&nested), "{refused}, not {nested}");
    }
}

#[test]
fn retrieval_shows_its_steps_and_quotes_as_version_1_did() {
    let server = LocalServer::builder().start().unwrap();
    let (current, legacy) = clients(&server);
    let one = upload(&legacy, "one.md", "One oak stands here.");
    let two = upload(&legacy, "two.md", "Two oaks stand there.");
    let body = json!({"model": "test", "tools": [{"type": "retrieval"}], "file_ids": [one, two]});
    let assistant = id(&legacy.post("/assistants", body).ok());
    let thread = legacy.thread("Which oak stands?");
    let runs = format!("/threads/{thread}/runs");
    let mut events = legacy.stream(&runs, json!({"assistant_id": assistant, "stream": true}));
    let searched = json!({"id": "", "type": "retrieval", "retrieval": {}});
    let call = |step: &Value| {
        let mut call = step["step_details"]["tool_calls"][0].clone();
        assert!(call["id"].as_str().unwrap().starts_with("call_"), "{call}");
        call["id"] = json!("");
        call.as_object_mut().unwrap().remove("index");
        call
    };
    assert_eq!(call(&events.skip_to("run.step.delta").data["delta"]), searched);
    assert_eq!(call(&events.skip_to("run.step.completed").data), searched);
    let run = format!("{runs}/{}", id(&events.skip_to("run.completed").data));
    let steps = format!("{run}/steps?order=asc");
    let step = legacy.get(&steps).ok()["data"][0].clone();
    assert_eq!(call(&step), searched);
    assert_eq!(call(&legacy.get(&format!("{run}/steps/{}", id(&step))).ok()), searched);

    let messages = format!("/threads/{thread}/messages");
    let quotes = |client: &Client| -> Vec<(Value, Option<Value>)> {
        let answer = &client.get(&messages).ok()["data"][0]["content"][0]["text"];
        let annotations = answer["annotations"].as_array().unwrap().iter();
        let citations = annotations.map(|annotation| &annotation["file_citation"]);
        citations
            .map(|citation| (citation["file_id"].clone(), citation.get("quote").cloned()))
            .collect()
    };
    let mut quoted = quotes(&legacy);
    quoted.sort_by_key(|(_, quote)| quote.clone().unwrap().to_string());
    let want = [
        (json!(one), Some(json!("One oak stands here."))),
        (json!(two), Some(json!("Two oaks stand there."))),
    ];
    assert_eq!(quoted, want);
    let mut unquoted = quotes(&current);
    unquoted.sort_by_key(|(file_id, _)| file_id.to_string());
    let mut files = [json!(one), json!(two)];
    files.sort_by_key(Value::to_string);
    assert_eq!(unquoted, files.map(|file_id| (file_id, None)));
    assert_eq!(
        current.get(&steps).ok()["data"][0]["step_details"]["tool_calls"][0]["type"],
        "file_search"
    );
}
