//! Pairs of small documents, and the differences between them.

use serde_json::json;

use super::*;
use crate::spec::parse;

/// Compares two documents in both directions; `want` are the lines of the first direction.
#[track_caller]
fn check_documents(ours: &Value, theirs: &Value, want: &[&str]) {
    let (differences, _) = documents(ours, theirs).unwrap();
    let lines: Vec<String> = differences.iter().map(ToString::to_string).collect();
    assert_eq!(lines, want);

    let (mut back, _) = documents(theirs, ours).unwrap();
    for difference in &mut back {
        std::mem::swap(&mut difference.ours, &mut difference.theirs);
    }
    // The properties of an object are in the order of our document, which depends on the direction.
    let sorted = |mut differences: Vec<Difference>| {
        differences.sort_by_key(ToString::to_string);
        differences
    };
    assert_eq!(sorted(back), sorted(differences), "the other way");
}

/// Compares two schemas, in YAML, as request bodies in both directions.
#[track_caller]
fn check(ours: &str, theirs: &str, want: &[&str]) {
    let document = |schema: &str| {
        json!({
            "paths": {"/a": {"post": {"requestBody": {"content": {"application/json": {"schema": yaml(schema)}}}}}},
            "components": {"schemas": {
                "Text": {"type": "string", "description": "Some text."},
                "Level": {"type": "string", "enum": ["low", "high"], "default": "low"},
                "Maybe": {"anyOf": [{"type": "string", "enum": ["low", "high"], "default": "low"}, {"type": "null"}]},
                "One": {"type": "object", "properties": {"type": {"const": "one"}, "x": {"type": "string"}}},
                "Two": {"type": "object", "properties": {"type": {"enum": ["two"]}, "y": {"type": "string"}}},
                "Two2": {"type": "object", "properties": {"type": {"const": "two"}, "y": {"type": "integer"}}},
                "Tree": {"type": "object", "properties": {
                    "name": {"type": "string"},
                    "children": {"type": "array", "items": {"$ref": "#/components/schemas/Tree"}},
                }},
                "Bush": {"type": "object", "properties": {
                    "name": {"type": "integer"},
                    "children": {"type": "array", "items": {"$ref": "#/components/schemas/Bush"}},
                }},
            }},
        })
    };
    check_documents(&document(ours), &document(theirs), want);
}

#[track_caller]
fn same(ours: &str, theirs: &str) {
    check(ours, theirs, &[]);
}

fn yaml(text: &str) -> Value {
    parse(text).unwrap()
}

#[test]
fn finds_differences_of_plain_values() {
    check(
        "type: string",
        "type: integer",
        &["POST /a request: type: ours string, theirs integer"],
    );
    check(
        "type: integer",
        "type: number",
        &["POST /a request: type: ours integer, theirs number"],
    );
    check(
        "type: string",
        "type: [string, 'null']",
        &["POST /a request: nullable: ours no, theirs yes"],
    );
    check(
        "type: string",
        "{type: string, default: x}",
        &["POST /a request: default: ours none, theirs x"],
    );
    check(
        "{type: integer, default: 1}",
        "{type: integer, default: 2}",
        &["POST /a request: default: ours 1, theirs 2"],
    );
    check(
        "type: string",
        "type: [string, integer]",
        &["POST /a request: type: ours string, theirs integer or string"],
    );
}

#[test]
fn finds_differences_of_limits() {
    for (kind, limit) in [
        ("string", "maxLength"),
        ("string", "minLength"),
        ("string", "pattern"),
        ("string", "format"),
        ("integer", "minimum"),
        ("integer", "maximum"),
        ("number", "exclusiveMinimum"),
        ("number", "multipleOf"),
        ("array", "maxItems"),
        ("array", "minItems"),
        ("object", "maxProperties"),
        ("object", "minProperties"),
    ] {
        let plain = format!("type: {kind}");
        let (one, two) = (
            format!("{{type: {kind}, {limit}: 1}}"),
            format!("{{type: {kind}, {limit}: 2}}"),
        );
        check(
            &one,
            &plain,
            &[&format!("POST /a request: {limit}: ours 1, theirs none")],
        );
        check(&one, &two, &[&format!("POST /a request: {limit}: ours 1, theirs 2")]);
        let nullable = format!("{{type: [{kind}, 'null'], {limit}: 1}}");
        same(&nullable, &format!("anyOf: [{one}, {{type: 'null'}}]"));
    }
}

