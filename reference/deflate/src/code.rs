//! Huffman codes whose words are no longer than is allowed (RFC 1951, 3.2.2).

/// The longest word of any code.
pub(crate) const LONGEST: usize = 15;

/// The length of each symbol's word, none above `most`, 0 for symbols that do not occur. A code has two words at least:
/// some readers refuse one of a single word.
pub(crate) fn lengths<const N: usize>(counts: &[u32; N], most: usize) -> [u8; N] {
    let mut lengths = [0; N];
    let mut used: Vec<(u32, usize)> =
        counts.iter().enumerate().filter(|(_, count)| **count > 0).map(|(symbol, count)| (*count, symbol)).collect();
    for symbol in 0..2 {
        if used.len() < 2 && used.iter().all(|(_, other)| *other != symbol) {
            used.push((0, symbol));
        }
    }
    used.sort_unstable();
    let words = within(words_of_length(&used), most);
    // The rarest have the longest words.
    let by_length = (1..=most)
        .rev()
        .zip(words[1..=most].iter().rev())
        .flat_map(|(length, count)| std::iter::repeat_n(length, *count));
    for ((_, symbol), length) in used.iter().zip(by_length) {
        lengths[*symbol] = u8::try_from(length).unwrap_or_default();
    }
    lengths
}

/// How many words of each length a code for these counts has, the lengths beyond 63 taken together. After Moffat and
/// Katajainen, In-Place Calculation of Minimum-Redundancy Codes.
fn words_of_length(sorted: &[(u32, usize)]) -> [usize; 64] {
    let leaves = sorted.len();
    // A node's weight, then its parent, then its depth.
    let mut nodes: Vec<usize> = sorted.iter().map(|(count, _)| *count as usize).collect();
    let (mut leaf, mut root) = (0, 0);
    for next in 0..leaves - 1 {
        let mut weight = 0;
        for _ in 0..2 {
            if leaf >= leaves || (root < next && nodes[root] < nodes[leaf]) {
                weight += std::mem::replace(&mut nodes[root], next);
                root += 1;
            } else {
                weight += nodes[leaf];
                leaf += 1;
            }
        }
        nodes[next] = weight;
    }
    nodes[leaves - 2] = 0;
    for node in (0..leaves - 2).rev() {
        nodes[node] = nodes[nodes[node]] + 1;
    }
    let mut words = [0; 64];
    let (mut open, mut depth, mut inner) = (1, 0, nodes[..leaves - 1].iter().rev().peekable());
    while open > 0 {
        let mut parents = 0;
        while inner.next_if(|of| **of == depth).is_some() {
            parents += 1;
        }
        words[depth.min(63)] += open - parents;
        (open, depth) = (2 * parents, depth + 1);
    }
    words
}

/// The same number of words, none longer than `most`, and still a code in which none is the beginning of another.
fn within(mut words: [usize; 64], most: usize) -> [usize; 64] {
    words[most] += words[most + 1..].iter().sum::<usize>();
    words[most + 1..].fill(0);
    let mut taken: usize = (1..=most).map(|length| words[length] << (most - length)).sum();
    while taken > 1 << most {
        // One of the longest takes the place next to a shorter one, which becomes longer.
        let Some(shorter) = (1..most).rev().find(|length| words[*length] > 0) else { break };
        words[most] -= 1;
        words[shorter] -= 1;
        words[shorter + 1] += 2;
        taken -= 1;
    }
    words
}

/// Each symbol's word, its first bit lowest, as it is written.
pub(crate) fn words<const N: usize>(lengths: &[u8; N]) -> [u16; N] {
    let mut next = [0_u16; LONGEST + 2];
    for length in lengths.iter().filter(|length| **length > 0) {
        next[usize::from(*length) + 1] += 1;
    }
    for length in 1..next.len() {
        next[length] = next[length].wrapping_add(next[length - 1]) << 1;
    }
    lengths.map(|length| {
        if length == 0 {
            return 0;
        }
        // What comes before words of this length, then one more for each of them.
        let word = &mut next[usize::from(length)];
        let reversed = word.reverse_bits() >> (16 - u32::from(length));
        *word = word.wrapping_add(1);
        reversed
    })
}
