//! Symbols of lengths and distances (RFC 1951, 3.2.5).

/// How far back a match may be, in bytes.
pub(crate) const WINDOW: usize = 1 << 15;
/// The longest match, in bytes.
pub(crate) const LONGEST: usize = 258;
/// Symbols of the code of literals and lengths, of which the last two only take room in the fixed code, and of that of
/// distances.
pub(crate) const LITERALS: usize = 288;
pub(crate) const DISTANCES: usize = 30;
/// The symbol that ends a part.
pub(crate) const END: usize = 256;

/// The least length of each symbol from 257 on, and its extra bits.
pub(crate) const LENGTH: [(u16, u8); 29] = [
    (3, 0),
    (4, 0),
    (5, 0),
    (6, 0),
    (7, 0),
    (8, 0),
    (9, 0),
    (10, 0),
    (11, 1),
    (13, 1),
    (15, 1),
    (17, 1),
    (19, 2),
    (23, 2),
    (27, 2),
    (31, 2),
    (35, 3),
    (43, 3),
    (51, 3),
    (59, 3),
    (67, 4),
    (83, 4),
    (99, 4),
    (115, 4),
    (131, 5),
    (163, 5),
    (195, 5),
    (227, 5),
    (258, 0),
];
/// The least distance of each symbol, and its extra bits.
pub(crate) const DISTANCE: [(u16, u8); DISTANCES] = [
    (1, 0),
    (2, 0),
    (3, 0),
    (4, 0),
    (5, 1),
    (7, 1),
    (9, 2),
    (13, 2),
    (17, 3),
    (25, 3),
    (33, 4),
    (49, 4),
    (65, 5),
    (97, 5),
    (129, 6),
    (193, 6),
    (257, 7),
    (385, 7),
    (513, 8),
    (769, 8),
    (1025, 9),
    (1537, 9),
    (2049, 10),
    (3073, 10),
    (4097, 11),
    (6145, 11),
    (8193, 12),
    (12_289, 12),
    (16_385, 13),
    (24_577, 13),
];
const LENGTH_SYMBOLS: [u16; LONGEST + 1] = length_symbols();
/// Distances up to 256 each, the others by 128.
const DISTANCE_SYMBOLS: [u8; 512] = distance_symbols();

const fn length_symbols() -> [u16; LONGEST + 1] {
    let mut symbols = [0; LONGEST + 1];
    let (mut symbol, mut length) = (0_u16, 3);
    while length <= LONGEST {
        while symbol < 28 && LENGTH[symbol as usize + 1].0 as usize <= length {
            symbol += 1;
        }
        symbols[length] = 257 + symbol;
        length += 1;
    }
    symbols
}

const fn distance_symbols() -> [u8; 512] {
    let mut symbols = [0; 512];
    let (mut symbol, mut distance) = (0_u8, 1);
    while distance <= WINDOW {
        while symbol < 29 && DISTANCE[symbol as usize + 1].0 as usize <= distance {
            symbol += 1;
        }
        symbols[distance_slot(distance)] = symbol;
        distance += 1;
    }
    symbols
}

#[inline]
const fn distance_slot(distance: usize) -> usize {
    if distance <= 256 { distance - 1 } else { 256 + (distance - 1) / 128 % 256 }
}

/// The symbol of a length from 3 to 258.
#[inline]
pub(crate) fn length_symbol(length: usize) -> usize {
    usize::from(LENGTH_SYMBOLS[length])
}

/// The symbol of a distance from 1 to 32,768.
#[inline]
pub(crate) fn distance_symbol(distance: usize) -> usize {
    usize::from(DISTANCE_SYMBOLS[distance_slot(distance)]) % DISTANCES
}
