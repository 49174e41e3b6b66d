//! Problems as people read them: the line of the file, a mark under the text, and what to write instead.

use std::fmt::Write;

use crate::secret::redact;
use crate::{Problem, Severity};

/// All problems of the file `name`, whose text is `source`. Plain text; ends with a line that counts them.
pub fn render(name: &str, source: &[u8], problems: &[Problem]) -> String {
    let source = String::from_utf8_lossy(source);
    let mut out = String::new();
    let lines: Vec<&str> = source.lines().collect();
    for problem in problems {
        render_one(&mut out, name, lines.get(problem.line - 1).copied().unwrap_or_default(), problem);
    }
    let errors = problems.iter().filter(|problem| problem.severity == Severity::Error).count();
    let warnings = problems.len() - errors;
    let count = |number: usize, word: &str| {
        (number > 0).then(|| format!("{number} {word}{}", if number == 1 { "" } else { "s" }))
    };
    let counts: Vec<String> = [count(errors, "error"), count(warnings, "warning")].into_iter().flatten().collect();
    if !counts.is_empty() {
        let _ = writeln!(out, "{name}: {}", counts.join(", "));
    }
    out
}

/// How much of a long line is shown, and how much of that before the place.
const SHOWN: usize = 120;
const BEFORE: usize = 40;

fn render_one(out: &mut String, name: &str, line: &str, problem: &Problem) {
    let word = match problem.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let number = problem.line.to_string();
    let gutter = " ".repeat(number.len());
    let skipped = if problem.column > SHOWN { problem.column - BEFORE } else { 0 };
    let line: String = line.chars().skip(skipped).take(SHOWN).collect();
    let line = redact(&line.replace('\t', " "));
    let mark = "^".repeat(problem.text.chars().count().clamp(1, 60));
    let indent = " ".repeat(problem.column - 1 - skipped);
    let _ = writeln!(out, "{word}[{}]: {}", problem.code, problem.message);
    let _ = writeln!(out, "{gutter}--> {name}:{}:{}", problem.line, problem.column);
    let _ = writeln!(out, "{number} | {line}");
    let _ = writeln!(out, "{gutter} | {indent}{mark}");
    if !problem.path.is_empty() {
        let _ = writeln!(out, "{gutter} = field: {}", problem.path);
    }
    let _ = writeln!(out, "{gutter} = help: {}\n", problem.fix);
}
