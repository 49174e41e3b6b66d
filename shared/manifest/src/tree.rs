//! YAML as a tree in which every node knows its place.
//!
//! Bounded: at most [`MAX_BYTES`] bytes, [`MAX_DEPTH`] levels and [`MAX_NODES`] nodes are read, and aliases are refused, so
//! no file can grow while it is read. The parser is `granit-parser`, the one that `serde-saphyr` stands on; events are
//! read here because an error must not hide the next.

use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle, Span};
use serde_json::Value;

use crate::problem::{Problem, Severity};
use crate::secret::redact;

/// The most bytes that a manifest may have.
pub(crate) const MAX_BYTES: usize = 256 * 1024;
const MAX_DEPTH: usize = 32;
const MAX_NODES: usize = 20_000;

/// A place in the file: line and column, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Place {
    pub(crate) const START: Self = Self { line: 1, column: 1 };

    fn of(span: &Span) -> Self {
        Self { line: span.start.line().max(1), column: span.start.col() + 1 }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) content: Content,
}

#[derive(Debug, Clone)]
pub(crate) enum Content {
    /// A scalar as it is written, and what it means.
    Scalar(String, Value),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_place: Place,
    pub(crate) value: Node,
}

impl Node {
    /// The text that a problem quotes.
    pub(crate) fn text(&self) -> String {
        match &self.content {
            Content::Scalar(text, _) => redact(text).chars().take(80).collect(),
            Content::List(_) => "[…]".into(),
            Content::Map(_) => "{…}".into(),
        }
    }

    /// Whether nothing stands here.
    pub(crate) fn is_null(&self) -> bool {
        matches!(self.content, Content::Scalar(_, Value::Null))
    }

    /// The node at a path such as `spec.network`, or the nearest one above it. A key may hold dots itself.
    pub(crate) fn at(&self, path: &str) -> &Node {
        let inner = match &self.content {
            Content::Map(entries) => entries.iter().find_map(|entry| Some((&entry.value, below(path, &entry.key)?))),
            Content::List(items) => {
                let step = path.split('.').next().unwrap_or_default();
                let item = step.parse::<usize>().ok().and_then(|index| items.get(index));
                item.and_then(|item| Some((item, below(path, step)?)))
            }
            Content::Scalar(..) => None,
        };
        match inner {
            Some((node, rest)) => node.at(rest),
            None => self,
        }
    }
}

/// What of `path` is left behind its first step, if that is `step`.
fn below<'a>(path: &'a str, step: &str) -> Option<&'a str> {
    let rest = path.strip_prefix(step)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('.') }
}

/// Reads a file as far as it can be read. The tree is there unless the text is no YAML at all.
pub(crate) fn read(bytes: &[u8]) -> (Option<Node>, Vec<Problem>) {
    let text = match text_of(bytes) {
        Ok(text) => text,
        Err(problem) => return (None, vec![problem]),
    };
    let mut reader = Reader { parser: Parser::new_from_str(text), nodes: 0, problems: Vec::new() };
    match reader.document() {
        Ok(node) => (Some(node), reader.problems),
        Err(problem) => {
            reader.problems.push(problem);
            (None, reader.problems)
        }
    }
}

fn text_of(bytes: &[u8]) -> Result<&str, Problem> {
    if bytes.len() > MAX_BYTES {
        let message = format!("the file has {} bytes, and a manifest at most {MAX_BYTES}", bytes.len());
        return Err(problem(
            "TooLarge",
            Place::START,
            "",
            &message,
            "one file describes one platform; remove what is not its own",
        ));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        let byte = bytes.get(error.valid_up_to()).copied().unwrap_or_default();
        let message = format!("byte 0x{byte:02x} is no UTF-8");
        problem("NotUtf8", Place { line, column }, "", &message, "save the file as UTF-8")
    })?;
    let text = text.trim_start_matches('\u{feff}');
    if text.trim().is_empty() {
        return Err(problem("Empty", Place::START, "", "the file is empty", "begin with `landfall init`"));
    }
    if let Some((index, line)) =
        text.lines().enumerate().find(|(_, line)| line.trim_start_matches(' ').starts_with('\t'))
    {
        let column = line.len() - line.trim_start_matches(' ').len() + 1;
        let place = Place { line: index + 1, column };
        return Err(problem("Tab", place, "\\t", "YAML does not indent by tabs", "use spaces"));
    }
    Ok(text)
}

pub(crate) fn problem(code: &'static str, place: Place, text: &str, message: &str, fix: &str) -> Problem {
    Problem {
        severity: Severity::Error,
        code,
        path: String::new(),
        line: place.line,
        column: place.column,
        text: text.to_owned(),
        message: message.to_owned(),
        fix: fix.to_owned(),
    }
}

