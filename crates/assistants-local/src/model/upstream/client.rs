//! Clients for other servers.

use std::time::Duration;

use assistants_blocking::openai::Client;
use assistants_blocking::{Error, Options};

/// How long a server may be silent. Large models on small machines take minutes to read a long prompt, or many texts.
const IDLE_TIMEOUT: Duration = Duration::from_secs(300);

/// Creates a client. The key is sent in the header `key_header`, or as `Authorization: Bearer` if there is none.
pub(crate) fn client(
    url: &str,
    key: Option<String>,
    key_header: Option<String>,
    options: Options,
) -> Result<Client, Error> {
    let mut options = options.idle_timeout(IDLE_TIMEOUT);
    let mut builder = Client::builder().base_url(url);
    match (key, key_header) {
        (Some(key), Some(header)) => options = options.header(header, key),
        (Some(key), None) => builder = builder.api_key(key),
        (None, _) => {}
    }
    Ok(builder.build()?.with_options(options))
}
