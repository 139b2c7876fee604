//! Small documents with one fault each, and the expected reports.

use super::document::check_text;
use crate::spec::document::parse;

/// A small valid document. Each case replaces one text in it.
const GOOD: &str = "\
openapi: 3.1.0
x-describes: Small API 1
tags:
  - {name: Parcels}
paths:
  /parcels/{parcel_id}:
    post:
      operationId: parcels.update
      x-constant: UPDATE_PARCEL
      tags: [Parcels]
      summary: Updates a parcel.
      parameters:
        - {name: parcel_id, in: path, required: true, schema: {type: string}}
      requestBody:
        content: {application/json: {schema: {$ref: '#/components/schemas/Parcel'}}}
      responses:
        '200': {description: The parcel., content: {application/json: {schema: {$ref: '#/components/schemas/Parcel'}}}}
    get:
      operationId: parcels.retrieve
      x-constant: RETRIEVE_PARCEL
      summary: Retrieves a parcel.
      parameters:
        - {$ref: '#/components/parameters/ParcelId'}
      responses:
        '200': {description: The parcel.}
components:
  parameters:
    ParcelId: {name: parcel_id, in: path, required: true, schema: {type: string}}
  schemas:
    Parcel:
      x-module: parcel
      description: A parcel.
      type: object
      required: [label]
      properties:
        label: {type: string, maxLength: 64, description: The label.}
        weight: {type: integer, minimum: 1, maximum: 9, description: The weight.}
        size:
          description: The size.
          oneOf:
            - {const: small, description: Small.}
            - {const: large, description: Large.}
";

#[track_caller]
fn faults(text: &str) -> String {
    let document = parse(text).unwrap();
    check_text(&document, text, "spec/a.yaml").err().unwrap_or_default()
}

/// Replaces a part of the valid document that occurs once: the fault must be reported for the line that contains
/// `place`.
#[track_caller]
fn rejects((part, with, place, want): (&str, &str, &str, &str)) {
    assert_eq!(GOOD.matches(part).count(), 1, "`{part}` occurs once");
    let text = GOOD.replace(part, with);
    let line = 1 + text.lines().position(|line| line.contains(place)).unwrap();
    let faults = faults(&text);
    let want = format!("spec/a.yaml:{line}: {want}");
    assert!(faults.lines().any(|fault| fault == want), "no `{want}` in:\n{faults}");
}

#[test]
fn accepts_what_the_generator_reads() {
    assert_eq!(faults(GOOD), "");
}

#[test]
fn rejects_unknown_members_anywhere() {
    for (part, with, want) in [
        (
            "maxLength: 64",
            "maxLenght: 64",
            "unknown member `maxLenght` of a schema",
        ),
        ("x-describes", "x-descibes", "unknown member `x-descibes` of a document"),
        ("    get:", "    gets:", "unknown member `gets` of a path"),
        ("summary: Up", "sumary: Up", "unknown member `sumary` of an operation"),
        (
            "'200': {description: The parcel.}",
            "'200': {text: x}",
            "unknown member `text` of a response",
        ),
        (
            "  parameters:\n    P",
            "  parameter:\n    P",
            "unknown member `parameter` of components",
        ),
        (
            "ParcelId: {",
            "ParcelId: {nam: x, ",
            "unknown member `nam` of a parameter",
        ),
        (
            "      requestBody:",
            "      requestBody:\n        requird: true",
            "unknown member `requird` of a request body",
        ),
        (
            "content: {application/json: {schema: {$ref: '#/components/schemas/Parcel'}}}\n      r",
            "content: {application/jsn: {schema: {$ref: '#/components/schemas/Parcel'}}}\n      r",
            "unknown member `application/jsn` of content",
        ),
    ] {
        let member = want.split('`').nth(1).unwrap();
        rejects((part, with, &format!("{member}:"), want));
    }
}

