//! Access control: programs of this machine, clients with the key, and web pages of allowed origins only.

use std::net::SocketAddr;

use assistants_local::{Builder, Error, LocalServer};

use super::raw::{Raw, request};

const JSON: &str = "content-type: application/json\r\n";

/// Sends requests to both protocols, and expects the same status from both.
#[track_caller]
fn check(address: SocketAddr, method: &str, headers: &str, body: &str, want: u16) {
    for path in ["/v1/threads", "/users/v1/users?folderId=f"] {
        let (openai, method_, body) = (path.starts_with("/v1"), method, body);
        // Each protocol has its own operation for the method.
        let path = match (openai, method) {
            (true, "GET") => "/v1/assistants",
            _ => path,
        };
        let (status, response) = request(address, method_, path, headers, body);
        // The gateway of the Yandex protocol uses 400 for anything wrong with a body.
        let want = if !openai && want == 415 { 400 } else { want };
        assert_eq!(status, want, "{path} {headers:?} {body:?}: {response}");
        let is_page = response.contains("access-control-allow-origin");
        assert!(!is_page, "{response}");
        if want >= 400 {
            let shape = if openai { "{\"error\":{" } else { "{\"code\":" };
            assert!(response.contains(shape), "{response}");
        }
    }
}

fn start(builder: Builder) -> (LocalServer, SocketAddr) {
    let server = builder.start().unwrap();
    let address = server.address();
    (server, address)
}

#[test]
fn without_a_key_only_names_of_this_machine_are_accepted() {
    let (_server, address) = start(LocalServer::builder());
    let port = address.port();
    for (host, want) in [
        ("localhost".to_owned(), 200),
        (format!("localhost:{port}"), 200),
        (format!("LOCALHOST:{port}"), 200),
        ("localhost.".to_owned(), 200),
        ("app.localhost:1".to_owned(), 200),
        (format!("127.0.0.1:{port}"), 200),
        ("127.9.8.7".to_owned(), 200),
        (format!("[::1]:{port}"), 200),
        ("evil.example".to_owned(), 403),
        (format!("evil.example:{port}"), 403),
        ("localhost.evil.example".to_owned(), 403),
        ("127.0.0.1.evil.example".to_owned(), 403),
        ("localhost@evil.example".to_owned(), 403),
        ("192.168.0.1".to_owned(), 403),
        (String::new(), 403),
        ("\u{e4}".to_owned(), 403),
    ] {
        let headers = format!("host: {host}\r\n");
        check(address, "GET", &headers, "", want);
        check(
            address,
            "POST",
            &format!("{headers}{JSON}"),
            r#"{"folderId":"f"}"#,
            want,
        );
    }
    check(address, "GET", "", "", 403);
    check(address, "GET", "host: localhost\r\nhost: evil.example\r\n", "", 403);
    // The request target can name a host as well.
    let (status, _) = request(
        address,
        "GET",
        "http://evil.example/v1/assistants",
        "host: localhost\r\n",
        "",
    );
    assert_eq!(status, 403);
}

/// The resolver accepts `127.1`, but the server does not recognize it as an address of this machine.
#[cfg(unix)]
#[test]
fn the_host_name_of_the_listen_address_is_accepted() {
    let (_server, address) = start(LocalServer::builder().bind("127.1:0"));
    check(address, "GET", "host: 127.1\r\n", "", 200);
    check(address, "GET", "host: other\r\n", "", 403);
    let (_server, address) = start(LocalServer::builder());
    check(address, "GET", "host: 127.1\r\n", "", 403);
}

