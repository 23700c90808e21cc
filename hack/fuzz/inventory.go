package main

import "slices"

// Target is a fuzz function, and the parser of foreign bytes that it is for.
type Target struct {
	// Package is its folder, Name the function.
	Package, Name string
	// Parser is what reads the bytes, From who may have written them.
	Parser, From string
}

// String is PACKAGE.NAME.
func (t Target) String() string { return t.Package + "." + t.Name }

// Who writes what is parsed.
const (
	anybody  = "anybody who reaches the port"
	server   = "the app's server"
	phone    = "an app on a phone"
	vendor   = "a vendor"
	issuer   = "the issuer of user tokens"
	operator = "who writes the YAML and its Secrets"
	another  = "another dispatcher of the app"
	pod      = "whatever listens at a pod's address"
	disk     = "the disk or the database"
	customer = "who moves from another system"
	ours     = "the dispatcher, to the simulator"
)

// Targets are all parsers of foreign bytes. A test compares them with the code.
func Targets() []Target { return slices.Concat(parts(), credentials(), vendors(), simulator()) }

// parts are those of the rooms and the controllers.
func parts() []Target {
	return []Target{
		{"cmd/kubectl-offlinepush/plugin", "FuzzCSV", "rows of a token table", customer},
		{"cmd/kubectl-offlinepush/plugin", "FuzzReadExport", "files of exported bindings", customer},
		{"controllers/admin", "FuzzAnswers", "reports and answers to push tests", pod},
		{"controllers/database", "FuzzParse", "PostgreSQL URIs and CNPG's and Crunchy's Secrets", operator},
		{"controllers/pushapp", "FuzzCertificate", "tls.crt and tls.key of exposure.tls", operator},
		{"controllers/pushchannel", "FuzzEndpoint", "endpoints that replace a vendor's address", operator},
		{"controllers/render", "FuzzDecodeChannel", "the accepted credential", operator},
		{"dispatcher/accept", "FuzzTexts", "images and template parameters of pushes", server},
		{"dispatcher/bulk", "FuzzParse", "lines of an import", server},
		{"dispatcher/call", "FuzzSteps", "the order of a call's requests", phone},
		{"dispatcher/callback", "FuzzVerify", "signatures of callbacks", anybody},
		{"dispatcher/client", "FuzzErrorOf", "answers of the API", anybody},
		{"dispatcher/client/payload", "FuzzRead", "pushes as phones hand them to the app", vendor},
		{"dispatcher/config", "FuzzParse", "config.json: credentials, limits, badges, profiles", operator},
		{"dispatcher/deadletter", "FuzzHandler", "commands that restore what is quarantined", pod},
		{"dispatcher/ingress", "FuzzAfter", "cursors of lists", server},
		{"dispatcher/ingress", "FuzzDevicePlane", "requests of the device plane", phone},
		{"dispatcher/ingress", "FuzzHeaders", "Authorization headers and source addresses", anybody},
		{"dispatcher/ingress", "FuzzServerPlane", "requests of the server plane", server},
		{"dispatcher/usertoken", "FuzzKeySet", "JSON Web Key Sets", issuer},
		{"dispatcher/usertoken", "FuzzVerify", "JSON Web Tokens", phone},
		{"dispatcher/peer", "FuzzDecode", "frames between dispatchers", another},
		{"dispatcher/pushtest", "FuzzHandler", "commands of push tests", pod},
		{"dispatcher/receipt", "FuzzCallback", "paths and bodies of receipt URLs", anybody},
		{"dispatcher/router", "FuzzDecide", "every state of a recipient", server},
		{"dispatcher/server", "FuzzCertificate", "tls.crt and tls.key", operator},
		{"dispatcher/session", "FuzzDecode", "frames of sessions", phone},
		{"dispatcher/store/packed", "FuzzDecode", "packed targets of deliveries", disk},
		{"dispatcher/store/postgres", "FuzzConnConfigKeepsThePassword", "PostgreSQL URIs", operator},
		{"dispatcher/store/seal", "FuzzOpen", "sealed access tokens", disk},
		{"dispatcher/strict", "FuzzCheck", "JSON of both planes, sessions, peers and imports", anybody},
		{"dispatcher/tracing", "FuzzTraceparent", "callers' spans in traceparent", server},
	}
}

const providers = "dispatcher/provider"

