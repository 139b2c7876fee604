//! Chat completions of Yandex: what is sent, what the streams of its models add up to, and the local server.

use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use assistants_blocking::chat::{
    ChatFinishReason, ChatMessage, ChatRole, ChatStatus, ChatStream, ChatTool, ChatToolChoice, ChatUserPart,
};
use assistants_blocking::openai::{FunctionDefinition, FunctionTool, JsonSchemaFormat, ResponseFormatJsonSchema};
use assistants_blocking::yandex::chat::{ChatMessages, ChatModel};
use assistants_blocking::yandex::{Client, Credentials};
use assistants_blocking::{CancelToken, Error, Options};
use assistants_local::LocalServer;
use serde_json::{Value, json};
use test_peer::{Peer, Scheme};

const ANSWER: &str = r#"{"id":"u","object":"chat.completion","created":1770000000,"model":"gpt://m/latest",
    "choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}],
    "usage":{"prompt_tokens":9,"total_tokens":12,"completion_tokens":3}}
"#;

fn client(url: String) -> Client {
    let client = Client::builder().folder_id("fld_1").chat_url(url).api_key("secret-key");
    client.build().unwrap()
}

/// A server that answers one request with JSON, and what the request was.
fn answering(status: &'static str, body: &'static str) -> (Peer, Receiver<String>) {
    let (heard, hears) = channel();
    let peer = Peer::start(Scheme::Http, move |listener| {
        let mut connection = listener.accept();
        heard.send(connection.request()).unwrap();
        connection.answer(status, &["Content-Type: application/json"], body);
    });
    (peer, hears)
}

/// The head, in lower case, and the body of what is sent when the model is asked.
#[track_caller]
fn sent(messages: impl Into<ChatMessages>, configure: impl FnOnce(ChatModel) -> ChatModel) -> (String, Value) {
    let (peer, hears) = answering("200 OK", ANSWER);
    let model = configure(client(peer.url("/llm/v1")).chat().model("yandexgpt"));
    assert_eq!(model.run(messages).send().unwrap().text(), "Hi");
    peer.finish();
    let request = hears.recv().unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    (head.to_lowercase(), serde_json::from_str(body).unwrap())
}

#[test]
fn a_bare_model_sends_nothing_but_the_conversation() {
    let (head, body) = sent("Hello", |model| model);
    assert!(head.starts_with("post /llm/v1/chat/completions "), "{head}");
    assert!(head.contains("authorization: api-key secret-key"), "{head}");
    assert!(head.contains("x-client-request-id: "), "{head}");
    assert_eq!(
        body,
        json!({"model": "gpt://fld_1/yandexgpt/latest", "stream": false,
               "messages": [{"role": "user", "content": "Hello"}]})
    );
}

#[test]
fn a_configured_model_sends_what_it_was_told() {
    let add = FunctionTool::new(FunctionDefinition::new("add").parameters(json!({"type": "object"})));
    let schema = JsonSchemaFormat::new("Sum")
        .schema(json!({"type": "integer"}))
        .strict(true);
    let (_, body) = sent(("system", "Be brief."), |model| {
        model
            .temperature(0.5)
            .max_tokens(100)
            .reasoning_mode("HIGH")
            .response_format(ResponseFormatJsonSchema::new(schema))
            .tools([add.clone()])
            .tool(ChatTool::function("sub", json!({"type": "object"})))
            .parallel_tool_calls(false)
            .tool_choice(&add)
            .extra_query("top_k", 3)
            .extra_query("max_tokens", 7)
    });
    let function =
        |name: &str| json!({"type": "function", "function": {"name": name, "parameters": {"type": "object"}}});
    assert_eq!(
        body,
        json!({
            "model": "gpt://fld_1/yandexgpt/latest", "stream": false,
            "messages": [{"role": "system", "content": "Be brief."}],
            "temperature": 0.5, "max_tokens": 7, "reasoning_effort": "high",
            "response_format": {"type": "json_schema", "json_schema":
                {"name": "Sum", "schema": {"type": "integer"}, "strict": true}},
            "tools": [function("add"), function("sub")], "parallel_tool_calls": false,
            "tool_choice": {"type": "function", "function": {"name": "add"}}, "top_k": 3,
        })
    );
    for (choice, want) in [
        (ChatToolChoice::from("none"), json!("none")),
        ("auto".into(), json!("auto")),
        ("Required".into(), json!("required")),
        (
            ChatToolChoice::function("f"),
            json!({"type": "function", "function": {"name": "f"}}),
        ),
    ] {
        let (_, body) = sent("Hi", |model| model.tool_choice(choice));
        assert_eq!(body["tool_choice"], want);
    }
    let image = ChatMessage::user([ChatUserPart::from("Look"), ChatUserPart::image("image/png", b"abc")]);
    let (_, body) = sent(image, |model| model);
    let url = &body["messages"][0]["content"][1]["image_url"]["url"];
    assert_eq!(url, "data:image/png;base64,YWJj");
}

