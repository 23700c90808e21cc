package pushkit

import (
	"slices"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// Codes that the code decides on.
const (
	codeOK         = "80000000"
	codePartial    = "80100000"
	codeAllRefused = "80300007"
	codeForeign    = "80300002"
	reasonForeign  = "noRight"
	reasonNoApp    = "appinfoError"
)

// Codes is the table of the codes that both services answer a push with, in order of what the dispatcher does.
func Codes() []provider.Code {
	return slices.Concat(
		rows(message.Accepted,
			row{codeOK, "The push was taken."},
			row{codePartial, "The push was taken for the phones that the answer does not name. Those in illegal_tokens are InvalidToken."}),
		rows(message.InvalidToken,
			row{codeAllRefused, "No token is valid. It is believed for a request to one phone; a request to several is repeated for each alone. The app registers its new token when it starts."}),
		rows(message.AuthExpired,
			row{"80200003", "The access token ran out. A new one is fetched and the push sent again."},
			row{"80200005", "The JWT ran out. A new one is signed and the push sent again. If it stays, the clock of the cluster is wrong."},
			row{"HTTP 401", "Huawei refuses the token without saying why. A new one is used and the push sent again."}),
		credentialRows(),
		rows(message.Throttled,
			row{"80100017", "More than 100 topic tasks are open. It is tried again."},
			row{"80300029", "Too many test messages. Take the test mark out of the push profile, or wait."},
			row{"80300030", "A test message for too many phones at once. It is tried again; the dispatcher asks for at most 10."},
			row{"HTTP 503", "Flow control: too many requests. Lower limits.requestsPerSecond."}),
		rows(message.Transient,
			row{"81000001", "Huawei failed. It is tried again."},
			row{"HTTP 500", "Huawei failed. It is tried again."},
			row{"HTTP 502", "The connection to Huawei broke. It is tried again."}),
		rejectedRows(),
	)
}

type row struct{ code, why string }

func rows(class message.Class, list ...row) []provider.Code {
	table := make([]provider.Code, len(list))
	for i, r := range list {
		table[i] = provider.Code{Code: r.code, Class: class, Why: r.why}
	}
	return table
}

func credentialRows() []provider.Code {
	return rows(message.CredentialRejected,
		row{"80200001", "The token is missing, of another app or project, or wrongly signed. Compare the identifiers and the Secret with AppGallery Connect."},
		row{codeForeign, "The app may not push, or the phone's token is another app's. Enable Push Kit for the app, outside mainland China for overseas too, and compare the identifiers. A request to several phones is repeated for each alone. If the channel delivered within a day, the class is Rejected."},
		row{"80600003", "Huawei could not check the token at its OAuth server. Compare the identifiers and the Secret with AppGallery Connect."},
		row{"80300036", "The JWT holds longer than a day. The clock of the cluster is wrong."},
		row{"80300037", "Huawei punishes the app for a violation. Settle it in AppGallery Connect."},
		row{"HTTP 404", "Huawei does not know the address. Compare endpoint.url and the app or project id with AppGallery Connect."})
}

func rejectedRows() []provider.Code {
	return rows(message.Rejected,
		row{"80100001", "A parameter is wrong; the detail names it."},
		row{"80100003", "The message is not built as Huawei wants it; the detail names the part."},
		row{"80100004", "The time to live is over before it begins."},
		row{"80100013", "The collapse key is wrong."},
		row{"80100016", "The text has sensitive words. Change it."},
		row{"80100018", "The signature of the content audit does not match. Ask the auditor."},
		row{"80100022", "The picture was not checked. Have Huawei's image control check it first, or leave it out."},
		row{"80300008", "The message has more than 4096 bytes. Shorten the payload."},
		row{"80300010", "Too many or no tokens in a request."},
		row{"80300011", "The app may not send data messages of high priority. Apply for the right in AppGallery Connect, or set messageType to Notification in the push profile. Other messages go on."},
		row{"80300013", "The receipt URL or its certificate is bad. Correct it in AppGallery Connect."},
		row{"HTTP 400", "The request is wrong; the detail names the part."})
}

// Reasons is the table of the reasons for which v3 refuses single phones, in the answers 80100000 and 80300007. Only a
// malformed token is dead.
func Reasons() []provider.Code {
	return slices.Concat(
		rows(message.InvalidToken,
			row{"tokenFormatError", "The token is malformed. The app registers its new token when it starts."}),
		rows(message.CredentialRejected,
			row{reasonForeign, "The token's app is not in the project, or the phone was upgraded from HarmonyOS 4 and its app has not asked for a new token. Compare harmonyOS.projectID with AppGallery Connect. If the channel delivered within a day, the class is Rejected."},
			row{reasonNoApp, "Huawei does not know the token's app. Create it in AppGallery Connect. If the channel delivered within a day, the class is Rejected."},
			row{"disableSendHuaweiMsgBecauseOfPenalty", "Huawei punishes the app for a violation. Settle it in AppGallery Connect."}),
		rows(message.Rejected,
			row{"noPushTypeRight", "The project may not send this push type. Apply for the right in AppGallery Connect, or change pushType in the push profile."},
			row{"countryNotSupport", "Push Kit does not serve the phone's country. Ask Huawei's support."},
			row{"tokenPlatformNotSupport", "The token is another platform's. The app has to ask Push Kit for one."},
			row{"atomicUnableSendUnsubscribedMsg", "An atomic service takes subscribed messages only."},
			row{"differentImgVerifyPolicy", "The picture was checked for another push type. Have it checked for this one."},
			row{"notSupportPlayVoice", "The category PLAY_VOICE does not fit the push type. Change category in the push profile."},
			row{"noRightToSendThisLiveNotificationEvent", "The project may not send live views."}),
	)
}