#[test]
fn finds_differences_of_enum_values() {
    check(
        "enum: [low]",
        "enum: [low, high]",
        &["POST /a request: value high: ours no, theirs yes"],
    );
    check(
        "const: a",
        "const: b",
        &[
            "POST /a request: value a: ours yes, theirs no",
            "POST /a request: value b: ours no, theirs yes",
        ],
    );
    check(
        "enum: [low]",
        "type: string",
        &["POST /a request: values: ours low, theirs any"],
    );
    check(
        "type: string",
        "anyOf: [{type: string}, {enum: [low, high]}]",
        &["POST /a request: values: ours any, theirs any, high, low"],
    );
    check(
        "anyOf: [{type: string}, {enum: [low]}]",
        "anyOf: [{type: string}, {enum: [low, high]}]",
        &["POST /a request: value high: ours no, theirs yes"],
    );
    check(
        "oneOf: [{const: low}, {const: mid}]",
        "enum: [low, high]",
        &[
            "POST /a request: value high: ours no, theirs yes",
            "POST /a request: value mid: ours yes, theirs no",
        ],
    );
    check(
        "enum: [1, 2]",
        "enum: [1, 3]",
        &[
            "POST /a request: value 2: ours yes, theirs no",
            "POST /a request: value 3: ours no, theirs yes",
        ],
    );
}

#[test]
fn finds_differences_of_objects() {
    check(
        "properties: {a: {type: string}}",
        "properties: {a: {type: string}, b: {type: string}}",
        &["POST /a request.b: property: ours no, theirs yes"],
    );
    check(
        "{properties: {a: {}}, required: [a]}",
        "properties: {a: {}}",
        &["POST /a request.a: required: ours yes, theirs no"],
    );
    check(
        "properties: {a: {type: string}}",
        "properties: {a: {type: boolean}}",
        &["POST /a request.a: type: ours string, theirs boolean"],
    );
    check(
        "additionalProperties: {type: string}",
        "additionalProperties: {type: integer}",
        &["POST /a request{}: type: ours string, theirs integer"],
    );
    check(
        "additionalProperties: {type: string}",
        "type: object",
        &["POST /a request: schema of other members: ours yes, theirs no"],
    );
    check(
        "{type: object, additionalProperties: true}",
        "{type: object, additionalProperties: false}",
        &["POST /a request: closed: ours no, theirs yes"],
    );
    check(
        "{type: object, properties: {a: {}, b: {}}}",
        "{type: object, properties: {a: {}, b: {}}, oneOf: [{required: [a]}, {required: [b]}]}",
        &["POST /a request: one of: ours none, theirs a, b"],
    );
}

#[test]
fn finds_differences_of_arrays() {
    check(
        "{type: array, items: {type: string}}",
        "{type: array, items: {type: integer}}",
        &["POST /a request[]: type: ours string, theirs integer"],
    );
    check(
        "{type: array, items: {type: string}}",
        "type: array",
        &["POST /a request: items: ours yes, theirs no"],
    );
    check(
        "{type: array, items: {type: string}}",
        "type: string",
        &["POST /a request: type: ours array, theirs string"],
    );
}

