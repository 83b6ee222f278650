//! `${{…}}` and `$[[…]]`: parse once, render many.
