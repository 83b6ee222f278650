//! Whether a command is plain words, which need no shell: starting a shell costs as much as
//! starting a job. GNU make does the same (its manual, "Recipe Execution").

/// What a plain word may hold besides letters and digits: nothing that a shell looks at.
const PLAIN: &[u8] = b"_-./:,+@%=";

/// The builtins and reserved words of bash(1), in the order of its manual: a program of that
/// name may behave otherwise.
const SHELL_WORDS: &[&str] = &[
    "case",
    "coproc",
    "do",
    "done",
    "elif",
    "else",
    "esac",
    "fi",
    "for",
    "function",
    "if",
    "in",
    "select",
    "then",
    "until",
    "while",
    "time",
    ":",
    ".",
    "[",
    "alias",
    "bg",
    "bind",
    "break",
    "builtin",
    "caller",
    "cd",
    "command",
    "compgen",
    "complete",
    "compopt",
    "continue",
    "declare",
    "dirs",
    "disown",
    "echo",
    "enable",
    "eval",
    "exec",
    "exit",
    "export",
    "false",
    "fc",
    "fg",
    "getopts",
    "hash",
    "help",
    "history",
    "jobs",
    "kill",
    "let",
    "local",
    "logout",
    "mapfile",
    "popd",
    "printf",
    "pushd",
    "pwd",
    "read",
    "readarray",
    "readonly",
    "return",
    "set",
    "shift",
    "shopt",
    "source",
    "suspend",
    "test",
    "times",
    "trap",
    "true",
    "type",
    "typeset",
    "ulimit",
    "umask",
    "unalias",
    "unset",
    "wait",
];

/// The words of a command that means the same without a shell; none if it may not.
#[must_use]
pub fn plain_words(command: &str) -> Option<Vec<String>> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || PLAIN.contains(&byte);
    // A line break ends a command, so only those around it are blanks.
    let command = command.trim_matches([' ', '\t', '\n']);
    let is_blank = |byte: u8| byte == b' ' || byte == b'\t';
    if !command.bytes().all(|byte| is_plain(byte) || is_blank(byte)) {
        return None;
    }
    let words: Vec<String> = command.split([' ', '\t']).map(String::from).collect();
    let words: Vec<String> = words.into_iter().filter(|word| !word.is_empty()).collect();
    let program = words.first()?;
    // A word with = in its place is an assignment.
    (!program.contains('=') && !SHELL_WORDS.contains(&program.as_str())).then_some(words)
}

#[cfg(test)]
mod tests {
    use super::plain_words;
    use proptest::prelude::*;

    #[test]
    fn only_words_without_a_meaning_to_a_shell_are_plain() {
        for plain in [
            "python train.py --lr=0.1 --out ./outputs",
            "  ./run.sh\ta@b 50%  \n",
            "/bin/ls",
        ] {
            assert!(plain_words(plain).is_some(), "{plain}");
        }
        for shell in [
            "",
            " ",
            "echo hello",
            "python a.py && python b.py",
            "ls *.py",
            "python 'a b'",
            "A=1 python a.py",
            "python $HOME",
            "python ~/a.py",
            "python a.py\npython b.py",
            "python a.py # why",
            "python {a,b}",
            "exit 3",
            "time ls",
            "! ls",
            "ls \\",
            "pythön a.py",
        ] {
            assert_eq!(plain_words(shell), None, "{shell}");
        }
        assert_eq!(
            plain_words(" a  b\t\tc "),
            Some(vec!["a".into(), "b".into(), "c".into()])
        );
    }

    proptest! {
        /// What a shell would be given, it would split into the same words.
        #[test]
        fn plain_words_are_what_a_shell_makes_of_them(command in "[a-z0-9_./:,+@%= \t-]{0,40}") {
            if let Some(words) = plain_words(&command) {
                let output = std::process::Command::new("/bin/sh")
                    .args(["-c", &format!("printf '%s\\n' {}", command.trim())])
                    .output()
                    .unwrap();
                let seen = String::from_utf8(output.stdout).unwrap();
                prop_assert_eq!(seen.lines().collect::<Vec<_>>(), words);
            }
        }
    }
}
