//! Tokens → conditions and paths: DynamoDB's condition grammar with literals
//! in place. What DynamoDB would refuse for its shape is refused here, with
//! the column.

use super::lexer::Token;
use super::syntax::{Comparator, Condition, FilterError, Literal, Operand, Path};
use parser::Parser;

mod parser;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests;

/// Parentheses and NOTs within each other. It bounds the parser's own stack;
/// no written condition comes near it.
const MAX_DEPTH: usize = 64;

/// Choices of one IN, as DynamoDB has it.
const MAX_CHOICES: usize = 100;

/// The letters of DynamoDB's types.
const TYPE_LETTERS: [&str; 10] = ["S", "N", "B", "BOOL", "NULL", "L", "M", "SS", "NS", "BS"];

const COMPARISONS: &str = "a comparison (=, <>, <, <=, >, >=, BETWEEN or IN)";

/// Reads a filter; none if it's blank.
pub fn parse_filter(filter: &str) -> Result<Option<Condition>, FilterError> {
    let mut parser = Parser::over(filter)?;
    if parser.token() == &Token::End {
        return Ok(None);
    }
    let condition = parser.any(0)?;
    match parser.token() {
        Token::End => Ok(Some(condition)),
        Token::Close => Err(parser.error("this parenthesis closes nothing")),
        _ => Err(parser.expected("AND, OR or the end")),
    }
}

/// Reads a path, such as `album.images[0].url`.
pub fn parse_path(text: &str) -> Result<Path, FilterError> {
    let mut parser = Parser::over(text)?;
    let path = parser.path()?;
    match parser.token() {
        Token::End => Ok(path),
        _ => Err(parser.expected("`.`, `[` or the end")),
    }
}

impl Parser<'_> {
    fn any(&mut self, depth: usize) -> Result<Condition, FilterError> {
        let mut conditions = Vec::new();
        loop {
            match self.all(depth)? {
                Condition::Any(inner) => conditions.extend(inner),
                other => conditions.push(other),
            }
            if !self.take_keyword("or") {
                return Ok(single_or(conditions, Condition::Any));
            }
        }
    }

    fn all(&mut self, depth: usize) -> Result<Condition, FilterError> {
        let mut conditions = Vec::new();
        loop {
            match self.negation(depth)? {
                Condition::All(inner) => conditions.extend(inner),
                other => conditions.push(other),
            }
            if !self.take_keyword("and") {
                return Ok(single_or(conditions, Condition::All));
            }
        }
    }

    fn negation(&mut self, depth: usize) -> Result<Condition, FilterError> {
        if depth > MAX_DEPTH {
            return Err(self.error(format!("nested more than {MAX_DEPTH} levels deep")));
        }
        if self.take_keyword("not") {
            return Ok(Condition::Not(Box::new(self.negation(depth + 1)?)));
        }
        if !self.take(&Token::Open) {
            return self.test();
        }
        let condition = self.any(depth + 1)?;
        self.require(&Token::Close, "AND, OR or `)`")?;
        Ok(condition)
    }

    /// A function or a comparison.
    fn test(&mut self) -> Result<Condition, FilterError> {
        let column = self.column();
        let operand = match self.operand_or_function()? {
            Ok(operand) => operand,
            Err(condition) => return Ok(condition),
        };
        if let Token::Comparator(comparator) = *self.token() {
            self.next();
            let right = self.operand()?;
            return comparison(operand, comparator, right, column);
        }
        if self.take_keyword("between") {
            let low = self.operand()?;
            if !self.take_keyword("and") {
                return Err(self.expected("AND and the upper bound"));
            }
            let high = self.operand()?;
            return between(operand, low, high, column);
        }
        if self.take_keyword("in") {
            return self.choices(operand, column);
        }
        Err(self.no_comparison())
    }

    fn no_comparison(&mut self) -> FilterError {
        let word = match self.token() {
            Token::Word(word) => word.to_ascii_lowercase(),
            _ => String::new(),
        };
        match word.as_str() {
            "is" => self.error(
                "there is no IS; write `name = null`, or attribute_not_exists(name) for what \
                 isn't there",
            ),
            "like" => self.error("there is no LIKE; use begins_with or contains"),
            "not" => self.error("NOT goes before the whole comparison: `NOT name IN (…)`"),
            _ => self.expected(COMPARISONS),
        }
    }

    fn choices(&mut self, operand: Operand, column: usize) -> Result<Condition, FilterError> {
        self.require(&Token::Open, "`(` and the choices")?;
        let mut choices = Vec::new();
        loop {
            if choices.len() == MAX_CHOICES {
                return Err(self.error(format!("IN takes {MAX_CHOICES} choices at most")));
            }
            choices.push(self.operand()?);
            if self.take(&Token::Close) {
                break;
            }
            self.require(&Token::Comma, "`,` or `)`")?;
        }
        if choices.iter().chain([&operand]).all(is_literal) {
            return Err(no_name(column));
        }
        Ok(Condition::In(operand, choices))
    }

    /// `Ok` for an operand, `Err` for a function that is a whole condition.
    fn operand_or_function(&mut self) -> Result<Result<Operand, Condition>, FilterError> {
        let Some(function) = self.function() else {
            return self.operand().map(Ok);
        };
        if function == "size" {
            return self.operand().map(Ok);
        }
        let known = [
            "attribute_exists",
            "attribute_not_exists",
            "attribute_type",
            "begins_with",
            "contains",
        ];
        if !known.contains(&function.as_str()) {
            return Err(self.error(format!(
                "there is no function `{function}`; there are {} and size",
                known.join(", ")
            )));
        }
        self.next();
        self.next();
        let path = self.path()?;
        let condition = match function.as_str() {
            "attribute_exists" => Condition::Exists(path),
            "attribute_not_exists" => Condition::NotExists(path),
            "attribute_type" => {
                self.require(&Token::Comma, "`,` and a type")?;
                Condition::HasType(path, self.type_letters()?)
            }
            "begins_with" => {
                self.require(&Token::Comma, "`,` and the text it begins with")?;
                let operand = self.operand()?;
                match operand {
                    Operand::Path(_) | Operand::Literal(Literal::Text(_), _) => {}
                    Operand::Size(Path { column, .. }) | Operand::Literal(_, column) => {
                        return Err(FilterError::new(column, "begins_with takes text or a name"));
                    }
                }
                Condition::BeginsWith(path, operand)
            }
            _ => {
                self.require(&Token::Comma, "`,` and what it contains")?;
                Condition::Contains(path, self.operand()?)
            }
        };
        self.require(&Token::Close, "`)`")?;
        Ok(Err(condition))
    }

    fn type_letters(&mut self) -> Result<String, FilterError> {
        let column = self.column();
        let fault = format!(
            "one of the types {} in single quotes",
            TYPE_LETTERS.join(", ")
        );
        match self.next() {
            Token::Text(letters) if TYPE_LETTERS.contains(&letters.as_str()) => Ok(letters),
            _ => Err(FilterError::new(column, format!("expected {fault}"))),
        }
    }

    fn operand(&mut self) -> Result<Operand, FilterError> {
        let column = self.column();
        let literal = match self.token() {
            Token::Text(text) => Literal::Text(text.clone()),
            Token::Number(number) => Literal::Number(number.clone()),
            Token::Word(word) => match word.to_ascii_lowercase().as_str() {
                "true" => Literal::Truth(true),
                "false" => Literal::Truth(false),
                "null" => Literal::Null,
                _ => return self.path_or_size(),
            },
            _ => return self.path_or_size(),
        };
        self.next();
        Ok(Operand::Literal(literal, column))
    }

    fn path_or_size(&mut self) -> Result<Operand, FilterError> {
        match self.function() {
            None => self.path().map(Operand::Path),
            Some(function) if function == "size" => {
                self.next();
                self.next();
                let path = self.path()?;
                self.require(&Token::Close, "`)`")?;
                Ok(Operand::Size(path))
            }
            Some(function) => Err(self.error(format!(
                "`{function}` is not a value that can be compared; of the functions only size is"
            ))),
        }
    }
}

