//! Tables and a drawing of what was measured.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::Failure;
use super::data::Data;
use super::measure::Run;

const BEGIN: &str = "<!-- measured: written by side-by-side -->";
const END: &str = "<!-- end of measured -->";

/// All runs of one contestant on one kind of data.
pub(super) struct Row {
    data: &'static Data,
    name: String,
    pub(super) runs: Vec<Run>,
    /// Bytes of the image's layers.
    pub(super) sent: Option<u64>,
}

/// Smallest, middle and largest.
struct Spread {
    least: f64,
    middle: f64,
    most: f64,
}

impl Spread {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
        Self { least: at(0), middle: at(values.len() / 2), most: at(values.len().saturating_sub(1)) }
    }
}

impl Row {
    pub(super) fn new(data: &'static Data, name: &str) -> Self {
        Self { data, name: name.to_owned(), runs: Vec::new(), sent: None }
    }

    /// Of the time that another took in the same round.
    fn ratio(&self, other: &Self) -> Spread {
        let wall = |run: &Run| run.wall.as_secs_f64();
        Spread::of(self.runs.iter().zip(&other.runs).map(|(own, other)| wall(own) / wall(other)))
    }
}

/// The contestants on one kind of data, as Markdown; the first is the bound.
pub(super) fn table(rows: &[Row]) -> String {
    let Some(bound) = rows.first() else { return String::new() };
    let mut text = format!(
        "**{}**: {}\n\n| | wall, s | times the bound | processor, s | peak, MiB | layers, MB |\n|---|---|---|---|---|---|\n",
        bound.data.name, bound.data.about
    );
    for row in rows {
        let wall = Spread::of(row.runs.iter().map(|run| run.wall.as_secs_f64()));
        let processor = Spread::of(row.runs.iter().map(|run| run.processor.as_secs_f64()));
        let peak = row.runs.iter().map(|run| run.peak).max().unwrap_or(0) >> 10;
        let ratio = row.ratio(bound);
        let sent = row.sent.map_or_else(String::new, |sent| format!("{}.{}", sent / 1_000_000, sent / 100_000 % 10));
        let _ = writeln!(
            text,
            "| {} | {:.3} ({:.3}, {:.3}) | {:.2} ({:.2}, {:.2}) | {:.2} | {peak} | {sent} |",
            row.name, wall.middle, wall.least, wall.most, ratio.middle, ratio.least, ratio.most, processor.middle
        );
    }
    text
}

/// Renews what is between the markers of a file, and the drawing next to it.
pub(super) fn put(file: &Path, rows: &[Row], rounds: u32) -> Result<(), Failure> {
    let text = fs::read_to_string(file).map_err(|error| format!("--write {}: {error}", file.display()))?;
    let parts = text.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let (before, after) =
        parts.ok_or_else(|| format!("--write {}: it lacks the lines {BEGIN} and {END}", file.display()))?;
    let mut own = format!("{rounds} rounds that count, after one that does not; middle (least, most).\n\n");
    for rows in groups(rows) {
        own += &table(rows);
        own.push('\n');
    }
    own += "| data | goal: times the bound | reached |\n|---|---|---|\n";
    for rows in groups(rows) {
        if let [bound, reference, ..] = rows {
            let (goal, ratio) = (bound.data.goal, reference.ratio(bound).middle);
            let is_met = if ratio <= goal { "yes" } else { "no" };
            let _ = writeln!(own, "| {} | {goal:.1} | {is_met}: {ratio:.2} |", bound.data.name);
        }
    }
    fs::write(file, format!("{before}{BEGIN}\n\n{own}\n{END}{after}"))?;
    Ok(fs::write(file.with_extension("svg"), drawing(rows))?)
}

fn groups(rows: &[Row]) -> impl Iterator<Item = &[Row]> {
    rows.chunk_by(|a, b| a.data.name == b.data.name)
}

/// A bar for each contestant, as long as its time in times of the bound's, with a line from the least to the most.
fn drawing(rows: &[Row]) -> String {
    const UNIT: f64 = 60.0;
    const LEFT: f64 = 190.0;
    const LONGEST: f64 = 10.0;
    let (mut bars, mut y) = (String::new(), 24.0);
    for rows in groups(rows) {
        let Some(bound) = rows.first() else { continue };
        let _ = writeln!(bars, "<text x=\"8\" y=\"{y}\" font-weight=\"bold\">{}</text>", bound.data.name);
        for row in rows {
            y += 18.0;
            let ratio = row.ratio(bound);
            let at = |value: f64| LEFT + value.min(LONGEST) * UNIT;
            let colour = if row.name == "reference" { "#1b7f4b" } else { "#8a97a6" };
            let _ = writeln!(
                bars,
                "<text x=\"24\" y=\"{y}\">{}</text><rect x=\"{LEFT}\" y=\"{}\" width=\"{:.1}\" height=\"12\" fill=\"{colour}\"/>\
                 <line x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{}\" y2=\"{}\" stroke=\"#222\"/><text x=\"{:.1}\" y=\"{y}\">{:.2}</text>",
                row.name,
                y - 10.0,
                at(ratio.middle) - LEFT,
                at(ratio.least),
                at(ratio.most),
                y - 4.0,
                y - 4.0,
                at(ratio.most.max(ratio.middle)) + 6.0,
                ratio.middle
            );
        }
        y += 30.0;
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"860\" height=\"{y}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n<text x=\"{LEFT}\" y=\"12\">time, in times of the bound's</text>\n\
         {bars}</svg>\n"
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn row(name: &str, walls: &[u64]) -> Row {
        let data = super::super::data::all(&["nothing".to_owned()]).unwrap()[0];
        let run = |wall: &u64| Run { wall: Duration::from_millis(*wall), processor: Duration::ZERO, peak: 2048 };
        Row { runs: walls.iter().map(run).collect(), ..Row::new(data, name) }
    }

    #[test]
    fn ratios_are_those_of_the_same_round() {
        let table = table(&[row("bound", &[100, 200, 400]), row("reference", &[200, 200, 600])]);
        assert!(table.contains("| reference | 0.200 (0.200, 0.600) | 1.50 (1.00, 2.00) |"), "{table}");
    }

    #[test]
    fn what_is_written_stands_between_the_markers_and_goals_are_told_as_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("performance.md");
        fs::write(&file, format!("before\n{BEGIN}\nold\n{END}\nafter\n")).unwrap();
        put(&file, &[row("bound", &[100]), row("reference", &[400])], 1).unwrap();
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("before\n") && text.ends_with("after\n") && !text.contains("old"), "{text}");
        assert!(text.contains("| nothing | 1.5 | no: 4.00 |"), "{text}");
        assert!(fs::read_to_string(folder.path().join("performance.svg")).unwrap().contains("4.00"));
        assert!(put(&folder.path().join("none.md"), &[], 1).is_err());
    }
}
