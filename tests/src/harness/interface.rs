//! Varlink's interface language (<https://varlink.org/Interface-Definition>): a reader, and a
//! comparison of what is described with what is really sent.

use std::collections::BTreeMap;

use serde_json::Value;

/// A described interface.
#[derive(Debug, Default)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Its types by name.
    pub types: BTreeMap<String, Type>,
    /// The parameters and the reply of each method.
    pub methods: BTreeMap<String, (Type, Type)>,
    /// The parameters of each error.
    pub errors: BTreeMap<String, Type>,
}

/// A type of the language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// `bool`
    Bool,
    /// `int`
    Int,
    /// `float`
    Float,
    /// `string`
    String,
    /// `object`: anything.
    Object,
    /// A type of the interface.
    Named(String),
    /// `?T`
    Maybe(Box<Type>),
    /// `[]T`
    Array(Box<Type>),
    /// `[string]T`
    Map(Box<Type>),
    /// `(name: T, …)`
    Struct(Vec<(String, Type)>),
    /// `(one, two, …)`
    Enum(Vec<String>),
}

/// How much of what is described a value is expected to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filled {
    /// Every field.
    Whole,
    /// Only the fields that are not optional.
    Bare,
}

/// Reads a description.
///
/// # Panics
/// When it is none.
#[must_use]
pub fn parse(text: &str) -> Interface {
    let mut reader = Reader {
        tokens: tokens(text),
        at: 0,
    };
    reader.expect("interface");
    let mut interface = Interface {
        name: reader.next(),
        ..Interface::default()
    };
    while reader.peek().is_some() {
        reader.member(&mut interface);
    }
    interface
}

fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    for line in text.lines() {
        let code = line.split('#').next().unwrap_or_default();
        let mut word = String::new();
        for character in code.replace("->", " > ").chars() {
            if character.is_ascii_alphanumeric() || matches!(character, '_' | '.' | '-') {
                word.push(character);
                continue;
            }
            tokens.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
            tokens.extend((!character.is_whitespace()).then(|| character.to_string()));
        }
        tokens.extend((!word.is_empty()).then_some(word));
    }
    tokens
}

struct Reader {
    tokens: Vec<String>,
    at: usize,
}

impl Reader {
    fn peek(&self) -> Option<&str> {
        self.tokens.get(self.at).map(String::as_str)
    }

    fn next(&mut self) -> String {
        self.at += 1;
        self.tokens[self.at - 1].clone()
    }

    fn takes(&mut self, token: &str) -> bool {
        let found = self.peek() == Some(token);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, token: &str) {
        let found = self.next();
        assert_eq!(found, token, "token {} of the description", self.at);
    }

    fn member(&mut self, interface: &mut Interface) {
        let keyword = self.next();
        let name = self.next();
        let first = self.kind();
        let fresh = match keyword.as_str() {
            "type" => interface.types.insert(name, first).is_none(),
            "error" => interface.errors.insert(name, first).is_none(),
            "method" => {
                self.expect(">");
                let reply = self.kind();
                interface.methods.insert(name, (first, reply)).is_none()
            }
            other => panic!("{other} begins no member"),
        };
        assert!(fresh, "a {keyword} is described twice");
    }

    fn kind(&mut self) -> Type {
        let token = self.next();
        match token.as_str() {
            "?" => Type::Maybe(Box::new(self.kind())),
            "[" if self.takes("]") => Type::Array(Box::new(self.kind())),
            "[" => {
                self.expect("string");
                self.expect("]");
                Type::Map(Box::new(self.kind()))
            }
            "(" => self.fields(),
            "bool" => Type::Bool,
            "int" => Type::Int,
            "float" => Type::Float,
            "string" => Type::String,
            "object" => Type::Object,
            _ => Type::Named(token),
        }
    }

    /// A structure, or an enumeration where the names have no types.
    fn fields(&mut self) -> Type {
        let (mut fields, mut names) = (Vec::new(), Vec::new());
        while !self.takes(")") {
            let name = self.next();
            match self.takes(":") {
                true => fields.push((name, self.kind())),
                false => names.push(name),
            }
            if !self.takes(",") {
                self.expect(")");
                break;
            }
        }
        match names.is_empty() {
            true => Type::Struct(fields),
            false => Type::Enum(names),
        }
    }
}

impl Interface {
    /// What a value has otherwise than described: a line for each difference.
    #[must_use]
    pub fn differences(&self, kind: &Type, value: &Value, filled: Filled) -> Vec<String> {
        let mut found = Vec::new();
        self.compare("", kind, value, filled, &mut found);
        found
    }

    fn compare(
        &self,
        at: &str,
        kind: &Type,
        value: &Value,
        filled: Filled,
        found: &mut Vec<String>,
    ) {
        let fits = match (kind, value) {
            (Type::Object, _)
            | (Type::Bool, Value::Bool(_))
            | (Type::Float, Value::Number(_))
            | (Type::String, Value::String(_)) => true,
            (Type::Int, Value::Number(number)) => !number.is_f64(),
            (Type::Enum(names), Value::String(name)) => names.contains(name),
            (Type::Named(name), _) => match self.types.get(name) {
                Some(kind) => return self.compare(at, kind, value, filled, found),
                None => false,
            },
            (Type::Maybe(kind), _) => return self.compare(at, kind, value, filled, found),
            (Type::Array(kind), Value::Array(items)) => {
                for item in items {
                    self.compare(&format!("{at}[]"), kind, item, filled, found);
                }
                true
            }
            (Type::Map(kind), Value::Object(entries)) => {
                for (key, item) in entries {
                    self.compare(&format!("{at}.{key}"), kind, item, filled, found);
                }
                true
            }
            (Type::Struct(fields), Value::Object(entries)) => {
                for key in entries
                    .keys()
                    .filter(|key| !fields.iter().any(|(name, _)| name == *key))
                {
                    found.push(format!("{at}.{key} is sent and not described"));
                }
                for (name, kind) in fields {
                    let at = format!("{at}.{name}");
                    let optional = matches!(kind, Type::Maybe(_));
                    match entries.get(name) {
                        Some(_) if optional && filled == Filled::Bare => {
                            found.push(format!("{at} is described as optional and always sent"));
                        }
                        Some(value) => self.compare(&at, kind, value, filled, found),
                        None if optional && filled == Filled::Bare => {}
                        None => found.push(format!("{at} is described and not sent")),
                    }
                }
                true
            }
            _ => false,
        };
        if !fits {
            found.push(format!("{at} is {value}, described as {kind:?}"));
        }
    }
}
