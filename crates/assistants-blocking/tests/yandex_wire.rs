//! The Yandex client against scripted servers: its requests, and how it handles the responses.

use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use assistants_blocking::yandex::{
    Client, ClientBuilder, CreateAssistant, CreateRun, CreateSearchIndex, CreateUser, Credentials, EventType,
    FunctionResult, RunStatus, UpdateAssistant, UpdateUser,
};
use assistants_blocking::{CancelToken, Error, TimeoutPhase, Tools};
use serde_json::{Value, json};
use test_peer::{Connection, Listener, Peer, Response, Scheme, Step};

const JSON: &[&str] = &["Content-Type: application/json", "Connection: close"];

fn builder(peer: &Peer) -> ClientBuilder {
    Client::builder()
        .base_url(peer.url(""))
        .folder_id("fld_1")
        .api_key("AQVN-hush")
}

fn client(peer: &Peer) -> Client {
    builder(peer).build().unwrap()
}

/// A server that returns the responses one after the other, each on a separate connection, and records the requests.
fn answering(answers: Vec<(&'static str, String)>) -> (Peer, Arc<Mutex<Vec<String>>>) {
    let requests = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&requests);
    let peer = Peer::start(Scheme::Http, move |listener| {
        for (status, body) in answers {
            let mut connection = listener.accept();
            kept.lock().unwrap().push(connection.request());
            connection.answer(status, JSON, &body);
        }
    });
    (peer, requests)
}

fn ok(body: &str) -> (&'static str, String) {
    ("200 OK", body.to_owned())
}

/// The first line of a request.
fn line(request: &str) -> &str {
    request.lines().next().unwrap_or_default().trim_end_matches(" HTTP/1.1")
}

fn header<'r>(request: &'r str, name: &str) -> Option<&'r str> {
    let head = request.split("\r\n\r\n").next()?;
    head.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

fn body(request: &str) -> Value {
    let body = request.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    serde_json::from_str(body).unwrap_or(Value::Null)
}

#[test]
fn a_create_has_folder_model_and_credentials() {
    let (peer, requests) = answering(vec![ok(
        r#"{"id":"as_1","folder_id":"fld_1","model_uri":"gpt://x","tools":[]}"#,
    )]);
    let params = CreateAssistant::new("", "yandexgpt").instruction("Be brief.");
    let made = client(&peer).assistants().create(params).send().unwrap();
    assert_eq!((made.id.as_str(), made.folder_id.as_str()), ("as_1", "fld_1"));
    peer.finish();
    let request = &requests.lock().unwrap()[0];
    assert_eq!(line(request), "POST /assistants/v1/assistants");
    assert_eq!(header(request, "authorization"), Some("Api-Key AQVN-hush"));
    assert_eq!(header(request, "x-client-request-id").unwrap().len(), 36);
    assert_eq!(header(request, "idempotency-key").unwrap().len(), 36);
    assert_eq!(header(request, "x-stainless-retry-count"), None);
    assert_eq!(header(request, "x-retry-attempt"), None);
    assert_eq!(
        body(request),
        json!({"folderId": "fld_1", "modelUri": "gpt://fld_1/yandexgpt/latest", "instruction": "Be brief."})
    );
}

