//! Vector stores against the local server: indexing, search, and runs that search.

use std::collections::BTreeMap;
use std::time::Duration;

use assistants_blocking::openai::{
    Annotation, AnnotationDelta, AttributeValue, ChunkingStrategy, Client, CreateAssistant, CreateMessage, CreateRun,
    CreateThread, CreateVectorStore, CreateVectorStoreFile, CreateVectorStoreFileBatch, File, Filter,
    MessageDeltaContent, RunInclude, RunStep, RunStepType, SearchRankingOptions, SearchVectorStore, StepToolCall,
    StreamEvent, Tool, UpdateVectorStore, UpdateVectorStoreFile, VectorStore, VectorStoreExpiration, VectorStoreFile,
    VectorStoreFileBatch, VectorStoreFileBatchStatus, VectorStoreFileErrorCode, VectorStoreFileStatus,
    VectorStoreStatus,
};
use assistants_blocking::{Error, FileErrorKind, FileSource, ListCall};
use assistants_local::LocalServer;
use serde_json::json;
use test_peer::{Peer, Response};

struct World {
    client: Client,
    _server: LocalServer,
}

const BAKING: &str = "# Bread\n\nKnead the dough for ten minutes.\n\nBake the bread at 230 degrees.\n";
const TESTING: &str = "# Work\n\nRun the tests with cargo test.\n\nNothing else is needed.\n";

fn world() -> World {
    let server = LocalServer::builder().start().unwrap();
    let client = Client::builder().base_url(server.base_url()).build().unwrap();
    World {
        client,
        _server: server,
    }
}

impl World {
    fn file(&self, name: &str, text: impl AsRef<[u8]>) -> File {
        self.client
            .files()
            .upload(FileSource::bytes(name, text), "assistants")
            .send()
            .unwrap()
    }

    fn store(&self, files: &[&File]) -> VectorStore {
        let ids = files.iter().map(|file| file.id.as_str());
        let params = CreateVectorStore::default().name("notes").file_ids(ids);
        self.client.vector_stores().create_and_poll(params).send().unwrap()
    }

    fn search(&self, store: &VectorStore, params: impl Into<SearchVectorStore>) -> Vec<(String, f64)> {
        let found = self.client.vector_stores().search(store, params).send().unwrap();
        found.data.into_iter().map(|one| (one.filename, one.score)).collect()
    }
}

fn counts(store: &VectorStore) -> [i64; 5] {
    let counts = &store.file_counts;
    [
        counts.in_progress,
        counts.completed,
        counts.failed,
        counts.cancelled,
        counts.total,
    ]
}

fn status(error: Error) -> Option<u16> {
    error.status()
}

#[test]
fn the_life_of_a_store() {
    let world = world();
    let stores = world.client.vector_stores();
    let (bread, work) = (world.file("bread.md", BAKING), world.file("work.md", TESTING));
    let store = world.store(&[&bread, &work]);
    assert_eq!(
        (store.name.as_str(), &store.status),
        ("notes", &VectorStoreStatus::Completed)
    );
    assert_eq!(counts(&store), [0, 2, 0, 0, 2]);
    assert!(store.usage_bytes > 50 && store.last_active_at.is_some() && store.expires_at.is_none());
    assert_eq!(stores.retrieve(&store).send().unwrap(), store);

    let update = UpdateVectorStore::default()
        .name("other")
        .expires_after(VectorStoreExpiration::days(2))
        .metadata([("a", "b")]);
    let changed = stores.update(&store, update).send().unwrap();
    assert_eq!(changed.name, "other");
    assert_eq!(
        changed.expires_at.unwrap() - changed.last_active_at.unwrap(),
        Duration::from_secs(2 * 24 * 60 * 60)
    );
    let kept = stores
        .update(&store, UpdateVectorStore::default().clear_expires_after())
        .send()
        .unwrap();
    assert_eq!((kept.expires_at, kept.metadata.unwrap()["a"].as_str()), (None, "b"));

    let second = world.store(&[]);
    let ids: Vec<String> = stores.list().into_iter().map(|store| store.unwrap().id).collect();
    assert_eq!(ids, [second.id.clone(), store.id.clone()]);

    // A deleted file is removed from its vector stores.
    world.client.files().delete(&bread).send().unwrap();
    let left = stores.retrieve(&store).send().unwrap();
    assert_eq!(counts(&left), [0, 1, 0, 0, 1]);
    assert!(world.search(&store, "bread").is_empty());

    assert!(stores.delete(&store).send().unwrap().deleted);
    assert_eq!(stores.retrieve(&store).send().map_err(status).unwrap_err(), Some(404));
    assert_eq!(
        stores.search(&store, "x").send().map_err(status).unwrap_err(),
        Some(404)
    );
    assert!(world.client.files().retrieve(&work).send().is_ok(), "the files stay");
}

