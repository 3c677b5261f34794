//! Tokens, taken one by one → paths, and errors that say what was found.

use crate::query::lexer::{Placed, Token, tokens};
use crate::query::syntax::{Element, FilterError, Path};

/// Bytes of a filter. DynamoDB bounds the expression at 4 KB, which literals
/// don't count towards; this bounds the work before that is known.
const MAX_BYTES: usize = 64 * 1024;

/// Characters of a token that an error shows.
const MAX_SHOWN: usize = 32;

/// Words that are no names unless they're between backticks.
const KEYWORDS: [&str; 8] = ["and", "or", "not", "between", "in", "true", "false", "null"];

/// Reads tokens from the first to the last.
pub struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Placed>,
    position: usize,
    /// What is found once the tokens are used up.
    end: Placed,
}

impl<'a> Parser<'a> {
    /// Stands before the text's first token.
    pub fn over(text: &'a str) -> Result<Self, FilterError> {
        if text.len() > MAX_BYTES {
            return Err(FilterError::new(
                1,
                format!("longer than {MAX_BYTES} bytes"),
            ));
        }
        let end = text.len()..text.len();
        let end = Placed {
            token: Token::End,
            column: text.chars().count() + 1,
            bytes: end,
        };
        Ok(Self {
            text,
            tokens: tokens(text)?,
            position: 0,
            end,
        })
    }

    /// Reads a path.
    pub fn path(&mut self) -> Result<Path, FilterError> {
        let column = self.column();
        let start = self.placed().bytes.start;
        let root = match self.token() {
            Token::Word(word) if is_keyword(word) => {
                let hint = format!("a name or a value; a name `{word}` goes between backticks");
                return Err(self.expected(&hint));
            }
            Token::Word(_) | Token::Name(_) => self.name()?,
            _ => return Err(self.expected("a name or a value")),
        };
        let mut rest = Vec::new();
        loop {
            if self.take(&Token::Dot) {
                // After a point even a keyword can only be a name.
                rest.push(Element::Name(self.name()?));
            } else if self.take(&Token::OpenIndex) {
                rest.push(Element::Index(self.index()?));
                self.require(&Token::CloseIndex, "`]`")?;
            } else {
                let text = self.since(start);
                return Ok(Path {
                    root,
                    rest,
                    text,
                    column,
                });
            }
        }
    }

    fn name(&mut self) -> Result<String, FilterError> {
        let column = self.column();
        match self.token() {
            Token::Name(name) if name.is_empty() => Err(FilterError::new(
                column,
                "a name has one character at least",
            )),
            Token::Word(name) | Token::Name(name) => {
                let name = name.clone();
                self.next();
                Ok(name)
            }
            _ => Err(self.expected("a name")),
        }
    }

    fn index(&mut self) -> Result<u32, FilterError> {
        let column = self.column();
        let fault = || FilterError::new(column, "expected a list index: a whole number from 0");
        match self.next() {
            Token::Number(digits) if digits.bytes().all(|digit| digit.is_ascii_digit()) => {
                digits.parse().map_err(|_| fault())
            }
            _ => Err(fault()),
        }
    }

    /// The function that is called here, in lower case. A function's name
    /// without a parenthesis is an attribute's name.
    pub fn function(&self) -> Option<String> {
        let Token::Word(word) = self.token() else {
            return None;
        };
        let called = self
            .tokens
            .get(self.position + 1)
            .map(|placed| &placed.token);
        (called == Some(&Token::Open) && !is_keyword(word)).then(|| word.to_ascii_lowercase())
    }

    /// The present token.
    pub fn token(&self) -> &Token {
        &self.placed().token
    }

    /// The present token's column.
    pub fn column(&self) -> usize {
        self.placed().column
    }

    /// Takes the present token, whatever it is.
    pub fn next(&mut self) -> Token {
        let token = self.token().clone();
        self.position += 1;
        token
    }

    /// Takes the present token if it's the one given.
    pub fn take(&mut self, token: &Token) -> bool {
        let found = self.token() == token;
        self.position += usize::from(found);
        found
    }

    /// Takes the present token if it's that keyword, in any case.
    pub fn take_keyword(&mut self, keyword: &str) -> bool {
        let found = matches!(self.token(), Token::Word(word) if word.eq_ignore_ascii_case(keyword));
        self.position += usize::from(found);
        found
    }

    /// Takes the present token, which must be the one given.
    pub fn require(&mut self, token: &Token, what: &str) -> Result<(), FilterError> {
        if self.take(token) {
            Ok(())
        } else {
            Err(self.expected(what))
        }
    }

    /// The present token isn't what was expected.
    pub fn expected(&self, what: &str) -> FilterError {
        let written = self
            .text
            .get(self.placed().bytes.clone())
            .unwrap_or_default();
        if written.is_empty() {
            return self.error(format!("expected {what}, found the end"));
        }
        let shown: String = written.chars().take(MAX_SHOWN).collect();
        let more = if shown.len() < written.len() {
            "…"
        } else {
            ""
        };
        self.error(format!("expected {what}, found `{shown}{more}`"))
    }

    /// An error at the present token.
    pub fn error(&self, message: impl Into<String>) -> FilterError {
        FilterError::new(self.column(), message)
    }

    fn placed(&self) -> &Placed {
        self.tokens.get(self.position).unwrap_or(&self.end)
    }

    /// The text from that byte to the end of the token taken last.
    fn since(&self, start: usize) -> String {
        let last = self
            .position
            .checked_sub(1)
            .and_then(|position| self.tokens.get(position));
        let end = last.map_or(start, |placed| placed.bytes.end);
        self.text.get(start..end).unwrap_or_default().to_owned()
    }
}

fn is_keyword(word: &str) -> bool {
    KEYWORDS
        .iter()
        .any(|keyword| word.eq_ignore_ascii_case(keyword))
}
