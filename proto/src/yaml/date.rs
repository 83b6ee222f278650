//! The looks of a YAML 1.1 timestamp: `2024-01-02`, `2024-1-2 3:04:05.6 +01:00`.

/// Whether a plain scalar is a date or a point in time.
pub(super) fn is_date(text: &str) -> bool {
    let mut rest = Rest(text);
    rest.digits(4, 4) && rest.one("-") && (rest.is_day() || rest.is_moment())
}

/// What has not been matched yet.
#[derive(Clone, Copy)]
struct Rest<'a>(&'a str);

impl Rest<'_> {
    /// `01-02`, and nothing after it.
    fn is_day(mut self) -> bool {
        self.digits(2, 2) && self.one("-") && self.digits(2, 2) && self.0.is_empty()
    }

    /// `1-2T3:04:05.6Z`, and nothing after it.
    fn is_moment(mut self) -> bool {
        let day = self.digits(1, 2) && self.one("-") && self.digits(1, 2);
        let gap = day && (self.one("tT") || self.blanks() > 0);
        let time = gap && self.digits(1, 2) && self.two_digits() && self.two_digits();
        if !time {
            return false;
        }
        if self.one(".") {
            self.digits(0, usize::MAX);
        }
        self.0.is_empty() || self.is_zone()
    }

    /// ` Z`, `+1`, `-01:30`, and nothing after it.
    fn is_zone(mut self) -> bool {
        self.blanks();
        if self.one("Z") {
            return self.0.is_empty();
        }
        self.one("+-")
            && self.digits(1, 2)
            && (self.0.is_empty() || (self.two_digits() && self.0.is_empty()))
    }

    /// `:05`.
    fn two_digits(&mut self) -> bool {
        self.one(":") && self.digits(2, 2)
    }

    /// Takes as many digits as there are up to `most`; false when fewer than `least`.
    fn digits(&mut self, least: usize, most: usize) -> bool {
        let found = self
            .0
            .bytes()
            .take(most)
            .take_while(u8::is_ascii_digit)
            .count();
        self.0 = &self.0[found..];
        found >= least
    }

    fn blanks(&mut self) -> usize {
        let trimmed = self.0.trim_start_matches([' ', '\t']);
        let found = self.0.len() - trimmed.len();
        self.0 = trimmed;
        found
    }

    fn one(&mut self, of: &str) -> bool {
        let rest = self.0.strip_prefix(|c| of.contains(c));
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }
}
