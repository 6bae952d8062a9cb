//! NumPy's file of one array (format 1.0), for `numpy.load`.

use std::io::Write;

use half::bf16;
use varkeep::DType;

use crate::failure::{Failure, Outcome};
use crate::numpy::Values;
use crate::select::Selection;

/// The header ends on a multiple of this.
const ALIGN: usize = 64;

pub(crate) fn npy(selection: &Selection, sizes: &[u64], out: &mut dyn Write) -> Outcome<()> {
    let descr = match selection.dtype() {
        DType::Bool => "|b1".to_owned(),
        DType::U8 => "|u1".to_owned(),
        DType::I8 => "|i1".to_owned(),
        DType::U16 => "<u2".to_owned(),
        DType::U32 => "<u4".to_owned(),
        DType::U64 => "<u8".to_owned(),
        DType::I16 => "<i2".to_owned(),
        DType::I32 => "<i4".to_owned(),
        DType::I64 => "<i8".to_owned(),
        DType::F16 => "<f2".to_owned(),
        // NumPy knows no bfloat16, and every one is a float32.
        DType::BF16 | DType::F32 => "<f4".to_owned(),
        DType::F64 => "<f8".to_owned(),
        DType::C64 => "<c8".to_owned(),
        DType::C128 => "<c16".to_owned(),
        DType::String => return strings(selection, sizes, out),
        dtype => {
            return Err(
                Failure::usage(format!("NumPy has no type for {dtype}")).hint("`--format raw` writes the bytes")
            );
        }
    };
    out.write_all(&header(&descr, sizes))?;
    if selection.dtype() == DType::BF16 {
        return selection.for_each_bytes(&mut |bytes| {
            let wide = bytes.chunks_exact(2).map(|two| bf16::from_le_bytes([two[0], two[1]]).to_f32());
            let wide: Vec<u8> = wide.flat_map(f32::to_le_bytes).collect();
            Ok(out.write_all(&wide)?)
        });
    }
    super::raw(selection, out)
}

/// Byte strings of one length, filled up with zeros: NumPy takes those at the end for filling.
fn strings(selection: &Selection, sizes: &[u64], out: &mut dyn Write) -> Outcome<()> {
    selection.for_each_block(&mut |values| {
        let Values::Bytes(all) = values else { return Ok(()) };
        if all.iter().any(|text| text.last() == Some(&0)) {
            return Err(Failure::usage("a byte string ends with a zero, which NumPy would take away")
                .hint("use `--json`, which keeps it"));
        }
        let longest = all.iter().map(Vec::len).max().unwrap_or(0).max(1);
        out.write_all(&header(&format!("|S{longest}"), sizes))?;
        for text in all {
            out.write_all(text)?;
            out.write_all(&vec![0; longest - text.len()])?;
        }
        Ok(())
    })
}

fn header(descr: &str, sizes: &[u64]) -> Vec<u8> {
    const MAGIC: &[u8] = b"\x93NUMPY\x01\x00";
    let shape = match sizes {
        [size] => format!("({size},)"),
        sizes => format!("({})", sizes.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")),
    };
    let mut text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
    let before = MAGIC.len() + 2;
    let filled = (before + text.len() + 1).next_multiple_of(ALIGN) - before;
    text.extend(std::iter::repeat_n(' ', filled - 1 - text.len()));
    text.push('\n');
    // A shape has few axes: the header's length fits.
    let len = u16::try_from(text.len()).expect("a header is short");
    [MAGIC, &len.to_le_bytes(), text.as_bytes()].concat()
}
