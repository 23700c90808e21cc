// Package modeltest runs generated histories against a whole dispatcher and
// compares every step with a simple model in memory. A history is a list of what
// phones, the app's servers, the vendors and the node do. The dispatcher is the
// real one (server.Run: both planes, sessions, router, store, lanes, lease), in a
// bubble of virtual time; only the network, the vendors and the clock are stand-ins.
//
// No message may be lost, nothing may be pushed to a wrong user, and nothing that
// a rule forbids. A failure prints the shrunk history and the seed.
// RAPID_CHECKS=2000 runs more histories, see "go test -args -help" for the rest.
package modeltest