#[test]
fn finds_the_right_passage() {
    let world = world();
    let (bread, work) = (world.file("bread.md", BAKING), world.file("work.md", TESTING));
    let store = world.store(&[&bread, &work]);
    for (query, want) in [
        ("How do I run the tests?", "work.md"),
        ("testing", "work.md"),
        ("BAKED", "bread.md"),
        ("how hot is the oven for bread, in degrees?", "bread.md"),
    ] {
        let found = world.search(&store, query);
        assert_eq!(found[0].0, want, "{query}: {found:?}");
        assert!(found.iter().all(|(_, score)| (0.0..=1.0).contains(score)), "{found:?}");
    }
    assert!(world.search(&store, "submarine").is_empty());
    let results = world.client.vector_stores().search(&store, "knead").send().unwrap();
    assert_eq!(results.search_query, ["knead"]);
    assert_eq!(
        (
            &results.data[0].file_id,
            results.data[0].text().contains("Knead the dough")
        ),
        (&bread.id, true)
    );

    let both = || SearchVectorStore::new(["knead dough", "cargo tests"]);
    assert_eq!(world.search(&store, both()).len(), 2);
    assert_eq!(world.search(&store, both().max_num_results(1)).len(), 1);
    let strict = SearchRankingOptions::default().score_threshold(0.9);
    assert_eq!(world.search(&store, both().ranking_options(strict)).len(), 2);
    let partly = SearchVectorStore::new("cargo submarine dive")
        .ranking_options(SearchRankingOptions::default().score_threshold(0.5));
    assert!(world.search(&store, partly).is_empty());
    let too_many = SearchVectorStore::new("x").max_num_results(51);
    let refused = world.client.vector_stores().search(&store, too_many).send();
    assert_eq!(refused.map_err(status).unwrap_err(), Some(400));
}

#[test]
fn filters_by_attributes() {
    let world = world();
    let store = world.store(&[]);
    let files = world.client.vector_store_files(&store);
    let add = |name: &str, year: i64, lang: &str| {
        let file = world.file(name, "the same words");
        let attributes = [
            ("year", AttributeValue::from(year)),
            ("lang", lang.into()),
            ("ok", true.into()),
        ];
        let params = CreateVectorStoreFile::new(&file).attributes(attributes);
        let added = files.create(params).send().unwrap();
        let done = files.poll(&added).send().unwrap();
        assert_eq!(done.status, VectorStoreFileStatus::Completed);
        done
    };
    let (a, _b, _c) = (add("a", 2020, "en"), add("b", 2022, "ru"), add("c", 2024, "en"));
    let found = |filter: Filter| {
        let mut names: Vec<String> = world
            .search(&store, SearchVectorStore::new("words").filters(filter))
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        names.sort();
        names.concat()
    };
    assert_eq!(found(Filter::eq("lang", "en")), "ac");
    assert_eq!(found(Filter::compare("gte", "year", 2022)), "bc");
    assert_eq!(
        found(Filter::all([
            Filter::eq("lang", "en"),
            Filter::compare("gt", "year", 2020)
        ])),
        "c"
    );
    assert_eq!(
        found(Filter::any([Filter::eq("lang", "ru"), Filter::eq("year", 2020)])),
        "ab"
    );
    assert_eq!(
        found(Filter::compare("in", "year", vec![2020.into(), 2024.into()])),
        "ac"
    );
    assert_eq!(found(Filter::eq("ok", false)), "");
    let deep = (0..20).fold(Filter::eq("year", 1), |inner, _| Filter::all([inner]));
    for (wrong, param, what) in [
        (Filter::compare("in", "year", 1), "filters", "'year'"),
        (Filter::compare("eq", "year", vec![1.into()]), "filters", "'eq'"),
        (Filter::compare("near", "year", 1), "filters.type", "'near'"),
        (
            Filter::any([Filter::compare("near", "year", 1)]),
            "filters.filters[0].type",
            "'near'",
        ),
        (deep, "filters", "nested"),
    ] {
        let search = SearchVectorStore::new("x").filters(wrong);
        let refused = world.client.vector_stores().search(&store, search).send();
        let Err(Error::Api(error)) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(
            (error.status, error.param.as_deref()),
            (Some(400), Some(param)),
            "{error}"
        );
        assert!(error.message.contains(what), "{error}");
    }

    let changed = files
        .update(&a, UpdateVectorStoreFile::default().attributes([("lang", "de")]))
        .send()
        .unwrap();
    assert_eq!(
        changed.attributes.unwrap(),
        BTreeMap::from([("lang".to_owned(), "de".into())])
    );
    assert_eq!(found(Filter::eq("lang", "en")), "c");
}

