use std::io::Read as _;

use proptest::prelude::*;

use super::*;

/// Bytes that look random, from a seed.
fn noise(size: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(next).take(size).collect()
}

/// The member of a block that two other readers give back.
fn checked(block: &[u8]) -> Vec<u8> {
    let member = Members::new().of(block);
    let (mut one, mut two) = (Vec::new(), vec![0; block.len()]);
    flate2::read::MultiGzDecoder::new(&member[..]).read_to_end(&mut one).unwrap();
    let read = libdeflater::Decompressor::new().gzip_decompress(&member, &mut two).unwrap();
    assert!(one == block && two == block && read == block.len(), "{} bytes do not come back", block.len());
    member
}

#[test]
fn what_cannot_shrink_is_stored_and_grows_by_no_more_than_its_headers() {
    for size in [1, 1000, 65_019, 65_020, 65_535, 65_536, 1 << 20] {
        let member = checked(&noise(size, 7));
        assert!(member.len() <= size + (size / 65_019 + 1) * 5 + 18, "{} of {size}", member.len());
    }
}

#[test]
fn what_can_shrink_is_compressed_though_its_bytes_are_spread_evenly() {
    let repeated = noise(20_000, 1).repeat(50);
    let half = [noise(1 << 19, 2), vec![b'a'; 1 << 19]].concat();
    let base64: Vec<u8> = noise(1 << 20, 3).iter().map(|byte| byte & 63 | 64).collect();
    let mut copied = noise(1 << 20, 4);
    for at in (0..1 << 20).step_by(16_384).skip(1) {
        copied.copy_within(at - 8192..at - 6144, at);
    }
    for (block, most) in [(repeated, 10), (half, 55), (base64, 80), (copied, 90)] {
        let member = checked(&block);
        assert!(member.len() < block.len() * most / 100, "{} of {}", member.len(), block.len());
    }
}

#[test]
fn text_takes_no_more_than_the_fastest_level_of_another_writer_and_a_tenth() {
    let text = include_str!("search.rs").repeat(4) + include_str!("part.rs");
    let mut other = libdeflater::Compressor::new(libdeflater::CompressionLvl::fastest());
    let mut bytes = vec![0; other.gzip_compress_bound(text.len())];
    let size = other.gzip_compress(text.as_bytes(), &mut bytes).unwrap();
    let member = checked(text.as_bytes());
    assert!(member.len() <= size + size / 10, "{} and {size}", member.len());
}

#[test]
fn runs_of_every_length_come_back() {
    for size in (0..600).chain([32_767, 32_768, 32_769, 65_535, 65_536, 65_537, 131_072]) {
        checked(&vec![b'x'; size]);
    }
}

/// They are written in the fixed code, which has words of three lengths.
#[test]
fn short_blocks_of_every_byte_come_back() {
    for byte in 0..=255 {
        assert!(checked(&[byte]).len() <= 21);
        checked(&[byte, byte.wrapping_add(101), byte]);
    }
    for size in 3..=300 {
        checked(&noise(40, size).repeat(2)[..40 + usize::try_from(size).unwrap() % 40]);
    }
}

#[test]
fn a_match_as_far_back_as_the_window_comes_back() {
    for distance in [32_767, 32_768, 32_769, 65_536] {
        let begin = noise(300, 9);
        let between: Vec<u8> = (0..distance - begin.len()).map(|at| at.to_le_bytes()[at % 2]).collect();
        checked(&[&begin[..], &between[..], &begin[..], &noise(20, 10)].concat());
    }
}

/// Counts like those of Fibonacci make the longest words.
#[test]
fn words_that_would_be_too_long_are_kept_within_what_is_allowed() {
    let mut counts = [0_u32; 40];
    let (mut one, mut two) = (1, 1);
    for count in &mut counts {
        *count = one;
        (one, two) = (two, one + two);
    }
    for most in [7, 14, 15] {
        let lengths = code::lengths(&counts, most);
        assert!(lengths.iter().all(|length| (1..=most).contains(&usize::from(*length))), "{lengths:?}");
        let taken: u32 = lengths.iter().map(|length| 1 << (most - usize::from(*length))).sum();
        assert_eq!(taken, 1 << most, "a whole code");
    }
    let block: Vec<u8> = (0..40).flat_map(|byte| vec![byte; counts[usize::from(byte)].min(5000) as usize]).collect();
    let mut mixed = block.clone();
    mixed.sort_by_key(|byte| (u32::from(*byte).wrapping_mul(2_654_435_761), *byte));
    checked(&mixed);
}

#[test]
fn a_code_of_one_symbol_has_two_words() {
    assert_eq!(code::lengths(&[0, 0, 9, 0], 15), [1, 0, 1, 0]);
    assert_eq!(code::lengths(&[9, 0, 0, 0], 15), [1, 1, 0, 0]);
    assert_eq!(code::lengths(&[0, 0, 0, 0], 15), [1, 1, 0, 0]);
}

#[test]
fn a_member_does_not_depend_on_what_was_compressed_before() {
    let mut members = Members::new();
    let blocks = [noise(70_000, 1), b"abcabcabc".repeat(9000), Vec::new(), vec![0; 1 << 20], b"abc".to_vec()];
    for block in &blocks {
        assert_eq!(members.of(block), Members::new().of(block));
    }
    assert_eq!(members.of(&[]).len(), 20);
}

proptest! {
    #[test]
    fn every_block_comes_back(
        parts in prop::collection::vec((any::<u64>(), 0_usize..9000, 1_usize..6, 1_u8..=255), 0..8),
    ) {
        let of = |(seed, size, times, mask): &(u64, usize, usize, u8)| {
            noise(*size, *seed).iter().map(|byte| byte & mask).collect::<Vec<u8>>().repeat(*times)
        };
        let block: Vec<u8> = parts.iter().flat_map(of).collect();
        let member = checked(&block);
        prop_assert!(member.len() <= 18 + part::most_bytes(block.len()));
    }

    #[test]
    fn a_code_takes_all_room_and_no_more(counts in prop::collection::vec(0_u32..70_000, 30), most in 7_usize..=15) {
        let counts: [u32; 30] = counts.try_into().unwrap();
        let lengths = code::lengths(&counts, most);
        let taken: u32 = lengths.iter().filter(|length| **length > 0).map(|length| 1 << (most - usize::from(*length))).sum();
        prop_assert_eq!(taken, 1 << most);
        let used = counts.iter().filter(|count| **count > 0).count();
        prop_assert_eq!(lengths.iter().filter(|length| **length > 0).count(), used.max(2));
    }
}
