//! The reader against PyYAML's own answers, its refusals and bounds, and the writer against the reader.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use serde_json::Value as Json;

use super::{Node, Value, YAML_BYTES_MAX, parse, scalar, to_string};

/// A file that a bound refuses must be refused within this time, unoptimized.
const PATIENCE: Duration = Duration::from_secs(2);

fn read(text: &str) -> Node {
    parse(text.as_bytes()).unwrap_or_else(|problems| panic!("{text:?}: {problems:?}"))
}

/// `code line:column` of every problem.
fn problems(bytes: &[u8]) -> Vec<String> {
    let problems = parse(bytes).expect_err("this must be refused");
    let show =
        |p: &crate::diagnostic::Diagnostic| format!("{} {}:{}", p.code, p.span.line, p.span.column);
    problems.iter().map(show).collect()
}

fn typed(value: &Value) -> (&'static str, String) {
    match value {
        Value::Null => ("null", String::new()),
        Value::Bool(value) => ("bool", value.to_string()),
        Value::Int(value) => ("int", value.to_string()),
        Value::BigInt(digits) => ("int", digits.clone()),
        Value::Float(value) => ("float", value.to_bits().to_string()),
        Value::Str(text) => ("str", text.clone()),
        Value::Date(_) => ("date", String::new()),
        Value::Seq(_) | Value::Map(_) => ("collection", String::new()),
    }
}

#[test]
fn plain_scalars_have_the_types_and_values_that_pyyaml_gives_them() {
    let mut checked = 0;
    for line in include_str!("testdata/scalars.tsv")
        .lines()
        .filter(|line| !line.starts_with('#'))
    {
        let fields: Vec<_> = line.split('\t').collect();
        let (text, kind) = (fields[0].replace("\\t", "\t"), fields[1]);
        let mut value = fields[2].replace("\\t", "\t");
        if kind == "float" {
            let number: f64 = value.parse().unwrap();
            value = if number.is_nan() {
                f64::NAN.to_bits()
            } else {
                number.to_bits()
            }
            .to_string();
        }
        let ours = scalar::plain(&text);
        let ours = ours.as_ref().map_or(("error", String::new()), typed);
        assert_eq!(ours, (kind, value), "{text:?}");
        checked += 1;
    }
    assert!(checked > 500);
}

#[test]
fn quoted_and_block_scalars_are_text_and_tags_decide() {
    let node = read(
        "a: '1'\nb: \"yes\"\nc: |\n  1\nd: !!str 017\ne: !!int '0x10'\nf: !!float 1\ng: ! yes\nh: !!null x\n",
    );
    let value = |key: &str| node.get(key).unwrap().value.clone();
    assert_eq!(value("a"), Value::Str("1".into()));
    assert_eq!(value("b"), Value::Str("yes".into()));
    assert_eq!(value("c"), Value::Str("1\n".into()));
    assert_eq!(value("d"), Value::Str("017".into()));
    assert_eq!(value("e"), Value::Int(16));
    assert_eq!(value("f"), Value::Float(1.0));
    assert_eq!(value("g"), Value::Str("yes".into()));
    assert_eq!(value("h"), Value::Null);
    assert!(node.get("a").is_some_and(|node| !node.plain));
}

#[test]
fn keys_and_values_have_places() {
    let text = "\u{feff}a: 1\r\nbé:\r\n  c: [x, yes]\r\n";
    let node = read(text);
    let list = node.get("bé").unwrap().get("c").unwrap();
    let Value::Seq(items) = &list.value else {
        panic!("{list:?}")
    };
    let span = items[1].span;
    assert_eq!((span.line, span.column, span.length), (3, 10, 3));
    assert_eq!(&text[span.offset..span.offset + span.length], "yes");
    assert_eq!(items[1].raw, "yes");
}

