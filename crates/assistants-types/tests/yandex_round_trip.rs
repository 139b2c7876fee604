//! Every message serializes to what was parsed, whatever form of the protocol's JSON it had.
//!
//! Each case generates a message from the specification in the documented form, and the same message as another sender
//! may write it: names in `snake_case`, explicit defaults, nulls, numbers as strings and strings as numbers, enum values
//! by number. Both must parse as the same message, and unknown members must be preserved.

use std::sync::OnceLock;

use assistants_types::yandex::*;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

include!("generated/yandex_types.rs");

/// Reads a message and writes it in both dialects.
type RoundTrip = fn(&Value) -> Result<[Value; 2], String>;

fn round_trip<T: ProtoMessage>(input: &Value) -> Result<[Value; 2], String> {
    // Through text, because numbers and escapes must be preserved too.
    let message: T = serde_json::from_str(&input.to_string()).map_err(|error| error.to_string())?;
    let text = serde_json::to_string(&message).map_err(|error| error.to_string())?;
    let camel = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let snake = Dialect::SnakeCase
        .to_value(&message)
        .map_err(|error| error.to_string())?;
    Ok([camel, snake])
}

macro_rules! table {
    ($($name:ident,)+) => { &[$((stringify!($name), round_trip::<$name> as RoundTrip)),+] };
}

const TYPES: &[(&str, RoundTrip)] = for_each_type!(table);

fn schemas() -> &'static Map<String, Value> {
    static SPECIFICATION: OnceLock<Value> = OnceLock::new();
    let specification =
        SPECIFICATION.get_or_init(|| serde_saphyr::from_str(include_str!("../../../spec/yandex.yaml")).unwrap());
    specification["components"]["schemas"].as_object().unwrap()
}

fn snake(json: &str) -> String {
    json.chars()
        .flat_map(|c| {
            c.is_ascii_uppercase()
                .then_some('_')
                .into_iter()
                .chain([c.to_ascii_lowercase()])
        })
        .collect()
}

/// A value in the documented form, and in the form of some sender.
struct Made {
    documented: Value,
    spelled: Value,
    /// The documented form omits it.
    default: bool,
}

impl Made {
    fn same(value: Value, default: bool) -> Self {
        Self {
            documented: value.clone(),
            spelled: value,
            default,
        }
    }
}

struct Maker {
    state: u64,
}

