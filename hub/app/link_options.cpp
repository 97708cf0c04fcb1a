// The options of [[link]].
#include <array>

#include "hub/app/option_access.h"

namespace runnel::app {

namespace {

constexpr std::uint64_t kMs = 1000;  // in microseconds
constexpr std::uint64_t kSecond = 1000 * kMs;

// In the order of the enumerators.
constexpr std::array<std::string_view, 3> kDirections{"up", "down", "mirror"};
constexpr std::array<std::string_view, 2> kDeliveries{"exactly-once", "at-least-once"};
constexpr std::array<std::string_view, 2> kUnsent{"skip", "hold"};
constexpr std::array<std::string_view, 5> kCompressions{"none", "gzip", "snappy", "lz4", "zstd"};
constexpr std::array<std::string_view, 3> kMechanisms{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"};
static_assert(static_cast<std::size_t>(LinkCompression::zstd) + 1 == kCompressions.size());
static_assert(static_cast<std::size_t>(LinkMechanism::scram_sha_512) + 1 == kMechanisms.size());

constexpr OptionInfo text(std::string_view key, std::string_view sentence) {
  return {.key = key, .kind = Kind::text, .sentence = sentence, .may_be_unset = true};
}

constexpr std::array kLinkOptions{
    member<Link, &Link::name>({
        .key = "name",
        .kind = Kind::text,
        .sentence = "1 to 64 of a-z, A-Z, 0-9, '.', '_' and '-'. Under this name the other side keeps how "
                    "far the link has come: a link with another name begins anew.",
        .required = true,
    }),
    member<Link, &Link::bootstrap>({
        .key = "bootstrap",
        .kind = Kind::texts,
        .sentence = "Where the peer hub or the Kafka cluster is, \"host:port\".",
        .required = true,
    }),
    member<Link, &Link::topics>({
        .key = "topics",
        .kind = Kind::texts,
        .sentence = "Which topics: names and patterns.",
        .required = true,
    }),
    member<Link, &Link::direction>({
        .key = "direction",
        .kind = Kind::choice,
        .sentence = "Whether this hub's topics go there (up), topics from there come here (down), or this "
                    "hub is a mirror of topics of the hub there: the same partitions and offsets, and those "
                    "of its groups.",
        .choices = kDirections,
    }),
    member<Link, &Link::destination>({
        .key = "destination",
        .kind = Kind::text,
        .sentence = "What a topic is called on the other side: text with {topic} and {hub}.",
    }),
    member<Link, &Link::priority>({
        .key = "priority",
        .kind = Kind::texts,
        .sentence = "Patterns of topics that go before all others, the most urgent first.",
    }),
    member<Link, &Link::start>({
        .key = "start",
        .kind = Kind::text,
        .sentence = "Where a partition begins that was never sent: \"earliest\", \"latest\", or a time "
                    "such as \"2026-05-01T12:00Z\".",
    }),
    member<Link, &Link::compression>({
        .key = "compression",
        .kind = Kind::choice,
        .sentence = "How batches are packed for the way.",
        .choices = kCompressions,
    }),
    member<Link, &Link::delivery>({
        .key = "delivery",
        .kind = Kind::choice,
        .sentence = "Exactly once needs transactions; where there are none, the link says so and sends at "
                    "least once.",
        .choices = kDeliveries,
    }),
    member<Link, &Link::unsent>({
        .key = "unsent",
        .kind = Kind::choice,
        .sentence = "What retention and the ceiling do with records that were not sent yet: they take "
                    "them, which is counted as a gap (skip), or they leave them, and publishers are refused "
                    "when the log is full (hold).",
        .choices = kUnsent,
    }),
    member<Link, &Link::relay>({
        .key = "relay",
        .kind = Kind::flag,
        .sentence = "Whether records that came here over a link go on over this one.",
    }),
    member<Link, &Link::bytes_per_second>({
        .key = "bytes_per_second",
        .kind = Kind::size,
        .sentence = "On average, on the wire, both ways, with TCP and IP headers. Left out: as it comes.",
        .min = kKiB,
        .max = 1024 * kGiB,
        .may_be_unset = true,
    }),
    member<Link, &Link::bytes_per_day>({
        .key = "bytes_per_day",
        .kind = Kind::size,
        .sentence = "Likewise, in 24 hours of running. Left out: as it comes.",
        .min = kMiB,
        .max = 1024 * kGiB,
        .may_be_unset = true,
    }),
    member<Link, &Link::schedule>({
        .key = "schedule",
        .kind = Kind::texts,
        .sentence = "Hours of the day, local time, in which the link works: \"22:00-06:00\"; [] for always. "
                    "While the clock is not set, it waits.",
    }),
    member<Link, &Link::paused>({
        .key = "paused",
        .kind = Kind::flag,
        .sentence = "Nothing is sent until this is taken back.",
    }),
    member<Link, &Link::user>(text("user", "Who we are there, by SASL. Left out: nobody asks.")),
    member<Link, &Link::password_file>(text(
        "password_file",
        "A file with that user's password on one line; relative to the directory of the configuration."
    )),
    member<Link, &Link::mechanism>({
        .key = "mechanism",
        .kind = Kind::choice,
        .sentence = "How we log in.",
        .choices = kMechanisms,
    }),
    member<Link, &Link::tls>({
        .key = "tls",
        .kind = Kind::flag,
        .sentence = "Whether the connection is encrypted, and the other side's certificate verified.",
    }),
    member<Link, &Link::ca_file>(
        text("ca_file", "Who may have signed it (PEM). Left out: those whom the system trusts.")
    ),
    member<Link, &Link::certificate_file>(
        text("certificate_file", "The certificate that we show (PEM). Left out: none.")
    ),
    member<Link, &Link::key_file>(text("key_file", "Its key (PEM, without a passphrase).")),
    member<Link, &Link::connect_timeout>({
        .key = "connect_timeout",
        .kind = Kind::duration,
        .sentence = "How long an answer to a try to connect may take. Raise it where round trips take a "
                    "second and more.",
        .min = kSecond,
        .max = 60 * kSecond,
    }),
    member<Link, &Link::silence_timeout>({
        .key = "silence_timeout",
        .kind = Kind::duration,
        .sentence = "How long what was sent may stay unacknowledged by the other side's network before the "
                    "connection is given up and made anew.",
        .min = 500 * kMs,
        .max = 900 * kSecond,
    }),
};

}  // namespace

std::span<const Option<Link>> link_options() {
  return kLinkOptions;
}

}  // namespace runnel::app
