//! Job files made to hurt their reader, each as large as a job file may be.

use std::fmt::Write;

/// The most bytes of a job file.
const FILE_BYTES_MAX: usize = 1 << 20;

/// A piece, as often as a file has room for after its beginning.
fn filled(start: &str, piece: &str) -> Vec<u8> {
    let room = FILE_BYTES_MAX - start.len();
    let mut text = start.to_owned();
    text.push_str(&piece.repeat(room / piece.len()));
    text.into_bytes()
}

/// A job with one line or more.
fn job(lines: &str) -> Vec<u8> {
    format!("command: echo\nenvironment: azureml:e:1\n{lines}\n").into_bytes()
}

/// Each level names the one before ten times.
fn alias_bomb(levels: usize, around: &str) -> Vec<u8> {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..levels {
        let below = format!("*a{}, ", level - 1).repeat(10);
        writeln!(
            text,
            "a{level}: &a{level} [{}]",
            below.trim_end_matches(", ")
        )
        .unwrap_or_default();
    }
    writeln!(text, "{around}: *a{}", levels - 1).unwrap_or_default();
    job(&text)
}

/// Merge keys that name each other.
fn merge_bomb(levels: usize) -> Vec<u8> {
    let mut text = String::from("m0: &m0 {k: 1}\n");
    for level in 1..levels {
        let below = level - 1;
        writeln!(
            text,
            "m{level}: &m{level} {{<<: [*m{below}, *m{below}], k{level}: 1}}"
        )
        .unwrap_or_default();
    }
    job(&text)
}

fn many_inputs(count: usize, value: &str) -> Vec<u8> {
    let inputs: String = (0..count).map(|i| format!("  i{i}: {value}\n")).collect();
    let command: String = (0..count)
        .map(|i| format!("${{{{inputs.i{i}}}}}"))
        .collect();
    format!("command: \"{command}\"\nenvironment: azureml:e:1\ninputs:\n{inputs}").into_bytes()
}

/// Each line a step deeper.
fn staircase() -> Vec<u8> {
    let mut text = String::new();
    for depth in 0.. {
        let line = format!("{}a:\n", " ".repeat(depth));
        if text.len() + line.len() > FILE_BYTES_MAX {
            break;
        }
        text += &line;
    }
    text.into_bytes()
}

/// Bytes without sense, the same each time.
fn noise(printable: bool) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut byte = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let byte = state.to_le_bytes()[3];
        if printable { b' ' + byte % 95 } else { byte }
    };
    (0..FILE_BYTES_MAX).map(|_| byte()).collect()
}

type Named = (String, Vec<u8>);

fn named(name: &str, text: Vec<u8>) -> Named {
    (name.to_owned(), text)
}

/// Every hostile file with a name.
#[must_use]
pub fn files() -> Vec<Named> {
    let mut all = aliases();
    all.extend(depths());
    all.extend(inputs());
    all.extend(numbers());
    all.extend(junk());
    all
}

fn aliases() -> Vec<Named> {
    vec![
        named("alias bomb in properties", alias_bomb(9, "properties")),
        named("alias bomb in resources", alias_bomb(30, "resources")),
        named("alias bomb in inputs", alias_bomb(1000, "inputs")),
        named("merge bomb", merge_bomb(200)),
        named("long merge bomb", merge_bomb(12_000)),
        named("recursive alias", job("properties: &p {a: *p}")),
        named("aliases in a ring", job("tags: &a {b: &b {c: *a, d: *b}}")),
        named("recursive list", job("inputs: &p [*p, *p]")),
        named("recursive merge", job("inputs: &p {<<: *p}")),
    ]
}

fn depths() -> Vec<Named> {
    let mut all = vec![named("staircase", staircase())];
    for (name, open) in [
        ("lists", "["),
        ("mappings", "{a: "),
        ("lists in block", "- "),
        ("keys", "? "),
    ] {
        let levels = open.repeat(100_000).into_bytes();
        all.push((format!("100,000 levels of {name}"), levels));
        all.push((format!("{name} to the end"), filled("inputs: ", open)));
    }
    all
}

fn inputs() -> Vec<Named> {
    [
        ("5,000 inputs", "1"),
        ("5,000 inputs of local data", "{type: uri_file, path: ./x}"),
        (
            "5,000 inputs of data",
            "{type: uri_file, path: 'https://x/y'}",
        ),
        ("5,000 wrong inputs", "{tpye: uri_file}"),
    ]
    .map(|(name, value)| named(name, many_inputs(5_000, value)))
    .into()
}

fn numbers() -> Vec<Named> {
    let one = |digits: &str| {
        job(&format!(
            "limits: {{timeout: {digits}}}\ninputs: {{a: {digits}}}"
        ))
    };
    vec![
        named("digits", one(&"9".repeat(400_000))),
        named(
            "hexadecimal digits",
            one(&format!("0x{}", "f".repeat(400_000))),
        ),
        named("underscores", one(&format!("1{}", "_".repeat(400_000)))),
        named("sexagesimal", one(&format!("1{}", ":59".repeat(150_000)))),
        named("exponent", one(&format!("1.0e+{}", "9".repeat(400_000)))),
        named("fraction", one(&format!("0.{}", "3".repeat(400_000)))),
    ]
}

fn junk() -> Vec<Named> {
    let mut all = vec![
        named("noise", noise(false)),
        named("printable noise", noise(true)),
        named("NUL bytes", vec![0; FILE_BYTES_MAX]),
        named("0xff bytes", vec![0xff; FILE_BYTES_MAX]),
        named("one key", filled("", "k")),
    ];
    for (name, piece) in PIECES {
        let command = "environment: azureml:e\ncommand: ";
        all.push((format!("junk of {name}"), filled("", piece)));
        all.push((format!("command and {name}"), filled(command, piece)));
    }
    all
}

const PIECES: &[(&str, &str)] = &[
    ("blanks", " "),
    ("newlines", "\n"),
    ("tabs", "\t"),
    ("carriage returns", "\r\n"),
    ("double quotes", "\""),
    ("single quotes", "'"),
    ("colons", ": "),
    ("commas", ","),
    ("comments", "#\n"),
    ("documents", "---\n"),
    ("directives", "%YAML 1.1\n"),
    ("anchors", "&a "),
    ("aliases", "*a "),
    ("tags", "!!str "),
    ("block scalars", "|\n"),
    ("folded lines", "a\n\n"),
    ("escapes", "\\"),
    ("duplicate keys", "a: 1\n"),
    ("unknown keys", "a1: {b: [c]}\n"),
    ("empty mappings", "{},"),
    ("closings", "]}"),
    ("expressions", "${{inputs.a}}"),
    ("open expressions", "${{"),
    ("open brackets", "$[["),
    ("single braces", "{inputs."),
    ("wide letters", "\u{1f600}"),
    ("combining marks", "e\u{301}"),
    ("byte order marks", "\u{feff}"),
];