impl Maker {
    /// A number below `end`.
    fn pick(&mut self, end: usize) -> usize {
        // splitmix64
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % end as u64).unwrap()
    }

    fn one<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.pick(all.len())].clone()
    }

    /// Free-form JSON, with keys that a conversion of spelling would change.
    fn anything(&mut self) -> Value {
        self.one(&[
            json!(null),
            json!(true),
            json!(5),
            json!("folder_id"),
            json!([1.5, "x"]),
            json!({"snake_key": 1, "camelKey": {"inner_key": null}}),
            json!({}),
        ])
    }

    fn value(&mut self, schema: &Value) -> Made {
        if let Some(name) = schema["$ref"].as_str().and_then(|it| it.rsplit('/').next()) {
            return match name {
                "Labels" => {
                    let labels = self.one(&[json!({}), json!({"user_key": "v", "otherKey": ""})]);
                    Made::same(labels.clone(), labels == json!({}))
                }
                "Struct" => Made::same(self.one(&[json!({}), json!({"snake_key": {"camelKey": 5}})]), false),
                "Any" => Made::same(
                    json!({"@type": "type.googleapis.com/x.Y", "snake_key": self.anything()}),
                    false,
                ),
                _ => self.named(name),
            };
        }
        let (kind, wrapper) = match &schema["type"] {
            Value::Array(kinds) => (kinds[0].as_str().unwrap(), true),
            kind => (kind.as_str().unwrap(), false),
        };
        let mut made = match (kind, schema["format"].as_str()) {
            ("string", None) => {
                let text = self.one(&[
                    "",
                    "a",
                    "two words",
                    "line\nbreak",
                    "\"quoted\" \\",
                    "é✓😀",
                    "null",
                    "0",
                ]);
                Made::same(json!(text), text.is_empty())
            }
            ("string", Some("int64")) => {
                let number = self.one(&[0, 1, -7, i64::MAX, i64::MIN]);
                let text = json!(number.to_string());
                let spelled = self.one(&[text.clone(), json!(number)]);
                Made {
                    documented: text,
                    spelled,
                    default: number == 0,
                }
            }
            ("string", Some("date-time")) => Made::same(
                self.one(&[
                    json!("2026-02-03T04:05:06Z"),
                    json!("2026-02-03T04:05:06.123456789Z"),
                    json!("2026-02-03T04:05:06.100000Z"),
                    json!("2026-02-03T04:05:06+03:00"),
                    json!("2016-12-31T23:59:60Z"),
                    json!("-20000-01-01T00:00:00Z"),
                    json!("soon"),
                    json!(1_770_000_000),
                ]),
                false,
            ),
            ("string", Some("byte")) => {
                let (text, other) = self.one(&[("", ""), ("+/8=", "-_8"), ("YQ==", "YQ"), ("YWJj", "YWJj")]);
                Made {
                    documented: json!(text),
                    spelled: json!(other),
                    default: text.is_empty(),
                }
            }
            ("string", Some("field-mask")) => {
                let mask = self.one(&["", "name", "name,expirationConfig.ttlDays"]);
                Made::same(json!(mask), mask.is_empty())
            }
            ("integer", Some("int32")) => {
                let number = self.one(&[0, 5]);
                let spelled = self.one(&[json!(number), json!(number.to_string())]);
                Made {
                    documented: json!(number),
                    spelled,
                    default: number == 0,
                }
            }
            ("number", None) => {
                let (number, others) = self.one(&[
                    (json!(0.0), [json!(0), json!("0")]),
                    (json!(0.3), [json!(0.3), json!("0.3")]),
                    (json!(1000.0), [json!(1000), json!("1e3")]),
                    (json!("NaN"), [json!("NaN"), json!("NaN")]),
                    (json!("-Infinity"), [json!("-Infinity"), json!("-Infinity")]),
                ]);
                let default = number == json!(0.0);
                Made {
                    documented: number,
                    spelled: self.one(&others),
                    default,
                }
            }
            ("boolean", None) => {
                let flag = self.pick(2) == 0;
                Made::same(json!(flag), !flag)
            }
            ("array", None) => {
                let items: Vec<Made> = (0..self.pick(3)).map(|_| self.value(&schema["items"])).collect();
                let (documented, spelled): (Vec<_>, Vec<_>) =
                    items.into_iter().map(|item| (item.documented, item.spelled)).unzip();
                Made {
                    default: documented.is_empty(),
                    documented: documented.into(),
                    spelled: spelled.into(),
                }
            }
            other => panic!("no values for {other:?}"),
        };
        made.default &= !wrapper;
        made
    }

    fn named(&mut self, name: &str) -> Made {
        let schema = &schemas()[name];
        if let Some(values) = schema["oneOf"].as_array() {
            let number = self.pick(values.len());
            let known = values[number]["const"].clone();
            return match self.pick(6) {
                0 => Made::same(json!("TELEPATHY"), false),
                1 => Made::same(json!(self.one(&[77, -1])), false),
                2 => Made {
                    documented: known,
                    spelled: json!(number),
                    default: number == 0,
                },
                _ => Made::same(known, number == 0),
            };
        }
        let mut grouped = Vec::new();
        let mut chosen = Vec::new();
        let mut unknown = false;
        for group in schema["x-oneof"].as_object().into_iter().flat_map(Map::values) {
            let members: Vec<&str> = group["members"]
                .as_array()
                .unwrap()
                .iter()
                .map(|it| it.as_str().unwrap())
                .collect();
            match self.pick(members.len() + 2) {
                0 => {}
                1 => unknown = true,
                n => chosen.push(members[n - 2]),
            }
            grouped.extend(members);
        }
        let (mut documented, mut spelled) = (Map::new(), Map::new());
        for (key, property) in schema["properties"].as_object().unwrap() {
            let spelling = self.one(&[key.clone(), snake(key)]);
            let member = grouped.contains(&key.as_str());
            let required = schema["required"]
                .as_array()
                .is_some_and(|all| all.iter().any(|one| one == key));
            let wanted = if member {
                chosen.contains(&key.as_str())
            } else {
                required || self.pick(4) > 0
            };
            if !wanted {
                if self.pick(3) == 0 {
                    spelled.insert(spelling, Value::Null);
                }
                continue;
            }
            let mut made = self.value(property);
            while required && made.default {
                made = self.value(property);
            }
            if member || !made.default {
                documented.insert(key.clone(), made.documented);
                spelled.insert(spelling, made.spelled);
            } else if self.pick(2) == 0 {
                spelled.insert(spelling, made.spelled);
            }
        }
        let mut more = vec![];
        if unknown {
            more.push(("telepathy_tool".to_owned(), json!({"snake_key": 1})));
        }
        for _ in 0..self.pick(3) {
            more.push((format!("x_{}", self.pick(100)), self.anything()));
        }
        for (key, value) in more {
            documented.insert(key.clone(), value.clone());
            spelled.insert(key, value);
        }
        Made {
            documented: documented.into(),
            spelled: spelled.into(),
            default: false,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_message_gives_back_what_it_read(seed in any::<u64>()) {
        let mut maker = Maker { state: seed };
        for (name, round_trip) in TYPES {
            let made = maker.named(name);
            let [camel, snake] = round_trip(&made.spelled)
                .map_err(|error| TestCaseError::fail(format!("{name} cannot be read: {error}\n{}", made.spelled)))?;
            prop_assert_eq!(&camel, &made.documented, "{} from {}", name, made.spelled);
                        // The other dialect is equivalent, and serializing it again changes nothing.
            let [camel, again] = round_trip(&snake).map_err(TestCaseError::fail)?;
            prop_assert_eq!(camel, made.documented, "{} from {}", name, snake);
            prop_assert_eq!(again, snake, "{}", name);
        }
    }
}

#[test]
fn the_table_contains_every_message() {
    for (name, schema) in schemas() {
        let other = schema.get("x-by-hand").is_some() || schema.get("oneOf").is_some();
        assert!(other || TYPES.iter().any(|(known, _)| known == name), "{name}");
    }
}

#[test]
fn the_other_dialect_writes_every_field() {
    for (name, round_trip) in TYPES {
        let schema = &schemas()[*name];
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        let mut maker = Maker { state: 1 };
        let mut input = maker.named(name).spelled;
        // Only the required fields, so that all others are written as defaults.
        input.as_object_mut().unwrap().retain(|key, _| {
            required
                .iter()
                .any(|one| one.as_str().is_some_and(|one| one == key || snake(one) == *key))
        });
        let [_, written] = round_trip(&input).unwrap();
        let members: Vec<&Value> = schema["x-oneof"]
            .as_object()
            .into_iter()
            .flat_map(Map::values)
            .flat_map(|group| group["members"].as_array().unwrap())
            .collect();
        for key in schema["properties"].as_object().unwrap().keys() {
            let in_group = members.iter().any(|member| *member == key);
            assert_eq!(
                written.get(snake(key)).is_some(),
                !in_group,
                "{name}.{key} in {written}"
            );
        }
    }
}

type UnknownMember = fn(&Value) -> Option<String>;

macro_rules! unknown_members {
    ($($name:ident,)+) => { &[$((stringify!($name), <$name as ProtoMessage>::unknown_member as UnknownMember)),+] };
}

const UNKNOWN_MEMBERS: &[(&str, UnknownMember)] = for_each_type!(unknown_members);

#[test]
fn every_member_of_the_definition_is_known_and_null_is_its_absence() {
    for (name, unknown_member) in UNKNOWN_MEMBERS {
        let properties = schemas()[*name]["properties"]
            .as_object()
            .into_iter()
            .flat_map(Map::keys);
        for spell in [|name: &str| name.to_owned(), snake] {
            let mut nulls: Map<String, Value> = properties.clone().map(|key| (spell(key), Value::Null)).collect();
            assert_eq!(unknown_member(&Value::Object(nulls.clone())), None, "{name}");
            nulls.insert("mood".to_owned(), Value::Null);
            assert_eq!(unknown_member(&Value::Object(nulls)), Some("mood".to_owned()), "{name}");
        }
    }
    let (_, round_trip) = TYPES.iter().find(|(name, _)| *name == "CreateThread").unwrap();
    let nulls = json!({"folderId": "fld", "name": null, "tools": null, "messages": null, "labels": null});
    assert_eq!(round_trip(&nulls).unwrap()[0], json!({"folderId": "fld"}));
}

#[test]
fn unknown_members_are_found_at_any_depth() {
    let path = |json: Value| <CreateAssistant as ProtoMessage>::unknown_member(&json);
    let function = json!({"name": "f", "mood": 1, "parameters": {"mood": 1}});
    assert_eq!(
        path(json!({"tools": [{"function": {"name": "f"}}, {"function": function}]})),
        Some("tools[1].function.mood".to_owned())
    );
    assert_eq!(path(json!({"labels": {"mood": "fine"}})), None);
    assert_eq!(path(json!("no object")), None);
}

/// The two forms of a thread that the service is known to use.
#[test]
fn both_dialects_are_the_same_thread() {
    let snake = include_str!("fixtures/yandex/thread.snake.json");
    let camel = include_str!("fixtures/yandex/thread.camel.json");
    let parse = |text: &str| serde_json::from_str::<Thread>(text).unwrap();
    assert_eq!(parse(snake), parse(camel));
    let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    assert_eq!(Dialect::CamelCase.to_value(&parse(snake)).unwrap(), json(camel));
    assert_eq!(Dialect::SnakeCase.to_value(&parse(camel)).unwrap(), json(snake));
    assert_eq!(
        parse(camel).expires_at.unwrap() - parse(camel).created_at.unwrap(),
        time::Duration::days(7)
    );
}

#[test]
fn tools_are_distinguished() {
    let text = include_str!("fixtures/yandex/tools.json");
    let assistant: Assistant = serde_json::from_str(text).unwrap();
    let [add, search, web, new, wider] = assistant.tools.as_slice() else {
        panic!("{:?}", assistant.tools);
    };
    assert_eq!(add.as_function().unwrap().name, "add");
    let search = search.as_search_index().unwrap();
    assert_eq!(
        (search.max_num_results, search.search_index_ids.as_slice()),
        (Some(5), &["idx1".to_owned()][..])
    );
    assert!(search.call_strategy.as_ref().unwrap().as_always_call().is_some());
    let sites = web
        .as_gen_search()
        .unwrap()
        .options
        .as_ref()
        .unwrap()
        .as_host()
        .unwrap();
    assert_eq!(sites.host, ["example.org"]);
    assert!(matches!(&new.kind, Some(ToolKind::Unknown(member)) if member.name() == "telepathy"));
    // An additional member does not hide a known one.
    assert_eq!(wider.as_function().unwrap().name, "sub");
    assert_eq!(wider.extra["cache"], json!({"days": 1}));
    assert_eq!(
        serde_json::to_value(&assistant).unwrap(),
        serde_json::from_str::<Value>(text).unwrap()
    );
}

#[test]
fn updates_list_the_changed_fields() {
    let update = UpdateAssistant::new("as_1").temperature(0.0).clear_description();
    let want: Value = serde_json::from_str(include_str!("fixtures/yandex/update.json")).unwrap();
    assert_eq!(serde_json::to_value(&update).unwrap(), want);
    let read: UpdateAssistant = serde_json::from_value(want).unwrap();
    assert_eq!(
        UpdateAssistant {
            assistant_id: "as_1".to_owned(),
            ..read
        },
        update
    );

    // A field that is replaced as a whole is listed without its parts.
    let update = UpdateAssistant::new("as_1")
        .ttl_days(3)
        .name("x")
        .name("y")
        .expiration_config(ExpirationConfig::default())
        .ttl_days(4);
    assert_eq!(update.update_mask.to_string(), "name,expirationConfig");
    assert_eq!(update.expiration_config.unwrap().ttl_days, 4);
}

#[test]
fn a_mask_decides_what_an_update_changes() {
    let stored: Assistant = serde_json::from_value(json!({
        "id": "as_1", "name": "old", "description": "d", "labels": {"a": "b"},
        "promptTruncationOptions": {"maxPromptTokens": "5", "autoStrategy": {}},
        "completionOptions": {"temperature": 0.5, "maxTokens": "9"},
    }))
    .unwrap();
    let update = UpdateAssistant::new("as_1")
        .name("new")
        .clear_description()
        .clear_temperature()
        .truncation_strategy(TruncationStrategy::last_messages(2));
    let changed = update.update_mask.apply(&stored, &update).unwrap();
    assert_eq!(
        serde_json::to_value(changed).unwrap(),
        json!({
            "id": "as_1", "name": "new", "labels": {"a": "b"},
            "promptTruncationOptions": {"maxPromptTokens": "5", "lastMessagesStrategy": {"numMessages": "2"}},
            "completionOptions": {"maxTokens": "9"},
        })
    );
    // Either spelling is accepted, and an empty mask means all fields of the update.
    let update = UpdateAssistant {
        update_mask: "completion_options.max_tokens".into(),
        ..UpdateAssistant::new("as_1")
    };
    let changed = update.update_mask.apply(&stored, &update).unwrap();
    assert_eq!(changed.completion_options.unwrap().max_tokens, None);
    let update: UpdateAssistant = serde_json::from_value(json!({"name": "only"})).unwrap();
    let changed = update.update_mask.apply(&stored, &update).unwrap();
    assert_eq!(
        serde_json::to_value(changed).unwrap(),
        json!({"id": "as_1", "name": "only"})
    );

    for path in [
        "id",
        "nope",
        "name.x",
        "labels.a",
        "completionOptions.nope",
        "updateMask",
    ] {
        assert!(FieldMask::from(path).apply(&stored, &update).is_err(), "{path}");
    }
}

#[test]
fn two_members_of_one_oneof_are_a_conflict() {
    let text = json!({"folderId": "f", "modelUri": "m", "tools": [{"function": {"name": "a"}, "gen_search": {}}]});
    let request: CreateAssistant = serde_json::from_value(text).unwrap();
    assert_eq!(
        request.conflict().unwrap(),
        "tools[0]: `function` and `genSearch` exclude each other"
    );
    assert_eq!(
        CreateAssistant::new("f", "m").tool(FunctionTool::new("a")).conflict(),
        None
    );
}

#[test]
fn required_fields_of_requests_must_be_present() {
    for (text, missing) in [
        (json!({"modelUri": "m"}), "folderId"),
        (json!({"folderId": "", "modelUri": "m"}), "folderId"),
        (json!({"folder_id": "f", "model_uri": null}), "modelUri"),
    ] {
        let error = serde_json::from_value::<CreateAssistant>(text).unwrap_err();
        assert!(
            error.to_string().contains(&format!("missing field `{missing}`")),
            "{error}"
        );
    }
    for wrong in [
        json!("x"),
        json!(0.5),
        json!("9223372036854775808"),
        json!("0x5"),
        json!(true),
    ] {
        assert!(serde_json::from_value::<ExpirationConfig>(json!({"ttlDays": wrong})).is_err());
    }
    // A file that has since been deleted has no identifier.
    assert!(serde_json::from_value::<File>(json!({})).is_ok());
}

#[test]
fn helpers_read_runs_events_and_operations() {
    let event = |text: &str| serde_json::from_str::<StreamEvent>(text).unwrap();
    let part = event(
        r#"{"event_type":"PARTIAL_MESSAGE","stream_cursor":{},"partial_message":{"content":[{"text":{"content":"Good"}}]}}"#,
    );
    assert_eq!((part.index(), part.text().as_deref()), (0, Some("Good")));
    assert!(!part.event_type.is_terminal());
    let done = event(
        r#"{"eventType":3,"streamCursor":{"currentEventIdx":"2"},"completedMessage":{"id":"m","author":{"role":"assistant"},"content":{"content":[{"text":{"content":"a"}},{"image":{}},{"text":{"content":"b"}}]}}}"#,
    );
    assert_eq!((done.index(), done.text().as_deref()), (2, Some("a\nb")));
    assert!(done.event_type.is_terminal() && done.message().unwrap().is_from_assistant());
    let new = event(r#"{"eventType":"THINKING","thinking":{"step":1}}"#);
    assert!(matches!(&new.data, Some(StreamEventData::Unknown(member)) if member.name() == "thinking"));

    let run: Run = serde_json::from_str(
        r#"{"id":"r","state":{"status":"TOOL_CALLS","tool_call_list":{"tool_calls":[{"function_call":{"name":"add","arguments":{"a":3.0}}}]}},"usage":{"total_tokens":49}}"#,
    )
    .unwrap();
    assert!(run.status().is_succeeded() && !run.status().is_running() && !run.status().is_terminal());
    assert_eq!(
        run.function_calls().next().unwrap().parse::<Value>().unwrap(),
        json!({"a": 3.0})
    );
    assert_eq!(run.usage().unwrap().total_tokens, 49);
    let submit = SubmitToRun::tool_results(&run, [FunctionResult::new("add", "7")]);
    assert_eq!(
        serde_json::to_value(submit).unwrap(),
        json!({"runId": "r", "toolResultList": {"toolResults": [{"functionResult": {"name": "add", "content": "7"}}]}})
    );

    let mut operation = Operation {
        id: "op".to_owned(),
        ..Operation::default()
    };
    assert!(operation.result::<SearchIndex>().is_none());
    let index = SearchIndex {
        id: "idx".to_owned(),
        ..SearchIndex::default()
    };
    operation.succeed(&index).unwrap();
    let read: Operation = serde_json::from_value(serde_json::to_value(&operation).unwrap()).unwrap();
    assert_eq!(read.result::<SearchIndex>().unwrap().unwrap(), index);
    assert!(matches!(read.result::<File>(), Some(Err(OperationError::Response(_)))));
    operation.fail(Status::new(14, "gone"));
    assert!(operation.is_failed());
}
