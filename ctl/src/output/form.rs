//! The formats of `--output`.

use clap::ValueEnum;

/// A format of results. `jsonc`, `yamlc` and `none` are there for habits from `az`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Columns for people
    Table,
    /// JSON, indented
    #[value(alias = "jsonc")]
    Json,
    /// YAML
    #[value(alias = "yamlc")]
    Yaml,
    /// Values separated by tabs, without a header
    Tsv,
    /// Nothing
    #[value(hide = true)]
    None,
}