// credentials are what vendors' packages read of those who configure them and of phones.
func credentials() []Target {
	return []Target{
		{providers, "FuzzKeyFile", "key files of service accounts", operator},
		{providers, "FuzzRoots", "CA bundles", operator},
		{providers + "/apns", "FuzzCredential", "key.p8, and tls.crt with tls.key of a .p12", operator},
		{providers + "/apns", "FuzzTopics", "topics in certificates", operator},
		{providers + "/fcm", "FuzzAccount", "service accounts", operator},
		{providers + "/fcm", "FuzzTokenURL", "token_uri of service accounts", operator},
		{providers + "/harmonyos", "FuzzAccount", "service accounts", operator},
		{providers + "/webpush", "FuzzCanonical", "subscriptions", phone},
		{providers + "/webpush", "FuzzEncrypt", "contents that are encrypted", server},
		{providers + "/webpush", "FuzzKeys", "VAPID keys", operator},
		{providers + "/webpush", "FuzzSubject", "the contact of VAPID", operator},
	}
}

// vendors are what vendors' packages read of their vendors.
func vendors() []Target {
	return []Target{
		{providers, "FuzzQuote", "answers that are quoted", vendor},
		{providers, "FuzzRetryAfter", "Retry-After", vendor},
		{providers, "FuzzSecretsOfRequests", "forms, headers and JSON that hold secrets", vendor},
		{providers, "FuzzWords", "a vendor's words", vendor},
		{providers + "/accesstoken", "FuzzGranted", "access tokens of Huawei, HarmonyOS and Honor", vendor},
		{providers + "/apns", "FuzzOutcome", "answers to pushes", vendor},
		{providers + "/fcm", "FuzzGrant", "access tokens", vendor},
		{providers + "/fcm", "FuzzOutcome", "answers to pushes", vendor},
		{providers + "/honor", "FuzzOutcome", "answers to pushes", vendor},
		{providers + "/honor", "FuzzReceipts", "receipts", vendor},
		{providers + "/meizu", "FuzzOutcome", "answers to pushes", vendor},
		{providers + "/meizu", "FuzzReceipts", "receipts", vendor},
		{providers + "/meizu", "FuzzRedirect", "addresses that answers lead to", vendor},
		{providers + "/oppo", "FuzzGrant", "access tokens", vendor},
		{providers + "/oppo", "FuzzOutcome", "answers to pushes", vendor},
		{providers + "/oppo", "FuzzReceipts", "receipts", vendor},
		{providers + "/pushkit", "FuzzOutcome", "answers to pushes of Huawei and HarmonyOS", vendor},
		{providers + "/pushkit", "FuzzReceipts", "receipts of Huawei and HarmonyOS", vendor},
		{providers + "/vivo", "FuzzOutcome", "answers to pushes, and access tokens", vendor},
		{providers + "/vivo", "FuzzReceipts", "receipts", vendor},
		{providers + "/webpush", "FuzzOutcome", "answers to pushes", vendor},
		{providers + "/xiaomi", "FuzzOutcome", "answers to pushes", vendor},
		{providers + "/xiaomi", "FuzzReceipts", "receipts", vendor},
	}
}

// simulator are those of the simulator.
func simulator() []Target {
	const folder = "dispatcher/simulator/"
	return []Target{
		{folder + "apns", "FuzzPayload", "pushes", ours},
		{folder + "fcm", "FuzzParse", "pushes", ours},
		{folder + "honor", "FuzzMessage", "pushes", ours},
		{folder + "meizu", "FuzzNotice", "pushes", ours},
		{folder + "oppo", "FuzzMessage", "pushes", ours},
		{folder + "vivo", "FuzzMessage", "pushes", ours},
		{folder + "webpush", "FuzzDecrypt", "pushes", ours},
		{folder + "xiaomi", "FuzzForm", "pushes", ours},
		{folder + "xiaomi", "FuzzMulti", "pushes of many messages", ours},
	}
}

// Elsewhere are the packages that parse and have no target of their own, with the target that reaches them or the reason.
func Elsewhere() map[string]string {
	const nobody = "the simulator of the tests; nobody else reaches it"
	return map[string]string{
		"dispatcher/ingress/planetest":   "a test bed",
		"dispatcher/simulator":           nobody,
		"dispatcher/simulator/adminapi":  nobody,
		"dispatcher/simulator/harmonyos": nobody,
		"dispatcher/simulator/pushkit":   nobody,
		"dispatcher/simulator/traffic":   nobody,
		"dispatcher/store/rules":         "JSON that the store wrote itself",
		"dispatcher/store/sqlite":        "its own rows",
		"dispatcher/tracing/tracetest":   "a test bed",
	}
}
