//! Elements whose text and attributes are escaped by being put in: there is no other way to make [`Html`].

use std::fmt::Write as _;

use crate::report::html::escaped;

/// A piece of a page.
#[derive(Debug, Clone, Default)]
pub(super) struct Html(String);

impl Html {
    /// As it is written to a file.
    pub(super) fn into_string(self) -> String {
        self.0
    }
}

/// An element that is being made.
pub(super) struct Element {
    name: &'static str,
    start: String,
    children: String,
}

/// An element without attributes and children.
pub(super) fn el(name: &'static str) -> Element {
    Element { name, start: format!("<{name}"), children: String::new() }
}

/// An element with text alone.
pub(super) fn said(name: &'static str, words: &str) -> Html {
    el(name).text(words).into()
}

/// A link.
pub(super) fn link(to: &str, words: &str) -> Html {
    el("a").at("href", to).text(words).into()
}

impl Element {
    /// With an attribute.
    pub(super) fn at(mut self, name: &'static str, value: impl std::fmt::Display) -> Self {
        let _ = write!(self.start, " {name}=\"{}\"", escaped(&value.to_string()));
        self
    }

    /// With text.
    pub(super) fn text(mut self, words: &str) -> Self {
        self.children.push_str(&escaped(words));
        self
    }

    /// With a child.
    pub(super) fn with(mut self, child: impl Into<Html>) -> Self {
        self.children.push_str(&child.into().0);
        self
    }

    /// With children.
    pub(super) fn all(self, children: impl IntoIterator<Item = impl Into<Html>>) -> Self {
        children.into_iter().fold(self, Self::with)
    }
}

/// Elements of HTML that have no end.
const VOID: [&str; 3] = ["meta", "link", "img"];

impl From<Element> for Html {
    fn from(element: Element) -> Self {
        let Element { name, start, children } = element;
        if VOID.contains(&name) { Self(start + ">") } else { Self(format!("{start}>{children}</{name}>")) }
    }
}

impl From<Vec<Html>> for Html {
    fn from(pieces: Vec<Html>) -> Self {
        Self(pieces.into_iter().map(|piece| piece.0).collect())
    }
}

/// Text in which words between backticks are code.
pub(super) fn ticked(words: &str) -> Html {
    let mut out = el("span");
    for (at, part) in words.split('`').enumerate() {
        out = if at % 2 == 1 { out.with(said("code", part)) } else { out.text(part) };
    }
    out.into()
}

/// A table that can be scrolled where the screen is narrow, and whose rows become lists on a phone, where each cell
/// names its column. The first cell of a row is its heading.
pub(super) fn table(caption: &str, heads: &[&str], rows: Vec<Vec<Html>>) -> Html {
    let head = |words: &&str| Html::from(el("th").at("scope", "col").text(words));
    let body = rows.into_iter().map(|cells| {
        let cell = |(at, cell): (usize, Html)| match at {
            0 => Html::from(el("th").at("scope", "row").with(cell)),
            at => Html::from(el("td").at("data-head", heads.get(at).copied().unwrap_or_default()).with(cell)),
        };
        Html::from(el("tr").all(cells.into_iter().enumerate().map(cell)))
    });
    let rows = el("tbody").all(body);
    let head = el("thead").with(el("tr").all(heads.iter().map(head)));
    let table = el("table").with(el("caption").text(caption)).with(head).with(rows);
    wide(caption, table.into())
}

/// Something wide, in a region that the keyboard can scroll.
pub(super) fn wide(named: &str, what: Html) -> Html {
    el("div").at("class", "wide").at("role", "region").at("aria-label", named).at("tabindex", "0").with(what).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_in_stays_text() {
        let html: Html = el("p").at("title", "\"><b>").text("<script>&'\u{202e}\u{7}").with(said("b", "a<b")).into();
        let expected = "<p title=\"&quot;&gt;&lt;b&gt;\">&lt;script&gt;&amp;&#39;\\u{202e}\\u{7}<b>a&lt;b</b></p>";
        assert_eq!(html.into_string(), expected);
    }

    #[test]
    fn words_between_backticks_are_code_and_stay_text() {
        let html = ticked("a `b<` c").into_string();
        assert_eq!(html, "<span>a <code>b&lt;</code> c</span>");
    }

    #[test]
    fn void_elements_have_no_end() {
        assert_eq!(Html::from(el("meta").at("charset", "utf-8")).into_string(), "<meta charset=\"utf-8\">");
    }
}
