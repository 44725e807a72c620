//! Reads a filter's text.
//!
//! ```text
//! filter = and { ("||" | "or") and }
//! and    = not { ("&&" | "and") not }
//! not    = ("!" | "not") not | "(" filter ")" | test
//! test   = protocol
//!        | field
//!        | operand relation literal
//!        | operand "contains" literal
//!        | field ["not"] "in" "{" item { "," item } "}"
//! item   = literal [ ".." literal ]
//! operand = field [ "[" slice "]" ]
//! ```
//!
//! A literal is read as what its field is, so that a comparison that can never hold is refused here.

use std::ops::Range;

use super::FilterError;
use super::expr::{Expr, Literal, Operand, Relation, SetItem, Slice};
use super::field::{Field, Kind, nearest_name};
use super::literal::literal;
use super::token::{Token, TokenKind, tokens};

/// How deep parentheses and negations may nest: a bound on recursion.
const DEPTH_MAX: usize = 50;

pub(super) fn parse(text: &str) -> Result<Expr, FilterError> {
    let mut parser = Parser {
        text,
        tokens: tokens(text)?,
        next: 0,
        depth: 0,
    };
    let expr = parser.any()?;
    if parser.peek().kind == TokenKind::End {
        Ok(expr)
    } else {
        Err(parser.unexpected("`&&`, `||` or the end"))
    }
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    next: usize,
    depth: usize,
}

impl Parser<'_> {
    fn any(&mut self) -> Result<Expr, FilterError> {
        let first = self.all()?;
        let mut alternatives = vec![first];
        while self.take(&TokenKind::Or) {
            alternatives.push(self.all()?);
        }
        Ok(one_or(alternatives, Expr::Or))
    }

    fn all(&mut self) -> Result<Expr, FilterError> {
        let first = self.not()?;
        let mut conditions = vec![first];
        while self.take(&TokenKind::And) {
            conditions.push(self.not()?);
        }
        Ok(one_or(conditions, Expr::And))
    }

    fn not(&mut self) -> Result<Expr, FilterError> {
        let span = self.peek().span.clone();
        let negated = self.take(&TokenKind::Not);
        if !negated && !self.take(&TokenKind::Open) {
            return self.test();
        }
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            let problem = format!("nests deeper than {DEPTH_MAX}");
            return Err(FilterError::new(span, problem));
        }
        let expr = if negated {
            Expr::Not(Box::new(self.not()?))
        } else {
            let expr = self.any()?;
            if !self.take(&TokenKind::Close) {
                return Err(self.unexpected("`)`"));
            }
            expr
        };
        self.depth -= 1;
        Ok(expr)
    }

    fn test(&mut self) -> Result<Expr, FilterError> {
        let token = self.peek().clone();
        if token.kind != TokenKind::Word {
            return Err(self.unexpected("a field or a protocol"));
        }
        let field = self.field(&token.span)?;
        self.next += 1;
        let operand = Operand {
            field,
            slice: self.slice(field)?,
        };
        let verb = self.peek().clone();
        let negated =
            verb.kind == TokenKind::Not && self.tokens[self.next + 1].kind == TokenKind::In;
        if negated {
            self.next += 1;
        }
        if let TokenKind::Relation(relation) = self.peek().kind {
            self.comparison(operand, relation)
        } else if self.peek().kind == TokenKind::Contains {
            self.contains(operand)
        } else if self.peek().kind == TokenKind::In {
            let set = self.set(operand)?;
            Ok(if negated {
                Expr::Not(Box::new(set))
            } else {
                set
            })
        } else if operand.slice.is_some() {
            Err(self.unexpected("a comparison"))
        } else {
            Ok(Expr::Present(field))
        }
    }

    fn field(&self, span: &Range<usize>) -> Result<Field, FilterError> {
        let name = &self.text[span.clone()];
        Field::named(name).ok_or_else(|| {
            let problem = format!("`{name}` is no field or protocol of this subset");
            let error = FilterError::new(span.clone(), problem);
            match nearest_name(name) {
                Some(nearest) => error.suggesting(nearest),
                None => error,
            }
        })
    }

    fn slice(&mut self, field: Field) -> Result<Option<Slice>, FilterError> {
        let token = self.peek();
        if token.kind != TokenKind::Slice {
            return Ok(None);
        }
        let span = token.span.clone();
        match field.kind() {
            Kind::Mac | Kind::Ipv4 | Kind::Text => {}
            Kind::Protocol | Kind::Number { .. } | Kind::Flag => {
                let problem = format!("`{}` has no bytes to take a slice of", field.name());
                return Err(FilterError::new(span, problem));
            }
        }
        let inner = &self.text[span.start + 1..span.end - 1];
        let slice = slice_of(inner).ok_or_else(|| {
            FilterError::new(
                span,
                "a slice is [offset], [offset:length], [first-last], [offset:] or [:length]",
            )
        })?;
        self.next += 1;
        Ok(Some(slice))
    }

    fn comparison(&mut self, operand: Operand, relation: Relation) -> Result<Expr, FilterError> {
        let verb = self.peek().span.clone();
        self.next += 1;
        let name = operand.field.name();
        match operand.field.kind() {
            Kind::Protocol => {
                let problem =
                    format!("`{name}` is a protocol: there or not, and compared with nothing");
                return Err(FilterError::new(verb, problem));
            }
            Kind::Flag if !matches!(relation, Relation::Equal | Relation::NotEqual) => {
                let problem = format!("`{name}` is true or false, and has no order");
                return Err(FilterError::new(verb, problem));
            }
            Kind::Flag | Kind::Number { .. } | Kind::Mac | Kind::Ipv4 | Kind::Text => {}
        }
        let literal = self.literal(operand)?;
        Ok(Expr::Compare {
            operand,
            relation,
            literal,
        })
    }

    fn contains(&mut self, operand: Operand) -> Result<Expr, FilterError> {
        let verb = self.peek().span.clone();
        self.next += 1;
        let bytes = match (operand.field.kind(), operand.slice) {
            (Kind::Text, _) | (_, Some(_)) => self.literal(operand)?,
            (Kind::Mac, None) => {
                // Any bytes will do, not only six of them: read them as a slice's.
                let any = Some(Slice {
                    start: 0,
                    len: None,
                });
                self.literal(Operand {
                    slice: any,
                    ..operand
                })?
            }
            (Kind::Protocol | Kind::Number { .. } | Kind::Flag | Kind::Ipv4, None) => {
                let problem = format!("`{}` is neither text nor bytes", operand.field.name());
                return Err(FilterError::new(verb, problem));
            }
        };
        match bytes {
            Literal::Bytes(needle) => Ok(Expr::Contains { operand, needle }),
            Literal::Number(_) | Literal::Mac(_) | Literal::Ipv4 { .. } => {
                Err(FilterError::new(verb, "`contains` wants text or bytes"))
            }
        }
    }

    fn set(&mut self, operand: Operand) -> Result<Expr, FilterError> {
        let verb = self.peek().span.clone();
        self.next += 1;
        let field = operand.field;
        if operand.slice.is_some() || matches!(field.kind(), Kind::Protocol | Kind::Flag) {
            let problem = "only numbers, addresses and texts can be in a set";
            return Err(FilterError::new(verb, problem));
        }
        if !self.take(&TokenKind::SetOpen) {
            return Err(self.unexpected("`{`"));
        }
        let mut items = Vec::new();
        loop {
            let low = self.literal(operand)?;
            items.push(if self.take(&TokenKind::DotDot) {
                SetItem::Range(low, self.literal(operand)?)
            } else {
                SetItem::One(low)
            });
            if self.take(&TokenKind::SetClose) {
                return Ok(Expr::In { field, items });
            }
            if !self.take(&TokenKind::Comma) {
                return Err(self.unexpected("`,`, `..` or `}`"));
            }
        }
    }

    fn literal(&mut self, operand: Operand) -> Result<Literal, FilterError> {
        let token = self.peek();
        if !matches!(token.kind, TokenKind::Word | TokenKind::Quoted(_)) {
            return Err(self.unexpected("a value"));
        }
        let literal = literal(self.text, token, operand)?;
        self.next += 1;
        Ok(literal)
    }

    fn take(&mut self, kind: &TokenKind) -> bool {
        let found = self.peek().kind == *kind;
        self.next += usize::from(found);
        found
    }

    /// The next token. [`TokenKind::End`] is last, and nobody takes it.
    fn peek(&self) -> &Token {
        &self.tokens[self.next]
    }

    fn unexpected(&self, wanted: &str) -> FilterError {
        let token = self.peek();
        let found = if token.kind == TokenKind::End {
            "the end".to_owned()
        } else {
            format!("`{}`", &self.text[token.span.clone()])
        };
        let error = FilterError::new(
            token.span.clone(),
            format!("expected {wanted}, found {found}"),
        );
        match self.text[token.span.clone()].to_ascii_lowercase().as_str() {
            word @ ("and" | "or" | "not" | "in" | "eq" | "ne") => error.suggesting(word),
            _ => error,
        }
    }
}