#[test]
fn without_a_key_pages_of_other_origins_are_rejected() {
    let (_server, address) = start(LocalServer::builder());
    let own = format!("http://{address}");
    for (origin, want) in [
        (own.as_str(), 200),
        ("https://evil.example", 403),
        ("http://localhost:3000", 403),
        ("http://127.0.0.1", 403),
        ("null", 403),
        ("", 403),
        ("\u{e4}", 403),
    ] {
        let headers = format!("host: {address}\r\norigin: {origin}\r\n");
        check(address, "GET", &headers, "", want);
        check(
            address,
            "POST",
            &format!("{headers}{JSON}"),
            r#"{"folderId":"f"}"#,
            want,
        );
    }
    // Browsers that omit the origin still send this header.
    for (site, post) in [
        ("cross-site", 403),
        ("same-site", 403),
        ("same-origin", 200),
        ("none", 200),
    ] {
        let headers = format!("host: {address}\r\nsec-fetch-site: {site}\r\n");
        check(address, "GET", &headers, "", 200);
        check(
            address,
            "POST",
            &format!("{headers}{JSON}"),
            r#"{"folderId":"f"}"#,
            post,
        );
    }
    // A preflight request from another origin is rejected like any other request.
    let headers = format!("host: {address}\r\norigin: https://evil.example\r\naccess-control-request-method: POST\r\n");
    check(address, "OPTIONS", &headers, "", 403);
}