fn too_deep(place: Place) -> Problem {
    let message = format!("values are nested more than {MAX_DEPTH} levels deep");
    problem("TooDeep", place, "", &message, "no field of a manifest is nested so deeply")
}

struct Reader<'a> {
    parser: Parser<'a, granit_parser::StrInput<'a>>,
    nodes: usize,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    fn document(&mut self) -> Result<Node, Problem> {
        loop {
            match self.next()? {
                (Event::StreamStart | Event::DocumentStart(..), _) => {}
                (Event::StreamEnd | Event::DocumentEnd, _) => {
                    return Err(problem(
                        "Empty",
                        Place::START,
                        "",
                        "the file holds only comments",
                        "begin with `landfall init`",
                    ));
                }
                (event, span) => {
                    let node = self.node(event, &span, 0)?;
                    self.end()?;
                    return Ok(node);
                }
            }
        }
    }

    /// After the document nothing may follow.
    fn end(&mut self) -> Result<(), Problem> {
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => return Ok(()),
                (Event::DocumentStart(..), span) => {
                    let message = "a second document begins here";
                    return Err(problem(
                        "SeveralDocuments",
                        Place::of(&span),
                        "---",
                        message,
                        "write one platform a file",
                    ));
                }
                _ => {}
            }
        }
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), Problem> {
        loop {
            match self.parser.next_event() {
                Some(Ok((Event::Comment(..), _))) => {}
                Some(Ok(next)) => return Ok(next),
                Some(Err(error)) => {
                    let marker = error.marker();
                    let place = Place { line: marker.line().max(1), column: marker.col() + 1 };
                    if matches!(error.kind(), granit_parser::ErrorKind::RecursionLimitExceeded) {
                        return Err(too_deep(place));
                    }
                    return Err(problem(
                        "Syntax",
                        place,
                        "",
                        &format!("this is no YAML: {}", error.info()),
                        "mend the syntax here",
                    ));
                }
                None => return Ok((Event::StreamEnd, Span::default())),
            }
        }
    }

    fn node(&mut self, event: Event<'a>, span: &Span, depth: usize) -> Result<Node, Problem> {
        let place = Place::of(span);
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            let message = format!("the file has more than {MAX_NODES} values");
            return Err(problem(
                "TooLarge",
                place,
                "",
                &message,
                "one file describes one platform; remove what is not its own",
            ));
        }
        if depth > MAX_DEPTH {
            return Err(too_deep(place));
        }
        if let Event::Scalar(.., Some(tag)) | Event::SequenceStart(.., Some(tag)) | Event::MappingStart(.., Some(tag)) =
            &event
        {
            let message = format!("a manifest has no YAML tags, and this is one: {tag}");
            self.problems.push(problem("Tag", place, "", &message, "write the plain value"));
        }
        let content = match event {
            Event::Scalar(text, style, ..) => {
                let meaning = if style == ScalarStyle::Plain { plain(&text) } else { Value::String(text.to_string()) };
                Content::Scalar(text.into_owned(), meaning)
            }
            Event::SequenceStart(..) => self.list(depth)?,
            Event::MappingStart(..) => self.map(depth)?,
            Event::Alias(..) | Event::UnresolvedAlias(..) => {
                self.problems.push(problem("Alias", place, "*", "a manifest has no aliases", "write the value out"));
                Content::Scalar("*".into(), Value::Null)
            }
            _ => Content::Scalar(String::new(), Value::Null),
        };
        Ok(Node { place, content })
    }

    fn list(&mut self, depth: usize) -> Result<Content, Problem> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Content::List(items)),
                (event, span) => items.push(self.node(event, &span, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Content, Problem> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut lines: HashMap<String, usize> = HashMap::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                return Ok(Content::Map(entries));
            }
            let key = self.node(event, &span, depth + 1)?;
            let (event, span) = self.next()?;
            let value = self.node(event, &span, depth + 1)?;
            let Content::Scalar(text, _) = key.content else {
                self.problems.push(problem(
                    "WrongType",
                    key.place,
                    "",
                    "a field's name must be a text",
                    "write `name: value`",
                ));
                continue;
            };
            if let Some(first) = lines.get(&text) {
                let message = format!("`{text}` stands twice; first in line {first}");
                self.problems.push(problem("DuplicateKey", key.place, &text, &message, "keep one of them"));
                continue;
            }
            lines.insert(text.clone(), key.place.line);
            entries.push(Entry { key: text, key_place: key.place, value });
        }
    }
}

/// What a plain scalar means: YAML 1.2's core schema.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => match (text.parse::<i64>(), text.parse::<f64>()) {
            (Ok(number), _) => number.into(),
            (_, Ok(number)) if text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b)) => number.into(),
            _ => Value::String(text.to_owned()),
        },
    }
}
