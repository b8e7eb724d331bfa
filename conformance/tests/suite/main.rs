//! The binary as its users run it: on registries and layouts that need no service. Exporters that must be there are
//! those of the same build.

#[cfg(test)]
mod accounted;
#[cfg(test)]
mod action;
#[cfg(test)]
mod cases;
#[cfg(test)]
mod consumers;
#[cfg(test)]
mod contacts;
#[cfg(test)]
mod control;
#[cfg(test)]
mod fair;
#[cfg(test)]
mod further;
#[cfg(test)]
mod guarded;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod interrupted;
#[cfg(test)]
mod machine;
#[cfg(test)]
mod mistakes;
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
mod repeats;
#[cfg(test)]
mod shown;
#[cfg(test)]
mod silent;
#[cfg(test)]
mod site;