#[test]
fn finds_differences_of_unions() {
    let one = "$ref: '#/components/schemas/One'";
    let two = "$ref: '#/components/schemas/Two'";
    let two2 = "$ref: '#/components/schemas/Two2'";
    same(
        &format!("oneOf: [{{{one}}}, {{{two}}}]"),
        &format!("anyOf: [{{{two}}}, {{{one}}}]"),
    );
    check(
        &format!("oneOf: [{{{one}}}, {{{two}}}]"),
        &format!("oneOf: [{{{one}}}, {{{two2}}}]"),
        &["POST /a request<two>.y: type: ours string, theirs integer"],
    );
    check(
        &format!("oneOf: [{{{one}}}]"),
        &format!("oneOf: [{{{one}}}, {{{two}}}]"),
        &["POST /a request<two>: member: ours no, theirs yes"],
    );
    check(
        &format!("oneOf: [{{{one}}}, {{{two}}}]"),
        &format!("oneOf: [{{{one}}}, {{{two}}}, {{type: string}}]"),
        &["POST /a request: type: ours object, theirs string or object"],
    );
    check(
        &format!("oneOf: [{{const: auto}}, {{{one}}}, {{{two}}}]"),
        &format!("oneOf: [{{enum: [auto, none]}}, {{{two}}}, {{{one}}}]"),
        &["POST /a request: value none: ours no, theirs yes"],
    );
    check(
        "oneOf: [{properties: {a: {type: string}}}, {properties: {b: {}}}]",
        "oneOf: [{properties: {a: {type: integer}}}, {properties: {b: {}}}]",
        &["POST /a request<0>.a: type: ours string, theirs integer"],
    );
    check(
        "oneOf: [{properties: {a: {}}}, {properties: {b: {}}}]",
        "oneOf: [{properties: {a: {}}}, {properties: {b: {}}}, {properties: {c: {}}}]",
        &["POST /a request: members: ours 2, theirs 3"],
    );
}

#[test]
fn all_spellings_of_null_are_equal() {
    for theirs in [
        "{type: string, nullable: true}",
        "anyOf: [{type: string}, {type: 'null'}]",
        "oneOf: [{type: 'null'}, {$ref: '#/components/schemas/Text'}]",
        "allOf: [{$ref: '#/components/schemas/Text'}, {nullable: true}]",
        "{$ref: '#/components/schemas/Text', nullable: true}",
        "{oneOf: [{type: string}], nullable: true}",
        "anyOf: [{anyOf: [{type: string}, {type: 'null'}]}]",
    ] {
        same("type: [string, 'null']", theirs);
    }
    same("enum: [low, null]", "{enum: [low], nullable: true}");
    same(
        "oneOf: [{$ref: '#/components/schemas/Level'}, {type: 'null'}]",
        "$ref: '#/components/schemas/Maybe'",
    );
}

#[test]
fn all_spellings_of_a_constant_or_an_enum_are_equal() {
    same("{type: string, const: a}", "enum: [a]");
    same(
        "{type: string, oneOf: [{const: low, description: Low.}, {const: high}], default: low}",
        "$ref: '#/components/schemas/Level'",
    );
    same(
        "anyOf: [{type: string}, {$ref: '#/components/schemas/Level'}]",
        "{anyOf: [{enum: [low]}, {type: string}, {const: high}], default: low}",
    );
    same(
        "type: string",
        "anyOf: [{type: string}, {$ref: '#/components/schemas/Text'}]",
    );
    same("enum: [low, high]", "anyOf: [{enum: [low]}, {enum: [high]}]");
}

#[test]
fn prose_names_and_order_do_not_matter() {
    same(
        "{type: string, description: One.}",
        "{type: string, title: Other, example: x, x-thing: 1}",
    );
    same("{type: integer, minimum: 1}", "{type: integer, minimum: 1.0}");
    same(
        "{properties: {a: {}, b: {}}, required: [a, b]}",
        "{type: object, properties: {b: {}, a: {}}, required: [b, a]}",
    );
    same("{type: object, additionalProperties: true}", "{type: object}");
    same(
        "allOf: [{properties: {a: {}}, required: [a]}, {properties: {b: {}}, required: [b]}]",
        "{properties: {a: {}, b: {}}, required: [a, b]}",
    );
    same(
        "{type: object, oneOf: [{$ref: '#/components/schemas/One'}]}",
        "$ref: '#/components/schemas/One'",
    );
}