#[test]
fn files_of_a_store() {
    let world = world();
    let store = world.store(&[]);
    let files = world.client.vector_store_files(&store);
    for (name, bytes, want) in [
        ("a.doc", &b"PK"[..], Some(VectorStoreFileErrorCode::UnsupportedFile)),
        ("a.txt", b"\xff\x00", Some(VectorStoreFileErrorCode::InvalidFile)),
        ("a.html", b"<p>Some <b>words</b></p>", None),
        ("a.rs", b"fn main() {}", None),
    ] {
        let file = files.upload_and_poll(FileSource::bytes(name, bytes)).send().unwrap();
        let failed = want.is_some();
        assert_eq!(file.status == VectorStoreFileStatus::Failed, failed, "{name}: {file:?}");
        assert_eq!(file.last_error.map(|error| error.code), want, "{name}");
        assert_eq!(file.usage_bytes == 0, failed);
    }
    let names = |call: ListCall<VectorStoreFile>| -> Vec<String> {
        let name = |file: VectorStoreFile| world.client.files().retrieve(&file).send().unwrap().filename;
        call.into_iter().map(|file| name(file.unwrap())).collect()
    };
    assert_eq!(
        names(files.list().order("asc").limit(3)),
        ["a.doc", "a.txt", "a.html", "a.rs"]
    );
    assert_eq!(names(files.list().filter("failed")), ["a.txt", "a.doc"]);
    assert_eq!(names(files.list().filter("completed").limit(1)), ["a.rs", "a.html"]);
    assert_eq!(
        files.list().filter("lost").send().map_err(status).unwrap_err(),
        Some(400)
    );

    let text: Vec<String> = (0..250).map(|number| format!("w{number}")).collect();
    let file = world.file("long.txt", text.join(" "));
    let params = CreateVectorStoreFile::new(&file).chunking_strategy(ChunkingStrategy::fixed(100, 50));
    let long = files.create_and_poll(params).send().unwrap();
    let content = files.content(&long).send().unwrap();
    let chunks: Vec<&str> = content.data.iter().map(|part| part.text.as_deref().unwrap()).collect();
    assert_eq!(chunks.len(), 4);
    assert!(chunks[0].starts_with("w0 ") && chunks[0].ends_with(" w99"));
    assert!(chunks[3].starts_with("w150 ") && chunks[3].ends_with(" w249"));
    let wide = CreateVectorStoreFile::new(&file).chunking_strategy(ChunkingStrategy::fixed(100, 51));
    assert_eq!(files.create(wide).send().map_err(status).unwrap_err(), Some(400));

    assert!(files.delete(&long).send().unwrap().deleted);
    assert_eq!(files.retrieve(&long).send().map_err(status).unwrap_err(), Some(404));
    assert!(
        world.client.files().retrieve(&file).send().is_ok(),
        "the file itself stays"
    );
    assert_eq!(
        counts(&world.client.vector_stores().retrieve(&store).send().unwrap()),
        [0, 2, 2, 0, 4]
    );
    let unknown = files.create(CreateVectorStoreFile::new("file-none")).send();
    assert_eq!(unknown.map_err(status).unwrap_err(), Some(404));
}

