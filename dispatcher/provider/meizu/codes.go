package meizu

import (
	"slices"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// Codes that the code decides on.
const (
	codeOK       = "200"
	codeRedirect = "300"
	// codeRate is the app's rate at the top of an answer, and the user's switch beside a push id.
	codeRate = "110010"
	// codePhoneQuota holds back no other phone.
	codePhoneQuota = "110011"
)

// Codes is the table of Meizu's codes, which come with HTTP 200: at the top of an answer, or in value beside the push ids that
// they concern.
func Codes() []provider.Code {
	return slices.Concat(
		provider.CodesOf(message.Accepted, [][2]string{
			{codeOK, "The push was taken for all push ids that value does not name."},
			{"520", "The phone had the same push more than five times within a minute, so this one was folded."},
		}),
		provider.CodesOf(message.InvalidToken, [][2]string{
			{"110002", "The push id is not registered. The app registers its new one when it starts."},
			{"110003", "The push id is not one of Meizu's. The app registers its new one when it starts."},
			{"110005", "The alias is not valid."},
		}),
		provider.CodesOf(message.CredentialRejected, credentialCodes()),
		provider.CodesOf(message.Throttled, [][2]string{
			{codeRate, "Too many requests per second. Lower limits.requestsPerSecond. Beside a push id it means that its user switched off notifications: the class is Rejected, and nothing is unbound."},
			{"110053", "Too many data messages."},
			{"518", "The push was over the rate that is configured for the app. It is tried again."},
		}),
		provider.CodesOf(message.QuotaExhausted, [][2]string{
			{"110019", "The app's pushes of the day are used up. Move chat messages to the class Private (noticeType), which has no quota."},
			{"110051", "The app's pushes of the day are used up. Move chat messages to the class Private (noticeType), which has no quota."},
			{codePhoneQuota, "The phone's public messages of the day are used up. Move chat messages to the class Private (noticeType), which has no quota."},
		}),
		provider.CodesOf(message.Transient, [][2]string{
			{"1001", "Meizu failed. It is tried again."},
			{"1003", "Meizu is busy. It is tried again."},
			{"500", "Meizu failed. It is tried again."},
			{"501", "Meizu failed for this push id. It is tried again."},
			{"513", "Meizu failed for this push id. It is tried again."},
			{"519", "Meizu is overloaded. It is tried again."},
			{codeRedirect, "Meizu points to another address. It is asked there once, if the address is Meizu's; otherwise it is tried again."},
		}),
		provider.CodesOf(message.Rejected, [][2]string{
			{"1005", "A parameter is wrong; the detail names it."},
			{"110004", "A parameter is empty; the detail names it."},
			{"110032", "The task does not exist."},
		}),
	)
}

func credentialCodes() [][2]string {
	return [][2]string{
		{"1006", "The signature is wrong: so is the App Secret. Copy it again from the app's page in Meizu's push console."},
		{"110000", "The app does not exist. Compare meizu.appID and meizu.region with Meizu's push console."},
		{"110001", "The app's key is wrong. Compare meizu.appID with Meizu's push console."},
		{"110031", "The package name is wrong. Compare the app in Meizu's push console with the one on the phones."},
		{"110033", "The App Secret is wrong. Copy it again from the app's page in Meizu's push console."},
		{"110009", "The app is on the blacklist. Ask Meizu's support."},
		{"201", "The app lacks the permission. Enable push for it in Meizu's push console."},
	}
}
