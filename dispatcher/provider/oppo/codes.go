package oppo

import (
	"slices"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// codeOK is the code of an accepted request.
const codeOK = "0"

// Codes is the table of OPPO's codes, which come with HTTP 200: of a request, and of a phone in a request to many.
func Codes() []provider.Code {
	return slices.Concat(
		provider.CodesOf(message.Accepted, [][2]string{
			{codeOK, "The push was taken."},
			{"32", "The push was taken before: OPPO delivers a message once to a phone."},
		}),
		// Believed for a request to one phone, or where the answer names the phone.
		provider.CodesOf(message.InvalidToken, [][2]string{
			{"10000", "The registration id is dead or of the other region. The app registers its new id when it starts."},
		}),
		provider.CodesOf(message.AuthExpired, [][2]string{
			{"11", "The access token ran out. A new one is fetched and the push sent again."},
			{"29", "The access token is missing. A new one is fetched and the push sent again."},
		}),
		provider.CodesOf(message.CredentialRejected, credentialCodes()),
		provider.ClassQuotas([][2]string{
			{"33", "The app's public pushes of the day are used up; others go on. Give chat messages a category of communication and service (category), which has no quota."},
		}),
		provider.CodesOf(message.QuotaExhausted, [][2]string{
			{"34", "The app's pictures of the day are used up."},
			{"42", "The app's saved messages of the day are used up."},
		}),
		provider.CodesOf(message.Throttled, [][2]string{
			{"-2", "OPPO asks for fewer requests. Lower limits.requestsPerSecond."},
			{"13", "The app calls too often. Lower limits.requestsPerSecond."},
			{"55", "The app calls too often. Lower limits.requestsPerSecond."},
		}),
		provider.CodesOf(message.Transient, [][2]string{
			{"-1", "OPPO is not available. It is tried again."},
		}),
		provider.CodesOf(message.Rejected, rejectedCodes()),
	)
}

func credentialCodes() [][2]string {
	return [][2]string{
		{"14", "The AppKey is wrong. Compare oppo.appKey and oppo.region with OPPO's console."},
		{"15", "The AppKey is missing. Set oppo.appKey."},
		{"16", "The signature is wrong. Put the MasterSecret, not the AppSecret, from OPPO's console into the Secret."},
		{"17", "The signature is missing. Put the MasterSecret from OPPO's console into the Secret."},
		{"18", "The time of the request is missing. Report this as a bug."},
		{"19", "The time of the request is more than ten minutes off. Correct the clock of the cluster or of its database."},
		{"26", "The app may not call from this address. Ask OPPO's support to take the cluster's addresses off the blacklist."},
		{"27", "The app lacks the permission. Apply for the push service in OPPO's console."},
		{"28", "The app is disabled. Enable it in OPPO's console."},
		{"30", "The app may not push through the server API. Apply for it in OPPO's console."},
	}
}

func rejectedCodes() [][2]string {
	return [][2]string{
		{"12", "The call needs another method. Compare endpoint.url with OPPO's documents."},
		{"20", "The call does not exist. Compare endpoint.url with OPPO's documents."},
		{"21", "The call's name is missing. Compare endpoint.url with OPPO's documents."},
		{"22", "The call's version is missing. Compare endpoint.url with OPPO's documents."},
		{"23", "The call's version is wrong. Compare endpoint.url with OPPO's documents."},
		{"24", "The call's version is not supported. Compare endpoint.url with OPPO's documents."},
		{"25", "The request is not UTF-8. Report this as a bug."},
		{"31", "Something that the push names does not exist; the detail names it."},
		{"40", "An argument is missing; the detail names it."},
		{"41", "An argument is wrong, or the text has forbidden words; the detail names it. The parameters of a template must be those of the template."},
		{"51", "The picture is not valid."},
		{"59", "The app may not use a second link. Ask OPPO's support."},
		{"67", "The category or the notify level does not fit the push; other categories work. Compare category and notifyLevel with OPPO's console."},
		{"69", "OPPO names a global limit. Ask OPPO's support."},
	}
}
