//! What expressions are lowered for: conditions, numbers, texts, values that are aggregated.

use datafusion::logical_expr::Expr;
use datafusion::sql::sqlparser::ast::Expr as Sql;

use super::lower::{Lowering, Result, field};
use super::parse::parse;
use super::{Input, Numbers, Path, PropertyColumn, Scope, Type};

impl Lowering<'_> {
    /// An expression that is true, false or null.
    ///
    /// # Errors
    /// Says what is wrong with the text.
    pub fn condition(&mut self, text: &str) -> Result<Expr> {
        Ok(self.lower_whole(&parse(text)?, Type::Boolean)?.expr)
    }

    /// A decimal of 9 places.
    ///
    /// # Errors
    /// Says what is wrong with the text.
    pub fn number(&mut self, text: &str) -> Result<Expr> {
        let number = self.lower_whole(&parse(text)?, Type::Number)?;
        Ok(self.narrow(number))
    }

    /// A number to be put on the places of a measure: of 9 places, of 18, or of those of
    /// [`Input::Exact`] where it is a property by itself.
    ///
    /// # Errors
    /// Says what is wrong with the text.
    pub fn summed(&mut self, text: &str) -> Result<Expr> {
        let sql = parse(text)?;
        if self.numbers == Numbers::Wide
            && let Some(path) = self.property_alone(&sql)
        {
            let exact = Input::Exact(PropertyColumn { path, ty: Type::Number });
            return Ok(self.column(exact).expr);
        }
        Ok(self.lower_whole(&sql, Type::Number)?.expr)
    }

    /// What has a least and a greatest: a time, or a number as [`Lowering::summed`].
    ///
    /// # Errors
    /// Says what is wrong with the text.
    pub fn ordered(&mut self, text: &str) -> Result<(Expr, Type)> {
        match self.is_time(text)? {
            true => Ok((self.time(text)?, Type::Time)),
            false => Ok((self.summed(text)?, Type::Number)),
        }
    }

    /// A time.
    ///
    /// # Errors
    /// Says what is wrong with the text.
    pub fn time(&mut self, text: &str) -> Result<Expr> {
        Ok(self.lower_whole(&parse(text)?, Type::Time)?.expr)
    }

    /// Whether an expression is a time by itself.
    ///
    /// # Errors
    /// Says what is wrong with the text.
    pub fn is_time(&self, text: &str) -> Result<bool> {
        Ok(self.hint(&parse(text)?) == Some(Type::Time))
    }

    /// A text, or whatever else can be told apart as [`Type::Value`].
    ///
    /// # Errors
    /// Says what is wrong with the text.
    pub fn value(&mut self, text: &str) -> Result<(Expr, Type)> {
        let sql = parse(text)?;
        self.operations = 0;
        let lowered = self.lower(&sql, Type::Value, 0)?;
        Ok(match lowered.ty {
            Type::Text | Type::Time => (self.to_text(lowered), Type::Text),
            Type::Number | Type::Boolean | Type::Value => (self.to_value(lowered), Type::Value),
        })
    }

    /// The path of an expression that is a property and nothing else.
    fn property_alone(&self, sql: &Sql) -> Option<Path> {
        let names = match (&self.scope, sql) {
            (Scope::Event, Sql::Nested(inner)) => return self.property_alone(inner),
            (Scope::Event, Sql::Identifier(name)) => std::slice::from_ref(name),
            (Scope::Event, Sql::CompoundIdentifier(names)) => names,
            _ => return None,
        };
        let path = || Path::of(names.iter().map(|name| name.value.clone()).collect());
        field(names).is_none().then(path)
    }

    /// Text; numbers and booleans in their spelling, times in RFC 3339.
    ///
    /// # Errors
    /// Says what is wrong with the text.
    pub fn text(&mut self, text: &str) -> Result<Expr> {
        let sql = parse(text)?;
        let want = self.hint(&sql).unwrap_or(Type::Text);
        let lowered = self.lower_whole(&sql, want)?;
        Ok(self.to_text(lowered))
    }

    /// A property by path, read as text.
    pub fn property_text(&mut self, path: Path) -> Expr {
        self.property(path, Type::Text).expr
    }
}
