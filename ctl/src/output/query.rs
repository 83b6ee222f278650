//! `--query`: JMESPath over the JSON form of a result (<https://jmespath.org>).

use jmespath::ast::Ast;
use serde_json::Value;

/// A result of a query.
#[derive(Debug, PartialEq)]
pub struct Selection {
    /// What was selected.
    pub value: Value,
    /// The keys in the order in which the query names them, where it makes objects.
    pub columns: Option<Vec<String>>,
}

/// Checks a query while the command line is read, so that a wrong one is refused before anything
/// is done.
///
/// # Errors
/// What is wrong and where, for a person.
pub fn check(query: &str) -> Result<String, String> {
    match jmespath::compile(query) {
        Ok(_) => Ok(query.to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Runs a query.
///
/// # Errors
/// What is wrong, for a person.
pub fn run(query: &str, value: &Value) -> Result<Selection, String> {
    let expression = jmespath::compile(query).map_err(|error| error.to_string())?;
    let found = expression
        .search(value)
        .map_err(|error| error.to_string())?;
    Ok(Selection {
        value: serde_json::to_value(&*found).map_err(|error| error.to_string())?,
        columns: columns(expression.as_ast()),
    })
}

/// The library sorts the keys of the objects it makes; the query itself knows their order.
fn columns(ast: &Ast) -> Option<Vec<String>> {
    match ast {
        Ast::MultiHash { elements, .. } => {
            Some(elements.iter().map(|pair| pair.key.clone()).collect())
        }
        Ast::Projection { rhs, .. } | Ast::Subexpr { rhs, .. } => columns(rhs),
        Ast::Condition { then, .. } => columns(then),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn columns_come_in_the_order_of_the_query() {
        let jobs = json!([{"name": "a", "status": "Failed"}, {"name": "b", "status": "Queued"}]);
        for query in [
            "[].{Status:status,Name:name}",
            "[?name!='c'].{Status:status,Name:name}",
            "[*].{Status:status,Name:name}",
        ] {
            let selection = run(query, &jobs).unwrap();
            assert_eq!(selection.columns.unwrap(), ["Status", "Name"], "{query}");
            assert_eq!(selection.value[1], json!({"Name": "b", "Status": "Queued"}));
        }
        assert_eq!(run("[0].name", &jobs).unwrap().value, json!("a"));
        assert_eq!(run("[].status", &jobs).unwrap().columns, None);
    }

    #[test]
    fn a_wrong_query_is_refused_with_its_place() {
        let message = check("[].{").unwrap_err();
        assert!(message.contains("[].{"), "{message}");
    }
}
