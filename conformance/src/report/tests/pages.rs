//! Reports that are shown as pages: Markdown and HTML.

use judge::verdict::Verdict;

use crate::report::sample::report;
use crate::report::{html, markdown};

#[test]
fn the_markdown_report_is_safe_and_fits_a_comment() {
    let mut report = report();
    let text = markdown::render(&report, markdown::COMMENT);
    insta::assert_snapshot!(text);
    report.verdicts[0].message = "@someone | `x` <img src=x> https://host.example [a](b) \n# top".repeat(50);
    let many = (0..3000).map(|number| {
        let requirement = format!("theme.row-{number}");
        Verdict { requirement, found: number.to_string(), ..report.verdicts[0].clone() }
    });
    report.verdicts = many.collect();
    let text = markdown::render(&report, markdown::COMMENT);
    assert!(text.len() < 65_536, "{}", text.len());
    assert!(text.contains("more requirements"), "what is left out is counted");
    for hostile in ["@someone", "`", "<img", "https://", "](", "\n# top"] {
        assert!(!text.contains(hostile), "{hostile}");
    }
}

#[test]
fn nothing_ends_the_pages_data_and_the_policy_permits_its_own_parts() {
    let mut report = report();
    report.verdicts[0].found = "</script><script>alert(1)</script><!-- {{style}}".to_owned();
    let page = html::render(&report).unwrap();
    assert_eq!(page.matches("</script>").count(), 2, "the data's and the script's");
    assert!(!page.contains("<b>&"), "hostile markup is text");
    let data = page.split_once("id=\"data\">").unwrap().1.split_once("</script>").unwrap().0;
    let packed: serde_json::Value = serde_json::from_str(data).unwrap();
    let places = &packed["verdicts"][0];
    let text = |at: usize| packed["texts"][usize::try_from(places[at].as_u64().unwrap()).unwrap()].as_str().unwrap();
    assert_eq!((text(0), text(2), text(6)), ("minimal", "fail", report.verdicts[0].found.as_str()));
    assert_eq!(page.matches("'sha256-").count(), 2);
    insta::assert_snapshot!(page.split_once("<section id=\"verdicts\"").unwrap().0.split_once("<body>").unwrap().1);
}
