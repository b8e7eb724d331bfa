//! The program as its users run it, and what this package holds of itself. Exporters that must be there are those of
//! the same build; what needs the services of `registry-compose/with-services` is ignored elsewhere.

#[cfg(test)]
mod accounted;
#[cfg(test)]
mod action;
#[cfg(test)]
mod boundaries;
#[cfg(test)]
mod cases;
#[cfg(test)]
mod consumers;
#[cfg(test)]
mod contacts;
#[cfg(test)]
mod control;
#[cfg(test)]
mod ended;
#[cfg(test)]
mod evidence;
#[cfg(test)]
mod fair;
#[cfg(test)]
mod full_disk;
#[cfg(test)]
mod further;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod guarded;
#[cfg(test)]
mod harmless;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod interrupted;
#[cfg(test)]
mod listed;
#[cfg(test)]
mod machine;
#[cfg(test)]
mod mistakes;
#[cfg(test)]
mod mutated;
#[cfg(test)]
mod observe;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod profiles;
#[cfg(test)]
mod project;
#[cfg(test)]
mod project_docs;
#[cfg(test)]
mod readme;
#[cfg(test)]
mod rebaser;
#[cfg(test)]
mod registries;
#[cfg(test)]
mod repeats;
#[cfg(test)]
mod scenarios;
#[cfg(test)]
mod services;
#[cfg(test)]
mod shown;
#[cfg(test)]
mod silent;
#[cfg(test)]
mod site;
#[cfg(test)]
mod support;
#[cfg(test)]
mod usage;
