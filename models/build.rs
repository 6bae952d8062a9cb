//! Has `src/sync.rs` take the scheduler's locks and threads, in this package alone.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-cfg=shuttle");
    println!("cargo::rustc-check-cfg=cfg(feature, values(\"candle\", \"interop\"))");
}
