//! Paths in a command, whatever characters they have. A user writes `cat ${{inputs.data}}`, with or
//! without quotes around it, and means one word: Azure ML's runtime puts `"$AZURE_ML_INPUT_data"`
//! there (azureml.md §2, "Shell and quoting"). Here the path itself stands there, so that a log or a
//! list of processes says what was read, quoted for the place where it stands if the shell would
//! otherwise read it as something else. Literal inputs are the user's own shell text.

/// Stands around a path until its place is known; no command has it.
const MARK: char = '\0';

/// The path for a template, to be placed by [`place`].
pub fn mark(path: &str) -> String {
    if path.chars().all(is_plain) {
        path.to_owned()
    } else {
        format!("{MARK}{path}{MARK}")
    }
}

/// Whether a shell takes the character as itself everywhere in a word.
fn is_plain(character: char) -> bool {
    character.is_alphanumeric() || "/._-+:,@%=".contains(character)
}

/// Where a character of a command stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    /// Outside of quotes.
    Bare,
    /// `'…'`
    Single,
    /// `"…"`
    Double,
}

/// The command with each marked path quoted for its place (XCU 2.2, Quoting).
pub fn place(command: &str) -> String {
    if !command.contains(MARK) {
        return command.to_owned();
    }
    let mut out = String::with_capacity(command.len() + 16);
    // One for each `$(` that is open: what stands in it is read anew.
    let mut inside = vec![Inside::Bare];
    for (number, part) in command.split(MARK).enumerate() {
        let now = inside.last().copied().unwrap_or(Inside::Bare);
        if number % 2 == 1 {
            quote(part, now, &mut out);
        } else {
            follow(part, &mut inside);
            out.push_str(part);
        }
    }
    out
}

/// Where the text behind `text` stands.
fn follow(text: &str, inside: &mut Vec<Inside>) {
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let Some(now) = inside.last_mut() else {
            return;
        };
        match (*now, character) {
            (Inside::Single, '\'') | (Inside::Double, '"') => *now = Inside::Bare,
            (Inside::Single, _) => {}
            (Inside::Bare, '\'') => *now = Inside::Single,
            (Inside::Bare, '"') => *now = Inside::Double,
            (_, '\\') => drop(characters.next()),
            (_, '$') if characters.peek() == Some(&'(') => {
                characters.next();
                inside.push(Inside::Bare);
            }
            (Inside::Bare, ')') if inside.len() > 1 => drop(inside.pop()),
            _ => {}
        }
    }
}

fn quote(path: &str, inside: Inside, out: &mut String) {
    let single = path.replace('\'', r"'\''");
    match inside {
        Inside::Bare => out.extend(["'", &single, "'"]),
        Inside::Single => out.push_str(&single),
        Inside::Double => {
            for character in path.chars() {
                if matches!(character, '"' | '\\' | '$' | '`') {
                    out.push('\\');
                }
                out.push(character);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::process::Command;

    /// What the shell makes of a command that prints its words, one a line.
    fn words(command: &str) -> String {
        let output = Command::new("/bin/sh").args(["-c", command]).output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    }

    #[test]
    fn a_path_that_means_nothing_to_a_shell_stays_as_it_is() {
        assert_eq!(place(&mark("/data/a-b_c.csv")), "/data/a-b_c.csv");
        assert_eq!(mark("/däta/ü.csv"), "/däta/ü.csv");
    }

    #[test]
    fn a_path_is_one_word_wherever_it_stands() {
        let path = "/my data/a'b\"c$HOME`id`\\;x (1).csv";
        let at = mark(path);
        for (command, expected) in [
            (format!("printf '%s\\n' {at}"), path.to_owned()),
            (format!("printf '%s\\n' {at}/x"), format!("{path}/x")),
            (
                format!("printf '%s\\n' \"{at}/x y\""),
                format!("{path}/x y"),
            ),
            (format!("printf '%s\\n' '{at}'"), path.to_owned()),
            (format!("printf '%s\\n' --in={at}"), format!("--in={path}")),
            (
                format!("printf '%s\\n' \"$(printf %s {at})\""),
                path.to_owned(),
            ),
            (
                format!("printf '%s\\n' \"\\\"\" {at}"),
                format!("\"\n{path}"),
            ),
        ] {
            assert_eq!(words(&place(&command)), expected + "\n", "{command:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_path_is_one_word(path in "/[ -~äü€]{1,24}", quote in "['\"]?") {
            let command = format!("printf '%s\\n' {quote}{}{quote}", mark(&path));
            prop_assert_eq!(words(&place(&command)), path + "\n");
        }
    }
}
