//! Text patterns with `*` and `?`, and templates that also hold policy variables.

use crate::context::Context;
use crate::variables::{Syntax, Variable, VariableError};

/// A compiled pattern: `*` is any run of characters, `?` is one character.
///
/// The text between stars is searched left to right and never again, so matching takes linear
/// time without `?` and at most text × pattern with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob {
    head: Run,
    rest: Option<Rest>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rest {
    middle: Box<[Run]>,
    tail: Run,
}

/// What stands between two stars.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Run {
    Text(Box<str>),
    Gapped(Box<[Symbol]>),
}

/// One element of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Symbol {
    Char(char),
    AnyOne,
    AnyRun,
}

impl Symbol {
    fn of(c: char, wildcards: Wildcards) -> Symbol {
        match (c, wildcards) {
            ('*', Wildcards::Active) => Symbol::AnyRun,
            ('?', Wildcards::Active) => Symbol::AnyOne,
            _ => Symbol::Char(c),
        }
    }
}

impl Glob {
    /// Compiles a pattern.
    pub fn new(pattern: &str) -> Glob {
        Glob::from_symbols(pattern.chars().map(|c| Symbol::of(c, Wildcards::Active)))
    }

    pub(crate) fn from_symbols(symbols: impl IntoIterator<Item = Symbol>) -> Glob {
        let mut runs: Vec<Vec<Symbol>> = Vec::new();
        let mut run = Vec::new();
        for symbol in symbols {
            match symbol {
                Symbol::AnyRun => runs.push(std::mem::take(&mut run)),
                other => run.push(other),
            }
        }
        let last = Run::new(run);
        let mut runs = runs.into_iter();
        match runs.next() {
            None => Glob {
                head: last,
                rest: None,
            },
            Some(head) => {
                let middle = runs.filter(|run| !run.is_empty()).map(Run::new).collect();
                Glob {
                    head: Run::new(head),
                    rest: Some(Rest { middle, tail: last }),
                }
            }
        }
    }

    /// Whether the whole text matches; letters compare case-sensitively.
    pub fn matches(&self, text: &str) -> bool {
        let Some(mut text) = self.head.after_start(text) else {
            return false;
        };
        let Some(rest) = &self.rest else {
            return text.is_empty();
        };
        for run in &rest.middle {
            match run.after_first(text) {
                Some(after) => text = after,
                None => return false,
            }
        }
        rest.tail.ends(text)
    }
}

impl Run {
    fn new(symbols: Vec<Symbol>) -> Run {
        let text: Option<String> = symbols
            .iter()
            .map(|symbol| match symbol {
                Symbol::Char(c) => Some(*c),
                Symbol::AnyOne | Symbol::AnyRun => None,
            })
            .collect();
        match text {
            Some(text) => Run::Text(text.into_boxed_str()),
            None => Run::Gapped(symbols.into_boxed_slice()),
        }
    }

    /// What follows when the text begins with this run.
    fn after_start<'t>(&self, text: &'t str) -> Option<&'t str> {
        match self {
            Run::Text(run) => text.strip_prefix(&**run),
            Run::Gapped(symbols) => {
                let mut chars = text.chars();
                symbols
                    .iter()
                    .all(|symbol| fits(*symbol, chars.next()))
                    .then_some(chars.as_str())
            }
        }
    }

    /// What follows the first place where this run occurs.
    fn after_first<'t>(&self, text: &'t str) -> Option<&'t str> {
        match self {
            Run::Text(run) => text.split_once(&**run).map(|(_, after)| after),
            Run::Gapped(_) => {
                let mut chars = text.chars();
                loop {
                    if let Some(after) = self.after_start(chars.as_str()) {
                        return Some(after);
                    }
                    chars.next()?;
                }
            }
        }
    }

    fn ends(&self, text: &str) -> bool {
        match self {
            Run::Text(run) => text.ends_with(&**run),
            Run::Gapped(symbols) => {
                let mut chars = text.chars().rev();
                symbols
                    .iter()
                    .rev()
                    .all(|symbol| fits(*symbol, chars.next()))
            }
        }
    }
}

fn fits(symbol: Symbol, c: Option<char>) -> bool {
    match (symbol, c) {
        (Symbol::Char(wanted), Some(c)) => wanted == c,
        (Symbol::AnyOne, Some(_)) => true,
        (Symbol::AnyRun, _) | (_, None) => false,
    }
}

/// Whether `*` and `?` mean something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wildcards {
    Active,
    Literal,
}

/// A pattern that may hold variables, which are filled in for each request.
#[derive(Clone, Debug)]
pub(crate) enum Template {
    Fixed(Glob),
    Varying(Box<[Part]>),
}

#[derive(Clone, Debug)]
pub(crate) enum Part {
    Symbol(Symbol),
    Variable(Variable),
}

/// A text that cannot be a template.
pub(crate) type TemplateError = VariableError;

