//! What expressions give, and what is refused.
