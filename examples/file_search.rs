//! Asks a question about files: the files are indexed, an assistant searches them, and its answer cites its sources.
//!
//! ```sh
//! cargo run --example file_search -- README.md ARCHITECTURE.md "How to test the workspace with cargo?"
//! ```
//!
//! Starts a server inside the program, unless `OPENAI_BASE_URL` and `OPENAI_MODEL` name another one and its model.

use std::env;
use std::error::Error;
use std::io::{self, Write};

use assistants_blocking::openai::{
    Annotation, Client, CreateAssistant, CreateFileSearchResources, CreateMessage, CreateRun, CreateThread,
    CreateToolResources, CreateVectorStore, Message, Tool,
};
use assistants_local::LocalServer;

fn main() -> Result<(), Box<dyn Error>> {
    let mut paths: Vec<String> = env::args().skip(1).collect();
    let question = paths
        .pop()
        .filter(|_| !paths.is_empty())
        .ok_or("usage: file_search FILE... QUESTION")?;
    let server = LocalServer::builder().start()?;
    let client = match env::var_os("OPENAI_BASE_URL") {
        Some(_) => Client::from_env()?,
        None => Client::builder().base_url(server.base_url()).build()?,
    };
    let model = env::var("OPENAI_MODEL").unwrap_or(server.model_name().to_owned());

    let store = client
        .vector_stores()
        .create(CreateVectorStore::default().name("documents"))
        .send()?;
    let uploaded = client.vector_store_batches(&store).upload_and_poll(&paths).send()?;
    for failed in &uploaded.failed {
        eprintln!("not uploaded: {failed}");
    }
    let batch = uploaded.batch.ok_or("no file could be uploaded")?;
    println!("{} of {} files indexed\n", batch.file_counts.completed, paths.len());

    let stores = CreateFileSearchResources::default().vector_store_id(&store.id);
    let params = CreateAssistant::new(model)
        .tool(Tool::file_search())
        .tool_resources(CreateToolResources::default().file_search(stores));
    let assistant = client.assistants().create(params).send()?;
    let thread = CreateThread::default().message(CreateMessage::user(question));
    let thread = client.threads().create(thread).send()?;

    let mut stream = client.runs(&thread).stream(CreateRun::new(&assistant)).send()?;
    while let Some(text) = stream.next_text() {
        print!("{}", text?);
        io::stdout().flush()?;
    }
    println!("\n");
    let finished = stream.finish()?.completed()?;
    for annotation in finished.messages.iter().flat_map(Message::annotations) {
        if let Annotation::FileCitation(citation) = annotation {
            let file = client.files().retrieve(&citation.file_citation.file_id).send()?;
            let (start, end) = (citation.start_index, citation.end_index);
            println!("{} is {}, cited at {start} to {end}", citation.text, file.filename);
        }
    }
    Ok(())
}
