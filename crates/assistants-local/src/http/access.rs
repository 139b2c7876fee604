//! Who is let in.
//!
//! With a key, whoever has it. Without one, the programs of this machine; but a browser on this machine runs what other
//! people wrote, and it can be made to send requests here, by a page of any origin or under any host name (DNS
//! rebinding). So without a key the server looks at what browsers cannot hide: the host that they name, the origin of
//! the page, and a content type that a page may not send to another origin without asking first (Fetch standard,
//! "CORS-safelisted request-header").

use std::sync::Arc;

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Version, header};

use super::form::is_form;
use super::origin::{host_of, is_loopback};
use super::{Origins, Rejection};

/// Where some clients put the key, those of Azure among them.
const KEY_HEADER: HeaderName = HeaderName::from_static("api-key");

/// How browsers say where a request comes from, also when they name no origin.
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The rules of one server.
pub(super) struct Access {
    key: Option<Arc<str>>,
    origins: Origins,
    /// The host that the server was configured to listen on. Whoever chose it may use it.
    bound_to: String,
}

impl std::fmt::Debug for Access {
    /// Shows everything but the key.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Access")
            .field("has_key", &self.key.is_some())
            .field("origins", &self.origins)
            .finish_non_exhaustive()
    }
}

impl Access {
    pub(super) fn new(key: Option<&str>, origins: Origins, bound_to: &str) -> Self {
        Self {
            key: key.map(Arc::from),
            origins,
            bound_to: host_of(bound_to).unwrap_or_default().to_owned(),
        }
    }

    pub(super) fn allows_origin(&self, origin: &str) -> bool {
        self.origins.allow(origin)
    }

    /// Looks at the head of a request.
    pub(super) fn check(&self, parts: &Parts, needs_key: bool) -> Result<(), Rejection> {
        match &self.key {
            Some(key) if needs_key => check_key(&parts.headers, key),
            Some(_) => Ok(()),
            None => {
                self.check_host(parts)?;
                self.check_origin(parts)
            }
        }
    }

    fn check_host(&self, parts: &Parts) -> Result<(), Rejection> {
        let refused = |host: &[u8]| Err(Rejection::Host(host.escape_ascii().to_string()));
        let mut hosts: Vec<&[u8]> = parts
            .headers
            .get_all(header::HOST)
            .iter()
            .map(HeaderValue::as_bytes)
            .collect();
        // A target with a host takes the place of the header (RFC 9112, section 3.2.2); here both must be right.
        let target = parts.uri.authority().map(|authority| authority.as_str().as_bytes());
        if hosts.len() > 1 || (hosts.is_empty() && parts.version > Version::HTTP_10) {
            return refused(&hosts.join(&b", "[..]));
        }
        hosts.extend(target);
        for host in hosts {
            let name = std::str::from_utf8(host).ok().and_then(host_of);
            let is_own = |name: &str| is_loopback(name) || name.eq_ignore_ascii_case(&self.bound_to);
            if !name.is_some_and(is_own) {
                return refused(host);
            }
        }
        Ok(())
    }

    fn check_origin(&self, parts: &Parts) -> Result<(), Rejection> {
        let is_own = |origin: &str| {
            let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
            host.is_some_and(|host| {
                origin
                    .strip_prefix("http://")
                    .is_some_and(|rest| rest.eq_ignore_ascii_case(host))
            })
        };
        let mut named = false;
        for origin in parts.headers.get_all(header::ORIGIN) {
            named = true;
            if !origin
                .to_str()
                .is_ok_and(|origin| is_own(origin) || self.allows_origin(origin))
            {
                return Err(Rejection::Origin(origin.as_bytes().escape_ascii().to_string()));
            }
        }
        // A browser that keeps the origin to itself still says that it is another one. Following a link is no harm.
        let site = parts.headers.get(FETCH_SITE).map(HeaderValue::as_bytes);
        let is_foreign = matches!(site, Some(site) if site != b"same-origin" && site != b"none");
        if is_foreign && !named && !matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS) {
            return Err(Rejection::Origin("another site".to_owned()));
        }
        Ok(())
    }

    /// Without a key, a body must be what a page cannot send to another origin without asking first: JSON, or a form
    /// where one is taken, which is left to the check of the origin.
    pub(super) fn check_content_type(&self, parts: &Parts, takes_form: bool) -> Result<(), Rejection> {
        if self.key.is_some() || !has_body(&parts.headers) {
            return Ok(());
        }
        let given = parts.headers.get(header::CONTENT_TYPE);
        let text = given.and_then(|value| value.to_str().ok()).unwrap_or_default();
        if is_json(text) || (takes_form && is_form(text)) {
            return Ok(());
        }
        let given = given.map_or_else(
            || "missing".to_owned(),
            |given| format!("`{}`", given.as_bytes().escape_ascii()),
        );
        Err(Rejection::ContentType {
            wanted: if takes_form {
                "`multipart/form-data`"
            } else {
                "`application/json`"
            },
            given,
        })
    }
}

fn has_body(headers: &HeaderMap) -> bool {
    let length = headers.get(header::CONTENT_LENGTH).map(HeaderValue::as_bytes);
    headers.contains_key(header::TRANSFER_ENCODING) || length.is_some_and(|length| length != b"0")
}

/// Whether a content type is JSON, under whatever name.
fn is_json(content_type: &str) -> bool {
    let kind = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

fn check_key(headers: &HeaderMap, key: &str) -> Result<(), Rejection> {
    let header = |name| headers.get(name).map(HeaderValue::as_bytes);
    let token = match (header(header::AUTHORIZATION), header(KEY_HEADER)) {
        // The scheme's name is case-insensitive (RFC 9110, section 11.1).
        (Some(given), _) => {
            let mut words = given.trim_ascii().splitn(2, u8::is_ascii_whitespace);
            let scheme = words.next().unwrap_or_default();
            let is_known = [&b"bearer"[..], b"api-key"]
                .iter()
                .any(|known| known.eq_ignore_ascii_case(scheme));
            words.next().filter(|_| is_known)
        }
        (None, Some(key)) => Some(key),
        (None, None) => return Err(Rejection::KeyMissing),
    };
    match token {
        Some(token) if same(token.trim_ascii(), key.as_bytes()) => Ok(()),
        _ => Err(Rejection::KeyWrong),
    }
}

/// Compares in a time that does not depend on where the two differ.
fn same(given: &[u8], key: &[u8]) -> bool {
    let difference = given
        .iter()
        .zip(key)
        .fold(0, |difference, (one, other)| difference | (one ^ other));
    std::hint::black_box(difference) == 0 && given.len() == key.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compares_keys() {
        assert!(same(b"secret", b"secret"));
        assert!(!same(b"secreT", b"secret"));
        assert!(!same(b"secret2", b"secret"));
        assert!(!same(b"", b"secret"));
    }
}
