//! What everything that can be done with a store comes to, where one of its names is hostile.

use varkeep::{Checkpoint, Error, ErrorKind, ReadMode, Result, Store, Tensor, Verification, VerifyReport, Which};

use crate::attacks::craft::Crafted;
use crate::support::folder;
use crate::tiny::says_damage;

/// Error and causes as one text.
pub(crate) fn text_of(error: &Error) -> String {
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

impl Crafted {
    pub(crate) fn open(&self, mode: ReadMode) -> Result<Checkpoint> {
        Checkpoint::open_with(&self.path, Which::Head, mode, Verification::FirstTouch)
    }

    pub(crate) fn read(&self, name: &str, mode: ReadMode) -> Result<Tensor> {
        self.open(mode)?.get(name)?.tensor()
    }

    pub(crate) fn verify(&self) -> VerifyReport {
        varkeep::verify(&self.path, None, &mut |_| {}).unwrap()
    }

    /// The name reads as these bytes, whichever way, and the store is sound: what the attack is built on.
    pub(crate) fn assert_sound(&self, name: &str, bytes: &[u8]) {
        for mode in [ReadMode::Map, ReadMode::Memory] {
            assert_eq!(self.read(name, mode).unwrap().bytes(), bytes);
        }
        let report = self.verify();
        assert!(report.is_sound(), "{report:?}");
    }

    /// Whatever is asked of the name is refused as damage, with these words; verification finds that without being
    /// asked, and nothing of the checkpoint is salvaged.
    #[track_caller]
    pub(crate) fn assert_refused(&self, name: &str, words: &str) {
        for mode in [ReadMode::Map, ReadMode::Memory] {
            let error = self.read(name, mode).unwrap_err();
            assert!(says_damage(error.kind()) && text_of(&error).contains(words), "{mode:?}: {}", text_of(&error));
        }
        self.assert_found(name, words);
        let opened = Store::options().create(false).open(&self.path);
        let error =
            opened.and_then(|store| store.find(name)?.map(|variable| variable.tensor()).transpose()).unwrap_err();
        assert!(says_damage(error.kind()), "{}", text_of(&error));
    }

    /// Verification finds damage with these words, and nothing is salvaged.
    #[track_caller]
    pub(crate) fn assert_found(&self, name: &str, words: &str) {
        let report = self.verify();
        assert!(report.damage.iter().any(|damage| damage.what.contains(words)), "{words}: {report:?}");
        let health = &report.checkpoints[0];
        assert!(!health.readable || !health.damaged.is_empty(), "{name} is not among the damaged: {report:?}");
        let folder = folder();
        let salvaged = varkeep::salvage(&self.path, folder.path().join("to"), &mut |_| {});
        assert_eq!(salvaged.unwrap_err().kind(), ErrorKind::RestoreNoCheckpoint);
    }
}