impl Template {
    pub fn parse(
        text: &str,
        wildcards: Wildcards,
        syntax: Syntax,
    ) -> Result<Template, TemplateError> {
        let symbols = |text: &str| {
            text.chars()
                .map(|c| Symbol::of(c, wildcards))
                .collect::<Vec<_>>()
        };
        if syntax == Syntax::Plain || !text.contains("${") {
            return Ok(Template::Fixed(Glob::from_symbols(symbols(text))));
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            parts.extend(symbols(before).into_iter().map(Part::Symbol));
            let (inner, after) = after.split_once('}').ok_or(VariableError::Unclosed)?;
            parts.push(match Variable::escaped(inner) {
                Some(c) => Part::Symbol(Symbol::Char(c)),
                None => Part::Variable(Variable::parse(inner)?),
            });
            rest = after;
        }
        parts.extend(symbols(rest).into_iter().map(Part::Symbol));
        Ok(Template::from_parts(parts))
    }

    fn from_parts(parts: Vec<Part>) -> Template {
        let fixed: Option<Vec<Symbol>> = parts
            .iter()
            .map(|part| match part {
                Part::Symbol(symbol) => Some(*symbol),
                Part::Variable(_) => None,
            })
            .collect();
        match fixed {
            Some(symbols) => Template::Fixed(Glob::from_symbols(symbols)),
            None => Template::Varying(parts.into_boxed_slice()),
        }
    }

    /// Whether the text matches. A variable without a value makes the template match nothing;
    /// a wildcard inside a variable's value is an ordinary character.
    pub fn matches(&self, text: &str, context: &Context) -> bool {
        match self {
            Template::Fixed(glob) => glob.matches(text),
            Template::Varying(parts) => {
                let filled = fill(parts, context, |value, out| {
                    out.extend(value.chars().map(Symbol::Char))
                });
                filled.is_some_and(|glob| glob.matches(text))
            }
        }
    }

    /// As [`Template::matches`] for a template and a text that are already lower-cased; the
    /// variables' values are lower-cased too.
    pub fn matches_folded(&self, text: &str, context: &Context) -> bool {
        match self {
            Template::Fixed(glob) => glob.matches(text),
            Template::Varying(parts) => {
                let filled = fill(parts, context, |value, out| {
                    out.extend(value.to_lowercase().chars().map(Symbol::Char))
                });
                filled.is_some_and(|glob| glob.matches(text))
            }
        }
    }
}

fn fill(parts: &[Part], context: &Context, add: impl Fn(&str, &mut Vec<Symbol>)) -> Option<Glob> {
    let mut symbols = Vec::with_capacity(parts.len() + 16);
    for part in parts {
        match part {
            Part::Symbol(symbol) => symbols.push(*symbol),
            Part::Variable(variable) => add(variable.value(context)?, &mut symbols),
        }
    }
    Some(Glob::from_symbols(symbols))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn stars_and_question_marks() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("a*", "abc", true),
            ("*c", "abc", true),
            ("a*c", "ac", true),
            ("ab*ba", "aba", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*?", "", false),
            ("*a?c*d", "xxabcyyd", true),
            ("?", "é", true),
            ("*modeling*", "ml-modeling-team", true),
        ] {
            assert_eq!(
                Glob::new(pattern).matches(text),
                expected,
                "{pattern} on {text}"
            );
        }
    }

    #[test]
    fn a_hostile_pattern_ends_soon() {
        let pattern = "*a".repeat(2_000) + "b";
        assert!(!Glob::new(&pattern).matches(&"a".repeat(50_000)));
    }

    #[test]
    fn templates_fill_in_variables_as_literals() {
        let context = Context::new()
            .with("aws:username", "a*")
            .with("aws:PrincipalTag/Team", "red");
        let like = |pattern: &str, text: &str| {
            Template::parse(pattern, Wildcards::Active, Syntax::Variables)
                .unwrap()
                .matches(text, &context)
        };
        assert!(like("x/${aws:username}/*", "x/a*/y"));
        assert!(!like("x/${aws:username}/*", "x/abc/y"));
        assert!(like("${AWS:principaltag/team}", "red"));
        assert!(!like("${aws:userid}*", "anything"));
        assert!(like("${aws:userid, 'nobody'}*", "nobody-1"));
        assert!(like("${*}${?}${$}", "*?$"));
        assert!(!like("${*}", "a"));
    }

    #[test]
    fn without_variables_the_text_is_taken_as_it_is() {
        let template =
            Template::parse("${aws:username}", Wildcards::Active, Syntax::Plain).unwrap();
        assert!(template.matches("${aws:username}", &Context::new()));
    }

    #[test]
    fn broken_variables_are_refused() {
        for text in [
            "${aws:username",
            "${}",
            "${name}",
            "${aws:x, y}",
            "${aws:x, 'y}",
            "${a:${b:c}}",
        ] {
            assert!(
                Template::parse(text, Wildcards::Active, Syntax::Variables).is_err(),
                "{text}"
            );
        }
    }

    /// The definition of a glob, by recursion over both texts.
    fn naive(pattern: &[char], text: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('*', rest)) => (0..=text.len()).any(|skip| naive(rest, &text[skip..])),
            Some(('?', rest)) => !text.is_empty() && naive(rest, &text[1..]),
            Some((c, rest)) => text.first() == Some(c) && naive(rest, &text[1..]),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn agrees_with_the_definition(pattern in "[abé*?]{0,9}", text in "[abé]{0,12}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(Glob::new(&pattern).matches(&text), naive(&chars(&pattern), &chars(&text)));
        }
    }
}
