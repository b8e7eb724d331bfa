//! What crosses the wire between exporter and registry: the order in which content and tags are sent, what is sent at
//! all, and what an exporter does when the registry fails.

mod asked;
mod clear;
mod contacted;
mod elsewhere;
mod ended;
mod exchange;
mod faults;
mod form;
mod handed;
mod sent;
mod told;
#[cfg(test)]
pub(super) mod trials;

use crate::requirement::{Needs, REGISTRY, Requirement, Source};
use crate::verdict::Level;

const OUTPUTS: Source = Source::platform("exporter, Outputs");
const MANIFESTS: Source = Source::oci_distribution("Pushing Manifests");
const RECORDED: &str = "a recorder stood between exporter and registry";
/// When one on TLS is judged.
const UNDER_TLS: &str = "a recorder stood between exporter and registry, and spoke TLS";
/// When a requirement on a registry's faults is judged.
const FAULTY: &str = "a scenario has the registry fail, the exporter met that, and the build without it is accepted";

pub(super) const TABLE: &[Requirement] = &[
    Requirement::new(
        Level::Should,
        "digest.tag-moves-last",
        "no manifest is put before every blob that it names is in its repository",
        Source::oci_distribution("Push"),
        |case| case.each(sent::manifests_come_after_their_blobs),
    )
    .because("a pull of the tag between the manifest and its blobs gets an incomplete image")
    .looks_like("a blob that the manifest names was sent after the manifest, or its upload ended after that")
    .fix("wait for the answer to every upload before the manifest is put")
    .when(RECORDED)
    .on(REGISTRY)
    .needing(Needs::Success),
    Requirement::new(
        Level::Should,
        "digest.tag-serves-app-image",
        "no tag of an <image> ever points at a manifest without any of the app's layers, not even temporarily",
        Source::own("digest"),
        |case| case.each(sent::tags_serve_the_app_image),
    )
    .because("a pull of the tag in that moment gets an image that cannot start, under the name of one that can")
    .looks_like("an empty image or the run image is put under the tag first, and the app image after it")
    .fix("put each tag once, when the app image is whole")
    .when("a recorder stood between exporter and registry, and an image was put under a tag")
    .on(REGISTRY)
    .needing(Needs::Success),
    Requirement::new(
        Level::Must,
        faults::REPORTED,
        "an export that a registry's lasting fault ends exits non-zero by itself, without a report that claims success",
        OUTPUTS,
        faults::a_failed_export_is_reported,
    )
    .because("platforms rely on exit code and report; a false success deploys an image that does not exist")
    .looks_like(
        "the registry refuses every upload or manifest, and the exporter exits 0, crashes, hangs or leaves a report",
    )
    .fix("take every answer but the expected one as an error that ends the export, and write the report last")
    .when(FAULTY)
    .on(REGISTRY)
    .needing(Needs::Process),
    Requirement::new(
        Level::Should,
        faults::MOVES_NOTHING,
        "an export that a registry's fault ends moves no tag",
        Source::own("digest"),
        faults::a_failed_export_moves_nothing,
    )
    .because("after a failed export everybody goes on with the image that was there")
    .looks_like("the export failed, and a tag serves another image than before")
    .fix("put the tags last, when all else is there")
    .when(FAULTY)
    .on(REGISTRY)
    .needing(Needs::Process),
    ended::REPORTED,
    Requirement::new(
        Level::Must,
        "wire.content-type",
        "a manifest is put with its own mediaType as Content-Type, where it has one",
        MANIFESTS,
        |case| case.each(sent::content_types_are_the_manifests_own),
    )
    .because("registries serve a manifest with the type that it came with, and refuse one that says another")
    .looks_like("Content-Type is Docker's manifest type, and mediaType in the manifest is OCI's")
    .fix("send the manifest's mediaType as Content-Type")
    .when("a recorder stood between exporter and registry, and a manifest that was put has mediaType")
    .on(REGISTRY)
    .needing(Needs::Success),
    Requirement::new(
        Level::Should,
        "wire.upload-form",
        "a blob that comes with the request which ends its upload has Content-Length, and application/octet-stream as Content-Type",
        Source::oci_distribution("POST then PUT"),
        |case| case.each(form::uploads_have_length_and_type),
    )
    .because("registries and the stores behind them refuse a body of unknown length with 411, and forms with 400 or 415")
    .looks_like("the blob comes with Transfer-Encoding: chunked, without a type, or as application/x-www-form-urlencoded")
    .fix("send both headers with the blob; to stream it, send it by PATCH and end the upload by a PUT without a body")
    .when("a recorder stood between exporter and registry, and a blob came with the request that ends its upload")
    .on(REGISTRY)
    .needing(Needs::Success),
    Requirement::new(
        Level::Must,
        "wire.chunks-in-order",
        "the Content-Range of a chunk is the bytes that it has, each beginning after the last",
        Source::oci_distribution("Pushing a blob in chunks"),
        |case| case.each(form::chunks_follow_one_another),
    )
    .because("registries that go by it answer 416, or leave a gap in the blob")
    .looks_like("the first chunk of 100 bytes says 0-100, or bytes 0-99/*")
    .fix("write first and last byte as numbers, both included, or send the blob without Content-Range")
    .when("a recorder stood between exporter and registry, and a chunk said its range")
    .on(REGISTRY)
    .needing(Needs::Success),
    Requirement::new(
        Level::Should,
        "wire.manifest-accepted",
        "a manifest is asked for with an Accept that names types of manifests",
        Source::oci_distribution("Pulling manifests"),
        |case| case.each(form::manifests_are_accepted_by_type),
    )
    .because("registries answer with what Accept names; without it some give an old form, or say that there is nothing")
    .looks_like("Accept is absent, */* alone, or application/json")
    .fix("send Accept with OCI's and Docker's types of manifests and indexes, with HEAD too")
    .when("a recorder stood between exporter and registry, and a manifest was asked for")
    .on(REGISTRY)
    .needing(Needs::Success),
    Requirement::new(
        Level::Should,
        "wire.manifest-length",
        "a manifest is put with Content-Length",
        MANIFESTS,
        |case| case.each(form::manifests_have_a_length),
    )
    .because("registries limit manifests by their length, and some refuse one of unknown length with 411")
    .looks_like("the manifest comes with Transfer-Encoding: chunked")
    .fix("send the manifest's length")
    .when("a recorder stood between exporter and registry, and a manifest was put")
    .on(REGISTRY)
    .needing(Needs::Success),
    Requirement::new(
        Level::Should,
        "wire.no-reupload",
        "a blob that the repository has is not sent to it again",
        Source::oci_distribution("Layer Upload De-duplication"),
        sent::nothing_is_sent_twice,
    )
    .because("layers are large, and most of an image does not change from build to build")
    .looks_like("a rebuild sends every layer again, or each tag of a repository gets its own copy")
    .fix("ask for a blob by HEAD before it is sent")
    .when("a recorder stood between exporter and registry, and a blob was uploaded")
    .on(REGISTRY)
    .needing(Needs::Success),
    Requirement::new(
        Level::Should,
        "wire.mount",
        "layers of a run image in the same registry are mounted before they are sent",
        Source::oci_distribution("Mounting a blob from another repository"),
        |case| case.each(sent::layers_of_the_run_image_are_mounted),
    )
    .because("the registry has these layers; a mount moves no byte of them")
    .looks_like("a layer of the run image is uploaded, and no mount of it was asked for")
    .fix("begin the upload with mount=<digest>&from=<the run image's repository>, and go on where that is declined")
    .when("the run image is in another repository of the same registry, and a layer of it came to the app's")
    .on(REGISTRY)
    .needing(Needs::Success),
    Requirement::new(
        Level::Should,
        faults::TRANSIENT,
        "a fault of the registry that is over at once does not fail the export",
        Source::own("wire"),
        faults::transient_faults_are_survived,
    )
    .because("busy registries answer 429 and 503 now and then; a build that takes long should not be lost for that")
    .looks_like("one 500, 502, 503, 429 or closed connection, and the exporter exits non-zero")
    .fix("repeat a request after 429, 5xx and closed connections, a few times, waiting as Retry-After says")
    .when(FAULTY)
    .on(REGISTRY)
    .needing(Needs::Process),
    Requirement::new(
        Level::Should,
        faults::VERIFIES,
        "bytes that are read under a digest that they do not hash to are refused, with nothing written",
        Source::oci_distribution("Pulling manifests"),
        faults::other_bytes_are_refused,
    )
    .because("a digest is what the platform chose; other bytes in its place are another image")
    .looks_like("the run image's config or manifest is not what its digest says, and the export succeeds")
    .fix("hash what is read by digest, and end the export where it differs")
    .when("a scenario has the registry serve other bytes, the exporter read them, and the build without it is accepted")
    .on(REGISTRY)
    .needing(Needs::Process),
    Requirement::new(
        Level::Should,
        faults::CONFIRMS,
        "an export does not succeed where the registry did not store what it said it had taken",
        Source::own("wire"),
        faults::what_is_not_stored_is_noticed,
    )
    .because("a registry behind a cache or a failing disk answers 201 too; a deployment of what the report names finds nothing")
    .looks_like("the manifest is answered with 201 and not stored, and the exporter exits 0 or leaves a report")
    .fix("read each tag back by GET or HEAD after it was put, and end the export where it does not serve the manifest")
    .when("a scenario has the registry lie about what it keeps, the exporter met that, and the build without it is accepted")
    .on(REGISTRY)
    .needing(Needs::Process),
    Requirement::new(
        Level::Must,
        elsewhere::NO_LEAK,
        "credentials for the registry are sent to no other host, wherever the registry leads, and in Authorization alone",
        Source::own("wire"),
        elsewhere::credentials_stay_at_their_registry,
    )
    .because("the host that answers there could read and write every image that the platform may; registries redirect to others' storage")
    .looks_like(
        "after a redirect, or at an upload's place on another host, the request has the registry's Authorization; or the \
         password stands in User-Agent or in a query, which proxies and registries write into their logs, or in a blob \
         that is uploaded, also where the upload is given up",
    )
    .fix(
        "send Authorization to the host and port for which it was given, leave it out of every other request, and put \
         credentials into no other header, no address and no blob",
    )
    .when("a recorder stood between exporter and registry, and the exporter had credentials")
    .on(REGISTRY)
    .needing(Needs::Process),
    Requirement::new(
        Level::Should,
        "wire.surroundings-not-told",
        "no request tells the name of the exporter's machine, or paths of it that its variables hold",
        Source::own("wire"),
        told::surroundings_are_not_told,
    )
    .because("registries and proxies keep headers and addresses in their logs; what a build's machine is like is not for them")
    .looks_like("User-Agent has the host's name, or all variables")
    .fix("send headers that say which program asks, and nothing of where it runs")
    .when(RECORDED)
    .on(REGISTRY)
    .needing(Needs::Process),
    Requirement::new(
        Level::Must,
        clear::PLAINTEXT,
        "credentials for a registry that has TLS are sent under TLS alone",
        Source::own("wire"),
        clear::credentials_stay_under_tls,
    )
    .because("anyone on the network path can read what is sent in the clear, and then read and write what the platform may")
    .looks_like("the registry is tried without TLS first or last, and the request has Authorization")
    .fix("send Authorization under TLS alone, unless -insecure-registry names the registry")
    .when("a recorder stood between exporter and registry, and spoke TLS, and the exporter had credentials")
    .on(REGISTRY)
    .needing(Needs::Process),
    Requirement::new(
        Level::Must,
        "wire.certificates-verified",
        "nothing is sent under a certificate of an unknown authority, of another host, or of the past",
        Source::platform("exporter, Inputs"),
        clear::nothing_is_sent_under_a_doubtful_certificate,
    )
    .because("a server with such a certificate may be anyone on the way, and gets credentials that read and write every image")
    .looks_like("verification is off, and the first question has Authorization")
    .fix("verify certificates, and leave that out for what -insecure-registry names alone")
    .when("a scenario uses a registry with such a certificate that -insecure-registry does not name")
    .on(REGISTRY)
    .needing(Needs::Process),
    Requirement::new(
        Level::Should,
        clear::KEEPS_TLS,
        "what is for a registry that has TLS is asked and sent under TLS alone, also where the registry leads",
        Source::own("wire"),
        clear::all_stays_under_tls,
    )
    .because("a layer that is sent in the clear can be read on the way, and one that is read in the clear can be changed there")
    .looks_like("a redirect from TLS to a place without is followed, or an upload goes on at such a place")
    .fix("end the export where a redirect or the Location of an upload leaves TLS")
    .when(UNDER_TLS)
    .on(REGISTRY)
    .needing(Needs::Process),
    Requirement::new(
        Level::Should,
        handed::USED,
        "credentials that a platform gives, by CNB_REGISTRY_AUTH or by docker's config.json, are used where the registry wants some",
        Source::platform("Registry Authentication"),
        handed::they_are_used,
    )
    .because("registries that platforms push to want credentials, and these two are the ways in which they are given")
    .looks_like(
        "the variable has an Authorization header for the registry, and the exporter asks without one and gives up; or the registry \
         wants a token, and the exporter knows user and password alone, leaves service or scope out, or reads token and not \
         access_token",
    )
    .fix(
        "send the header that CNB_REGISTRY_AUTH has for the registry's host; where it is not set, read docker's config.json, and \
         where WWW-Authenticate says Bearer, ask its realm for a token with service and scope",
    )
    .when("a scenario gives credentials to the exporter for a registry that wants them")
    .on(REGISTRY)
    .needing(Needs::Process),
    Requirement::new(
        Level::Should,
        handed::NOT_PRINTED,
        "no credential that the exporter is given is printed, or is in image, report or another file that is left",
        Source::own("wire"),
        handed::they_are_not_printed,
    )
    .because("anyone who can read a build's log, or pull its image, can read and write what the platform may")
    .looks_like(
        "the Authorization header, the password or the token stands in the output, a label or an annotation, in plain text or \
         in base64",
    )
    .fix("leave headers and variables that hold credentials out of every message, also of those for debugging")
    .when("the exporter was given credentials")
    .on(REGISTRY)
    .needing(Needs::Process),
    Requirement::new(
        Level::Must,
        "wire.anonymous-without-credentials",
        "a registry for which the exporter has no credentials is asked without",
        Source::platform("Registry Authentication"),
        asked::without_credentials_it_is_anonymous,
    )
    .because("a password that is guessed, or another registry's, tells the one who answers what to try elsewhere")
    .looks_like("after a 401 the request comes again with a user and a password that no one gave")
    .fix("send Authorization where there is an entry for the registry's host and port, and nowhere else")
    .when("a registry wants credentials that the exporter lacks, and a recorder stood before it")
    .on(REGISTRY)
    .needing(Needs::Process),
    Requirement::new(
        Level::Should,
        "wire.gives-up-on-401",
        "a request that is answered 401 is not made again and again",
        Source::own("wire"),
        asked::a_401_is_taken_for_an_answer,
    )
    .because("registries lock out who asks in vain too often, and with them everyone at the same address")
    .looks_like("the same question a hundred times, each answered 401")
    .fix("answer a challenge once with what there is, and take the second 401 for the end")
    .when("a recorder stood between exporter and registry, and a request was answered 401")
    .on(REGISTRY)
    .needing(Needs::Process),
    asked::ENDS,
    Requirement::new(
        Level::Should,
        "wire.token-scope",
        "tokens are asked for to pull and push in repositories, and for nothing else",
        Source::own("wire"),
        asked::tokens_are_for_what_is_needed,
    )
    .because("a token that leaks is good for all that was asked for; an export deletes nothing and lists nothing")
    .looks_like("scope=repository:app:*, or registry:catalog:*")
    .fix("ask for the scope that the challenge names, with push where something is written")
    .when("a recorder stood between exporter and registry, and its token server was asked")
    .on(REGISTRY)
    .needing(Needs::Process),
    Requirement::new(
        Level::Should,
        contacted::NAMED,
        "an exporter contacts no host but those that an input or a registry's answer names",
        Source::own("wire"),
        contacted::only_named_hosts_are_contacted,
    )
    .because(
        "builds run behind firewalls and handle confidential data; operators must be able to tell from the configuration \
         which hosts are contacted",
    )
    .looks_like(
        "a connection to a service that counts calls or looks for updates, a datagram to a collector of figures, or a question \
         to a name server although every host is given by its number",
    )
    .fix("contact registries, daemons and proxies that are given alone, and leave all else out unless a flag or variable asks for it")
    .when("the kernel reports the addresses that the exporter contacts, and there is at least one")
    .needing(Needs::Process),
];