fn single_or(mut conditions: Vec<Condition>, join: fn(Vec<Condition>) -> Condition) -> Condition {
    match conditions.pop() {
        Some(only) if conditions.is_empty() => only,
        last => {
            conditions.extend(last);
            join(conditions)
        }
    }
}

fn is_literal(operand: &Operand) -> bool {
    matches!(operand, Operand::Literal(..))
}

fn no_name(column: usize) -> FilterError {
    FilterError::new(
        column,
        "a comparison needs a name; text goes in single quotes, names do not",
    )
}

fn comparison(
    left: Operand,
    comparator: Comparator,
    right: Operand,
    column: usize,
) -> Result<Condition, FilterError> {
    match (&left, &right) {
        (Operand::Literal(..), Operand::Literal(..)) => return Err(no_name(column)),
        (Operand::Size(_), Operand::Literal(literal, at))
        | (Operand::Literal(literal, at), Operand::Size(_))
            if !matches!(literal, Literal::Number(_)) =>
        {
            return Err(FilterError::new(*at, "a size is compared with a number"));
        }
        (_, Operand::Literal(literal, at)) | (Operand::Literal(literal, at), _)
            if comparator.is_ordering() && !literal.is_ordered() =>
        {
            let message = format!("`{comparator}` compares numbers or text; use = or <>");
            return Err(FilterError::new(*at, message));
        }
        _ => {}
    }
    Ok(Condition::Compare(left, comparator, right))
}

fn between(
    operand: Operand,
    low: Operand,
    high: Operand,
    column: usize,
) -> Result<Condition, FilterError> {
    if [&operand, &low, &high].into_iter().all(is_literal) {
        return Err(no_name(column));
    }
    for bound in [&operand, &low, &high] {
        match bound {
            Operand::Literal(literal, at) if !literal.is_ordered() => {
                return Err(FilterError::new(*at, "BETWEEN compares numbers or text"));
            }
            _ => {}
        }
    }
    if let (Operand::Literal(low, _), Operand::Literal(high, at)) = (&low, &high) {
        if low.letters() != high.letters() {
            let message = "both bounds of BETWEEN must have the same type";
            return Err(FilterError::new(*at, message));
        }
        // Text may turn out to be a binary key's base64, which sorts otherwise.
        if matches!(low, Literal::Number(_)) && !low.is_at_most(high) {
            let message = "the upper bound of BETWEEN is below the lower one";
            return Err(FilterError::new(*at, message));
        }
    }
    Ok(Condition::Between(operand, low, high))
}
