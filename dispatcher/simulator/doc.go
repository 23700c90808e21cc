// Package simulator plays the push vendors and their phones: servers that
// answer as the vendors' documents say, and phones that show what arrives. It is
// for demos, tests, staging and benchmarks; no push leaves it.
//
// A Server has two listeners. The vendors share one over TLS, with HTTP/2 and a
// CA of its own, told apart by their real host names or by a path prefix:
//
//	https://fcm.googleapis.com/v1/projects/…   = https://ADDRESS/fcm/v1/projects/…
//	https://oauth2.googleapis.com/token        = https://ADDRESS/fcm/token
//	https://api.xmpush.xiaomi.com/v3/message/… = https://ADDRESS/xiaomi/v3/message/…
//	https://api.push.apple.com/3/device/…      = https://ADDRESS/apns/3/device/…
//	https://api.sandbox.push.apple.com/…       = https://ADDRESS/apns-sandbox/…
//
// The other is plain HTTP for whoever plays the phones (/phones) and the
// vendors' consoles (/admin); Client speaks it. All state is in memory. After a
// restart, accounts come from a file (Accounts) and phones can be made again
// with the ids and tokens they had.
//
// A vendor is one package that implements the methods of the interface vendor
// and one line in newVendors. The package is written from the vendors' documents
// and imports nothing else of the project, so that it can prove the rest of it.
package simulator
