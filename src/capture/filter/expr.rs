//! What a parsed filter is, and whether a frame's values satisfy it.
//!
//! A field may have many values in a frame (an ICMP error quotes a second IP header) or none.
//! As in Wireshark 4.0, a test holds if *any* value satisfies it; `!=` holds if *all* do.
//! No test holds for a field without values.

use std::cmp::Ordering;

use super::field::Field;
use super::fields::{Fields, Value};

/// A filter's tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expr {
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Not(Box<Expr>),
    Present(Field),
    Compare {
        operand: Operand,
        relation: Relation,
        literal: Literal,
    },
    Contains {
        operand: Operand,
        needle: Vec<u8>,
    },
    In {
        field: Field,
        items: Vec<SetItem>,
    },
}

/// The left side of a test: a field, or some bytes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Operand {
    pub(super) field: Field,
    pub(super) slice: Option<Slice>,
}

/// Bytes of a value. Where the value is too short for it, Wireshark compares with no bytes at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slice {
    /// Offset of the first byte, from the value's end if negative.
    pub(super) start: i32,
    /// How many bytes, all that follow if `None`.
    pub(super) len: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    Equal,
    NotEqual,
    Less,
    Greater,
    LessOrEqual,
    GreaterOrEqual,
}

/// The right side of a test, of the left side's kind: the parser saw to that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Literal {
    /// A number, or a flag as 0 or 1.
    Number(u32),
    Mac([u8; 6]),
    /// An IPv4 address with the mask of the bits that count.
    Ipv4 {
        address: u32,
        mask: u32,
    },
    /// Text, or the bytes of a slice.
    Bytes(Vec<u8>),
}

/// What a set lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SetItem {
    One(Literal),
    /// From the first to the second, both included.
    Range(Literal, Literal),
}

impl Expr {
    pub(super) fn matches(&self, fields: &Fields) -> bool {
        match self {
            Expr::And(all) => all.iter().all(|expr| expr.matches(fields)),
            Expr::Or(any) => any.iter().any(|expr| expr.matches(fields)),
            Expr::Not(expr) => !expr.matches(fields),
            Expr::Present(field) => fields.of(*field).next().is_some(),
            Expr::Compare {
                operand,
                relation,
                literal,
            } => {
                let mut values = fields.of(operand.field);
                let holds = |value| relation.holds(operand.order(value, literal));
                if *relation == Relation::NotEqual {
                    values.clone().next().is_some() && values.all(holds)
                } else {
                    values.any(holds)
                }
            }
            Expr::Contains { operand, needle } => fields
                .of(operand.field)
                .any(|value| operand.with_bytes(value, |bytes| contains(bytes, needle))),
            Expr::In { field, items } => fields
                .of(*field)
                .any(|value| items.iter().any(|item| item.has(value))),
        }
    }
}

impl Operand {
    fn order(&self, value: Value<'_>, literal: &Literal) -> Option<Ordering> {
        match (self.slice, literal) {
            (Some(_), Literal::Bytes(right)) => {
                Some(self.with_bytes(value, |left| left.cmp(right.as_slice())))
            }
            _ => order(value, literal),
        }
    }

    /// Gives the bytes of `value` that the operand names to `look`.
    fn with_bytes<T>(&self, value: Value<'_>, look: impl FnOnce(&[u8]) -> T) -> T {
        let cut = |bytes: &[u8]| match self.slice {
            Some(slice) => look(slice.of(bytes)),
            None => look(bytes),
        };
        match value {
            Value::Mac(mac) => cut(&mac.0),
            Value::Ipv4(address) => cut(&address.octets()),
            Value::Text(text) => cut(text),
            Value::Present | Value::Number(_) => cut(&[]),
        }
    }
}

impl Slice {
    fn of(self, bytes: &[u8]) -> &[u8] {
        let offset = self.start.unsigned_abs() as usize;
        let start = if self.start < 0 {
            bytes.len().checked_sub(offset)
        } else {
            Some(offset)
        };
        let end = match (start, self.len) {
            (Some(start), Some(len)) => start.checked_add(len),
            _ => Some(bytes.len()),
        };
        match (start, end) {
            (Some(start), Some(end)) => bytes.get(start..end).unwrap_or(&[]),
            _ => &[],
        }
    }
}

impl Relation {
    /// Whether the relation holds for values in this order. Values of different kinds have none.
    fn holds(self, order: Option<Ordering>) -> bool {
        let Some(order) = order else {
            return false;
        };
        match self {
            Relation::Equal => order.is_eq(),
            Relation::NotEqual => order.is_ne(),
            Relation::Less => order.is_lt(),
            Relation::Greater => order.is_gt(),
            Relation::LessOrEqual => order.is_le(),
            Relation::GreaterOrEqual => order.is_ge(),
        }
    }
}

impl SetItem {
    fn has(&self, value: Value<'_>) -> bool {
        match self {
            SetItem::One(literal) => Relation::Equal.holds(order(value, literal)),
            SetItem::Range(low, high) => {
                Relation::GreaterOrEqual.holds(order(value, low))
                    && Relation::LessOrEqual.holds(order(value, high))
            }
        }
    }
}

fn order(value: Value<'_>, literal: &Literal) -> Option<Ordering> {
    match (value, literal) {
        (Value::Number(left), Literal::Number(right)) => Some(left.cmp(right)),
        (Value::Mac(left), Literal::Mac(right)) => Some(left.0.cmp(right)),
        (Value::Ipv4(left), Literal::Ipv4 { address, mask }) => {
            Some((left.to_bits() & mask).cmp(&(address & mask)))
        }
        (Value::Text(left), Literal::Bytes(right)) => Some(left.cmp(right.as_slice())),
        _ => None,
    }
}

/// Whether `needle` stands in `bytes`. As in Wireshark, an empty needle stands nowhere.
fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    !needle.is_empty() && bytes.windows(needle.len()).any(|part| part == needle)
}
