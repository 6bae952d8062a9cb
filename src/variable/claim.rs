//! Whether this process has got a variable by name: a second `resume` of the name is refused.

/// What gets have come to a variable. One that fails takes its claim back, and leaves those of others.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Claim {
    is_kept: bool,
    /// Gets that claim it and are not over, each with an end to come.
    open: u32,
}

impl Claim {
    /// That of a variable which a get makes: if the get fails, so does the variable.
    pub(crate) const KEPT: Self = Self { is_kept: true, open: 0 };

    /// Whether anybody has got it, or is about to.
    pub(crate) fn is_held(self) -> bool {
        self.is_kept || self.open > 0
    }

    /// Whether another get has nothing to add.
    pub(crate) fn is_kept(self) -> bool {
        self.is_kept
    }

    /// Claims it for a get. Whether that has to be ended by [`Claim::end`].
    pub(crate) fn begin(&mut self) -> bool {
        self.open += u32::from(!self.is_kept);
        !self.is_kept
    }

    /// Ends the claim of a get that is over.
    pub(crate) fn end(&mut self, is_kept: bool) {
        self.open -= 1;
        self.is_kept |= is_kept;
    }
}

#[cfg(test)]
mod tests {
    use super::Claim;

    #[test]
    fn a_get_that_fails_takes_back_its_own_claim_only() {
        for ends in [[false, true], [true, false]] {
            let mut claim = Claim::default();
            assert!(claim.begin() && claim.begin() && claim.is_held() && !claim.is_kept());
            for is_kept in ends {
                claim.end(is_kept);
            }
            assert!(claim.is_kept());
        }
        let mut claim = Claim::default();
        assert!(claim.begin());
        claim.end(false);
        assert!(!claim.is_held());
        assert!(!{ Claim::KEPT }.begin());
    }
}
