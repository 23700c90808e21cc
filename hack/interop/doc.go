// Package interop holds tests only: the simulator against the vendors' own and
// other well-known clients, unmodified, over TLS and under the vendors' real host
// names; and our providers against those clients, by what each puts on the wire
// for the same notification. It is a module of its own because of their many
// dependencies.
package interop
