// Package wire holds what travels over the HTTP planes and the sessions: the
// requests, answers and frames, with the names that they have there. The
// ingress generates the OpenAPI documents from them and the client speaks
// them. Beside the standard library it imports the pure types of message only.
package wire

// SecretHeader is the header in which a device proves itself with its secret.
const SecretHeader = "Offlinepush-Device-Secret"

// RequestIDHeader names a request in logs and errors; the dispatcher makes one when the caller gives none.
const RequestIDHeader = "X-Request-Id"
