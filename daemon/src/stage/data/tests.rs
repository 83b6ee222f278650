//! What paths mean, and what local data becomes.
