//! A request that may not go on, and why.

use axum::response::{IntoResponse, Response};
use merganser_api::problem::Problem;

use super::rate_limit::RateLimitStatus;

/// A request that may not.
#[derive(Debug)]
pub(crate) struct AccessRejection {
    pub(super) problem: Box<Problem>,
    spent: Option<RateLimitStatus>,
}

impl From<Problem> for AccessRejection {
    fn from(problem: Problem) -> Self {
        Self { problem: Box::new(problem), spent: None }
    }
}

impl From<(RateLimitStatus, Box<Problem>)> for AccessRejection {
    fn from((spent, problem): (RateLimitStatus, Box<Problem>)) -> Self {
        Self { problem, spent: Some(spent) }
    }
}

impl IntoResponse for AccessRejection {
    fn into_response(self) -> Response {
        let mut response = self.problem.into_response();
        if let Some(spent) = self.spent {
            spent.write_headers(response.headers_mut());
        }
        response
    }
}