#[test]
fn batches_report_what_failed() {
    let world = world();
    let store = world.store(&[]);
    let batches = world.client.vector_store_batches(&store);
    let mut sources: Vec<FileSource> = (0..12)
        .map(|number| FileSource::bytes(format!("{number}.txt"), format!("number {number}")))
        .collect();
    sources.insert(3, "no/such/file.txt".into());
    sources.push(FileSource::bytes("x.zip", "PK"));
    let earlier = world.file("earlier.txt", "was there");
    let done = batches
        .upload_and_poll(sources)
        .file_ids([&earlier.id])
        .parallel(3)
        .send()
        .unwrap();
    assert_eq!(done.failed.len(), 1, "{:?}", done.failed);
    let batch = done.batch.unwrap();
    assert_eq!(batch.status, VectorStoreFileBatchStatus::Completed);
    assert_eq!(
        (
            batch.file_counts.completed,
            batch.file_counts.failed,
            batch.file_counts.total
        ),
        (13, 1, 14)
    );
    let names: Vec<&str> = done.files.iter().map(|file| file.filename.as_str()).collect();
    assert_eq!((names.len(), names[0], names[12]), (13, "0.txt", "x.zip"));
    let [failed] = &done.failed[..] else {
        panic!("{:?}", done.failed)
    };
    assert!(matches!(&failed.error, Error::File(error) if error.kind == FileErrorKind::NotFound));
    assert_eq!(failed.to_string(), "file.txt: no/such/file.txt: there is no such file");

    assert_eq!(batches.retrieve(&batch).send().unwrap(), batch);
    let ids =
        |call: ListCall<VectorStoreFile>| -> Vec<String> { call.into_iter().map(|file| file.unwrap().id).collect() };
    let mut want = vec![earlier.id.clone()];
    want.extend(done.files.iter().map(|file| file.id.clone()));
    assert_eq!(ids(batches.list_files(&batch).order("asc").limit(4)), want);
    assert_eq!(ids(batches.list_files(&batch).filter("failed")), want[13..]);
    let page = batches
        .list_files(&batch)
        .order("asc")
        .before(&want[5])
        .limit(2)
        .send()
        .unwrap();
    let page: Vec<String> = page.data.into_iter().map(|file| file.id).collect();
    assert_eq!(page, want[3..5]);
    assert_eq!(batches.cancel(&batch).send().map_err(status).unwrap_err(), Some(400));

    let each = CreateVectorStoreFile::new(&earlier).attributes([("kind", "old")]);
    let begun = batches.create(CreateVectorStoreFileBatch::default().files([each]));
    let again = batches.poll(&begun.send().unwrap()).send().unwrap();
    assert!(again.is_complete());
    assert_eq!(ids(batches.list_files(&again)), [earlier.id.as_str()]);
    let nothing = batches.create(CreateVectorStoreFileBatch::default()).send();
    assert_eq!(nothing.map_err(status).unwrap_err(), Some(400));
    let none = batches.upload_and_poll(["no/such/file"]).send().unwrap();
    assert!(none.batch.is_none() && none.failed.len() == 1);
}

#[test]
fn too_many_files_for_a_batch_are_split() {
    let world = world();
    let store = world.store(&[]);
    let sources = (0..5).map(|number| FileSource::bytes(format!("{number}.txt"), "words"));
    let earlier = world.file("earlier.txt", "was there");
    let call = world.client.vector_store_batches(&store).upload_and_poll(sources);
    let done = call
        .file_ids([&earlier.id])
        .files_per_batch(4)
        .idempotency_key("one")
        .send()
        .unwrap();
    let totals = |batch: &VectorStoreFileBatch| (batch.status.clone(), batch.file_counts.completed);
    assert_eq!(
        (
            totals(&done.batch.unwrap()),
            done.further_batches.iter().map(totals).collect::<Vec<_>>()
        ),
        (
            (VectorStoreFileBatchStatus::Completed, 4),
            vec![(VectorStoreFileBatchStatus::Completed, 2)]
        )
    );
    let store = world.client.vector_stores().retrieve(&store).send().unwrap();
    assert_eq!(counts(&store), [0, 6, 0, 0, 6]);
}

