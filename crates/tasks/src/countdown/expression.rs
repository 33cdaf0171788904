//! Expressions as a search builds them: step by step, from numbers and earlier results.

use std::rc::Rc;

use super::search::Step;

/// A number, or the result of a step.
pub(crate) struct Expression {
    /// Its value.
    pub(crate) value: u64,
    /// The step that made it.
    made: Option<Made>,
}

struct Made {
    operator: char,
    left: Rc<Expression>,
    right: Rc<Expression>,
    /// 0 for the first step of the search, and so on.
    order: usize,
}

impl Expression {
    /// A given number.
    pub(crate) fn number(value: u64) -> Rc<Expression> {
        Rc::new(Expression { value, made: None })
    }

    /// The result of a step on two of `items`.
    pub(crate) fn of_step(step: &Step, items: &[Rc<Expression>], order: usize) -> Rc<Expression> {
        let (left, right) = (items[step.left].clone(), items[step.right].clone());
        let made = Made { operator: step.operator, left, right, order };
        Rc::new(Expression { value: step.value, made: Some(made) })
    }

    /// As one writes it, with the results of the first `done` steps in place of the steps.
    pub(crate) fn text(&self, done: usize) -> String {
        let Some(made) = self.made.as_ref().filter(|made| made.order >= done) else {
            return self.value.to_string();
        };
        let operator = made.operator;
        let bind = |operand: &Expression, is_right: bool| {
            let text = operand.text(done);
            match operand.made.as_ref().filter(|made| made.order >= done) {
                Some(inner) if needs_brackets(operator, inner.operator, is_right) => {
                    format!("({text})")
                }
                _ => text,
            }
        };
        format!("{}{operator}{}", bind(&made.left, false), bind(&made.right, true))
    }

    /// The expression and what it becomes step by step: `7*3+12=21+12=33`.
    pub(crate) fn worked_out(&self) -> String {
        let n_steps = self.made.as_ref().map_or(0, |made| made.order + 1);
        (0..=n_steps).map(|done| self.text(done)).collect::<Vec<_>>().join("=")
    }
}

/// Whether an operand made by `inner` needs brackets beside `outer`.
fn needs_brackets(outer: char, inner: char, is_right: bool) -> bool {
    let is_sum = |operator| matches!(operator, '+' | '-');
    match outer {
        '+' => false,
        '-' => is_right && is_sum(inner),
        '*' => is_sum(inner) || (is_right && inner == '/'),
        _ => is_sum(inner) || is_right,
    }
}
