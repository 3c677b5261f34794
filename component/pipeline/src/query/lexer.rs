//! Filter text → tokens with their columns. Knows nothing of the grammar.

use super::syntax::{Comparator, FilterError};
use crate::dynamodb::number;

/// One token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    /// A plain identifier: a keyword, a function or a name.
    Word(String),
    /// A name between backticks.
    Name(String),
    /// Text between single quotes.
    Text(String),
    /// A number as it was written.
    Number(String),
    /// `=` and its like; `!=` is read as `<>`.
    Comparator(Comparator),
    /// `(`
    Open,
    /// `)`
    Close,
    /// `[`
    OpenIndex,
    /// `]`
    CloseIndex,
    /// `,`
    Comma,
    /// `.`
    Dot,
    /// After the last character.
    End,
}

/// A token and where it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// What it is.
    pub token: Token,
    /// Its first character's column, counted from 1 in characters.
    pub column: usize,
    /// Its bytes in the text.
    pub bytes: std::ops::Range<usize>,
}

/// Cuts a text into tokens; the last one is always [`Token::End`].
pub fn tokens(text: &str) -> Result<Vec<Placed>, FilterError> {
    let mut lexer = Lexer {
        text,
        offset: 0,
        column: 1,
    };
    let mut found = Vec::new();
    loop {
        let placed = lexer.next()?;
        let ended = placed.token == Token::End;
        found.push(placed);
        if ended {
            return Ok(found);
        }
    }
}

struct Lexer<'a> {
    text: &'a str,
    offset: usize,
    column: usize,
}

impl Lexer<'_> {
    fn peek(&self) -> Option<char> {
        self.text.get(self.offset..)?.chars().next()
    }

    fn advance(&mut self) -> Option<char> {
        let character = self.peek()?;
        self.offset += character.len_utf8();
        self.column += 1;
        Some(character)
    }

    /// Steps over the character if it's the one given.
    fn take(&mut self, expected: char) -> bool {
        let found = self.peek() == Some(expected);
        if found {
            self.advance();
        }
        found
    }

    fn take_while(&mut self, accepts: impl Fn(char) -> bool) -> usize {
        let from = self.offset;
        while self.peek().is_some_and(&accepts) {
            self.advance();
        }
        self.offset - from
    }

    fn since(&self, start: usize) -> String {
        self.text
            .get(start..self.offset)
            .unwrap_or_default()
            .to_owned()
    }

    fn next(&mut self) -> Result<Placed, FilterError> {
        self.take_while(char::is_whitespace);
        let (start, column) = (self.offset, self.column);
        let token = match self.advance() {
            None => Token::End,
            Some('(') => Token::Open,
            Some(')') => Token::Close,
            Some('[') => Token::OpenIndex,
            Some(']') => Token::CloseIndex,
            Some(',') => Token::Comma,
            Some('.') => Token::Dot,
            Some('=') if self.peek() == Some('=') => {
                return Err(FilterError::new(
                    column,
                    "`==` means nothing here; equality is `=`",
                ));
            }
            Some('=') => Token::Comparator(Comparator::Equal),
            Some('<') if self.take('=') => Token::Comparator(Comparator::LessOrEqual),
            Some('<') if self.take('>') => Token::Comparator(Comparator::Unequal),
            Some('<') => Token::Comparator(Comparator::Less),
            Some('>') if self.take('=') => Token::Comparator(Comparator::GreaterOrEqual),
            Some('>') => Token::Comparator(Comparator::Greater),
            Some('!') if self.take('=') => Token::Comparator(Comparator::Unequal),
            Some('\'') => Token::Text(self.quoted('\'', column, "text")?),
            Some('`') => Token::Name(self.quoted('`', column, "the name")?),
            Some(digit) if digit == '-' || digit.is_ascii_digit() => {
                self.number(digit, start, column)?
            }
            Some(letter) if letter == '_' || letter.is_ascii_alphabetic() => {
                self.take_while(is_word);
                Token::Word(self.since(start))
            }
            Some(other) => return Err(unexpected(other, column)),
        };
        Ok(Placed {
            token,
            column,
            bytes: start..self.offset,
        })
    }

    /// What stands up to the closing quote, where a doubled one is a quote.
    fn quoted(&mut self, quote: char, column: usize, what: &str) -> Result<String, FilterError> {
        let mut content = String::new();
        while let Some(character) = self.advance() {
            if character != quote {
                content.push(character);
            } else if self.take(quote) {
                content.push(quote);
            } else {
                return Ok(content);
            }
        }
        let kind = if quote == '`' {
            "backtick"
        } else {
            "single quote"
        };
        Err(FilterError::new(
            column,
            format!("{what} is not closed; it ends with a {kind}, and one within it is doubled"),
        ))
    }

    fn number(&mut self, first: char, start: usize, column: usize) -> Result<Token, FilterError> {
        let malformed = |message: &str| Err(FilterError::new(column, message));
        if self.take_while(|c| c.is_ascii_digit()) == 0 && first == '-' {
            return malformed(
                "`-` begins a number only; names that contain it go between backticks",
            );
        }
        if self.take('.') && self.take_while(|c| c.is_ascii_digit()) == 0 {
            return malformed("digits are missing after the number's point");
        }
        if self.take('e') || self.take('E') {
            let _signed = self.take('+') || self.take('-');
            if self.take_while(|c| c.is_ascii_digit()) == 0 {
                return malformed("digits are missing in the number's exponent");
            }
        }
        if self.peek().is_some_and(is_word) {
            return malformed(
                "a number ends in letters; text goes in single quotes, and names that begin \
                 with a digit go between backticks",
            );
        }
        let digits = self.since(start);
        match number::size(&digits) {
            Ok(_) => Ok(Token::Number(digits)),
            Err(error) => malformed(&error.to_string()),
        }
    }
}

