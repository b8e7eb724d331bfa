//! Paragraphs of generated Markdown, in lines that are short enough to be read as source.

/// Columns of a line.
const WIDTH: usize = 120;

/// A paragraph in lines, those after the first indented. A word that would begin a list, a heading, a quotation or a table
/// at the start of a line stays behind the one before it.
#[must_use]
pub fn wrapped(text: &str, indent: &str) -> String {
    let mut out = String::new();
    // The first line stands behind what is as wide as the indent, such as the mark of a list.
    let mut column = indent.len();
    let mut words = text.split(' ').filter(|word| !word.is_empty()).peekable();
    while let Some(word) = words.next() {
        let mut unit = word.to_owned();
        while let Some(next) = words.next_if(|next| begins_a_block(next)) {
            unit = unit + " " + next;
        }
        let width = console::measure_text_width(&unit);
        if !out.is_empty() && column + 1 + width > WIDTH {
            out = out + "\n" + indent;
            column = indent.len();
        } else if !out.is_empty() {
            out.push(' ');
            column += 1;
        }
        out += &unit;
        column += width;
    }
    out
}

fn begins_a_block(word: &str) -> bool {
    let number = word.trim_end_matches(['.', ')']);
    let is_number = number.len() < word.len() && !number.is_empty() && number.chars().all(|c| c.is_ascii_digit());
    is_number || matches!(word, "-" | "+" | "*") || word.starts_with(['#', '>', '|', '=']) || word.starts_with("--")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_short_and_say_the_same() {
        let text = "one two three four - 5. # > | -- six, a-b 1.5 ".repeat(20);
        let lines = wrapped(&text, "  ");
        for line in lines.lines() {
            assert!(console::measure_text_width(line) <= WIDTH, "{line}");
            assert!(!begins_a_block(line.split_whitespace().next().unwrap()), "{line}");
        }
        assert!(lines.lines().skip(1).all(|line| line.starts_with("  ")) && lines.lines().count() > 5);
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words(&lines), words(&text));
    }
}