#[test]
fn an_update_sends_exactly_its_mask() {
    let (peer, requests) = answering(vec![ok(r#"{"id":"as_1"}"#), ok(r#"{"id":"us_1"}"#)]);
    let client = client(&peer);
    let update = UpdateAssistant::new("as_1").temperature(0.0).clear_description();
    client.assistants().update(update).send().unwrap();
    client
        .users()
        .update(UpdateUser::new("us_1").name("Ada").ttl_days(3))
        .send()
        .unwrap();
    peer.finish();
    let requests = requests.lock().unwrap();
    assert_eq!(line(&requests[0]), "PATCH /assistants/v1/assistants/as_1");
    assert_eq!(
        body(&requests[0]),
        json!({"updateMask": "completionOptions.temperature,description", "completionOptions": {"temperature": 0.0}})
    );
    assert_eq!(line(&requests[1]), "PATCH /users/v1/users/us_1");
    assert_eq!(
        body(&requests[1]),
        json!({"updateMask": "name,expirationConfig.ttlDays", "name": "Ada", "expirationConfig": {"ttlDays": "3"}})
    );
}

#[test]
fn a_list_follows_tokens_to_an_empty_page() {
    let (peer, requests) = answering(vec![
        ok(r#"{"users":[{"id":"a"},{"id":"b"}],"nextPageToken":"t/1="}"#),
        ok(r#"{"users":[{"id":"c"}],"next_page_token":"t2"}"#),
        ok("{}"),
    ]);
    let users = client(&peer).users();
    let ids: Vec<String> = users
        .list()
        .page_size(2)
        .into_iter()
        .map(|user| user.unwrap().id)
        .collect();
    assert_eq!(ids, ["a", "b", "c"]);
    peer.finish();
    let requests = requests.lock().unwrap();
    let lines: Vec<&str> = requests.iter().map(|request| line(request)).collect();
    assert_eq!(
        lines,
        [
            "GET /users/v1/users?folderId=fld_1&pageSize=2",
            "GET /users/v1/users?folderId=fld_1&pageSize=2&pageToken=t%2F1%3D",
            "GET /users/v1/users?folderId=fld_1&pageSize=2&pageToken=t2",
        ]
    );
}

#[test]
fn a_repeated_token_is_an_error() {
    let page = r#"{"assistants":[{"id":"a"}],"nextPageToken":"t"}"#;
    let (peer, _) = answering(vec![ok(page), ok(page)]);
    let outcome: Result<Vec<_>, _> = client(&peer).assistants().list().into_iter().collect();
    let Err(Error::RepeatedCursor(error)) = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(error.cursor, "t");
    peer.finish();
}

#[test]
fn a_list_can_be_continued_and_read_page_by_page() {
    let (peer, requests) = answering(vec![ok(r#"{"versions":[{"id":"v"}],"nextPageToken":"n"}"#), ok("{}")]);
    let assistants = client(&peer).assistants();
    let mut pages = assistants.list_versions("as_1").page_token("from").pages();
    assert_eq!(pages.next().unwrap().unwrap().versions.len(), 1);
    assert_eq!(pages.cursor(), Some("n"));
    assert!(pages.next().unwrap().unwrap().versions.is_empty());
    assert!(pages.next().is_none());
    peer.finish();
    assert_eq!(
        line(&requests.lock().unwrap()[0]),
        "GET /assistants/v1/assistants:listVersions?assistantId=as_1&pageToken=from"
    );
}

#[test]
fn an_error_keeps_the_ids_for_support() {
    let status = json!({"code": 5, "message": "Thread th_404 not found", "details": [
        {"@type": "type.googleapis.com/google.rpc.RequestInfo", "requestId": "req-7"}]});
    let (peer, requests) = answering(vec![
        ("404 Not Found", status.to_string()),
        ("400 Bad Request", r#"{"error":{"code":3,"message":"bad"}}"#.into()),
        (
            "401 Unauthorized",
            r#"{"code":16,"message":"The key AQVN-hush is unknown"}"#.into(),
        ),
    ]);
    let client = client(&peer);
    let error = client.threads().get("th_404").send().unwrap_err();
    let Error::Api(error) = error else { panic!("{error}") };
    assert_eq!((error.status, error.grpc_code()), (Some(404), Some("NOT_FOUND")));
    assert_eq!(error.request_id.as_deref(), Some("req-7"));
    let ours = header(&requests.lock().unwrap()[0], "x-client-request-id").map(str::to_owned);
    assert_eq!(error.client_request_id, ours);
    assert!(
        error.to_string().contains("(5 NOT_FOUND): Thread th_404 not found"),
        "{error}"
    );
    let error = client.runs().get("run_1").send().unwrap_err();
    assert_eq!(error.status(), Some(400));
    // A rejected key is not sent again, and not quoted.
    let error = client.runs().get("run_1").send().unwrap_err().to_string();
    assert!(error.contains("api key") && !error.contains("hush"), "{error}");
    peer.finish();
}

#[test]
fn only_safe_requests_are_retried() {
    const BUSY: &str = r#"{"code":14,"message":"busy","details":[
        {"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"0.001s"}]}"#;
    let (peer, requests) = answering(vec![
        ("503 Service Unavailable", BUSY.into()),
        ("429 Too Many Requests", BUSY.into()),
        ok(r#"{"id":"us_1"}"#),
        ("500 Internal Server Error", r#"{"code":13,"message":"broken"}"#.into()),
        ("409 Conflict", r#"{"code":10,"message":"aborted"}"#.into()),
    ]);
    let waits = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&waits);
    let client = builder(&peer)
        .on_retry(move |retry| seen.lock().unwrap().push(retry.wait))
        .build()
        .unwrap();
    client.users().create(CreateUser::new("")).send().unwrap();
    assert_eq!(*waits.lock().unwrap(), [Duration::from_millis(1); 2]);
    for status in [500, 409] {
        assert_eq!(client.users().get("us_1").send().unwrap_err().status(), Some(status));
    }
    peer.finish();
    let requests = requests.lock().unwrap();
    let attempts: Vec<_> = requests[..3]
        .iter()
        .map(|request| header(request, "x-retry-attempt"))
        .collect();
    assert_eq!(attempts, [None, Some("1"), Some("2")]);
    let ids: Vec<_> = requests[..3]
        .iter()
        .map(|request| header(request, "x-client-request-id"))
        .collect();
    assert!(ids[0].is_some() && ids[0] == ids[1] && ids[1] == ids[2], "{ids:?}");
}

#[test]
fn a_create_that_the_service_may_have_seen_is_not_retried() {
    let peer = Peer::start(Scheme::Http, |listener| {
        let mut connection = listener.accept();
        connection.request();
        connection.close();
    });
    let error = client(&peer).users().create(CreateUser::new("")).send().unwrap_err();
    let Error::Transport(error) = error else {
        panic!("{error}")
    };
    assert!(error.request_sent);
    peer.finish();
}

#[test]
fn an_oauth_token_is_exchanged_once_and_renewed_when_rejected() {
    const CALLS: usize = 4;
    let answer = |token: &str| ok(&json!({"iamToken": token, "expiresAt": "2099-01-01T00:00:00Z"}).to_string());
    let mut answers = vec![answer("t1.one")];
    answers.extend((0..CALLS).map(|_| ok(r#"{"id":"us_1"}"#)));
    answers.push(("401 Unauthorized", r#"{"code":16,"message":"expired t1.one"}"#.into()));
    answers.push(answer("t1.two"));
    answers.push(ok(r#"{"id":"us_1"}"#));
    answers.push(("401 Unauthorized", r#"{"code":16,"message":"bad t1.two"}"#.into()));
    answers.push(answer("t1.three"));
    answers.push(("401 Unauthorized", r#"{"code":16,"message":"bad t1.three"}"#.into()));
    let (peer, requests) = answering(answers);
    let client = builder(&peer).credentials("y0_hush-hush").build().unwrap();
    thread::scope(|scope| {
        for _ in 0..CALLS {
            scope.spawn(|| client.users().get("us_1").send().unwrap());
        }
    });
    // Rejected, renewed, sent again; and then rejected again.
    client.users().get("us_1").max_retries(0).send().unwrap();
    let error = client.users().get("us_1").send().unwrap_err();
    assert_eq!(error.status(), Some(401));
    let error = format!("{error} {error:?}");
    assert!(error.contains("oauth") && !error.contains("t1.three"), "{error}");
    peer.finish();
    let requests = requests.lock().unwrap();
    let exchanges: Vec<_> = requests
        .iter()
        .filter(|request| line(request) == "POST /iam/v1/tokens")
        .collect();
    assert_eq!(exchanges.len(), 3);
    assert_eq!(body(exchanges[0]), json!({"yandexPassportOauthToken": "y0_hush-hush"}));
    assert_eq!(header(exchanges[0], "authorization"), None);
    let sent: Vec<_> = requests[CALLS..]
        .iter()
        .filter_map(|request| header(request, "authorization"))
        .collect();
    assert_eq!(
        sent[1..],
        ["Bearer t1.one", "Bearer t1.two", "Bearer t1.two", "Bearer t1.three"]
    );
}

#[test]
fn the_metadata_service_provides_tokens() {
    let (metadata, asked) = answering(vec![ok(
        r#"{"access_token":"t1.vm","expires_in":41970,"token_type":"Bearer"}"#,
    )]);
    let (peer, requests) = answering(vec![ok(r#"{"id":"us_1"}"#), ok(r#"{"id":"us_1"}"#)]);
    let credentials = Credentials::metadata_at(metadata.address().to_string());
    let client = builder(&peer).credentials(credentials).build().unwrap();
    client.users().get("us_1").send().unwrap();
    client.users().get("us_1").send().unwrap();
    metadata.finish();
    peer.finish();
    let asked = &asked.lock().unwrap()[0];
    assert_eq!(
        line(asked),
        "GET /computeMetadata/v1/instance/service-accounts/default/token"
    );
    assert_eq!(header(asked, "metadata-flavor"), Some("Google"));
    assert_eq!(
        header(&requests.lock().unwrap()[1], "authorization"),
        Some("Bearer t1.vm")
    );
}

#[test]
fn a_download_has_no_credentials_and_shows_no_address() {
    let (store, fetched) = answering(vec![
        ok("the bytes"),
        ("403 Forbidden", "<Error>expired</Error>".into()),
    ]);
    let url = store.url("/bucket/key%20one?X-Amz-Signature=hush");
    let address = json!({ "url": url }).to_string();
    let (peer, requests) = answering(vec![ok(&address), ok(&address)]);
    let files = builder(&peer).header("x-mine", "1").build().unwrap().files();
    assert_eq!(files.download("file_1").send().unwrap(), b"the bytes");
    let error = files.download("file_1").send().unwrap_err();
    assert_eq!(error.status(), Some(403));
    assert!(!format!("{error} {error:?}").contains("hush"), "{error}");
    store.finish();
    peer.finish();
    let fetched = &fetched.lock().unwrap()[0];
    assert_eq!(line(fetched), "GET /bucket/key%20one?X-Amz-Signature=hush");
    for absent in ["authorization", "x-mine", "x-client-request-id"] {
        assert_eq!(header(fetched, absent), None, "{absent}");
    }
    let asked = &requests.lock().unwrap()[0];
    assert_eq!(line(asked), "GET /files/v1/files:getUrl?fileId=file_1");
    assert!(header(asked, "authorization").is_some());
}

#[test]
fn empty_ids_are_rejected_before_anything_is_sent() {
    let client = Client::builder()
        .base_url("http://127.0.0.1:1")
        .folder_id("f")
        .build()
        .unwrap();
    let config = |outcome: Result<(), Error>| assert!(matches!(outcome, Err(Error::Config(_))), "{outcome:?}");
    config(client.assistants().get("").send().map(drop));
    config(client.runs().listen("").send().map(drop));
    config(client.runs().get_last_by_thread("").send().map(drop));
    config(
        client
            .runs()
            .submit_tool_results("", [FunctionResult::new("f", "x")])
            .send()
            .map(drop),
    );
    config(client.messages("").create("x").send().map(drop));
    config(client.messages("").list().send().map(drop));
    config(client.files().get_url("").send().map(drop));
}

#[test]
fn a_run_cannot_be_cancelled() {
    let client = Client::builder()
        .base_url("http://127.0.0.1:1")
        .folder_id("f")
        .build()
        .unwrap();
    let error = client.runs().cancel("run_1").send().unwrap_err();
    assert!(
        matches!(error, Error::Unsupported(_)) && error.to_string().contains("run_1"),
        "{error}"
    );
}

fn run(status: &str) -> String {
    json!({"id": "run_1", "thread_id": "th_1", "state": {"status": status}, "usage": null}).to_string()
}

#[test]
fn waits_for_a_run_and_reports_its_state_at_the_limit() {
    let (peer, requests) = answering(vec![
        ok(&run("PENDING")),
        ok(&run("SOMETHING_NEW")),
        ok(
            r#"{"id":"run_1","state":{"status":"COMPLETED","completed_message":{"id":"m","content":{"content":[
            {"text":{"content":"one"}},{"text":{"content":"two"}}]},"citations":[{"sources":[]}]}},
            "usage":{"prompt_tokens":"4","completion_tokens":"5","total_tokens":"9"}}"#,
        ),
        ok(&run("IN_PROGRESS")),
        ok(&run("FAILED")),
        ok(&run("TOOL_CALLS")),
    ]);
    let runs = client(&peer).runs();
    let result = runs
        .wait("run_1")
        .poll_interval(Duration::from_millis(1))
        .send()
        .unwrap();
    assert_eq!(result.text().as_deref(), Some("one\ntwo"));
    assert_eq!((result.parts().len(), result.citations().len()), (2, 1));
    assert_eq!(result.usage().unwrap().total_tokens, 9);
    assert!(result.status().is_succeeded() && result.tool_calls().is_empty());
    let error = runs.wait("run_1").poll_timeout(Duration::ZERO).send().unwrap_err();
    let Error::Timeout(error) = error else {
        panic!("{error}")
    };
    assert_eq!(error.phase, TimeoutPhase::Poll);
    assert!(error.to_string().contains("IN_PROGRESS"), "{error}");
    let failed = runs.get_result("run_1").send().unwrap();
    assert!(failed.status().is_failed() && matches!(failed.succeeded(), Err(Error::YandexRunFailed(_))));
    assert_eq!(runs.get_status("run_1").send().unwrap(), RunStatus::ToolCalls);
    peer.finish();
    assert!(
        requests
            .lock()
            .unwrap()
            .iter()
            .all(|request| line(request) == "GET /assistants/v1/runs/run_1")
    );
}

#[test]
fn an_operation_is_waited_for() {
    let index =
        json!({"@type": "type.googleapis.com/yandex.cloud.ai.assistants.v1.searchindex.SearchIndex", "id": "ix"});
    let (peer, requests) = answering(vec![
        ok(r#"{"id":"op_1","done":false,"metadata":null}"#),
        ok(r#"{"id":"op_1"}"#),
        ok(&json!({"id": "op_1", "done": true, "response": index}).to_string()),
        ok(r#"{"id":"op_2"}"#),
        ok(r#"{"id":"op_2","done":true,"error":{"code":3,"message":"empty file"}}"#),
    ]);
    let client = client(&peer);
    let start = || {
        client
            .search_indexes()
            .create(CreateSearchIndex::new("").file_id("file_1"))
    };
    let operation = start().send().unwrap();
    assert!(operation.result().is_none());
    let mut looks = 0;
    let wait = operation.wait().poll_interval(Duration::from_millis(1));
    let index = wait.on_progress(|_| looks += 1).send().unwrap();
    assert_eq!((index.id.as_str(), looks), ("ix", 2));
    let mut operation = start().send().unwrap();
    operation.poll().unwrap();
    let error = operation.wait().send().unwrap_err();
    let Error::Operation(error) = error else {
        panic!("{error}")
    };
    assert_eq!(
        (error.code, error.to_string()),
        (3, "operation op_2: empty file".into())
    );
    peer.finish();
    assert_eq!(line(&requests.lock().unwrap()[1]), "GET /operations/op_1");
}

// ---- streams ----

fn event(index: usize, last: usize) -> String {
    let cursor = if index == 0 {
        json!({})
    } else {
        json!({"currentEventIdx": index.to_string()})
    };
    let content = json!({"content": [{"text": {"content": format!("text {index}")}}]});
    let event = if index == last {
        json!({"eventType": "DONE", "streamCursor": cursor, "completedMessage": {"id": "m", "content": content}})
    } else {
        json!({"eventType": "PARTIAL_MESSAGE", "streamCursor": cursor, "partialMessage": content})
    };
    json!({ "result": event }).to_string() + "\n"
}

fn partial(index: usize, text: &str) -> String {
    json!({"result": {"eventType": "PARTIAL_MESSAGE", "streamCursor": {"currentEventIdx": index.to_string()},
        "partialMessage": {"content": [{"text": {"content": text}}]}}})
    .to_string()
        + "\n"
}

const HEAD: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n";

/// Reads a request to listen; returns the requested index of the first event.
fn listened(listener: &Listener) -> (Connection, usize) {
    let mut connection = listener.accept();
    let request = connection.request();
    let query = line(&request)
        .strip_prefix("GET /assistants/v1/runs/listen?runId=run_1")
        .expect("a listener");
    let start = query
        .strip_prefix("&eventsStartIdx=")
        .map_or(0, |index| index.parse().unwrap());
    (connection, start)
}

/// A chunked body, with one event per chunk.
fn chunked(events: &[String]) -> Vec<u8> {
    let chunk = |event: &String| format!("{:x}\r\n{event}\r\n", event.len());
    (events.iter().map(chunk).collect::<String>() + "0\r\n\r\n").into_bytes()
}

#[test]
fn a_stream_cut_anywhere_yields_every_event_once_and_in_order() {
    const LAST: usize = 299;
    let events: Vec<String> = (0..=LAST).map(|index| event(index, LAST)).collect();
    let body = chunked(&events);
    let mut cuts: Vec<usize> = (0..events.len())
        .map(|count| chunked(&events[..count]).len() - 5)
        .collect();
    let mut random = 7u64;
    for _ in 0..1000 {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        cuts.push((random >> 33) as usize % body.len());
    }
    let half = cuts.split_off(cuts.len() / 2);
    thread::scope(|scope| {
        for cuts in [cuts, half] {
            let (events, body) = (&events, &body);
            scope.spawn(move || listen_through_cuts(events, body, cuts));
        }
    });
}

/// Listens to the events once for each position at which their body can be cut.
fn listen_through_cuts(events: &[String], body: &[u8], cuts: Vec<usize>) {
    let (rounds, last) = (cuts.len(), events.len() - 1);
    let (events, body) = (events.to_vec(), body.to_vec());
    let peer = Peer::start(Scheme::Http, move |listener| {
        for cut in cuts {
            let (mut connection, start) = listened(listener);
            assert_eq!(start, 0);
            connection.send(HEAD);
            connection.send(&body[..cut]);
            connection.close();
            // The last event is followed only by its line break and the framing of the body.
            let whole = body.len() - "}\n\r\n0\r\n\r\n".len() + 1;
            if cut < whole {
                let (mut connection, start) = listened(listener);
                connection.send(HEAD);
                connection.send(chunked(&events[start..]));
            }
        }
    });
    let client = client(&peer);
    for _ in 0..rounds {
        let stream = client.runs().listen("run_1").send().unwrap();
        let mut next = 0;
        for event in stream {
            let event = event.unwrap();
            assert_eq!((event.index(), event.text()), (next, Some(format!("text {next}"))));
            next += 1;
        }
        assert_eq!(next, last as i64 + 1);
    }
    peer.finish();
}

#[test]
fn repeated_events_are_dropped() {
    let peer = Peer::start(Scheme::Http, |listener| {
        let (mut connection, _) = listened(listener);
        connection.send(HEAD);
        connection.chunk(&event(0, 3));
        connection.chunk(&event(1, 3));
        connection.close();
        // This server starts over, whatever index is requested.
        let (mut connection, start) = listened(listener);
        assert_eq!(start, 2);
        connection.send(HEAD);
        (0..4).for_each(|index| connection.chunk(&event(index, 3)));
        connection.end_stream();
    });
    let indexes: Vec<i64> = client(&peer)
        .runs()
        .listen("run_1")
        .send()
        .unwrap()
        .map(|event| event.unwrap().index())
        .collect();
    assert_eq!(indexes, [0, 1, 2, 3]);
    peer.finish();
}

#[test]
fn a_stream_without_progress_is_truncated() {
    let peer = Peer::start(Scheme::Http, |listener| {
        let (mut connection, _) = listened(listener);
        connection.send(HEAD);
        connection.chunk(&event(0, 3));
        connection.close();
        let (mut connection, start) = listened(listener);
        assert_eq!(start, 1);
        connection.send(HEAD);
        connection.close();
    });
    let mut stream = client(&peer).runs().listen("run_1").max_retries(1).send().unwrap();
    assert!(stream.next().unwrap().is_ok());
    let error = stream.next().unwrap().unwrap_err();
    let Error::StreamTruncated(error) = error else {
        panic!("{error}")
    };
    assert_eq!(error.events, 1);
    assert!(stream.next().is_none());
    peer.finish();
}

/// Even if the run has ended, its last event may be missing.
#[test]
fn a_stream_without_its_last_event_is_truncated_even_if_the_run_has_ended() {
    for whole in [false, true] {
        let peer = Peer::serve(move |request| {
            if request.target.starts_with("/assistants/v1/runs/run_1") {
                return vec![Response::json(&run("COMPLETED")).into()];
            }
            let events = if request.target.contains("eventsStartIdx") {
                Vec::new()
            } else {
                chunked(&[event(0, 3), event(1, 3)])
            };
            let mut body = [HEAD.as_bytes(), &events].concat();
            if !whole {
                body.truncate(body.len() - usize::min(events.len(), "0\r\n\r\n".len()));
            } else if events.is_empty() {
                body.extend_from_slice(b"0\r\n\r\n");
            }
            vec![Step::Send(body), Step::Close]
        });
        let stream = client(&peer).runs().listen("run_1").max_retries(2).send().unwrap();
        let outcome: Vec<_> = stream.collect();
        assert!(
            matches!(outcome.as_slice(), [Ok(_), Ok(_), Err(Error::StreamTruncated(error))] if error.events == 2),
            "{outcome:?}"
        );
        peer.finish();
    }
}

#[test]
fn an_index_past_the_end_yields_no_events() {
    let peer = Peer::start(Scheme::Http, |listener| {
        for _ in 0..2 {
            let (mut connection, start) = listened(listener);
            assert_eq!(start, 9);
            connection.send(HEAD);
            connection.end_stream();
        }
        let mut connection = listener.accept();
        connection.request();
        connection.answer("200 OK", JSON, &run("COMPLETED"));
    });
    let mut stream = client(&peer).runs().listen("run_1").events_start_idx(9).send().unwrap();
    assert!(stream.next().is_none());
    peer.finish();
}

#[test]
fn an_event_may_have_the_highest_index() {
    let peer = Peer::start(Scheme::Http, |listener| {
        let (mut connection, _) = listened(listener);
        connection.send(HEAD);
        connection.chunk(&event(usize::MAX / 2, usize::MAX / 2));
        connection.end_stream();
    });
    let mut stream = client(&peer).runs().listen("run_1").send().unwrap();
    assert_eq!(stream.next().unwrap().unwrap().index(), i64::MAX);
    assert_eq!(stream.next_index(), i64::MAX);
    assert!(stream.next().is_none());
    peer.finish();
}

#[test]
fn an_error_in_the_stream_ends_it() {
    let peer = Peer::start(Scheme::Http, |listener| {
        let (mut connection, _) = listened(listener);
        connection.send(HEAD);
        connection.chunk(&event(0, 3));
        connection.chunk("{\"error\":{\"code\":14,\"message\":\"model backend went away\",\"details\":[]}}\n");
        connection.end_stream();
    });
    let mut stream = client(&peer).runs().listen("run_1").send().unwrap();
    assert!(stream.next().unwrap().is_ok());
    let Error::Api(error) = stream.next().unwrap().unwrap_err() else {
        panic!("no api error")
    };
    assert_eq!((error.status, error.grpc_code()), (None, Some("UNAVAILABLE")));
    assert_eq!(error.message, "model backend went away");
    assert!(stream.next().is_none());
    peer.finish();
}

#[test]
fn text_arrives_in_pieces() {
    let peer = Peer::start(Scheme::Http, |listener| {
        let (mut connection, _) = listened(listener);
        connection.send(HEAD);
        for (index, text) in ["Good", "Good mor", "Good morning", "Bye"].iter().enumerate() {
            connection.chunk(&partial(index, text));
        }
        connection.chunk(&event(4, 4).replace("text 4", "Bye"));
    });
    let mut stream = client(&peer).runs().listen("run_1").send().unwrap();
    let pieces: Vec<_> = stream.text_deltas().map(|delta| delta.unwrap()).collect();
    let shown: Vec<_> = pieces.iter().map(|delta| (delta.to_string(), delta.replaces)).collect();
    let want = [("Good", false), (" mor", false), ("ning", false), ("Bye", true)];
    assert_eq!(shown, want.map(|(text, replaces)| (text.to_owned(), replaces)));
    peer.finish();
}

#[test]
fn a_listener_can_be_cancelled_and_has_an_idle_limit_and_a_deadline() {
    let (release, held) = mpsc::channel::<()>();
    let peer = Peer::start(Scheme::Http, move |listener| {
        let open: Vec<_> = (0..3)
            .map(|_| {
                let (mut connection, _) = listened(listener);
                connection.send(HEAD);
                connection.chunk(&event(0, 3));
                connection
            })
            .collect();
        held.recv().expect("the test ends it");
        drop(open);
    });
    let runs = client(&peer).runs();
    let token = CancelToken::new();
    let mut stream = runs.listen("run_1").cancel_with(&token).send().unwrap();
    stream.next().unwrap().unwrap();
    token.cancel();
    assert!(matches!(stream.next(), Some(Err(Error::Cancelled(_)))));
    let short = Duration::from_millis(60);
    for (call, phase) in [
        (runs.listen("run_1").idle_timeout(short), TimeoutPhase::Idle),
        (runs.listen("run_1").deadline(short * 2), TimeoutPhase::Deadline),
    ] {
        let mut stream = call.send().unwrap();
        stream.next().unwrap().unwrap();
        let Error::Timeout(error) = stream.next().unwrap().unwrap_err() else {
            panic!("{phase:?}")
        };
        assert_eq!(error.phase, phase);
    }
    release.send(()).unwrap();
    peer.finish();
}

fn tool_calls(index: usize) -> String {
    json!({"result": {"eventType": "TOOL_CALLS", "streamCursor": {"currentEventIdx": index.to_string()},
        "toolCallList": {"toolCalls": [
            {"functionCall": {"name": "add", "arguments": {"a": 3.0, "b": 4.0}}},
            {"functionCall": {"name": "add", "arguments": {"a": 1, "b": 1}}}]}}})
    .to_string()
        + "\n"
}

#[test]
fn tools_are_called_in_order_and_the_run_continues() {
    let (sender, receiver) = mpsc::channel();
    let peer = Peer::start(Scheme::Http, move |listener| {
        let answer = |body: &str| {
            let mut connection = listener.accept();
            sender.send(connection.request()).expect("the test listens");
            connection.answer("200 OK", JSON, body);
        };
        answer(&run("PENDING"));
        let (mut connection, start) = listened(listener);
        assert_eq!(start, 0);
        connection.send(HEAD);
        connection.chunk(&tool_calls(0));
        // The connection remains open, as some servers leave it.
        answer("{}");
        let (mut next, start) = listened(listener);
        assert_eq!(start, 1);
        next.send(HEAD);
        // The calls again, with the old index, and then new events.
        next.chunk(&tool_calls(0));
        next.chunk(&event(1, 1));
        next.end_stream();
        answer(&run("COMPLETED"));
    });
    #[derive(serde::Deserialize)]
    struct Sum {
        a: i64,
        b: i64,
    }
    let tools = Tools::new().function("add", json!({"type": "object"}), |sum: Sum| {
        Ok::<_, String>(sum.a + sum.b)
    });
    let mut seen = Vec::new();
    let result = client(&peer)
        .runs()
        .run_with_tools(CreateRun::new("as_1", "th_1"), &tools)
        .body_field("mine", 1)
        .stream(|event| seen.push(event.event_type.clone()))
        .unwrap();
    assert!(result.status().is_succeeded());
    assert_eq!(seen, [EventType::ToolCalls, EventType::Done]);
    peer.finish();
    let requests: Vec<String> = receiver.iter().collect();
    assert_eq!(line(&requests[0]), "POST /assistants/v1/runs");
    assert_eq!(
        body(&requests[0]),
        json!({"assistantId": "as_1", "threadId": "th_1", "stream": true, "mine": 1,
            "tools": [{"function": {"name": "add", "parameters": {"type": "object"}}}]})
    );
    assert_eq!(line(&requests[1]), "PATCH /assistants/v1/runs/submit");
    assert_eq!(
        body(&requests[1]),
        json!({"runId": "run_1", "toolResultList": {"toolResults": [
            {"functionResult": {"name": "add", "content": "7"}}, {"functionResult": {"name": "add", "content": "2"}}]}})
    );
}

#[test]
fn a_run_overrides_the_assistants_settings() {
    let (peer, requests) = answering(vec![ok(&run("PENDING"))]);
    let run = client(&peer)
        .assistants()
        .run("as_1", "th_1")
        .custom_temperature(0.0)
        .custom_max_tokens(500)
        .custom_max_prompt_tokens(7000)
        .custom_prompt_truncation_strategy(assistants_blocking::yandex::TruncationStrategy::last_messages(3))
        .custom_response_format(assistants_blocking::yandex::ResponseFormat::json_object())
        .send()
        .unwrap();
    assert_eq!(run.status(), RunStatus::Pending);
    peer.finish();
    assert_eq!(
        body(&requests.lock().unwrap()[0]),
        json!({"assistantId": "as_1", "threadId": "th_1",
            "customCompletionOptions": {"temperature": 0.0, "maxTokens": "500"},
            "customPromptTruncationOptions": {"maxPromptTokens": "7000", "lastMessagesStrategy": {"numMessages": "3"}},
            "customResponseFormat": {"jsonObject": true}})
    );
}

#[test]
fn messages_are_streamed_and_a_truncated_list_is_an_error() {
    let peer = Peer::start(Scheme::Http, |listener| {
        let answer = |cut: bool| {
            let mut connection = listener.accept();
            assert_eq!(line(&connection.request()), "GET /assistants/v1/messages?threadId=th_1");
            connection.send(HEAD);
            connection.chunk("{\"result\":{\"id\":\"m2\"}}\n");
            connection.chunk("{\"result\":{\"id\":\"m1\"}}\n");
            if cut {
                connection.close();
            } else {
                connection.end_stream();
            }
        };
        answer(false);
        answer(true);
    });
    let messages = client(&peer).messages("th_1");
    let ids: Vec<String> = messages.list().into_iter().map(|message| message.unwrap().id).collect();
    assert_eq!(ids, ["m2", "m1"]);
    let outcome: Result<Vec<_>, _> = messages.list().into_iter().collect();
    let Err(Error::StreamTruncated(error)) = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(error.events, 2);
    peer.finish();
}