#[test]
fn a_recursive_object_is_compared_once() {
    same("$ref: '#/components/schemas/Tree'", "$ref: '#/components/schemas/Tree'");
    check(
        "$ref: '#/components/schemas/Tree'",
        "$ref: '#/components/schemas/Bush'",
        &["POST /a request.name: type: ours string, theirs integer"],
    );
}

#[test]
fn finds_differences_of_operations() {
    let none = json!({"paths": {}});
    let list = json!({"paths": {"/a": {"get": {}}}});
    check_documents(&none, &list, &["GET /a: operation: ours no, theirs yes"]);
    let post = json!({"paths": {"/a": {"post": {}, "parameters": []}}});
    check_documents(
        &list,
        &post,
        &[
            "GET /a: operation: ours yes, theirs no",
            "POST /a: operation: ours no, theirs yes",
        ],
    );
}

#[test]
fn finds_differences_of_parameters() {
    let with = |parameters: &str| json!({"paths": {"/a/{id}": {"get": {"parameters": yaml(parameters)}}}});
    let check = |ours: &str, theirs: &str, want: &[&str]| check_documents(&with(ours), &with(theirs), want);
    check(
        "[]",
        "[{name: after, in: query}]",
        &["GET /a/{id} query after: parameter: ours no, theirs yes"],
    );
    check(
        "[{name: x, in: query}]",
        "[{name: x, in: header}]",
        &[
            "GET /a/{id} header x: parameter: ours no, theirs yes",
            "GET /a/{id} query x: parameter: ours yes, theirs no",
        ],
    );
    check(
        "[{name: x, in: query, required: true}]",
        "[{name: x, in: query, required: false}]",
        &["GET /a/{id} query x: required: ours yes, theirs no"],
    );
    check(
        "[{name: x, in: query, schema: {type: integer, default: 20, maximum: 100}}]",
        "[{name: x, in: query, schema: {type: integer, default: 10}}]",
        &[
            "GET /a/{id} query x: default: ours 20, theirs 10",
            "GET /a/{id} query x: maximum: ours 100, theirs none",
        ],
    );
    check(
        "[{name: x, in: query, schema: {enum: [asc]}}]",
        "[{name: x, in: query, schema: {enum: [asc, desc]}}]",
        &["GET /a/{id} query x: value desc: ours no, theirs yes"],
    );
}