#[test]
fn a_model_is_configured_by_copies() {
    let chat = client("http://127.0.0.1:1/v1".to_owned()).chat();
    let model = chat.model("yandexgpt").temperature(0.5);
    let other = model.temperature(None).max_tokens(5);
    assert_eq!(
        (model.config().temperature, model.config().max_tokens),
        (Some(0.5), None)
    );
    assert_eq!((other.config().temperature, other.config().max_tokens), (None, Some(5)));
    for (model, uri, parts) in [
        (chat.model("m"), "gpt://fld_1/m/latest", Some(("m", "latest", false))),
        (
            chat.model_version("m", "rc"),
            "gpt://fld_1/m/rc",
            Some(("m", "rc", false)),
        ),
        (
            chat.model_version("m", "latest@t1"),
            "gpt://fld_1/m/latest@t1",
            Some(("m", "latest", true)),
        ),
        (chat.model("ds://abc"), "ds://abc", None),
        (
            chat.model_version("gpt://f/m/rc", "latest"),
            "gpt://f/m/rc",
            Some(("m", "rc", false)),
        ),
    ] {
        assert_eq!(model.uri(), uri);
        let found = model.name().zip(model.version()).zip(model.is_fine_tuned());
        assert_eq!(found.map(|((name, version), tuned)| (name, version, tuned)), parts);
    }
    assert!(!format!("{model:?}").contains("secret-key"));
}

#[test]
fn what_cannot_be_sent_is_not() {
    let chat = client("http://127.0.0.1:1/v1".to_owned()).chat();
    let faults = [
        chat.model("m")
            .run(ChatMessages::tool_result("add", "3"))
            .send()
            .unwrap_err(),
        chat.model("m")
            .run_stream(ChatMessages::tool_result("add", "3"))
            .send()
            .unwrap_err(),
        chat.model("").run("Hi").send().unwrap_err(),
        chat.model_version("", "latest").run("Hi").send().unwrap_err(),
        chat.model_version("m", "").run("Hi").send().unwrap_err(),
    ];
    for fault in faults {
        assert!(matches!(fault, Error::Config(_)), "{fault}");
    }
}

#[test]
fn the_list_has_what_chats() {
    let (peer, hears) = answering(
        "200 OK",
        r#"{"object":"list","data":[
            {"id":"gpt://fld_1/yandexgpt/latest","object":"model","owned_by":"Yandex","created":0},
            {"id":"emb://fld_1/text-search-doc/latest","object":"model","owned_by":"Yandex","created":0},
            {"id":"gpt://fld_1/mine/latest@t1","object":"model","owned_by":"me","created":0}]}"#,
    );
    let models = client(peer.url("/v1")).chat().list().send().unwrap();
    peer.finish();
    let request = hears.recv().unwrap().to_lowercase();
    assert!(request.starts_with("get /v1/models "), "{request}");
    assert!(request.contains("openai-project: fld_1\r\n"), "{request}");
    let seen: Vec<_> = models
        .iter()
        .map(|model| (model.name(), model.owner(), model.is_fine_tuned()))
        .collect();
    assert_eq!(
        seen,
        [
            (Some("yandexgpt"), Some("Yandex"), Some(false)),
            (Some("mine"), Some("me"), Some(true)),
        ]
    );
}

