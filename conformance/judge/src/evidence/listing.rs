//! The entries of a layer's tar. The same layer is in many exports and stores, so clones share their entries.

use std::cell::Cell;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Entry;

thread_local! {
    /// Whether this thread has read a listing since it was last asked.
    static READ: Cell<bool> = const { Cell::new(false) };
}

/// Does something; gives whether it read any listing, so that what a judge says of entries can be told from what it
/// says of the rest.
pub(crate) fn watched<T>(work: impl FnOnce() -> T) -> (T, bool) {
    READ.set(false);
    let done = work();
    (done, READ.get())
}

/// The member that stands for a listing that lies somewhere else.
const ELSEWHERE: &str = "listing";

/// A layer's entries in their order. In stored evidence they may lie in a file of their own, which is named by its hash
/// and put in place with [`Listing::put`].
#[derive(Debug, Clone, Default)]
pub struct Listing {
    entries: Arc<Vec<Entry>>,
    elsewhere: Option<String>,
}

impl Listing {
    /// A listing that is written as the hash of the file that holds it.
    #[must_use]
    pub fn elsewhere(hash: &str) -> Self {
        Self { entries: Arc::default(), elsewhere: Some(hash.to_owned()) }
    }

    /// The hash of the file that holds it, where it is not here.
    #[must_use]
    pub fn is_elsewhere(&self) -> Option<&str> {
        self.elsewhere.as_deref()
    }

    /// Puts in place what was somewhere else.
    pub fn put(&mut self, found: &Self) {
        self.clone_from(found);
    }

    /// Where the entries are in memory: the same for listings that share them.
    #[must_use]
    pub fn place(&self) -> usize {
        Arc::as_ptr(&self.entries).addr()
    }

    /// Lets go of what was reserved for more entries.
    #[must_use]
    pub fn compact(mut entries: Vec<Entry>) -> Self {
        entries.shrink_to_fit();
        entries.into()
    }
}

impl From<Vec<Entry>> for Listing {
    fn from(entries: Vec<Entry>) -> Self {
        Self { entries: Arc::new(entries), elsewhere: None }
    }
}

impl PartialEq for Listing {
    fn eq(&self, other: &Self) -> bool {
        self.elsewhere == other.elsewhere
            && (Arc::ptr_eq(&self.entries, &other.entries) || self.entries == other.entries)
    }
}

impl Deref for Listing {
    type Target = Vec<Entry>;

    fn deref(&self) -> &Vec<Entry> {
        READ.set(true);
        &self.entries
    }
}

impl DerefMut for Listing {
    /// A listing that is changed shares its entries no longer.
    fn deref_mut(&mut self) -> &mut Vec<Entry> {
        Arc::make_mut(&mut self.entries)
    }
}

impl<'a> IntoIterator for &'a Listing {
    type Item = &'a Entry;
    type IntoIter = std::slice::Iter<'a, Entry>;

    fn into_iter(self) -> Self::IntoIter {
        READ.set(true);
        self.entries.iter()
    }
}

impl Serialize for Listing {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.elsewhere {
            None => self.entries.serialize(serializer),
            Some(hash) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry(ELSEWHERE, hash)?;
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Listing {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Stored)
    }
}

struct Stored;

impl<'de> Visitor<'de> for Stored {
    type Value = Listing;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of entries, or the hash of the file that holds it")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Listing, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = list.next_element()? {
            entries.push(entry);
        }
        Ok(Listing::compact(entries))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Listing, A::Error> {
        match map.next_entry::<String, String>()? {
            Some((name, hash)) if name == ELSEWHERE => Ok(Listing::elsewhere(&hash)),
            _ => Err(A::Error::custom("a listing names no file")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn clones_share_their_entries_until_one_is_changed() {
        let listing = sample::own_layers()[3].blob.clone().unwrap().entries;
        let mut other = listing.clone();
        assert_eq!((listing.place(), &listing), (other.place(), &other));
        other.clear();
        assert!(listing.place() != other.place() && listing != other && !listing.is_empty());
    }

    #[test]
    fn a_listing_is_read_as_it_was_written_here_or_elsewhere() {
        let listing = sample::own_layers()[3].blob.clone().unwrap().entries;
        let text = serde_json::to_string(&listing).unwrap();
        assert_eq!(serde_json::from_str::<Listing>(&text).unwrap(), listing);
        let mut named = Listing::elsewhere("0af");
        assert_eq!(serde_json::to_string(&named).unwrap(), r#"{"listing":"0af"}"#);
        assert_eq!(serde_json::from_str::<Listing>(r#"{"listing":"0af"}"#).unwrap().is_elsewhere(), Some("0af"));
        assert!(serde_json::from_str::<Listing>(r#"{"other":"0af"}"#).is_err());
        named.put(&listing);
        assert_eq!(named, listing);
    }
}
