//! Drives the parser over a checked text: events in, a tree or the problems out.

use granit_parser::{ErrorKind, Event, Marker, Options, Parser, ScalarStyle, ScanError, Tag};

use super::build::{Builder, MAX_DEPTH, too_deep};
use super::{Node, Source, Value, scalar};
use crate::diagnostic::{Diagnostic, Span};

/// Problems that one reading reports at most.
pub const MAX_PROBLEMS: usize = 50;

/// Reads one YAML document.
///
/// # Errors
/// Everything that is wrong with it as YAML, placed; at most [`MAX_PROBLEMS`].
pub fn parse(bytes: &[u8]) -> Result<Node, Vec<Diagnostic>> {
    let source = Source::new(bytes).map_err(|problem| vec![*problem])?;
    match read(&source) {
        (Some(node), problems) if problems.is_empty() => Ok(node),
        (_, problems) => Err(problems),
    }
}

/// Reads one YAML document and goes on past what it can: a tree may come with problems
/// (duplicate keys, bad scalars), and no tree never comes without one.
pub fn read(source: &Source<'_>) -> (Option<Node>, Vec<Diagnostic>) {
    let mut reader = Reader {
        source,
        builder: Builder::default(),
        documents: 0,
    };
    let ended = reader.run();
    let (mut root, mut problems) = reader.builder.finish();
    match ended {
        Err(problem) => {
            root = None;
            problems.push(*problem);
        }
        Ok(()) if root.is_none() && problems.is_empty() => {
            problems.push(Diagnostic::error(
                "empty-file",
                source.span(0, 0),
                "the file is empty",
            ));
        }
        Ok(()) => {}
    }
    problems.truncate(MAX_PROBLEMS);
    (root, problems)
}

struct Reader<'a> {
    source: &'a Source<'a>,
    builder: Builder,
    documents: usize,
}

impl<'a> Reader<'a> {
    fn run(&mut self) -> Result<(), Box<Diagnostic>> {
        for event in Parser::new_from_str_with_options(self.source.text(), options()) {
            let (event, span) = event.map_err(|error| Box::new(self.syntax(&error)))?;
            let place = self.place(span);
            self.event(event, place, span.tag_span().map(|tag| self.place(tag)))?;
            if self.builder.problems.len() >= MAX_PROBLEMS {
                break;
            }
        }
        Ok(())
    }

    fn event(
        &mut self,
        event: Event<'_>,
        span: Span,
        tagged: Option<Span>,
    ) -> Result<(), Box<Diagnostic>> {
        let tag_place = tagged.unwrap_or(span);
        match event {
            Event::DocumentStart(..) => self.document(span),
            Event::Alias(anchor) => self.builder.alias(anchor, span),
            Event::Scalar(text, style, anchor, tag) => {
                let node = self.scalar(
                    &text,
                    style,
                    tag.as_deref().map(|tag| (tag, tag_place)),
                    span,
                );
                self.builder.scalar(node, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.collection_tag(tag.as_deref(), "seq", tag_place);
                self.builder.begin_seq(span, anchor)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.collection_tag(tag.as_deref(), "map", tag_place);
                self.builder.begin_map(span, anchor)
            }
            Event::SequenceEnd | Event::MappingEnd => self.builder.end(),
            _ => Ok(()),
        }
    }

    fn document(&mut self, span: Span) -> Result<(), Box<Diagnostic>> {
        self.documents += 1;
        if self.documents == 1 {
            return Ok(());
        }
        Err(Box::new(
            Diagnostic::error(
                "several-documents",
                span,
                "the file holds more than one document",
            )
            .with_help("keep one job a file"),
        ))
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        tag: Option<(&Tag, Span)>,
        span: Span,
    ) -> Node {
        let plain = tag.is_none() && style == ScalarStyle::Plain;
        let typed = match tag {
            None if plain && text == "<<" => Ok(Value::Str(text.into())),
            None if plain => scalar::plain(text),
            Some((tag, place)) if !is_unspecific(tag) => self.tagged(tag, text, place),
            _ => Ok(Value::Str(text.into())),
        };
        let value = typed.unwrap_or_else(|why| {
            let help = format!(
                "put it in quotes if it is meant as text: \"{}\"",
                text.escape_default()
            );
            self.builder
                .problems
                .push(Diagnostic::error("bad-scalar", span, why).with_help(help));
            Value::Str(text.into())
        });
        if text.contains('\0') {
            let message = "a NUL character cannot stand in a text";
            self.builder
                .problems
                .push(Diagnostic::error("control-character", span, message));
        }
        let raw = if matches!(value, Value::Str(_)) {
            String::new()
        } else {
            text.to_owned()
        };
        Node {
            value,
            span,
            plain,
            raw,
        }
    }

    /// A tag outside the core schema is a problem, and the scalar then counts as text.
    fn tagged(&mut self, tag: &Tag, text: &str, span: Span) -> scalar::Typed {
        if let Some(suffix) = tag.core_suffix() {
            return scalar::tagged(suffix, text);
        }
        self.builder.problems.push(unknown_tag(tag, span));
        Ok(Value::Str(text.into()))
    }

    fn collection_tag(&mut self, tag: Option<&Tag>, expected: &str, span: Span) {
        let Some(tag) = tag else { return };
        if !is_unspecific(tag) && !tag.is_yaml_core_schema_tag(expected) {
            self.builder.problems.push(unknown_tag(tag, span));
        }
    }

    fn syntax(&self, error: &ScanError) -> Diagnostic {
        let span = self.mark(*error.marker());
        match error.kind() {
            ErrorKind::RecursionLimitExceeded => too_deep(span),
            ErrorKind::UnknownAnchor => {
                Diagnostic::error("undefined-alias", span, "this alias is not defined")
            }
            kind => Diagnostic::error("syntax", span, format!("this is not YAML: {kind}")),
        }
    }

    fn place(&self, span: granit_parser::Span) -> Span {
        let range = span.byte_range().unwrap_or_default();
        Span {
            length: range.len(),
            ..self.mark(span.start)
        }
    }

    fn mark(&self, mark: Marker) -> Span {
        let offset = mark.byte_offset().unwrap_or_default();
        self.source.shift(Span {
            line: mark.line(),
            column: mark.col() + 1,
            offset,
            length: 0,
        })
    }
}

/// PyYAML's ways, and limits a little above ours so that ours speak.
pub(super) fn options() -> Options {
    let mut options = Options::default();
    options.set_emit_comments(false);
    options.block_scalar_eof_without_line_feed = true;
    options.flow_nesting_limit = 2 * MAX_DEPTH;
    options.block_nesting_limit = 2 * MAX_DEPTH;
    options
}

/// The tag `!`: a scalar is text, whatever it looks like.
fn is_unspecific(tag: &Tag) -> bool {
    tag.original() == "!"
}

fn unknown_tag(tag: &Tag, span: Span) -> Diagnostic {
    let message = format!("the tag {} is not allowed", tag.original());
    Diagnostic::error("unknown-tag", span, message).with_help("remove the tag")
}