#[test]
fn rejects_what_the_generator_cannot_read() {
    let path = "/parcels/{parcel_id}";
    let update = "- {name: parcel_id, in: path, required: true, schema: {type: string}}\n      r";
    let parameter = |text: &str| format!("- {text} # here\n      r");
    for (part, with, place, want) in [
        (
            "{type: string, maxLength: 64",
            "{type: string, enum: [a, b]",
            "enum:",
            "`enum` is not supported: use `oneOf` with a described `const` for each value".to_owned(),
        ),
        (
            "      operationId: parcels.update\n",
            "",
            "    post:",
            format!("post {path}: operationId is missing"),
        ),
        (
            "      x-constant: UPDATE_PARCEL\n",
            "",
            "    post:",
            format!("post {path}: x-constant is missing"),
        ),
        (
            "s.retrieve",
            "s.update",
            "    get:",
            format!("get {path}: the operationId `parcels.update` is used twice"),
        ),
        (
            "RETRIEVE_",
            "UPDATE_",
            "    get:",
            format!("get {path}: the x-constant `UPDATE_PARCEL` is used twice"),
        ),
        (
            "tags: [Parcels]",
            "tags: [Parcel]",
            "tags: [",
            "the tag \"Parcel\" is not declared".to_owned(),
        ),
        (
            update,
            &parameter("{name: parcel, in: path, required: true, schema: {type: string}}"),
            "# here",
            format!("{path} has no parameter `parcel`"),
        ),
        (
            update,
            &parameter("{name: limit, in: query, schema: {type: integer}}"),
            "    post:",
            format!("{path}: the parameter `parcel_id` is not declared"),
        ),
        (
            update,
            &parameter("{name: parcel_id, in: path, schema: {type: string}}"),
            "# here",
            "the path parameter `parcel_id` must be required".to_owned(),
        ),
        (
            update,
            &parameter("{name: parcel_id, in: body, required: true, schema: {type: string}}"),
            "# here",
            "a parameter must be in `path`, `query` or `header`".to_owned(),
        ),
        (
            update,
            &parameter("{name: parcel_id, in: path, required: true}"),
            "# here",
            "a parameter requires a schema".to_owned(),
        ),
        (
            "parameters/ParcelId'",
            "parameters/Parcel'",
            "parameters/Parcel'",
            "#/components/parameters/Parcel does not exist".to_owned(),
        ),
        (
            "    Parcel:",
            "    Self:",
            "    Self:",
            "`Self` cannot be the name of a Rust type".to_owned(),
        ),
        (
            "    Parcel:",
            "    parcel:",
            "    parcel:",
            "`parcel` cannot be the name of a Rust type".to_owned(),
        ),
        (
            "        label: {",
            "        la-bel: {",
            "la-bel",
            "`la-bel` cannot be the name of a Rust field".to_owned(),
        ),
        (
            "        label: {",
            "        1st: {",
            "1st",
            "`1st` cannot be the name of a Rust field".to_owned(),
        ),
        (
            "        weight: {",
            "        type: {type: string}\n        type_: {",
            "type_:",
            "`type_` and `type` become the same Rust field".to_owned(),
        ),
        (
            "required: [label]",
            "required: [label, lable]",
            "lable",
            "\"lable\" is required but is not a property".to_owned(),
        ),
        (
            "required: [label]",
            "required: label",
            "required: label",
            "required must be a list of names".to_owned(),
        ),
        (
            "{const: large",
            "{const: small",
            "Large.",
            "the value `small` is listed twice".to_owned(),
        ),
        (
            "maxLength: 64",
            "maxLength: '64'",
            "maxLength",
            "maxLength must be a count, not \"64\"".to_owned(),
        ),
        (
            "maxLength: 64",
            "maxLength: -1",
            "maxLength",
            "maxLength must be a count, not -1".to_owned(),
        ),
        (
            "minimum: 1",
            "minimum: one",
            "minimum",
            "minimum must be a number, not \"one\"".to_owned(),
        ),
        (
            "minimum: 1",
            "minimum: 10",
            "minimum",
            "minimum is greater than maximum".to_owned(),
        ),
        (
            "{type: integer",
            "{type: int",
            "minimum",
            "unknown type \"int\"".to_owned(),
        ),
        (
            "{type: integer",
            "{format: id, type: integer",
            "minimum",
            "no rule for the format `id`".to_owned(),
        ),
    ] {
        rejects((part, with, place, &want));
    }
}

#[test]
fn reports_every_fault_at_once_in_the_order_of_lines() {
    let text = GOOD
        .replace("maxLength", "maxLenght")
        .replace("x-describes", "x-described");
    let faults = faults(&text);
    let members: Vec<&str> = faults.lines().filter_map(|line| line.split('`').nth(1)).collect();
    assert_eq!(members, ["x-described", "maxLenght"]);
}
