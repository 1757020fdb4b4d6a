//! A planned file: which bytes come from where.

use std::ops::Range;

use bytes::Bytes;

/// A part of a filtered file, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Bytes of the original.
    Original {
        /// Where they begin in the original.
        offset: u64,
        /// How many.
        len: u64,
    },
    /// Bytes made for this view.
    Inline(Bytes),
    /// So many zero bytes.
    Zeros(u64),
}

impl Piece {
    /// Length in bytes.
    pub fn len(&self) -> u64 {
        match self {
            Self::Original { len, .. } | Self::Zeros(len) => *len,
            Self::Inline(bytes) => bytes.len() as u64,
        }
    }

    /// Whether the piece has no bytes; pieces of a [`Plan`] always have some.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The part of the piece within `range`, which counts from the piece's start.
    fn slice(&self, range: Range<u64>) -> Self {
        let len = range.end - range.start;
        match self {
            Self::Original { offset, .. } => Self::Original {
                offset: offset + range.start,
                len,
            },
            Self::Inline(bytes) => {
                Self::Inline(bytes.slice(range.start as usize..range.end as usize))
            }
            Self::Zeros(_) => Self::Zeros(len),
        }
    }
}

/// A filtered file: its size and the pieces that it is made of.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Pieces by where they begin, without gaps.
    segments: Vec<(u64, Piece)>,
    size: u64,
}

impl Plan {
    /// Size in bytes; that of [`virtual_size`](crate::virtual_size).
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The pieces that make up `range` of the file, which is cut to the file's size.
    pub fn pieces(&self, range: Range<u64>) -> Vec<Piece> {
        let end = range.end.min(self.size);
        let first = self
            .segments
            .partition_point(|(start, piece)| start + piece.len() <= range.start);
        self.segments
            .iter()
            .skip(first)
            .take_while(|(start, _)| *start < end)
            .map(|(start, piece)| {
                let from = range.start.saturating_sub(*start);
                let to = piece.len().min(end - start);
                piece.slice(from..to.max(from))
            })
            .filter(|piece| !piece.is_empty())
            .collect()
    }

    /// All pieces with where they begin.
    pub(crate) fn segments(&self) -> &[(u64, Piece)] {
        &self.segments
    }
}

/// Packs pieces one behind the other.
#[derive(Default)]
pub(crate) struct Packer {
    segments: Vec<(u64, Piece)>,
    position: u64,
}

impl Packer {
    /// Where the next piece will begin.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Adds a piece and tells where it begins.
    pub(crate) fn push(&mut self, piece: Piece) -> u64 {
        let start = self.position;
        self.position = start.saturating_add(piece.len());
        if !piece.is_empty() && !self.extends_last(&piece) {
            self.segments.push((start, piece));
        }
        start
    }

    /// Adds a range of the original.
    pub(crate) fn push_original(&mut self, range: &Range<u64>) -> u64 {
        self.push(Piece::Original {
            offset: range.start,
            len: range.end.saturating_sub(range.start),
        })
    }

    /// Lengthens the last piece when `next` goes on where it ends in the original.
    fn extends_last(&mut self, next: &Piece) -> bool {
        let Some((_, Piece::Original { offset, len })) = self.segments.last_mut() else {
            return false;
        };
        match next {
            Piece::Original {
                offset: from,
                len: more,
            } if *from == *offset + *len => {
                *len += more;
                true
            }
            _ => false,
        }
    }

    pub(crate) fn finish(self) -> Plan {
        Plan {
            segments: self.segments,
            size: self.position,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn example() -> Plan {
        let mut packer = Packer::default();
        packer.push(Piece::Inline(Bytes::from_static(b"PAR1")));
        packer.push_original(&(10..20));
        packer.push_original(&(20..25));
        packer.push_original(&(2..4));
        packer.push(Piece::Zeros(0));
        packer.push(Piece::Zeros(5));
        packer.push(Piece::Inline(Bytes::from_static(b"end")));
        packer.finish()
    }

    fn bytes(pieces: &[Piece]) -> Vec<u8> {
        let original: Vec<u8> = (100..200).collect();
        pieces
            .iter()
            .flat_map(|piece| match piece {
                Piece::Original { offset, len } => {
                    original[*offset as usize..(offset + len) as usize].to_vec()
                }
                Piece::Inline(bytes) => bytes.to_vec(),
                Piece::Zeros(len) => vec![0; *len as usize],
            })
            .collect()
    }

    #[test]
    fn neighbours_in_the_original_become_one_piece() {
        let plan = example();
        assert_eq!(plan.size(), 29);
        assert_eq!(plan.pieces(0..u64::MAX).len(), 5);
    }

    proptest! {
        #[test]
        fn any_range_is_that_part_of_the_whole(start in 0u64..40, end in 0u64..40) {
            let plan = example();
            let whole = bytes(&plan.pieces(0..29));
            let from = start.min(29) as usize;
            let to = (end.min(29) as usize).max(from);
            prop_assert_eq!(bytes(&plan.pieces(start..end)), &whole[from..to]);
        }
    }
}
