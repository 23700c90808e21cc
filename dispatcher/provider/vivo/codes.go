package vivo

import (
	"slices"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// Codes that the code decides on.
const (
	codeOK    = "0"
	codeNight = "10071"
	// statusPrefix stands before the status of an invalid user, which shares its numbers with nothing else.
	statusPrefix = "status "
)

// Codes is the table of vivo's codes, which come with HTTP 200, and of the statuses of invalid users.
func Codes() []provider.Code { return slices.Concat(resultCodes(), statusCodes()) }

// statusCodes are those of single phones.
func statusCodes() []provider.Code {
	return slices.Concat(
		provider.CodesOf(message.InvalidToken, [][2]string{
			{statusPrefix + "1", "The app has no phone with this registration id."},
			{statusPrefix + "2", "The app was removed, its data cleared, or the phone unsubscribed. The app registers again when it starts."},
		}),
		provider.CodesOf(message.Rejected, [][2]string{
			{statusPrefix + "3", "The phone was not online for 14 days. The push is given up, the token stays."},
			{statusPrefix + "4", "The phone is no test phone. Add it in vivo's console, or take vivo.test out of the push profile."},
		}),
	)
}

func resultCodes() []provider.Code {
	return slices.Concat(
		provider.CodesOf(message.Accepted, [][2]string{{codeOK, "The push was taken."}}),
		provider.CodesOf(message.InvalidToken, [][2]string{
			{"10302", "The registration id is not one of the app's, or the app was removed. With a status of 3 or 4 the class is that of the status."},
		}),
		provider.CodesOf(message.AuthExpired, [][2]string{
			{"10000", "The access token is wrong or ran out. A new one is fetched and the push sent again."},
		}),
		provider.CodesOf(message.CredentialRejected, credentialCodes()),
		provider.ClassQuotas([][2]string{
			{"10070", "The app's operational messages of the day are used up; system messages go on. Move chat messages to a category of system messages, or ask vivo for more."},
			{"10073", "The app's system messages of the day are used up; operational messages go on. Ask vivo for more."},
			{codeNight, "Operational messages go out from 07:00 to 23:00 in China only. It waits until 07:00; move chat messages to a category of system messages, which go out at any time."},
		}),
		provider.CodesOf(message.QuotaExhausted, [][2]string{
			{"10252", "The stored payloads of the day are used up. Ask vivo for more."},
			{"10254", "The broadcasts of the day are used up."},
		}),
		provider.CodesOf(message.Throttled, [][2]string{
			{"10072", "Too many pushes per second. Lower limits.requestsPerSecond."},
		}),
		provider.CodesOf(message.Rejected, rejectedCodes()),
	)
}

func credentialCodes() [][2]string {
	return [][2]string{
		{"10200", "The AppID is missing. Set vivo.appID."},
		{"10201", "The AppKey is missing. Set vivo.appKey."},
		{"10202", "The AppKey is wrong. Compare vivo.appKey with vivo's console."},
		{"10203", "The timestamp is wrong or more than ten minutes off. Set the clocks of the cluster."},
		{"10207", "The timestamp is wrong or more than ten minutes off. Set the clocks of the cluster."},
		{"10204", "The signature is wrong. Copy the AppSecret again from vivo's console, and compare vivo.appKey."},
		{"10206", "The signature is wrong. Copy the AppSecret again from vivo's console, and compare vivo.appKey."},
		{"10205", "vivo does not know the AppID. Compare vivo.appID with vivo's console."},
		{"10094", "The AppID is not the access token's. Compare vivo.appID with vivo's console."},
		{"10043", "Push is switched off for the app. Switch it on in vivo's console."},
		{"10045", "The app is under review and may send test messages only. Set vivo.test in the push profile until vivo has approved it."},
	}
}

func rejectedCodes() [][2]string {
	return [][2]string{
		{"10311", "The phone cannot be pushed to at present: notifications are off or it is inactive. The push is given up, the token stays."},
		{"10050", "The registration id is missing."},
		{"10054", "notifyType is wrong."},
		{"10055", "The title is empty. Give one."},
		{"10056", "The title has more than 40 characters."},
		{"10057", "The content is empty. Give one."},
		{"10058", "The content has more than 100 characters."},
		{"10059", "The time to live is outside what vivo takes."},
		{"10060", "skipType is wrong. Compare the clickAction of the push profile with vivo's documents."},
		{"10065", "networkType is wrong."},
		{"10067", "The custom map is wrong or too long. Shorten the payload."},
		{"10085", "vivo's rules forbid the title. Change it."},
		{"10095", "notifyId is wrong."},
		{"10096", "vivo does not know the category. Compare vivo.category of the push profile with vivo's documents."},
		{"10097", "The category does not belong to the classification. Take vivo.classification out of the push profile or correct it."},
		// Concern one push profile: they must not hold back the others of the channel.
		{"10082", "The app may not send system messages. Correct the push profile: take vivo.classification out, or apply for system messages in vivo's console."},
		{"10051", "The app may not send this classification. Correct vivo.classification of the push profile, by vivo's console."},
		{"10103", "The text holds sensitive words. Change it."},
		{"10104", "The text looks like a test. Change it, or set vivo.test in the push profile."},
		{"10150", "The list is wrong; the detail says how."},
		{"10151", "The list is wrong; the detail says how."},
		{"10152", "The list is wrong; the detail says how."},
		{"10153", "The list has fewer than 2 or more than 1000 phones."},
		{"10155", "The stored payload is gone."},
		{"10304", "extra holds a key that vivo does not know."},
		{"10305", "The receipt URL has more than 128 characters. Shorten exposure.externalURL."},
		{"10306", "The receipt parameter is too long."},
		{"10352", "The request id is wrong; the detail says how."},
		{"10353", "The request id is wrong; the detail says how."},
		{"10800", "vivo refuses the message; the detail says why."},
		{"10801", "vivo refuses the message; the detail says why."},
	}
}
