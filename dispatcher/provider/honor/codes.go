package honor

import (
	"net/http"
	"slices"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// Codes that the code decides on.
const (
	codeOK      = "200"
	codeOKOther = "80000000"
	codePartly  = "80100000"
)

// Codes is the table of Honor's codes, which come with HTTP 200 or their own status, and of its token endpoint's.
func Codes() []provider.Code {
	return append(pushCodes(), provider.Code{
		Code: "invalid_client", HTTP: http.StatusUnauthorized, Class: message.CredentialRejected,
		Why: "The client id or secret is wrong. Compare honor.clientID and clientSecret with Honor's developer console.",
	}, provider.Code{
		Code: "unauthorized_client", HTTP: http.StatusUnauthorized, Class: message.CredentialRejected,
		Why: "The client secret is wrong, or the client may not fetch tokens. Compare honor.clientID and clientSecret with Honor's developer console.",
	})
}

func pushCodes() []provider.Code {
	return slices.Concat(
		provider.CodesOf(message.Accepted, [][2]string{
			{codeOK, "The push was taken."},
			{codeOKOther, "The push was taken, in the spelling of some documents."},
			{codePartly, "The push was taken for all phones that data.failTokens and data.expireTokens do not name; those are InvalidToken."},
		}),
		provider.CodesOf(message.InvalidToken, [][2]string{
			{"80300007", "No token is valid. It is believed for a request to one phone. The app registers its new token when it starts."},
		}),
		provider.CodesOf(message.AuthExpired, [][2]string{
			{"401", "The access token is refused. A new one is fetched and the push sent again; if that is refused too, the class is CredentialRejected."},
			{"403", "The access token is refused. A new one is fetched and the push sent again; if that is refused too, the class is CredentialRejected: compare honor.appID with the app of the client."},
		}),
		provider.CodesOf(message.CredentialRejected, [][2]string{
			{"404", "The service does not exist. Compare honor.appID and endpoint.url with Honor's developer console."},
			{"10205", "The app does not exist. Compare honor.appID with Honor's developer console."},
			// Concern every push of the channel: none is lost while the clock is set.
			{"10001", "The timestamp is missing. Look for a proxy that removes headers."},
			{"10207", "The timestamp is wrong. Set the clock of the cluster."},
		}),
		provider.CodesOf(message.Throttled, [][2]string{
			{"503", "Too many requests per second. Lower limits.requestsPerSecond."},
		}),
		provider.ClassQuotas([][2]string{
			{"80200047", "The app's test messages of the day are used up; others go on. Set test to false in the push profile."},
		}),
		provider.CodesOf(message.Transient, [][2]string{
			{"500", "Honor failed. It is tried again."},
			{"502", "Honor failed. It is tried again."},
		}),
		provider.CodesOf(message.Rejected, rejectedCodes()),
	)
}

func rejectedCodes() [][2]string {
	return [][2]string{
		{"400", "A parameter is wrong; the detail names it."},
		{"10300", "There is no token."},
		{"80100003", "The message's structure is wrong; the detail names it."},
		{"80200020", "The receipt id is wrong. Compare honor.receiptID with Honor's developer console."},
		// Concerns one kind of pushes: it must not hold back the others of the channel.
		{"80200022", "The app may not send this kind of messages. Apply for it in Honor's developer console, or change type or importance in the push profile."},
		{"80200050", "The app may not send pictures. Leave the image out, or apply for service messages."},
		{"80200056", "The text has sensitive words. Change the text."},
		{"80300006", "A token is there twice."},
		{"80300008", "The message is over 4096 bytes. Shorten the payload."},
		{"80300010", "There are more than 1000 tokens."},
	}
}
