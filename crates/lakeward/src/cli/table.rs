//! Rows in columns, for people.

use super::paint::{Paint, tame};

/// A cell: its text, and how it is painted.
pub(super) struct Cell {
    text: String,
    colour: Colour,
}

/// What a cell's text means.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Colour {
    Plain,
    Good,
    Bad,
    Faint,
}

impl Cell {
    pub(super) fn new(text: impl AsRef<str>) -> Self {
        Self::painted(text, Colour::Plain)
    }

    /// A text that came from outside is tamed; nothing is shown as a dash.
    pub(super) fn painted(text: impl AsRef<str>, colour: Colour) -> Self {
        let text = tame(text.as_ref());
        match text.is_empty() {
            true => Self {
                text: "-".to_owned(),
                colour: Colour::Faint,
            },
            false => Self { text, colour },
        }
    }
}

/// The rows under their heads; each column is as wide as its longest cell.
pub(super) fn table(heads: &[&str], rows: &[Vec<Cell>], paint: Paint) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        let longest = cells.map(|cell| cell.text.chars().count()).max();
        let head = heads.get(column).map_or(0, |head| head.chars().count());
        longest.unwrap_or_default().max(head)
    };
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    let head = heads.iter().map(|head| Cell::painted(head, Colour::Faint));
    let mut text = line(&head.collect::<Vec<_>>(), &widths, paint);
    for row in rows {
        text.push_str(&line(row, &widths, paint));
    }
    text
}

/// Paint takes no room, so that it is put on after the padding is known.
fn line(row: &[Cell], widths: &[usize], paint: Paint) -> String {
    let mut line = String::new();
    let mut owed = 0;
    for (cell, width) in row.iter().zip(widths) {
        line.push_str(&" ".repeat(owed));
        line.push_str(&match cell.colour {
            Colour::Plain => cell.text.clone(),
            Colour::Good => paint.green(&cell.text),
            Colour::Bad => paint.red(&cell.text),
            Colour::Faint => paint.dim(&cell.text),
        });
        owed = width - cell.text.chars().count() + 2;
    }
    line.push('\n');
    line
}

/// A number of seconds, as people say it: `45s`, `12m`, `3h05m`, `2d04h`.
pub(super) fn duration(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{minutes}m"),
        3600..86_400 => format!("{hours}h{:02}m", minutes % 60),
        _ => format!("{days}d{:02}h", hours % 24),
    }
}

/// A number of bytes, in mebibytes from one on.
pub(super) fn bytes(count: u64) -> String {
    match count >> 20 {
        0 => format!("{} KiB", count >> 10),
        mebibytes => format!("{mebibytes} MiB"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_texts_are_tamed() {
        let rows = [
            vec![Cell::new("a"), Cell::new("\x1b[2J"), Cell::new("x")],
            vec![Cell::new("longer"), Cell::new(""), Cell::new("y")],
        ];
        let text = table(&["ID", "NAME", "END"], &rows, Paint::none());
        let expected = "ID      NAME  END\na       \u{fffd}[2J  x\nlonger  -     y\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn times_and_sizes_are_short() {
        let all = [-5, 45, 720, 11_100, 187_200].map(duration);
        assert_eq!(all, ["0s", "45s", "12m", "3h05m", "2d04h"]);
        assert_eq!(
            (bytes(2048), bytes(210 << 20)),
            ("2 KiB".into(), "210 MiB".into())
        );
    }
}