/// Three of them are reported, and the others are in the store.
#[test]
fn ten_thousand_files_are_added_except_unreadable_ones() {
    let count = 10_000;
    let world = world();
    let store = world.store(&[]);
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.txt");
    std::fs::write(&empty, "").unwrap();
    let bad = [
        (0, folder.path().join("missing.txt"), FileErrorKind::NotFound),
        (count / 2, folder.path().to_owned(), FileErrorKind::NotAFile),
        (count - 1, empty, FileErrorKind::Empty),
    ];
    let mut sources: Vec<FileSource> = (0..count)
        .map(|number| FileSource::bytes(format!("{number}.txt"), format!("word{number}")))
        .collect();
    for (number, path, _) in &bad {
        sources[*number] = path.into();
    }
    let done = world
        .client
        .vector_store_batches(&store)
        .upload_and_poll(sources)
        .send()
        .unwrap();
    let failed: Vec<(String, FileErrorKind)> = done
        .failed
        .iter()
        .map(|failed| match &failed.error {
            Error::File(error) => (error.name.clone(), error.kind),
            other => panic!("{other:?}"),
        })
        .collect();
    let wanted = bad.map(|(_, path, kind)| (path.display().to_string(), kind));
    assert_eq!(failed, wanted);
    let good = count - wanted.len();
    assert_eq!(
        (done.files.len(), 1 + done.further_batches.len()),
        (good, good.div_ceil(2000))
    );
    let store = world.client.vector_stores().retrieve(&store).send().unwrap();
    let good = i64::try_from(good).unwrap();
    assert_eq!(counts(&store), [0, good, 0, 0, good]);
    let late = count - 2;
    assert_eq!(world.search(&store, format!("word{late}"))[0].0, format!("{late}.txt"));
}

#[test]
fn a_run_quotes_and_cites_the_right_file() {
    let world = world();
    let (bread, work) = (world.file("bread.md", BAKING), world.file("work.md", TESTING));
    let store = world.store(&[&bread, &work]);
    let params = CreateAssistant::new("scripted")
        .tool(Tool::file_search())
        .body(json!({"file_search": {"vector_store_ids": [store.id]}}));
    let assistant = world.client.assistants().create(params).send().unwrap();
    let thread = CreateThread::default().message(CreateMessage::user("How do I run the tests?"));
    let thread = world.client.threads().create(thread).send().unwrap();
    let mut stream = world
        .client
        .runs(&thread)
        .stream(CreateRun::new(&assistant))
        .send()
        .unwrap();
    let mut streamed = Vec::new();
    let mut names = Vec::new();
    for event in &mut stream {
        let event = event.unwrap();
        names.push(event.name().to_owned());
        if let StreamEvent::MessageDelta(delta) = event {
            for part in delta.delta.content.into_iter().flatten() {
                if let MessageDeltaContent::Text(part) = part {
                    streamed.extend(part.text.and_then(|text| text.annotations).unwrap_or_default());
                }
            }
        }
    }
    let finished = stream.finish().unwrap().completed().unwrap();
    let text = finished.text();
    assert!(
        text.starts_with("work.md:\nRun the tests with cargo test. 【1:0†source】"),
        "{text}"
    );
    assert!(!text.contains("Bake"), "{text}");
    let annotations: Vec<Annotation> = finished.messages[0].annotations().cloned().collect();
    let [Annotation::FileCitation(citation)] = &annotations[..] else {
        panic!("{annotations:?}")
    };
    assert_eq!(citation.file_citation.file_id, work.id);
    let marked: String = text
        .chars()
        .skip(usize::try_from(citation.start_index).unwrap())
        .take(usize::try_from(citation.end_index - citation.start_index).unwrap())
        .collect();
    assert_eq!(
        (marked.as_str(), citation.text.as_str()),
        ("【1:0†source】", "【1:0†source】")
    );
    let [AnnotationDelta::FileCitation(streamed)] = &streamed[..] else {
        panic!("{streamed:?}")
    };
    assert_eq!(streamed.start_index, Some(citation.start_index));
    assert_eq!(
        names[..7],
        [
            "thread.run.created",
            "thread.run.queued",
            "thread.run.in_progress",
            "thread.run.step.created",
            "thread.run.step.in_progress",
            "thread.run.step.delta",
            "thread.run.step.completed",
        ]
    );

    let run = &finished.run;
    let steps = world.client.run_steps(&thread, run);
    let of_search = |call: ListCall<RunStep>| -> RunStep {
        let mut steps = call.into_iter().map(Result::unwrap);
        steps.find(|step| step.type_ == RunStepType::ToolCalls).unwrap()
    };
    let contents = |step: &RunStep| -> Vec<bool> {
        let [StepToolCall::FileSearch(call)] = step.tool_calls() else {
            panic!("{step:?}")
        };
        let results = call.file_search.results.iter().flatten();
        results.map(|result| result.content.is_some()).collect()
    };
    let content = RunInclude::StepDetailsToolCallsFileSearchResultsContent;
    let step = of_search(steps.list());
    assert_eq!(contents(&step), [false]);
    assert_eq!(contents(&of_search(steps.list().include(content.clone()))), [true]);
    assert_eq!(contents(&steps.retrieve(&step).send().unwrap()), [false]);
    assert_eq!(
        contents(&steps.retrieve(&step).include(content).send().unwrap()),
        [true]
    );
}

