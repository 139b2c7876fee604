//! Lists in both directions, with pages of any size.

use serde_json::{Value, json};

use super::client::{Client, id, serve};

fn ids(page: &Value) -> Vec<String> {
    page["data"].as_array().unwrap().iter().map(id).collect()
}

/// Fetches a list page by page, and returns its ids.
fn walk(client: &Client, path: &str, cursor: &str) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let mut place = String::new();
    loop {
        let page = client.get(&format!("{path}{place}")).ok();
        let ids = ids(&page);
        assert_eq!(page["first_id"].as_str(), ids.first().map(String::as_str));
        assert_eq!(page["last_id"].as_str(), ids.last().map(String::as_str));
        let next = if cursor == "after" { ids.last() } else { ids.first() };
        place = next.map(|id| format!("&{cursor}={id}")).unwrap_or_default();
        if cursor == "after" {
            all.extend(ids);
        } else {
            all.splice(0..0, ids).for_each(drop);
        }
        if page["has_more"] == false {
            return all;
        }
    }
}

#[test]
fn pages_are_contiguous_in_both_directions() {
    let (_server, client) = serve();
    let created: Vec<String> = (0..7).map(|_| client.assistant()).collect();
    let newest_first: Vec<String> = created.iter().rev().cloned().collect();
    for limit in [1, 2, 3, 7, 8, 100] {
        assert_eq!(
            walk(&client, &format!("/assistants?limit={limit}&order=asc"), "after"),
            created,
            "{limit}"
        );
        assert_eq!(
            walk(&client, &format!("/assistants?limit={limit}&order=desc"), "after"),
            newest_first,
            "{limit}"
        );
    }
    // Backwards from the last one: everything before it.
    let last = created.last().unwrap();
    let page = client.get(&format!("/assistants?order=asc&limit=2&before={last}")).ok();
    assert_eq!(ids(&page), created[4..6]);
    let first_page = walk(
        &client,
        &format!("/assistants?order=asc&limit=2&before={last}"),
        "before",
    );
    assert_eq!(first_page, created[..6]);
}

#[test]
fn the_default_is_the_newest_twenty() {
    let (_server, client) = serve();
    let created: Vec<String> = (0..21).map(|_| client.assistant()).collect();
    let page = client.get("/assistants").ok();
    assert_eq!(page["object"], "list");
    assert_eq!(page["has_more"], true);
    assert_eq!(ids(&page).len(), 20);
    assert_eq!(ids(&page)[0], created[20]);
}

#[test]
fn an_empty_list_has_no_cursors() {
    let (_server, client) = serve();
    let want = json!({"object": "list", "data": [], "first_id": null, "last_id": null, "has_more": false});
    assert_eq!(client.get("/assistants").ok(), want);
}

#[test]
fn messages_are_in_the_order_of_their_creation() {
    let (_server, client) = serve();
    let texts = ["one", "two", "three"].map(|text| json!({"role": "user", "content": text}));
    let thread = id(&client.post("/threads", json!({"messages": texts})).ok());
    let page = client.get(&format!("/threads/{thread}/messages?order=asc")).ok();
    let got: Vec<&Value> = page["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| &message["content"][0]["text"]["value"])
        .collect();
    assert_eq!(got, ["one", "two", "three"]);
}

#[test]
fn a_list_continues_while_its_objects_are_deleted() {
    let (_server, client) = serve();
    let created: Vec<String> = (0..5).map(|_| client.assistant()).collect();
    let page = client.get("/assistants?limit=2&order=asc").ok();
    for id in ids(&page) {
        client.delete(&format!("/assistants/{id}")).ok();
    }
    let next = client
        .get(&format!(
            "/assistants?limit=2&order=asc&after={}",
            page["last_id"].as_str().unwrap()
        ))
        .ok();
    assert_eq!(ids(&next), created[2..4]);
}

#[test]
fn invalid_page_arguments_are_rejected() {
    let (_server, client) = serve();
    let check = |query: &str, want: &str| assert_eq!(client.get(&format!("/assistants?{query}")).error(), want);
    check(
        "limit=0",
        "400 limit integer_below_min_value: \
         Invalid 'limit': integer below minimum value. Expected a value >= 1, but got 0 instead.",
    );
    check(
        "limit=101",
        "400 limit integer_above_max_value: \
         Invalid 'limit': integer above maximum value. Expected a value <= 100, but got 101 instead.",
    );
    check(
        "limit=ten",
        "400 limit invalid_type: Invalid type for 'limit': expected an integer, but got a string instead.",
    );
    check(
        "order=up",
        "400 order invalid_value: Invalid value: 'up'. Supported values are: 'asc' and 'desc'.",
    );
    check(
        "after=asst_x",
        "400 after -: Invalid 'after': there is no assistant with id 'asst_x' in the list.",
    );
    check(
        "before=asst_x",
        "400 before -: Invalid 'before': there is no assistant with id 'asst_x' in the list.",
    );
    client.get("/assistants?unknown=yes&limit=").error();
    client.get("/assistants?unknown=yes&after=").ok();
}