#[test]
fn errors_are_the_services() {
    for (status, body, code, message) in [
        (
            "400 Bad Request",
            r#"{"code":3,"message":"wrong model URI","details":[]}"#,
            "3",
            "wrong model URI",
        ),
        (
            "401 Unauthorized",
            r#"{"error":{"message":"no key","type":"auth","code":"bad_key"}}"#,
            "bad_key",
            "no key",
        ),
        (
            "400 Bad Request",
            r#"{"error":"Model not found"}"#,
            "",
            "Model not found",
        ),
    ] {
        let (peer, _hears) = answering(status, body);
        let error = client(peer.url("/v1")).chat().model("m").run("Hi").send().unwrap_err();
        peer.finish();
        let Error::Api(error) = error else { panic!("{error}") };
        assert_eq!(
            (error.code.as_deref().unwrap_or_default(), error.message.as_str()),
            (code, message)
        );
    }
}

/// Streams what a server answers with these events.
fn streamed(events: &[&str]) -> (ChatStream, Peer) {
    let text: String = events.iter().map(|data| format!("data: {data}\n\n")).collect();
    let peer = Peer::start(Scheme::Http, move |listener| {
        let mut connection = listener.accept();
        let request = connection.request();
        assert!(request.contains(r#""stream":true"#), "{request}");
        connection.begin_stream();
        connection.chunk(&text);
        connection.end_stream();
    });
    let stream = client(peer.url("/v1"))
        .chat()
        .model("m")
        .run_stream("Hi")
        .send()
        .unwrap();
    (stream, peer)
}

/// What a stream shows, piece by piece: what is new, the text, the state.
#[track_caller]
fn shows(events: &[&str], want: &[(&str, &str, ChatStatus)]) -> ChatStream {
    let (mut stream, peer) = streamed(events);
    let mut seen = Vec::new();
    while let Some(partial) = stream.next_partial().unwrap() {
        assert_eq!(partial.role(), ChatRole::Assistant);
        seen.push((partial.delta().to_owned(), partial.text().to_owned(), partial.status()));
    }
    peer.finish();
    let seen: Vec<_> = seen
        .iter()
        .map(|(delta, text, status)| (delta.as_str(), text.as_str(), *status))
        .collect();
    assert_eq!(seen, want);
    stream
}

const ROLE: &str = r#"{"id":"u","choices":[{"index":0,"delta":{"role":"assistant"}}]}"#;
const USAGE: &str = r#"{"id":"u","choices":[],"usage":{"prompt_tokens":9,"total_tokens":12,"completion_tokens":3}}"#;

#[test]
fn streams_of_every_model_are_shown_alike() {
    use ChatStatus::{Final, Partial, TruncatedFinal, Usage};
    // Large pieces, the reason with the last one, no tokens.
    let stream = shows(
        &[
            r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":"Hello"}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"content":" you"},"finish_reason":"stop"}]}"#,
            "[DONE]",
        ],
        &[("Hello", "Hello", Partial), (" you", "Hello you", Final)],
    );
    assert_eq!(stream.finish().unwrap().text(), "Hello you");
    // The role alone, empty pieces, the reason alone, then the tokens.
    let stream = shows(
        &[
            ROLE,
            r#"{"choices":[{"index":0,"delta":{"content":""}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}"#,
            r#"{"choices":[{"index":0,"delta":{},"finish_reason":"length"}]}"#,
            USAGE,
            "[DONE]",
        ],
        &[("Hi", "Hi", Partial), ("", "Hi", TruncatedFinal), ("", "Hi", Usage)],
    );
    assert_eq!(stream.finish().unwrap().usage.unwrap().total_tokens, 12);
    // Tokens in each chunk.
    let stream = shows(
        &[
            r#"{"choices":[{"index":0,"delta":{"content":"a"}}],"usage":{"total_tokens":1}}"#,
            r#"{"choices":[{"index":0,"delta":{"content":"b"},"finish_reason":"stop"}],"usage":{"total_tokens":2}}"#,
            "[DONE]",
        ],
        &[("a", "a", Partial), ("b", "ab", Final)],
    );
    assert_eq!(stream.finish().unwrap().usage.unwrap().total_tokens, 2);
}

#[test]
fn reasoning_grows_beside_the_text() {
    let (mut stream, peer) = streamed(&[
        ROLE,
        r#"{"choices":[{"index":0,"delta":{"reasoning_content":"Hm"}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"reasoning_content":"."}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"content":"42"},"finish_reason":"stop"}]}"#,
        "[DONE]",
    ]);
    let mut seen = Vec::new();
    while let Some(partial) = stream.next_partial().unwrap() {
        let reasoning = partial.reasoning().unwrap_or_default().to_owned();
        seen.push((
            partial.reasoning_delta().into_owned(),
            reasoning,
            partial.text().to_owned(),
        ));
    }
    peer.finish();
    let want = [("Hm", "Hm", ""), (".", "Hm.", ""), ("", "Hm.", "42")];
    assert_eq!(
        seen,
        want.map(|(delta, reasoning, text)| (delta.to_owned(), reasoning.to_owned(), text.to_owned()))
    );
    assert_eq!(stream.finish().unwrap().reasoning(), Some("Hm."));
}

#[test]
fn what_the_filter_takes_back_is_gone() {
    use ChatStatus::{ContentFilter, Partial, Usage};
    let stream = shows(
        &[
            r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":"How to"}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"content":"I would rather not."},"finish_reason":"content_filter"}]}"#,
            USAGE,
            "[DONE]",
        ],
        &[
            ("How to", "How to", Partial),
            ("I would rather not.", "I would rather not.", ContentFilter),
            ("", "I would rather not.", Usage),
        ],
    );
    assert_eq!(stream.finish().unwrap().text(), "I would rather not.");
}

#[test]
fn calls_are_shown_when_they_are_complete() {
    let (mut stream, peer) = streamed(&[
        ROLE,
        r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c1","type":"","function":{"name":"add","arguments":""}}]}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"","type":"function","function":{"name":"","arguments":"{}"}}]}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"id":"c2","type":"","function":{"name":"add","arguments":"{}"}}]}}]}"#,
        r#"{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#,
        "[DONE]",
    ]);
    let partial = stream.next_partial().unwrap().unwrap();
    assert_eq!(partial.status(), ChatStatus::ToolCalls);
    assert_eq!(partial.finish_reason(), Some(&ChatFinishReason::ToolCalls));
    let calls = partial.tool_calls().iter().filter_map(|call| call.as_function());
    let calls: Vec<_> = calls
        .map(|call| (call.id.as_str(), call.function.arguments.as_str()))
        .collect();
    assert_eq!(calls, [("c1", "{}"), ("c2", "{}")]);
    assert!(stream.next_partial().unwrap().is_none());
    peer.finish();
}

#[test]
fn errors_and_cuts_in_streams_are_told() {
    const TEXT: &str = r#"{"choices":[{"index":0,"delta":{"content":"a"}}]}"#;
    for (fault, message) in [
        (r#"{"error":{"error":"nested"}}"#, "nested"),
        (r#"{"error":{"message":"said"}}"#, "said"),
        (r#"{"error":"plain"}"#, "plain"),
        (
            r#"{"error":{"grpcCode":14,"httpCode":503,"message":"busy","httpStatus":"Unavailable"}}"#,
            "busy",
        ),
    ] {
        let (mut stream, peer) = streamed(&[TEXT, fault]);
        assert_eq!(stream.next_partial().unwrap().unwrap().text(), "a");
        let error = stream.next_partial().unwrap_err();
        let Error::Api(error) = error else { panic!("{error}") };
        assert_eq!(error.message, message, "{fault}");
        assert!(stream.next_partial().unwrap().is_none(), "an error ends it");
        peer.finish();
    }
    let (mut stream, peer) = streamed(&[TEXT]);
    assert!(stream.next_partial().unwrap().is_some());
    assert!(matches!(stream.next_partial(), Err(Error::StreamTruncated(_))));
    assert_eq!(stream.completion().text(), "a");
    peer.finish();
}

#[test]
fn limits_and_cancellation_hold_for_chats() {
    let peer = Peer::start(Scheme::Http, |listener| {
        let mut connection = listener.accept();
        connection.request();
        connection.begin_stream();
        connection.chunk(&format!("data: {ROLE}\n\n"));
        connection.wait_for_close();
        let mut connection = listener.accept();
        connection.request();
        connection.wait_for_close();
    });
    let token = CancelToken::new();
    let client = client(peer.url("/v1"));
    let mut stream = client
        .chat()
        .model("m")
        .run_stream("Hi")
        .cancel_with(&token)
        .send()
        .unwrap();
    assert!(stream.next().unwrap().is_ok());
    token.cancel();
    assert!(matches!(stream.next_partial(), Err(Error::Cancelled(_))));
    drop(stream);
    // What the client was told of holds for chats too.
    let hasty = client.with_options(Options::new().timeout(Duration::from_millis(50)).max_retries(0));
    let error = hasty.chat().model("m").run("Hi").send().unwrap_err();
    assert!(error.is_timeout(), "{error}");
    peer.finish();
}

fn world() -> (Client, LocalServer) {
    let server = LocalServer::builder().api_key("secret-key").start().unwrap();
    let client = Client::builder()
        .folder_id("fld_1")
        .base_url(format!("http://{}", server.address()))
        .credentials(Credentials::api_key("secret-key"))
        .build()
        .unwrap();
    (client, server)
}

#[test]
fn the_local_server_lists_and_answers() {
    let (client, _server) = world();
    let models = client.chat().list().send().unwrap();
    assert_eq!(
        models.iter().map(ChatModel::uri).collect::<Vec<_>>(),
        ["gpt://fld_1/scripted/latest"]
    );
    let model = models[0].clone();
    for text in ["Hello you", "repeat 5"] {
        let whole = model.run(text).send().unwrap();
        let streamed = model.run_stream(text).send().unwrap().finish().unwrap();
        assert_eq!(whole.text(), streamed.text());
        assert_eq!(
            (whole.status(), streamed.status()),
            (ChatStatus::Final, ChatStatus::Final)
        );
        assert_eq!(whole.usage, streamed.usage);
        assert!(whole.usage.is_some_and(|usage| usage.total_tokens > 0));
        assert_eq!((whole.model.as_str(), whole.id.len()), (model.uri(), 36));
    }
    let cut = model.max_tokens(2).run("repeat 5").send().unwrap();
    assert_eq!((cut.text(), cut.status()), ("word1 word2", ChatStatus::TruncatedFinal));
    let wrong = client
        .chat()
        .model("m")
        .run("Hi")
        .header("authorization", "Api-Key wrong")
        .send();
    assert_eq!(wrong.unwrap_err().status(), Some(401));
}

#[test]
fn a_conversation_goes_on_after_tool_calls() {
    let (client, _server) = world();
    let model = client
        .chat()
        .model("scripted")
        .tool(ChatTool::function("add", json!({"type": "object"})));
    let question = ChatMessages::from("call add {\"a\": 1}\ncall add {\"a\": 2}");
    let whole = model.run(question.clone()).send().unwrap();
    let mut stream = model.run_stream(question.clone()).send().unwrap();
    let partial = stream.next_partial().unwrap().unwrap();
    assert_eq!(partial.tool_calls().len(), 2);
    let streamed = stream.finish().unwrap();
    for answer in [whole, streamed] {
        let ids: Vec<_> = answer.function_calls().map(|call| call.id.as_str()).collect();
        assert_eq!(
            ids,
            ["add", "add"],
            "the models of the provider name calls after their functions"
        );
        let results = [
            ChatMessages::tool_result("add", "one"),
            ChatMessages::tool_result("add", "two"),
        ];
        let conversation = question.clone().and(&answer).and(results);
        let answer = model.run(conversation).send().unwrap();
        assert_eq!(answer.text(), "add returned one\nadd returned two");
    }
    let none = model.tool_choice("none").run("call add").send().unwrap();
    assert_eq!(none.status(), ChatStatus::Final);
    let forced = model
        .tool_choice(ChatToolChoice::function("add"))
        .run("Hi")
        .send()
        .unwrap();
    assert_eq!(forced.status(), ChatStatus::ToolCalls);
}

#[test]
fn failures_have_their_status_until_the_stream_has_begun() {
    let (client, _server) = world();
    let model = client
        .with_options(Options::new().max_retries(0))
        .chat()
        .model("scripted");
    let whole = model.run("fail rate_limit_exceeded").send().unwrap_err();
    let streamed = model.run_stream("fail rate_limit_exceeded").send().unwrap_err();
    assert_eq!((whole.status(), streamed.status()), (Some(429), Some(429)));
    let mut stream = model.run_stream("repeat 1\nfail odd").send().unwrap();
    assert_eq!(stream.next_partial().unwrap().unwrap().text(), "word1");
    assert!(matches!(stream.next_partial(), Err(Error::Api(error)) if error.code.as_deref() == Some("odd")));
}