#[test]
fn parameters_may_belong_to_the_path_or_be_shared() {
    let ours = json!({
        "paths": {"/a/{id}": {"get": {"parameters": [{"$ref": "#/components/parameters/Id"}]}}},
        "components": {"parameters": {"Id": {"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}}},
    });
    let theirs = json!({"paths": {"/a/{id}": {
        "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}],
        "get": {},
    }}});
    check_documents(&ours, &theirs, &[]);
    let renamed = json!({"paths": {"/a/{key}": {
        "get": {"parameters": [{"name": "key", "in": "path", "required": true, "schema": {"type": "string"}}]},
    }}});
    let (differences, _) = documents(&ours, &renamed).unwrap();
    let lines: Vec<String> = differences.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "GET /a/{id} path id: parameter: ours yes, theirs no",
            "GET /a/{id} path key: parameter: ours no, theirs yes",
        ]
    );
}

#[test]
fn finds_differences_of_bodies() {
    let with = |operation: &str| json!({"paths": {"/a": {"post": yaml(operation)}}});
    let check = |ours: &str, theirs: &str, want: &[&str]| check_documents(&with(ours), &with(theirs), want);
    check(
        "requestBody: {required: true}",
        "requestBody: {}",
        &["POST /a request: required: ours yes, theirs no"],
    );
    check(
        "requestBody: {content: {application/json: {}}}",
        "{}",
        &["POST /a request: content application/json: ours yes, theirs no"],
    );
    check(
        "responses: {'200': {}}",
        "responses: {'200': {}, '201': {}}",
        &["POST /a 201: response: ours no, theirs yes"],
    );
    check(
        "responses: {'200': {content: {application/json: {schema: {properties: {id: {type: string}}}}}}}",
        "responses: {'200': {content: {application/json: {schema: {properties: {id: {type: integer}}}}}}}",
        &["POST /a 200.id: type: ours string, theirs integer"],
    );
    check(
        "responses: {default: {content: {application/json: {schema: {type: string}}}}}",
        "responses: {'429': {content: {application/json: {schema: {type: integer}}}}}",
        &["POST /a 429: type: ours string, theirs integer"],
    );
}

#[test]
fn finds_differences_of_events() {
    let ours = |events: &str| {
        json!({"paths": {"/a": {"post": {"responses": {"200": {"content": {
            "text/event-stream": {"schema": {"$ref": "#/components/schemas/Any"}}
        }}}}}}, "components": {"schemas": {"Any": yaml(events)}}})
    };
    let theirs = |events: &str| {
        json!({"paths": {"/a": {"post": {"responses": {"200": {}}}}}, "components": {"schemas": {
            "AssistantStreamEvent": {"oneOf": [{"$ref": "#/components/schemas/Group"}]},
            "Group": yaml(events),
        }}})
    };
    let check = |a: &str, b: &str, want: &[&str]| check_documents(&ours(a), &theirs(b), want);
    let done = "{required: [event, data], properties: {event: {const: done}, data: {const: '[DONE]'}}}";
    let made =
        "{required: [event, data], properties: {event: {const: made}, data: {properties: {id: {type: string}}}}}";
    check(
        &format!("oneOf: [{made}, {done}]"),
        &format!("oneOf: [{done}, {made}]"),
        &[],
    );
    check(
        &format!("oneOf: [{made}, {done}]"),
        &format!("oneOf: [{done}]"),
        &["event made: event: ours yes, theirs no"],
    );
    check(
        &format!("oneOf: [{made}]"),
        &format!("oneOf: [{}]", made.replace("string", "integer")),
        &["event made.data.id: type: ours string, theirs integer"],
    );
    check(
        &format!("oneOf: [{done}]"),
        &format!("oneOf: [{}]", done.replace("[event, data]", "[event]")),
        &["event done.data: required: ours yes, theirs no"],
    );
}

#[test]
fn a_stream_without_named_events_is_compared_as_a_body() {
    let with = |schema: &str| {
        json!({"paths": {"/a": {"post": {"responses": {"200": {"content": {
            "text/event-stream": {"schema": yaml(schema)}
        }}}}}}})
    };
    check_documents(
        &with("type: string"),
        &with("type: integer"),
        &["POST /a 200: type: ours string, theirs integer"],
    );
    check_documents(
        &with("properties: {id: {type: string}}"),
        &with("properties: {id: {type: integer}}"),
        &["POST /a 200.id: type: ours string, theirs integer"],
    );
}

#[test]
fn an_unresolved_reference_is_an_error() {
    let document = json!({"paths": {"/a": {"get": {"responses": {"200": {"$ref": "#/components/responses/Gone"}}}}}});
    let error = documents(&document, &document).unwrap_err();
    assert_eq!(error, "ours: #/components/responses/Gone does not exist");
}

#[test]
fn counts_what_it_compares() {
    let document = json!({"paths": {"/a": {"get": {
        "parameters": [{"name": "order", "in": "query", "schema": {"enum": ["asc", "desc"]}}],
        "responses": {"200": {"content": {"application/json": {"schema": {"properties": {"a": {}, "b": {}}}}}}},
    }}}});
    let (differences, counts) = documents(&document, &document).unwrap();
    assert_eq!(differences, []);
    assert_eq!(
        counts,
        Counts {
            operations: 1,
            parameters: 1,
            properties: 2,
            values: 2,
            events: 0
        }
    );
}