#[test]
fn merge_keys_yield_to_own_keys_and_the_earlier_mapping_wins() {
    let node = read(
        "a: &a {x: 1, y: 1}\nb: &b {x: 2, z: 2}\nc:\n  <<: [*a, *b]\n  y: 3\nd: {<<: *b}\n\"e\": {'<<': 1}\n",
    );
    let show = |key: &str, inner: &str| {
        node.get(key)
            .unwrap()
            .get(inner)
            .map(|node| node.raw.clone())
    };
    assert_eq!(show("c", "x").as_deref(), Some("1"));
    assert_eq!(show("c", "y").as_deref(), Some("3"));
    assert_eq!(show("c", "z").as_deref(), Some("2"));
    assert_eq!(show("d", "x").as_deref(), Some("2"));
    assert_eq!(show("e", "<<").as_deref(), Some("1"));
}

#[test]
fn what_is_refused_is_placed() {
    assert_eq!(
        problems(b"a: 1\nb: 2\na: 3\nb: 4\n"),
        ["duplicate-key 3:1", "duplicate-key 4:1"]
    );
    assert_eq!(problems(b"1: a\n'1': b\n"), ["duplicate-key 2:1"]);
    assert_eq!(problems(b"a: 1\n---\nb: 2\n"), ["several-documents 2:1"]);
    assert_eq!(problems(b""), ["empty-file 1:1"]);
    assert_eq!(problems(b"# only a comment\n"), ["empty-file 1:1"]);
    assert_eq!(problems(b"a: caf\xe9\n"), ["not-utf8 1:7"]);
    assert_eq!(problems(b"\xff\xfea\0"), ["not-utf8 1:1"]);
    assert_eq!(problems(b"a: b\n\0"), ["control-character 2:1"]);
    assert_eq!(problems(b"a: \"x\\0\"\n"), ["control-character 1:4"]);
    assert_eq!(problems(b"a: *nope\n"), ["undefined-alias 1:4"]);
    assert_eq!(problems(b"a: &a [*a]\n"), ["recursive-alias 1:8"]);
    assert_eq!(problems(b"? [a]\n: 1\n"), ["unhashable-key 1:3"]);
    assert_eq!(
        problems(b"a: !!python/object:os.system x\n"),
        ["unknown-tag 1:4"]
    );
    assert_eq!(problems(b"a: !mine [x]\n"), ["unknown-tag 1:4"]);
    assert_eq!(problems(b"a: !!int x\n"), ["bad-scalar 1:10"]);
    assert_eq!(problems(b"a: =\n"), ["bad-scalar 1:4"]);
    assert_eq!(problems(b"<<: 1\n"), ["merge-key 1:5"]);
    assert_eq!(problems(b"a: b: c\n"), ["syntax 1:5"]);
    assert_eq!(problems(b"a: [1\n").len(), 1);
}

#[test]
fn bounds_end_hostile_files_quickly() {
    let alias_bomb =
        (b'b'..=b'z').fold("a: &a [x,x,x,x,x,x,x,x,x,x]\n".to_owned(), |text, name| {
            let (name, last) = (char::from(name), char::from(name - 1));
            text + &format!(
                "{name}: &{name} [{}]\n",
                vec![format!("*{last}"); 10].join(",")
            )
        });
    let big_text = format!(
        "a: &a {}\nb: [{}]\n",
        "x".repeat(YAML_BYTES_MAX / 2),
        vec!["*a"; 10_000].join(",")
    );
    let nested_anchors = format!("{}{}", "&a [".repeat(60), "x,".repeat(40_000)) + &"]".repeat(60);
    let deep_alias = (0..30).fold("a0: &a0 [[[[[x]]]]]\n".to_owned(), |text, i| {
        text + &format!("a{0}: &a{0} [[[[[*a{i}]]]]]\n", i + 1)
    });
    let cases = [
        ("too-many-values", alias_bomb),
        ("too-many-values", big_text),
        ("too-many-values", nested_anchors),
        ("too-many-values", format!("[{}]", "x,".repeat(100_000))),
        ("too-deep", deep_alias),
        ("too-deep", "[".repeat(100_000)),
        ("too-deep", "{a: ".repeat(100_000)),
        ("too-deep", "- ".repeat(100_000)),
        (
            "too-deep",
            (0..1000).map(|i| " ".repeat(i) + "a:\n").collect(),
        ),
        ("too-large", "x".repeat(YAML_BYTES_MAX + 1)),
    ];
    for (code, text) in cases {
        let began = Instant::now();
        let problems = parse(text.as_bytes()).unwrap_err();
        assert_eq!(problems[0].code, code, "{}…", &text[..40]);
        assert!(
            began.elapsed() < PATIENCE,
            "{code} took {:?}",
            began.elapsed()
        );
    }
}

