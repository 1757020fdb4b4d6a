//! Text patterns with `*` and `?`, and templates that also hold policy variables.

use std::borrow::Cow;

use memchr::memmem;

use crate::context::Context;
use crate::variables::{Syntax, Variable, VariableError};

/// A compiled pattern: `*` is any run of characters, `?` is one character.
///
/// The text between stars is searched left to right and never again, so matching takes linear
/// time without `?` and at most text × pattern with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob(Runs);

/// What stands between the stars.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Runs {
    head: Run,
    rest: Option<Rest>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rest {
    middle: Box<[Run]>,
    tail: Run,
}

/// A part of a pattern without stars.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Run(Box<[Piece]>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(Box<str>),
    AnyOne,
    Variable(Variable),
}

/// Gives the value of a variable in the request at hand.
trait Values {
    fn value<'a>(&'a self, variable: &'a Variable) -> Option<Cow<'a, str>>;
}

/// For patterns without variables.
struct NoValues;

impl Values for NoValues {
    fn value<'a>(&'a self, _: &'a Variable) -> Option<Cow<'a, str>> {
        None
    }
}

impl Values for Context {
    fn value<'a>(&'a self, variable: &'a Variable) -> Option<Cow<'a, str>> {
        variable.value(self).map(Cow::Borrowed)
    }
}

/// The request's values, lower-cased.
struct Folded<'c>(&'c Context);

impl Values for Folded<'_> {
    fn value<'a>(&'a self, variable: &'a Variable) -> Option<Cow<'a, str>> {
        let value = variable.value(self.0)?;
        Some(Cow::Owned(value.to_lowercase()))
    }
}

impl Glob {
    /// Compiles a pattern.
    pub fn new(pattern: &str) -> Glob {
        let mut builder = Builder::default();
        builder.text(pattern, Wildcards::Active);
        Glob(builder.finish())
    }

    /// Whether the whole text matches; letters compare case-sensitively.
    pub fn matches(&self, text: &str) -> bool {
        self.0.matches(text, &NoValues)
    }
}

/// Collects pieces into runs.
#[derive(Default)]
struct Builder {
    runs: Vec<Run>,
    pieces: Vec<Piece>,
    text: String,
}

impl Builder {
    fn text(&mut self, text: &str, wildcards: Wildcards) {
        for c in text.chars() {
            match (c, wildcards) {
                ('*', Wildcards::Active) => {
                    let run = self.run();
                    self.runs.push(run);
                }
                ('?', Wildcards::Active) => self.piece(Piece::AnyOne),
                _ => self.text.push(c),
            }
        }
    }

    fn piece(&mut self, piece: Piece) {
        self.flush();
        self.pieces.push(piece);
    }

    fn flush(&mut self) {
        if !self.text.is_empty() {
            let text = std::mem::take(&mut self.text).into_boxed_str();
            self.pieces.push(Piece::Text(text));
        }
    }

    fn run(&mut self) -> Run {
        self.flush();
        Run(std::mem::take(&mut self.pieces).into_boxed_slice())
    }

    fn finish(mut self) -> Runs {
        let last = self.run();
        let mut runs = self.runs.into_iter();
        match runs.next() {
            None => Runs {
                head: last,
                rest: None,
            },
            Some(head) => {
                let middle = runs.filter(|run| !run.0.is_empty()).collect();
                let rest = Some(Rest { middle, tail: last });
                Runs { head, rest }
            }
        }
    }
}

impl Runs {
    fn matches(&self, text: &str, values: &impl Values) -> bool {
        let Some(mut text) = self.head.after_start(text, values) else {
            return false;
        };
        let Some(rest) = &self.rest else {
            return text.is_empty();
        };
        for run in &rest.middle {
            match run.after_first(text, values) {
                Some(after) => text = after,
                None => return false,
            }
        }
        rest.tail.ends(text, values)
    }