fn one_or(mut exprs: Vec<Expr>, many: fn(Vec<Expr>) -> Expr) -> Expr {
    match exprs.pop() {
        Some(only) if exprs.is_empty() => only,
        last => {
            exprs.extend(last);
            many(exprs)
        }
    }
}

/// Reads what stands between brackets.
fn slice_of(inner: &str) -> Option<Slice> {
    let inner = inner.trim();
    let number = |text: &str| text.trim().parse::<u16>().ok();
    let offset = |text: &str| match text.trim().strip_prefix('-') {
        Some(from_end) => number(from_end).filter(|n| *n > 0).map(|n| -i32::from(n)),
        None => number(text).map(i32::from),
    };
    let some_bytes = |len: u16| (len > 0).then_some(Some(usize::from(len)));
    if let Some((start, len)) = inner.split_once(':') {
        return match (start.trim(), len.trim()) {
            ("", len) => Some(Slice {
                start: 0,
                len: some_bytes(number(len)?)?,
            }),
            (start, "") => Some(Slice {
                start: offset(start)?,
                len: None,
            }),
            (start, len) => Some(Slice {
                start: offset(start)?,
                len: some_bytes(number(len)?)?,
            }),
        };
    }
    let first_last = inner.split_once('-').filter(|(first, _)| !first.is_empty());
    if let Some((first, last)) = first_last {
        let (first, last) = (number(first)?, number(last)?);
        return Some(Slice {
            start: i32::from(first),
            len: Some(usize::from(last.checked_sub(first)?) + 1),
        });
    }
    Some(Slice {
        start: offset(inner)?,
        len: Some(1),
    })
}