#[test]
fn problems_are_bounded() {
    let text: String = (0..1000).map(|_| "a: 1\n").collect();
    assert_eq!(
        parse(text.as_bytes()).unwrap_err().len(),
        super::PROBLEMS_MAX
    );
}

#[test]
fn the_writer_quotes_what_yaml_would_take_for_another_type() {
    let texts = [
        "yes",
        "on",
        "017",
        "12:30:45",
        "1_000",
        "2024-01-02",
        "1e3",
        "~",
        "null",
        "",
        "=",
        "<<",
        "y",
        "0x10",
        ".5",
        "- a",
        "a: b",
        "a #b",
        "#a",
        "'",
        "*a",
        "&a",
        "!a",
        "%a",
        "@a",
        "`a",
        "|",
        ">",
        "? a",
        "{a",
        "[a",
        "a:",
        " a",
        "a ",
        "---",
        "...",
        "\u{feff}x",
        "\u{85}",
        "a\r\nb",
        "a\u{2028}b",
        "\u{7}",
        "😀",
    ];
    for text in texts {
        let yaml = to_string(&Json::String(text.into()));
        assert_eq!(
            read(&yaml).value,
            Value::Str(text.into()),
            "{text:?} was written as {yaml:?}"
        );
    }
    assert_eq!(
        to_string(&Json::String("python train.py --lr ${{inputs.lr}}".into())),
        "python train.py --lr ${{inputs.lr}}\n"
    );
    assert_eq!(
        to_string(
            &serde_json::json!({"b": "yes", "a": {"c": [1, {"d": 1e17, "e": []}], "f": "x\ny\n"}})
        ),
        "a:\n  c:\n  - 1\n  - d: 1.0e+17\n    e: []\n  f: |\n    x\n    y\nb: 'yes'\n"
    );
}

fn json(node: &Node) -> Json {
    match &node.value {
        Value::Null => Json::Null,
        Value::Bool(value) => (*value).into(),
        Value::Int(value) => (*value).into(),
        Value::BigInt(digits) => digits.parse::<u64>().unwrap().into(),
        Value::Float(value) => (*value).into(),
        Value::Str(text) | Value::Date(text) => text.clone().into(),
        Value::Seq(items) => items.iter().map(json).collect(),
        Value::Map(entries) => Json::Object(
            entries
                .iter()
                .map(|e| (e.key.text().to_owned(), json(&e.value)))
                .collect(),
        ),
    }
}

fn any_text() -> impl Strategy<Value = String> {
    let odd = proptest::collection::vec(
        prop_oneof![
            Just(' '),
            Just('\n'),
            Just('\t'),
            Just('\r'),
            Just(':'),
            Just('#'),
            Just('-'),
            Just('\''),
            Just('"'),
            Just('\\'),
            any::<char>()
        ],
        0..12,
    );
    prop_oneof![
        odd.prop_map(|chars| chars.into_iter().filter(|c| *c != '\0').collect()),
        "[0-9+._:eExb~-]{0,8}",
        "[ -~]{0,20}",
        "([ -~]{0,8}\n){0,4}[ -~]{0,4}",
    ]
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        any::<f64>()
            .prop_filter("finite", |f| f.is_finite())
            .prop_map(Json::from),
        any_text().prop_map(Json::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
            proptest::collection::btree_map(any_text(), inner, 0..6)
                .prop_map(|map| Json::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(value in any_json()) {
        let yaml = to_string(&value);
        let back = parse(yaml.as_bytes()).map_err(|p| TestCaseError::fail(format!("{yaml:?}: {p:?}")))?;
        prop_assert_eq!(json(&back), value, "{}", yaml);
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in any_text(), bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        let _ = parse(text.as_bytes());
        let _ = parse(&bytes);
    }
}
