//! What a call says without the flags that a description leaves out: the default says it, else the flag's variable.
//! What neither says cannot be said to that program, and a step that means it is not made.

use std::collections::BTreeMap;

/// A flag with its value, as it would have been given.
pub(super) type Unsaid = (String, Option<String>);

/// What stands for a flag that is not given.
pub(super) struct Stands {
    /// The variable that says the same.
    pub(super) variable: Option<&'static str>,
    /// What holds where neither is given.
    pub(super) default: Option<String>,
}

/// The variables that say what the flags would have said, and why one of them cannot be said, as a clause: its variable
/// says something else in this step, or there is none.
pub(super) fn by_variables(
    unsaid: &[Unsaid],
    environment: &BTreeMap<String, String>,
    unset: &[String],
    stands_for: impl Fn(&str) -> Stands,
) -> (BTreeMap<String, String>, Option<String>) {
    let mut wanted: BTreeMap<&str, String> = BTreeMap::new();
    for (flag, value) in unsaid {
        let value = value.clone().unwrap_or_else(|| "true".to_owned());
        match wanted.get_mut(flag.as_str()) {
            // The one flag that is given more than once; its variable has a list.
            Some(list) if flag == "-insecure-registry" => *list = format!("{list},{value}"),
            Some(earlier) => *earlier = value,
            None => drop(wanted.insert(flag, value)),
        }
    }
    let (mut found, mut unsayable) = (BTreeMap::new(), None);
    for (flag, value) in wanted {
        let Stands { variable, default } = stands_for(flag);
        let is_default = default.as_ref() == Some(&value);
        let Some(variable) = variable else {
            if !is_default {
                unsayable = Some(format!(
                    "the exporter's description leaves out {flag}, for which the Platform API has no variable, and this step \
                 needs it"
                ));
            }
            continue;
        };
        match environment.get(variable).map(String::as_str) {
            Some(set) if set == value => {}
            None | Some("") if is_default => {}
            None if !unset.iter().any(|name| name == variable) => drop(found.insert(variable.to_owned(), value)),
            _ => {
                unsayable = Some(format!(
                    "the exporter's description leaves out {flag}, which this step needs because it sets {variable} \
                     otherwise"
                ));
            }
        }
    }
    (found, unsayable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stands_for(flag: &str) -> Stands {
        match flag {
            "-group" => {
                Stands { variable: Some("CNB_GROUP_PATH"), default: Some("/build/layers/group.toml".to_owned()) }
            }
            "-launcher" => Stands { variable: None, default: Some("/cnb/lifecycle/launcher".to_owned()) },
            "-daemon" => Stands { variable: Some("CNB_USE_DAEMON"), default: None },
            _ => Stands { variable: Some("CNB_INSECURE_REGISTRIES"), default: None },
        }
    }

    fn found(flags: &[(&str, Option<&str>)], set: &[(&str, &str)], unset: &[&str]) -> Result<String, String> {
        let owned = |text: &&str| (*text).to_owned();
        let unsaid: Vec<Unsaid> = flags.iter().map(|(flag, value)| (owned(flag), value.as_ref().map(owned))).collect();
        let set = set.iter().map(|(name, value)| (owned(name), owned(value))).collect();
        let unset: Vec<String> = unset.iter().map(owned).collect();
        let (variables, unsayable) = by_variables(&unsaid, &set, &unset, stands_for);
        if let Some(reason) = unsayable {
            return Err(reason);
        }
        let words: Vec<String> = variables.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        Ok(words.join(" "))
    }

    #[test]
    fn the_default_says_it_or_else_the_variable() {
        let usual = [("-group", Some("/build/layers/group.toml"))];
        let moved = [("-group", Some("/build/layers/other.toml"))];
        assert_eq!(found(&usual, &[], &[]).unwrap(), "");
        assert_eq!(found(&usual, &[("CNB_GROUP_PATH", "")], &["CNB_GROUP_PATH"]).unwrap(), "");
        assert_eq!(found(&moved, &[], &[]).unwrap(), "CNB_GROUP_PATH=/build/layers/other.toml");
        assert_eq!(found(&moved, &[("CNB_GROUP_PATH", "/build/layers/other.toml")], &[]).unwrap(), "");
        assert_eq!(found(&[("-daemon", None)], &[], &[]).unwrap(), "CNB_USE_DAEMON=true");
        let both = [("-insecure-registry", Some("h:1")), ("-insecure-registry", Some("h:2"))];
        assert_eq!(found(&both, &[], &[]).unwrap(), "CNB_INSECURE_REGISTRIES=h:1,h:2");
        let twice = [usual[0], moved[0]];
        assert_eq!(found(&twice, &[], &[]).unwrap(), "CNB_GROUP_PATH=/build/layers/other.toml");
        assert_eq!(found(&[("-launcher", Some("/cnb/lifecycle/launcher"))], &[], &[]).unwrap(), "");
    }

    #[test]
    fn what_can_be_said_is_said_next_to_what_cannot() {
        let unsaid = [("-daemon".to_owned(), None), ("-launcher".to_owned(), Some("/build/launcher".to_owned()))];
        let (variables, unsayable) = by_variables(&unsaid, &BTreeMap::new(), &[], stands_for);
        assert_eq!(variables["CNB_USE_DAEMON"], "true");
        assert!(unsayable.unwrap().contains("-launcher"));
    }

    #[test]
    fn what_neither_says_is_told_by_its_flag() {
        let usual = [("-group", Some("/build/layers/group.toml"))];
        let moved = [("-group", Some("/build/layers/other.toml"))];
        for (flags, set, unset, words) in [
            (&usual, &[("CNB_GROUP_PATH", "/elsewhere")][..], &[][..], "-group, which this step needs because it sets"),
            (&moved, &[("CNB_GROUP_PATH", "")], &[], "it sets CNB_GROUP_PATH otherwise"),
            (&moved, &[], &["CNB_GROUP_PATH"], "it sets CNB_GROUP_PATH otherwise"),
            (
                &[("-launcher", Some("/build/launcher"))],
                &[],
                &[],
                "leaves out -launcher, for which the Platform API has no",
            ),
        ] {
            let reason = found(flags, set, unset).unwrap_err();
            assert!(reason.contains(words), "{reason}");
        }
    }
}