#[test]
fn without_a_key_bodies_require_a_type_with_preflight() {
    let (_server, address) = start(LocalServer::builder());
    for (content_type, want) in [
        ("content-type: application/json\r\n", 200),
        ("content-type: Application/JSON; charset=utf-8\r\n", 200),
        ("content-type: application/merge-patch+json\r\n", 200),
        ("content-type: text/plain\r\n", 415),
        ("content-type: text/plain; application/json\r\n", 415),
        ("content-type: application/x-www-form-urlencoded\r\n", 415),
        ("content-type: multipart/form-data; boundary=x\r\n", 415),
        ("content-type: \r\n", 415),
        ("", 415),
    ] {
        let headers = format!("host: localhost\r\n{content_type}");
        check(address, "POST", &headers, r#"{"folderId":"f"}"#, want);
    }
    // A request without a body needs no content type.
    let (status, _) = request(address, "POST", "/v1/threads", "host: localhost\r\n", "");
    assert_eq!(status, 200);
    // An operation that expects a form accepts nothing else.
    for (content_type, want) in [
        ("multipart/form-data; boundary=x", 200),
        ("application/json", 400),
        ("text/plain", 415),
    ] {
        let form = "--x\r\ncontent-disposition: form-data; name=purpose\r\n\r\nassistants\r\n\
                    --x\r\ncontent-disposition: form-data; name=file; filename=a\r\n\r\ntext\r\n--x--";
        let headers = format!("host: localhost\r\ncontent-type: {content_type}\r\n");
        let (status, response) = request(address, "POST", "/v1/files", &headers, form);
        assert_eq!(status, want, "{response}");
    }
}

#[test]
fn with_a_key_only_the_key_matters() {
    let (_server, address) = start(LocalServer::builder().api_key("secret"));
    let page = "host: evil.example\r\norigin: https://evil.example\r\ncontent-type: text/plain\r\n";
    for key in [
        "authorization: Bearer secret",
        "authorization: Api-Key secret",
        "api-key: secret",
    ] {
        let headers = format!("{page}{key}\r\n");
        check(address, "GET", &headers, "", 200);
        check(address, "POST", &headers, r#"{"folderId":"f"}"#, 200);
    }
    check(address, "GET", page, "", 401);
    check(address, "POST", page, r#"{"folderId":"f"}"#, 401);
}

#[test]
fn white_space_around_a_key_is_ignored() {
    for key in ["secret\n", " secret", "secret\r\n", "\tsecret "] {
        let (_server, address) = start(LocalServer::builder().api_key(key));
        check(address, "GET", "host: a\r\nauthorization: Bearer secret\r\n", "", 200);
        check(address, "GET", "host: a\r\nauthorization: Bearer secre\r\n", "", 401);
    }
    for key in ["", " ", "\n"] {
        assert!(matches!(
            LocalServer::builder().api_key(key).start(),
            Err(Error::EmptyKey)
        ));
    }
}

#[test]
fn pages_of_allowed_origins_get_responses() {
    for key in [None, Some("secret")] {
        let mut builder = LocalServer::builder()
            .allow_origin("http://localhost:3000")
            .allow_origin("https://App.example/");
        if let Some(key) = key {
            builder = builder.api_key(key);
        }
        let (_server, address) = start(builder);
        let authorization = key.map_or(String::new(), |key| format!("authorization: Bearer {key}\r\n"));
        for (origin, allowed) in [
            ("http://localhost:3000", true),
            ("https://app.example", true),
            ("http://localhost:3001", false),
            ("https://app.example.evil.example", false),
        ] {
            let headers = format!("host: localhost\r\norigin: {origin}\r\n");
            let asked = "access-control-request-method: POST\r\n\
                         access-control-request-headers: authorization,x-stainless-os\r\n";
            for path in ["/v1/threads", "/assistants/v1/threads"] {
                // Preflight requests carry no key.
                let (status, response) = request(address, "OPTIONS", path, &format!("{headers}{asked}"), "");
                assert_eq!(status == 204, allowed, "{response}");
                let says = |line: &str| response.contains(&format!("{line}\r\n"));
                assert_eq!(
                    says(&format!("access-control-allow-origin: {origin}")),
                    allowed,
                    "{response}"
                );
                assert_eq!(
                    says("access-control-allow-headers: authorization,x-stainless-os"),
                    allowed,
                    "{response}"
                );
                assert_eq!(says("vary: origin"), allowed, "{response}");
            }
            let headers = format!("{headers}{authorization}");
            let (status, response) = request(address, "GET", "/v1/assistants", &headers, "");
            // With the key the request is executed, but no page may read the response.
            assert_eq!(status == 200, allowed || key.is_some(), "{response}");
            let says = response.contains(&format!("access-control-allow-origin: {origin}\r\n"));
            assert_eq!(says, allowed, "{response}");
        }
        // Pages can read error responses as well.
        let headers = "host: localhost\r\norigin: http://localhost:3000\r\n";
        let (status, response) = request(address, "GET", "/v1/nowhere", headers, "");
        assert_eq!(status, if key.is_some() { 401 } else { 404 });
        assert!(response.contains("access-control-allow-origin: http://localhost:3000\r\n"));
    }
}

#[test]
fn an_invalid_origin_cannot_be_allowed() {
    for origin in ["", "null", "localhost:3000", "http://a/b", "*"] {
        let refused = LocalServer::builder().allow_origin(origin).start().unwrap_err();
        assert!(matches!(refused, Error::Origin { .. }), "{refused}");
    }
    let (_server, address) = start(LocalServer::builder().api_key("secret").allow_origin("*"));
    let headers = "host: a\r\norigin: https://any.example\r\nauthorization: Bearer secret\r\n";
    let (status, response) = request(address, "GET", "/v1/assistants", headers, "");
    assert_eq!(status, 200);
    assert!(response.contains("access-control-allow-origin: https://any.example\r\n"));
}

/// Sends bytes on a connection of their own, and returns everything that the server sends until it closes it.
fn exchange(address: SocketAddr, bytes: &str) -> String {
    let mut raw = Raw::connect(address);
    raw.send(bytes);
    raw.read_to_end()
}

#[test]
fn a_request_rejected_by_its_head_keeps_its_connection_usable() {
    let (_server, address) = start(LocalServer::builder().api_key("secret"));
    let next = "GET /v1/assistants HTTP/1.1\r\nhost: a\r\nauthorization: Bearer secret\r\nconnection: close\r\n\r\n";
    let key = "authorization: Bearer secret\r\n";
    for (path, headers, want) in [
        ("/v1/threads", "", 401),
        ("/users/v1/users", "", 401),
        ("/v1/nowhere", key, 404),
        ("/users/v1/nowhere", key, 404),
    ] {
        let head = format!("POST {path} HTTP/1.1\r\nhost: a\r\n{JSON}{headers}");
        // The server does not have the whole body when it rejects the request.
        let body = " ".repeat(60_000);
        let responses = exchange(
            address,
            &format!("{head}content-length: {}\r\n\r\n{body}{next}", body.len()),
        );
        assert!(
            responses.starts_with(&format!("HTTP/1.1 {want} ")),
            "{path}: {responses}"
        );
        assert!(responses.contains("HTTP/1.1 200 "), "{path}: {responses}");
        // A body that does not arrive, and one that is too long to discard.
        for length in [2, 1_000_000] {
            let response = exchange(address, &format!("{head}content-length: {length}\r\n\r\n"));
            assert!(response.starts_with(&format!("HTTP/1.1 {want} ")), "{path}: {response}");
            assert!(response.contains("\r\nconnection: close\r\n"), "{path}: {response}");
        }
    }
}
