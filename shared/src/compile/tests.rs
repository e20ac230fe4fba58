//! Compiled definitions against hand-computed answers.
