//! The experiment of a job whose file names none.

use std::path::Path;

/// The experiment where the working folder has no usable name.
const DEFAULT: &str = "Default";

/// Azure ML's rule: the name of the working folder without its extension (`Path.stem` of Python)
/// and without spaces, else `Default`.
pub fn name_for(cwd: &Path) -> String {
    let folder = cwd.file_name().and_then(|name| name.to_str());
    let name = folder.map(stem).unwrap_or_default().replace(' ', "");
    if name.is_empty() {
        DEFAULT.into()
    } else {
        name
    }
}

/// Python's `PurePath.stem`: a dot at either end does not begin an extension.
fn stem(name: &str) -> &str {
    match name.rfind('.') {
        Some(dot) if dot > 0 && dot + 1 < name.len() => &name[..dot],
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_azures_rule() {
        for (cwd, expected) in [
            ("/home/ann/basics", "basics"),
            ("/home/ann/my jobs 1", "myjobs1"),
            ("/home/ann/v1.2", "v1"),
            ("/home/ann/a.b.c", "a.b"),
            ("/home/ann/.hidden", ".hidden"),
            ("/home/ann/dot.", "dot."),
            ("/home/ann/ ", "Default"),
            ("/", "Default"),
        ] {
            assert_eq!(name_for(Path::new(cwd)), expected, "{cwd}");
        }
    }
}