#[test]
fn attached_files_are_searched_too() {
    let world = world();
    let work = world.file("work.md", TESTING);
    let assistant = CreateAssistant::new("scripted").tool(Tool::file_search());
    let assistant = world.client.assistants().create(assistant).send().unwrap();
    let ask = |message: CreateMessage| {
        let thread = CreateThread::default().message(message);
        let thread = world.client.threads().create(thread).send().unwrap();
        let run = CreateRun::new(&assistant);
        let stream = world.client.runs(&thread).stream(run).send().unwrap();
        (thread, stream.finish().unwrap().completed().unwrap().text())
    };
    let attachment = json!({"file_id": work.id, "tools": [{"type": "file_search"}]});
    let attachment = serde_json::from_value::<assistants_blocking::openai::Attachment>(attachment).unwrap();
    let (thread, text) = ask(CreateMessage::user("run tests").attachments([attachment]));
    assert!(text.contains("cargo test"), "{text}");
    let thread = world.client.threads().retrieve(&thread).send().unwrap();
    let stores = thread
        .tool_resources
        .unwrap()
        .file_search
        .unwrap()
        .vector_store_ids
        .unwrap();
    let store = world.client.vector_stores().retrieve(&stores[0]).send().unwrap();
    assert!(store.expires_after.is_some());

    let (_, text) = ask(CreateMessage::user("run tests"));
    assert_eq!(text, "The attached files say nothing about it.");
}

/// Gives an assistant its tool resources.
trait WithResources {
    fn body(self, resources: serde_json::Value) -> Self;
}

impl WithResources for CreateAssistant {
    fn body(self, resources: serde_json::Value) -> Self {
        let resources: assistants_blocking::openai::CreateToolResources = serde_json::from_value(resources).unwrap();
        self.tool_resources(resources)
    }
}

/// Failures after the uploads: the creation of a batch, or the wait for it.
#[test]
fn no_id_is_lost_if_the_batch_of_uploads_fails() {
    for (fails, batches) in [("POST", 0), ("GET", 1)] {
        let uploads = std::sync::atomic::AtomicU32::new(0);
        let peer = Peer::serve(move |request| {
            let body = if request.target.starts_with("/v1/files") {
                let number = uploads.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                format!(r#"{{"id":"file-{number}","filename":"f","bytes":1}}"#)
            } else if request.method == fails {
                let refusal = Response::new("400 Bad Request").body(r#"{"error":{"message":"no room"}}"#);
                return vec![refusal.into()];
            } else {
                r#"{"id":"batch_1","vector_store_id":"vs_1","status":"in_progress"}"#.to_owned()
            };
            vec![Response::json(&body).into()]
        });
        let client = assistants_blocking::openai::Client::builder()
            .base_url(peer.url("/v1"))
            .build()
            .unwrap();
        let sources = ["a", "b", "c"].map(|name| FileSource::bytes(name, "words"));
        let call = client.vector_store_batches("vs_1").upload_and_poll(sources);
        let error = call.file_ids(["file-earlier"]).parallel(1).send().unwrap_err();
        assert_eq!((error.status(), error.is_retryable()), (Some(400), false));
        let Error::BatchUpload(error) = error else {
            panic!("{error:?}")
        };
        let ids: Vec<&str> = error.done.files.iter().map(|file| file.id.as_str()).collect();
        assert_eq!(ids, ["file-0", "file-1", "file-2"]);
        assert_eq!(error.done.batch.iter().count(), batches, "{fails}");
        assert!(
            std::error::Error::source(&*error)
                .unwrap()
                .to_string()
                .contains("no room")
        );
        peer.finish();
    }
}
