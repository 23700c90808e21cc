package xiaomi

import (
	"slices"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// Codes that the code decides on.
const (
	codeOK           = "0"
	codeDailyQuota   = "200001"
	codeDailyAllowed = "10034"
)

// Codes is the table of Xiaomi's codes, which come with HTTP 200.
func Codes() []provider.Code {
	return slices.Concat(
		provider.CodesOf(message.Accepted, [][2]string{{codeOK, "The push was taken."}}),
		provider.CodesOf(message.InvalidToken, invalidCodes()),
		provider.CodesOf(message.CredentialRejected, credentialCodes()),
		provider.ClassQuotas([][2]string{
			{codeDailyQuota, "The app's public pushes of the day are used up; private ones go on. Move chat messages to a private category (channelID), which has no quota."},
		}),
		provider.CodesOf(message.QuotaExhausted, [][2]string{
			{codeDailyAllowed, "Too many pushes today. Move chat messages to a private category (channelID), which has no quota."},
		}),
		provider.CodesOf(message.Throttled, [][2]string{
			{"200002", "Too many requests per second. Lower limits.requestsPerSecond."},
			{"10022", "Too many requests from this address. Lower limits.requestsPerSecond."},
			{"10023", "Too many requests of this user. Lower limits.requestsPerSecond."},
			{"10024", "Too many requests of this kind by this user. Lower limits.requestsPerSecond."},
			{"10027", "The call is made too often. Lower limits.requestsPerSecond."},
			{"10028", "The call is made too often. Lower limits.requestsPerSecond."},
			{"26004", "Broadcasts are made too often. It is tried again."},
		}),
		provider.CodesOf(message.Transient, transientCodes()),
		[]provider.Code{{
			Code: "65003", Class: message.Transient, PhoneOnly: true,
			Why: "The phone was not found, mostly because it is offline. It is tried again and nothing is unbound.",
		}},
		provider.CodesOf(message.Rejected, rejectedCodes()),
	)
}

// invalidCodes blame the phone. They are believed for a request to one phone;
// a request to several is repeated for each one alone.
func invalidCodes() [][2]string {
	return [][2]string{
		{"20301", "Nothing was sent, which is Xiaomi's answer when no target is valid. The app registers its new id when it starts."},
		{"66007", "The registration id is not one of Xiaomi's."},
		{"10029", "The device is not valid."},
	}
}

func credentialCodes() [][2]string {
	return [][2]string{
		{"21301", "The AppSecret is wrong. Copy it again from the app's page in Xiaomi's console."},
		{"21302", "The AppSecret is refused. Copy it again from the app's page in Xiaomi's console."},
		{"21303", "The app may not make this request. Ask Xiaomi's support."},
		{"22000", "The app is not legal. Ask Xiaomi's support."},
		{"22001", "The app does not exist. Compare the package name and the region with Xiaomi's console."},
		{"22002", "The app was revoked. Restore it in Xiaomi's console."},
		{"22006", "The AppID is wrong. Compare the package name with Xiaomi's console."},
		{"22007", "The AppKey is wrong. Compare the package name with Xiaomi's console."},
		{"22008", "The AppSecret is wrong. Copy it again from the app's page in Xiaomi's console."},
		{"22022", "The package name is not the app's. Compare it with Xiaomi's console."},
		{"10004", "The app may not call from this address. Add the cluster's addresses to the list in Xiaomi's console."},
		{"10005", "The app lacks the permission. Enable push for it in Xiaomi's console."},
		{"10012", "The request is not legal. Ask Xiaomi's support."},
		{"10014", "The app lacks the permission. Enable push for it in Xiaomi's console."},
		{"10026", "The app is on the blacklist. Ask Xiaomi's support."},
		{"10031", "The app is on the blacklist. Ask Xiaomi's support."},
		{"10036", "Xiaomi forbids the app this operation. Ask Xiaomi's support."},
		{"26006", "The app needs a manual audit. Ask Xiaomi's support."},
	}
}

func transientCodes() [][2]string {
	return [][2]string{
		{"-1", "Xiaomi failed. It is tried again."},
		{"1", "Xiaomi failed. It is tried again."},
		{"10001", "Xiaomi failed. It is tried again."},
		{"10002", "The service is suspended. It is tried again."},
		{"10003", "A service behind Xiaomi's failed. It is tried again."},
		{"10009", "Xiaomi is busy. It is tried again."},
		{"10010", "The work took too long. It is tried again."},
		{"10011", "A service behind Xiaomi's failed. It is tried again."},
		{"10037", "The request ran out before it was served. It is tried again."},
		{"20607", "Xiaomi's database failed. It is tried again."},
		{"26003", "Xiaomi failed. It is tried again."},
		{"65029", "Xiaomi failed. It is tried again."},
	}
}

func rejectedCodes() [][2]string {
	return [][2]string{
		{"100", "A parameter is wrong; the detail names it."},
		{"10008", "A parameter is wrong; the detail names it."},
		{"10016", "A parameter is missing; the detail names it."},
		{"10017", "A parameter's value is wrong; the detail names it."},
		{"10018", "The request is too long. Shorten the payload."},
		{"10020", "The call does not exist. Compare xiaomi.path with Xiaomi's documents."},
		{"10021", "The call needs another method. Compare xiaomi.path with Xiaomi's documents."},
		{"10025", "The callback URL is wrong."},
		{"10041", "Xiaomi forbids the title or the description. Change the text."},
		{"22100", "The description is wrong. Change the text."},
		{"22103", "The notify id is wrong."},
		{"27001", "The category or its template does not fit the push; other categories work. Compare channelID with Xiaomi's console."},
		{"65009", "The content is too long. Shorten it."},
		{"65011", "A parameter is wrong; the detail names it."},
		{"65014", "There are too many extra keys."},
		{"65015", "The extra keys and values are too long. Shorten the payload."},
		{"65036", "The callback parameter is too long."},
		{"65037", "The callback URL is too long."},
		{"65038", "The callback URL is not legal."},
	}
}
