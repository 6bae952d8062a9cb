//! The few names, shapes and patterns that programs are made of: few, so that they meet.

use std::fmt;

use arbitrary::Arbitrary;

macro_rules! words {
    ($( $(#[doc = $doc:literal])+ $name:ident: $type:ty = [$($word:expr),+ $(,)?]; )+) => { $(
        $(#[doc = $doc])+
        #[derive(Arbitrary, Clone, Copy, PartialEq, Eq)]
        pub struct $name(u8);

        impl $name {
            const ALL: &[$type] = &[$($word),+];

            pub fn get(self) -> $type {
                Self::ALL[usize::from(self.0) % Self::ALL.len()]
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.get(), f)
            }
        }
    )+ };
}

const N: Option<u64> = None;
const TWO: Option<u64> = Some(2);
const THREE: Option<u64> = Some(3);

words! {
    /// A variable's name inside its scope, well-formed or not.
    VariableWord: &'static str = [
        "v", "w", "part_0", "part_1", "v/part_0", "v/part_1", "v/part_2", "part_0/part_0", "a/v", "d_1", "_x", "bad name",
        "", "a//b", "v/",
    ];
    /// A scope's name inside the one around it.
    ScopeWord: &'static str = ["a", "b", "v", "d", "d_1", "a/b", "part_0", "_s", "", "bad name", "a/"];
    /// A default name; the empty one is left out, of which the specification says nothing.
    DefaultWord: &'static str = ["d", "a", "v", "a/b", "_s", "d_1", "bad name"];
    /// A key of a collection.
    KeyWord: &'static str = ["variables", "trainable_variables", "local_variables", "mine", "unknown"];
    /// A filter on a collection; all but the last are plain beginnings of names.
    FilterWord: &'static str = ["", "v", "a/", "v/part_0", "d", "a/v:0$"];
    /// A caching device.
    DeviceWord: &'static str = ["", "cpu"];
    /// A tag.
    TagWord: &'static str = ["one", "two"];
    /// A full shape.
    Sizes: &'static [u64] = [&[], &[2], &[3], &[4], &[1], &[0], &[2, 3], &[3, 2], &[2, 0], &[2, 2, 2]];
    /// A shape not all of whose sizes are known.
    PartialSizes: &'static [Option<u64>] = [&[N], &[N, THREE], &[TWO, N], &[N, N]];
    /// What a partitioner of the caller's answers, whatever it is asked.
    Counts: &'static [u64] = [&[2], &[1], &[3], &[9], &[0], &[2, 1], &[1, 2], &[1, 3], &[2, 2], &[1, 1], &[]];
}
