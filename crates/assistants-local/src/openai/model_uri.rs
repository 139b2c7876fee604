//! Model names that are URIs, as for models of Yandex: `gpt://<folder>/<name>/<version>`.

use axum::http::HeaderMap;

/// The scheme of the URIs of chat models.
const SCHEME: &str = "gpt://";

/// Returns whether a model is named by a URI.
pub(super) fn is_uri(model: &str) -> bool {
    model.starts_with(SCHEME)
}

/// Returns the URI of a model in a folder.
pub(super) fn uri(folder: &str, model: &str) -> String {
    format!("{SCHEME}{folder}/{model}/latest")
}

/// Returns the model's name in a URI, or the text itself if it is not a URI.
pub(super) fn name(model: &str) -> &str {
    let path = model.strip_prefix(SCHEME);
    path.and_then(|path| path.split('/').nth(1)).unwrap_or(model)
}

/// Returns the folder named in the header `OpenAI-Project`. Values that begin with `proj_` are projects of OpenAI.
pub(super) fn folder(headers: &HeaderMap) -> Option<&str> {
    let project = headers.get("openai-project")?.to_str().ok()?.trim();
    Some(project).filter(|project| !project.is_empty() && !project.starts_with("proj_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_contains_the_name() {
        assert_eq!(name(&uri("f", "scripted")), "scripted");
        assert_eq!(name("scripted"), "scripted");
        assert_eq!(name("gpt://f"), "gpt://f");
    }
}
