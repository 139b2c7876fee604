//! What becomes of a request to an upstream server when the one who has asked leaves.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use assistants_blocking::chat::{ChatMessage, CreateChatCompletion};
use assistants_blocking::openai::{Client, CreateAssistant, CreateMessage, CreateRun, CreateThread, RunStatus, Thread};
use assistants_local::LocalServer;
use assistants_local::model::upstream::Endpoint;
use test_peer::{Connection, PATIENCE, Peer, Scheme};

use crate::play::{catalog, models};

/// How soon an upstream server has to learn that its answer is of no use.
const AT_ONCE: Duration = Duration::from_secs(1);

const FIRST: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"one\"}}]}\n\n";
const REST: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\" two\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";

/// An upstream server that answers one request as far as the first word, and then does what the test says.
struct Stage {
    server: LocalServer,
    client: Client,
    peer: Peer,
    /// Sends something when the test goes on.
    go_on: Sender<()>,
    closed: Receiver<bool>,
    assistant_id: String,
    thread: Thread,
}

fn stage(then: fn(&mut Connection) -> bool) -> Stage {
    let ((go_on, may_go_on), (report, closed)) = (channel(), channel());
    let peer = Peer::start(Scheme::Http, move |listener| {
        let mut connection = listener.accept();
        loop {
            match connection.next_request() {
                Some(request) if request.method == "GET" => connection.send(models("someone").bytes()),
                Some(_) => break,
                None => connection = listener.accept(),
            }
        }
        connection.begin_stream();
        connection.chunk(FIRST);
        may_go_on.recv_timeout(PATIENCE).expect("the test goes on");
        report.send(then(&mut connection)).expect("the test waits");
    });
    let server = LocalServer::builder()
        .model(catalog(Endpoint::new(peer.url("/v1"))))
        .start()
        .unwrap();
    let client = Client::builder().base_url(server.base_url()).build().unwrap();
    let assistant = client.assistants().create(CreateAssistant::new("m")).send().unwrap();
    let thread = CreateThread::default().message(CreateMessage::user("Question"));
    Stage {
        thread: client.threads().create(thread).send().unwrap(),
        assistant_id: assistant.id,
        server,
        client,
        peer,
        go_on,
        closed,
    }
}

impl Stage {
    /// Lets the upstream server go on, and returns what it reports.
    fn go_on(&self) -> bool {
        self.go_on.send(()).unwrap();
        self.closed.recv_timeout(PATIENCE).unwrap()
    }
}

#[test]
fn cancelling_a_run_closes_the_connection_to_its_upstream_server() {
    let stage = stage(|connection| connection.closes_within(AT_ONCE));
    let runs = stage.client.runs(&stage.thread);
    let mut stream = runs.stream(CreateRun::new(&*stage.assistant_id)).send().unwrap();
    assert_eq!(stream.next_text().unwrap().unwrap(), "one");
    let run = stream.run().expect("the run has begun").clone();
    runs.cancel(&run).send().unwrap();
    assert!(stage.go_on(), "the connection stays open");
    assert_eq!(runs.poll(&run).send().unwrap().status, RunStatus::Cancelled);
    drop(stage.server);
    stage.peer.finish();
}

#[test]
fn a_client_that_leaves_a_stream_does_not_stop_its_run() {
    let stage = stage(|connection| {
        if connection.closes_within(Duration::from_millis(200)) {
            return true;
        }
        connection.chunk(REST);
        connection.end_stream();
        false
    });
    let runs = stage.client.runs(&stage.thread);
    let mut stream = runs.stream(CreateRun::new(&*stage.assistant_id)).send().unwrap();
    assert_eq!(stream.next_text().unwrap().unwrap(), "one");
    let run = stream.run().expect("the run has begun").clone();
    drop(stream);
    assert!(!stage.go_on(), "the connection was closed");
    assert_eq!(runs.poll(&run).send().unwrap().status, RunStatus::Completed);
    let answer = stage.client.messages(&stage.thread).list().into_iter().next();
    assert_eq!(answer.unwrap().unwrap().text(), "one two");
    drop(stage.server);
    stage.peer.finish();
}

#[test]
fn a_client_that_leaves_a_chat_completion_closes_the_connection_to_the_upstream_server() {
    let stage = stage(|connection| connection.closes_within(AT_ONCE));
    let params = CreateChatCompletion::new("m", [ChatMessage::user("Question")]);
    let mut stream = stage.client.chat().stream(params).send().unwrap();
    assert_eq!(stream.text_deltas().next().unwrap().unwrap(), "one");
    drop(stream);
    assert!(stage.go_on(), "the connection stays open");
    drop(stage.server);
    stage.peer.finish();
}