    fn variables(&self) -> impl Iterator<Item = &Variable> {
        let rest = self.rest.iter();
        let runs = rest.flat_map(|rest| rest.middle.iter().chain([&rest.tail]));
        let pieces = [&self.head].into_iter().chain(runs).flat_map(|run| &run.0);
        pieces.filter_map(|piece| match piece {
            Piece::Variable(variable) => Some(variable),
            Piece::Text(_) | Piece::AnyOne => None,
        })
    }
}

impl Run {
    /// What follows when the text begins with this run.
    fn after_start<'t>(&self, text: &'t str, values: &impl Values) -> Option<&'t str> {
        self.0.iter().try_fold(text, |text, piece| match piece {
            Piece::Text(run) => text.strip_prefix(&**run),
            Piece::Variable(variable) => text.strip_prefix(&*values.value(variable)?),
            Piece::AnyOne => {
                let mut chars = text.chars();
                chars.next().map(|_| chars.as_str())
            }
        })
    }

    /// What follows the first place where this run occurs.
    fn after_first<'t>(&self, text: &'t str, values: &impl Values) -> Option<&'t str> {
        if let [Piece::Text(run)] = &*self.0 {
            let at = memmem::find(text.as_bytes(), run.as_bytes())?;
            return text.get(at + run.len()..);
        }
        let mut chars = text.chars();
        loop {
            if let Some(after) = self.after_start(chars.as_str(), values) {
                return Some(after);
            }
            chars.next()?;
        }
    }

    fn ends(&self, text: &str, values: &impl Values) -> bool {
        let mut pieces = self.0.iter().rev();
        let before = pieces.try_fold(text, |text, piece| match piece {
            Piece::Text(run) => text.strip_suffix(&**run),
            Piece::Variable(variable) => text.strip_suffix(&*values.value(variable)?),
            Piece::AnyOne => {
                let mut chars = text.chars();
                chars.next_back().map(|_| chars.as_str())
            }
        });
        before.is_some()
    }
}

/// Whether `*` and `?` mean something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wildcards {
    Active,
    Literal,
}

/// A pattern that may hold variables, which take their values from each request.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    runs: Runs,
    varying: bool,
}

/// A text that cannot be a template.
pub(crate) type TemplateError = VariableError;

impl Template {
    pub fn parse(
        text: &str,
        wildcards: Wildcards,
        syntax: Syntax,
    ) -> Result<Template, TemplateError> {
        let mut builder = Builder::default();
        let mut varying = false;
        let mut rest = text;
        while syntax == Syntax::Variables
            && let Some((before, after)) = rest.split_once("${")
        {
            builder.text(before, wildcards);
            let (inner, after) = after.split_once('}').ok_or(VariableError::Unclosed)?;
            match Variable::escaped(inner) {
                Some(c) => builder.text.push(c),
                None => {
                    builder.piece(Piece::Variable(Variable::parse(inner)?));
                    varying = true;
                }
            }
            rest = after;
        }
        builder.text(rest, wildcards);
        let runs = builder.finish();
        Ok(Template { runs, varying })
    }

    /// Whether the text matches. A variable without a value makes the template match nothing;
    /// a wildcard inside a variable's value is an ordinary character.
    pub fn matches(&self, text: &str, context: &Context) -> bool {
        match self.varying {
            false => self.runs.matches(text, &NoValues),
            true => self.is_filled(context) && self.runs.matches(text, context),
        }
    }

    /// As [`Template::matches`] for a template and a text that are already lower-cased; the
    /// variables' values are lower-cased too.
    pub fn matches_folded(&self, text: &str, context: &Context) -> bool {
        match self.varying {
            false => self.runs.matches(text, &NoValues),
            true => self.is_filled(context) && self.runs.matches(text, &Folded(context)),
        }
    }

    fn is_filled(&self, context: &Context) -> bool {
        let mut variables = self.runs.variables();
        variables.all(|variable| variable.value(context).is_some())
    }
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
