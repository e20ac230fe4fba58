//! What expressions are lowered for: conditions, numbers, texts, values that are aggregated.

use datafusion_expr::Expr;
use sqlparser::ast::Expr as Sql;

use super::lower::ExpressionLowering;
use super::parse::parse;
use super::typed::{Result, field};
use super::{InputColumn, NameScope, NumberWidth};
use merganser_core::property::PropertyColumn;
use merganser_core::property::PropertyPath;
use merganser_core::property::PropertyType;

impl ExpressionLowering<'_> {
    /// An expression that is true, false or null.
    ///
    /// # Errors
    /// Says what is wrong with the text.
    pub fn condition(&mut self, text: &str) -> Result<Expr> {
        Ok(self.lower_whole(&parse(text)?, PropertyType::Boolean)?.expr)
    }

    /// A decimal of 9 places.
    ///
    /// # Errors
    /// Says what is wrong with the text.
    pub fn number(&mut self, text: &str) -> Result<Expr> {
        let number = self.lower_whole(&parse(text)?, PropertyType::Number)?;
        Ok(self.narrow(number))
    }

    /// A number to be put on the places of a measure: of 9 places, of 18, or of those of
    /// [`InputColumn::Exact`] where it is a property by itself.
    ///
    /// # Errors
    /// Says what is wrong with the text.
    pub fn summed(&mut self, text: &str) -> Result<Expr> {
        let sql = parse(text)?;
        if self.numbers == NumberWidth::Wide
            && let Some(path) = self.property_alone(&sql)
        {
            let exact = InputColumn::Exact(PropertyColumn { path, ty: PropertyType::Number });
            return Ok(self.column(exact).expr);
        }
        Ok(self.lower_whole(&sql, PropertyType::Number)?.expr)
    }

    /// What has a least and a greatest: a time, or a number as [`ExpressionLowering::summed`].
    ///
    /// # Errors
    /// Says what is wrong with the text.
    pub fn ordered(&mut self, text: &str) -> Result<(Expr, PropertyType)> {
        match self.is_time(text)? {
            true => Ok((self.time(text)?, PropertyType::Time)),
            false => Ok((self.summed(text)?, PropertyType::Number)),
        }
    }

    /// A time.
    ///
    /// # Errors
    /// Says what is wrong with the text.
    pub fn time(&mut self, text: &str) -> Result<Expr> {
        Ok(self.lower_whole(&parse(text)?, PropertyType::Time)?.expr)
    }

    /// Whether an expression is a time by itself.
    ///
    /// # Errors
    /// Says what is wrong with the text.
    pub fn is_time(&self, text: &str) -> Result<bool> {
        Ok(self.type_hint(&parse(text)?) == Some(PropertyType::Time))
    }

    /// A text, or a value of another type as [`PropertyType::Value`].
    ///
    /// # Errors
    /// Says what is wrong with the text.
    pub fn value(&mut self, text: &str) -> Result<(Expr, PropertyType)> {
        let sql = parse(text)?;
        self.operations = 0;
        let lowered = self.lower(&sql, PropertyType::Value, 0)?;
        Ok(match lowered.ty {
            PropertyType::Text | PropertyType::Time => (self.to_text(lowered), PropertyType::Text),
            PropertyType::Number | PropertyType::Boolean | PropertyType::Value => {
                (self.to_value(lowered), PropertyType::Value)
            }
        })
    }

    /// The path of an expression that is a property and nothing else.
    fn property_alone(&self, sql: &Sql) -> Option<PropertyPath> {
        let names = match (&self.scope, sql) {
            (NameScope::Event, Sql::Nested(inner)) => return self.property_alone(inner),
            (NameScope::Event, Sql::Identifier(name)) => std::slice::from_ref(name),
            (NameScope::Event, Sql::CompoundIdentifier(names)) => names,
            _ => return None,
        };
        let path = || PropertyPath::of(names.iter().map(|name| name.value.clone()).collect());
        field(names).is_none().then(path)
    }

    /// Text; numbers and booleans in their spelling, times in RFC 3339.
    ///
    /// # Errors
    /// Says what is wrong with the text.
    pub fn text(&mut self, text: &str) -> Result<Expr> {
        let sql = parse(text)?;
        let want = self.type_hint(&sql).unwrap_or(PropertyType::Text);
        let lowered = self.lower_whole(&sql, want)?;
        Ok(self.to_text(lowered))
    }

    /// A property by path, read as text.
    pub fn property_text(&mut self, path: PropertyPath) -> Expr {
        self.property(path, PropertyType::Text).expr
    }
}
