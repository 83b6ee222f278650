//! Expressions as the SDK's answers and the documentation have them.

use proptest::prelude::*;

use super::{Context, Problem, Template};

/// Renders with the inputs x and y and the output o.
fn render(text: &str) -> String {
    let template = Template::parse(text).unwrap();
    let rendered =
        template.render(
            |reference| match (reference.context, reference.name.as_str()) {
                (Context::Inputs, "x") => Some("1".into()),
                (Context::Inputs, "y") => Some("${{inputs.x}}".into()),
                (Context::Outputs, "o") => Some("/out".into()),
                (Context::JobName, _) => Some("job".into()),
                _ => None,
            },
        );
    rendered.unwrap_or_else(|unresolved| unresolved.to_string())
}

fn faults(text: &str) -> Vec<(Problem, &str)> {
    let faults = Template::parse(text).unwrap_err();
    faults
        .into_iter()
        .map(|fault| (fault.problem, &text[fault.at]))
        .collect()
}

#[test]
fn references_are_replaced_with_and_without_blanks() {
    assert_eq!(
        render("echo ${{inputs.x}} ${{ inputs.x }} ${{inputs.x }}"),
        "echo 1 1 1"
    );
    assert_eq!(render("cp a ${{outputs.o}}/b"), "cp a /out/b");
    assert_eq!(render("$${{inputs.x}}"), "$1");
    assert_eq!(render("${{name}}"), "job");
    assert_eq!(render("é${{inputs.x}}é"), "é1é");
}

#[test]
fn a_value_is_not_parsed_again() {
    assert_eq!(render("${{inputs.y}}"), "${{inputs.x}}");
}

#[test]
fn deprecated_braces_count_but_other_braces_do_not() {
    assert_eq!(render("{inputs.x} {outputs.o}"), "1 /out");
    assert_eq!(
        render("{{inputs.x}} ${inputs.x} {print} ${HOME} {inputs}"),
        "{{inputs.x}} ${inputs.x} {print} ${HOME} {inputs}"
    );
    assert_eq!(render("--ss {search_space.ss}"), "--ss {search_space.ss}");
    assert!(
        Template::parse("{inputs.x}")
            .unwrap()
            .references()
            .all(|reference| reference.deprecated)
    );
}

#[test]
fn a_bracket_disappears_with_its_value() {
    assert_eq!(render("a $[[--x ${{inputs.x}}]] b"), "a --x 1 b");
    assert_eq!(render("a $[[--z ${{inputs.z}} ]] b"), "a  b");
    assert_eq!(render("$[[--x ${{inputs.x}} --z ${{inputs.z}}]]c"), "c");
    assert_eq!(render("if [[ -f a ]]; then"), "if [[ -f a ]]; then");
    let template =
        Template::parse("$[[--x ${{inputs.x}}]] $[[${{inputs.a}} ${{inputs.b}}]]").unwrap();
    assert_eq!(
        template
            .optional()
            .map(|r| r.name.as_str())
            .collect::<Vec<_>>(),
        ["x"]
    );
    assert_eq!(template.references().count(), 3);
}

#[test]
fn a_missing_value_outside_brackets_is_named() {
    assert_eq!(render("${{inputs.z}}"), "`${{inputs.z}}` has no value");
    assert_eq!(
        render("${{parent.jobs.a.outputs.z}}"),
        "`${{parent.jobs.a.outputs.z}}` has no value"
    );
}

#[test]
fn every_fault_is_found_and_placed() {
    let unknown = |path: &str| Problem::UnknownContext(path.into());
    assert_eq!(
        faults("echo ${{inputs.x"),
        [(Problem::Unterminated, "${{inputs.x")]
    );
    assert_eq!(
        faults("${{inputs.x ${{inputs.y}}"),
        [(Problem::Unterminated, "${{inputs.x")]
    );
    assert_eq!(faults("$[[ a"), [(Problem::UnterminatedOptional, "$[[")]);
    assert_eq!(
        faults("${{secrets.x}} ${{ }} ${{inputs}} ${{a b}} ${{inputs..x}}"),
        [
            (unknown("secrets.x"), "${{secrets.x}}"),
            (Problem::Malformed(String::new()), "${{ }}"),
            (unknown("inputs"), "${{inputs}}"),
            (Problem::Malformed("a b".into()), "${{a b}}"),
            (Problem::Malformed("inputs..x".into()), "${{inputs..x}}"),
        ]
    );
    assert_eq!(
        unknown("jobs.a.outputs.o").help(),
        "this has changed to ${{parent.jobs.a.outputs.o}}"
    );
}

#[test]
fn a_reference_prints_as_it_is_written() {
    for text in [
        "inputs.x",
        "outputs.o",
        "search_space.lr",
        "parent.inputs.x",
        "parent.outputs.o",
        "parent.jobs.a",
        "parent.jobs.a.inputs.x",
        "parent.jobs.a.outputs.o",
        "default_datastore",
        "name",
        "output_name",
    ] {
        let template = Template::parse(&format!("${{{{ {text} }}}}")).unwrap();
        let references: Vec<_> = template.references().map(ToString::to_string).collect();
        assert_eq!(references, [text]);
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic_and_text_without_marks_stays(text in "[a-z$ é{}\\[\\].]{0,30}|\\PC{0,20}") {
        let parsed = Template::parse(&text);
        if !text.contains(['$', '{']) {
            prop_assert_eq!(parsed.unwrap().render(|_| None).unwrap(), text);
        }
    }
}
