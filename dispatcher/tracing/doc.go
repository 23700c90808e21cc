// Package tracing tells OpenTelemetry of a message's way, from the request that brought it to each vendor call, while the
// configuration names a collector.
//
// The id of a message is the id of its trace, and the last half of it is the id of the span at its root. So nothing is
// stored and nothing is passed on: whichever process pushes a message, now or after a restart, adds to the same trace, and
// whether a message is traced at all follows from its id too. Every span is made when what it tells of is over, because
// only then it is known whether and what it tells.
//
// A span holds names of the configuration, numbers and closed sets; never a user, a device, a token, a text of a message
// or a credential.
package tracing
