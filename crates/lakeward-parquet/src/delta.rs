//! Counts inside of delta-encoded pages. Decoders make room for as many lengths and miniblocks as such
//! a page says that it has; here it must have them, and not more values than its header says.

use parquet::basic::Encoding;
use parquet::column::page::Page;
use parquet::errors::ParquetError;
use parquet::schema::types::ColumnDescPtr;

/// Refuses a page whose delta-encoded numbers are more than its values, or not there.
pub(crate) fn check_counts(page: &Page, column: &ColumnDescPtr) -> Result<(), ParquetError> {
    let sequences = match page.encoding() {
        Encoding::DELTA_BINARY_PACKED | Encoding::DELTA_LENGTH_BYTE_ARRAY => 1,
        Encoding::DELTA_BYTE_ARRAY => 2,
        _ => return Ok(()),
    };
    if !page.is_data_page() {
        return Ok(());
    }
    let sound = values(page, column)
        .and_then(|values| check_sequences(values, sequences, u64::from(page.num_values())));
    sound.ok_or_else(|| ParquetError::General("delta-encoded numbers make no sense".into()))
}

/// The encoded values of a data page, behind its levels.
fn values<'p>(page: &'p Page, column: &ColumnDescPtr) -> Option<&'p [u8]> {
    match page {
        Page::DataPageV2 {
            buf,
            def_levels_byte_len,
            rep_levels_byte_len,
            ..
        } => buf.get(def_levels_byte_len.checked_add(*rep_levels_byte_len)? as usize..),
        Page::DataPage {
            buf,
            num_values,
            def_level_encoding,
            rep_level_encoding,
            ..
        } => {
            let mut rest: &[u8] = buf;
            if column.max_rep_level() > 0 {
                rest = behind_levels(
                    rest,
                    *rep_level_encoding,
                    column.max_rep_level(),
                    *num_values,
                )?;
            }
            if column.max_def_level() > 0 {
                rest = behind_levels(
                    rest,
                    *def_level_encoding,
                    column.max_def_level(),
                    *num_values,
                )?;
            }
            Some(rest)
        }
        Page::DictionaryPage { .. } => None,
    }
}

fn behind_levels(bytes: &[u8], encoding: Encoding, max: i16, values: u32) -> Option<&[u8]> {
    if encoding == Encoding::RLE {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        return rest.get(u32::from_le_bytes(*length) as usize..);
    }
    let bits = u64::from(16 - max.unsigned_abs().leading_zeros());
    let length = (u64::from(values) * bits).div_ceil(8);
    bytes.get(usize::try_from(length).ok()?..)
}

/// Walks over so many sequences of DELTA_BINARY_PACKED integers; `None` when one of them is cut off
/// or longer than `most`.
fn check_sequences(mut bytes: &[u8], sequences: usize, most: u64) -> Option<()> {
    for _ in 0..sequences {
        bytes = behind_sequence(bytes, most)?;
    }
    Some(())
}

fn behind_sequence(mut bytes: &[u8], most: u64) -> Option<&[u8]> {
    let block = varint(&mut bytes)?;
    let miniblocks = varint(&mut bytes)?;
    let count = varint(&mut bytes)?;
    varint(&mut bytes)?;
    if count > most || miniblocks == 0 || block == 0 || block % miniblocks != 0 {
        return None;
    }
    let per_miniblock = block / miniblocks;
    let mut left = count.saturating_sub(1);
    while left > 0 {
        varint(&mut bytes)?;
        let (widths, rest) = bytes.split_at_checked(usize::try_from(miniblocks).ok()?)?;
        bytes = rest;
        for width in widths {
            if left == 0 {
                break;
            }
            let bits = per_miniblock.checked_mul(u64::from(*width))?;
            let length = usize::try_from(bits.div_ceil(8)).ok()?;
            // The last miniblock may be cut short by writers that don't pad it.
            bytes = bytes
                .get(length..)
                .or_else(|| (left <= per_miniblock).then_some(&[]))?;
            left = left.saturating_sub(per_miniblock);
        }
    }
    Some(bytes)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..63).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    // A tenth byte holds the top bit of a negative number's zigzag form.
    let (byte, rest) = bytes.split_first()?;
    *bytes = rest;
    (*byte <= 1).then_some(value | u64::from(*byte) << 63)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Blocks of 128 in 4 miniblocks, `count` values from 7 on with the widths given.
    fn sequence(count: u8, widths: [u8; 4], payload: usize) -> Vec<u8> {
        let mut bytes = vec![0x80, 0x01, 4, count, 14];
        if count > 1 {
            bytes.push(2);
            bytes.extend(widths);
            bytes.extend(vec![0x55; payload]);
        }
        bytes
    }

    #[test]
    fn sequences_are_walked_to_their_ends() {
        let two = [
            sequence(70, [1, 2, 3, 0], 4 + 8 + 12),
            sequence(1, [0; 4], 0),
        ]
        .concat();
        assert_eq!(check_sequences(&two, 2, 70), Some(()));
        assert_eq!(behind_sequence(&two, 70).map(<[u8]>::len), Some(5));
        assert_eq!(check_sequences(&two, 3, 70), None);
    }

    #[test]
    fn counts_above_the_page_s_are_refused() {
        let honest = sequence(70, [1, 2, 3, 0], 24);
        assert_eq!(check_sequences(&honest, 1, 69), None);
        let huge = [0x80, 0x01, 4, 0xff, 0xff, 0xff, 0xff, 0x7f, 0];
        assert_eq!(check_sequences(&huge, 1, 1000), None);
        let behind = [honest, huge.to_vec()].concat();
        assert_eq!(check_sequences(&behind, 2, 70), None);
        for nonsense in [
            &[][..],
            &[0, 4, 1, 0],
            &[0x80, 1, 0, 1, 0],
            &[0x80, 1, 3, 1, 0],
        ] {
            assert_eq!(check_sequences(nonsense, 1, 70), None);
        }
    }
}