fn is_word(character: char) -> bool {
    character == '_' || character.is_ascii_alphanumeric()
}

fn unexpected(character: char, column: usize) -> FilterError {
    let hint = match character {
        '"' => "text goes in single quotes, names between backticks",
        '#' | ':' | '@' | '$' => {
            "names and values are written in place; other names go between backticks"
        }
        '&' => "conditions are joined by AND",
        '|' => "conditions are joined by OR",
        '!' => "a condition is negated by NOT",
        '{' => "maps can't be written in place; compare their members",
        '+' | '*' | '/' | '%' => "there is no arithmetic in filters",
        _ => "names that aren't plain identifiers go between backticks, text in single quotes",
    };
    // A control character shows as its escape, so nothing breaks the line.
    let shown = if character.is_control() {
        character.escape_default().to_string()
    } else {
        character.to_string()
    };
    FilterError::new(column, format!("`{shown}` can't be here; {hint}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let shown = match tokens(text) {
            Ok(found) => found
                .iter()
                .map(|placed| format!("{}:{:?}", placed.column, placed.token))
                .collect::<Vec<_>>()
                .join(" "),
            Err(error) => error.to_string(),
        };
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn tokens_have_columns_in_characters() {
        check("", "1:End");
        check(" \t\n", "4:End");
        check(
            "a=1",
            r#"1:Word("a") 2:Comparator(Equal) 3:Number("1") 4:End"#,
        );
        check(
            "`é`<> 'ü'",
            r#"1:Name("é") 4:Comparator(Unequal) 7:Text("ü") 10:End"#,
        );
        check(
            "!= <= >= < >",
            "1:Comparator(Unequal) 4:Comparator(LessOrEqual) \
             7:Comparator(GreaterOrEqual) 10:Comparator(Less) 12:Comparator(Greater) 13:End",
        );
        check(
            "a.b[0],()",
            r#"1:Word("a") 2:Dot 3:Word("b") 4:OpenIndex 5:Number("0") 6:CloseIndex 7:Comma 8:Open 9:Close 10:End"#,
        );
    }

    #[test]
    fn a_doubled_quote_is_a_quote() {
        check("'it''s'", r#"1:Text("it's") 8:End"#);
        check("''", r#"1:Text("") 3:End"#);
        check("''''", r#"1:Text("'") 5:End"#);
        check("`a``b`", r#"1:Name("a`b") 7:End"#);
        check("'\\'", r#"1:Text("\\") 4:End"#);
    }

    #[test]
    fn numbers_keep_their_text() {
        for text in [
            "0",
            "-0.50",
            "007",
            "1E+2",
            "1e-130",
            "9.99E125",
            "0e999999999999999999999",
        ] {
            check(text, &format!("1:Number({text:?}) {}:End", text.len() + 1));
        }
        let longest = "12345678901234567890123456789012345678";
        check(longest, &format!("1:Number({longest:?}) 39:End"));
        check(
            &format!("{longest}9"),
            "column 1: the number has 39 significant digits; DynamoDB keeps 38",
        );
        let large = "column 1: the number is beyond 9.99E+125, the largest that DynamoDB holds";
        check("1E126", large);
        check("1e99999999999999999999", large);
        let small =
            "column 1: the number is closer to zero than 1E-130, the smallest that DynamoDB holds";
        check("0.1E-130", small);
    }

    #[test]
    fn what_is_no_token_is_refused_with_a_hint() {
        check(
            "a = 'b",
            "column 5: text is not closed; it ends with a single quote, and one within it is doubled",
        );
        check(
            "`a",
            "column 1: the name is not closed; it ends with a backtick, and one within it is doubled",
        );
        check(
            "é = 1",
            "column 1: `é` can't be here; names that aren't plain identifiers go between backticks, text in single quotes",
        );
        check(
            "a = \"b\"",
            "column 5: `\"` can't be here; text goes in single quotes, names between backticks",
        );
        check(
            "#n0 = 1",
            "column 1: `#` can't be here; names and values are written in place; other names go between backticks",
        );
        check(
            "a = :v0",
            "column 5: `:` can't be here; names and values are written in place; other names go between backticks",
        );
        check(
            "a == 1",
            "column 3: `==` means nothing here; equality is `=`",
        );
        check(
            "a && b",
            "column 3: `&` can't be here; conditions are joined by AND",
        );
        check(
            "a-b = 1",
            "column 2: `-` begins a number only; names that contain it go between backticks",
        );
        check(
            "1. = a",
            "column 1: digits are missing after the number's point",
        );
        check(
            "1e = a",
            "column 1: digits are missing in the number's exponent",
        );
        check(
            "1a = a",
            "column 1: a number ends in letters; text goes in single quotes, and names that begin with a digit go between backticks",
        );
        check(
            "\u{0}",
            "column 1: `\\u{0}` can't be here; names that aren't plain identifiers go between backticks, text in single quotes",
        );
    }
}
