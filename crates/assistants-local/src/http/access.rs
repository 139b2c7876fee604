//! Access control: who may send requests to this server.
//!
//! With an API key, whoever sends the key. Without one, any program on this machine. A browser on this machine is the
//! exception: it runs code from elsewhere, and a page of any origin, or of a host name that resolves to this machine
//! (DNS rebinding), can make it send requests here. A server without a key therefore checks what a page cannot forge:
//! the `Host` header, the `Origin` header, and the content type, because a page can send only a few content types to
//! another origin without a preflight request (Fetch standard, "CORS-safelisted request-header").

use std::sync::Arc;

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Version, header};

use super::content_type::{has_form, has_json};
use super::origin::{host_of, is_loopback};
use super::{Origins, Rejection};

/// The header in which some clients, among them those for Azure, send the key.
const KEY_HEADER: HeaderName = HeaderName::from_static("api-key");

/// The header by which browsers state the relation between a page and the target of its request, even if they omit
/// `Origin`.
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The access rules of one server.
pub(super) struct Access {
    key: Option<Arc<str>>,
    origins: Origins,
    /// The host that the server was configured to listen on. It is accepted in `Host`, as the operator chose it.
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

    /// Checks the head of a request: the key if there is one, else the host and the origin.
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
        // The host of an absolute target overrides the header (RFC 9112, section 3.2.2). Checking both is simpler than
        // choosing, and no honest client sends two that differ.
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
        // Browsers can omit `Origin` and still send `Sec-Fetch-Site`. Safe methods are exempt, so that links to the
        // server work.
        let site = parts.headers.get(FETCH_SITE).map(HeaderValue::as_bytes);
        let is_foreign = matches!(site, Some(site) if site != b"same-origin" && site != b"none");
        if is_foreign && !named && !matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS) {
            return Err(Rejection::Origin("another site".to_owned()));
        }
        Ok(())
    }

    /// Without a key, rejects content types that a page could send to another origin without a preflight request.
    ///
    /// A form is such a type; where the operation expects one, only the check of the origin protects it.
    pub(super) fn check_content_type(&self, parts: &Parts, takes_form: bool) -> Result<(), Rejection> {
        if self.key.is_some() || !has_body(&parts.headers) {
            return Ok(());
        }
        if has_json(&parts.headers) || (takes_form && has_form(&parts.headers)) {
            return Ok(());
        }
        let given = parts.headers.get(header::CONTENT_TYPE).map_or_else(
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

/// Compares in a time that does not depend on the position of the first difference.
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
