package fcm

import (
	"net/http"
	"slices"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// Codes that the code decides on.
const (
	invalidArgument  = "INVALID_ARGUMENT"
	senderIDMismatch = "SENDER_ID_MISMATCH"
	thirdPartyAuth   = "THIRD_PARTY_AUTH_ERROR"
	// quotaExceeded is of the project or of one phone.
	quotaExceeded     = "QUOTA_EXCEEDED"
	resourceExhausted = "RESOURCE_EXHAUSTED"
)

// Codes is the table of FCM's codes: the errorCode of an FcmError, else the
// status of the error; and those of the token endpoint.
func Codes() []provider.Code {
	return slices.Concat(pushCodes(), grantCodes())
}

func pushCodes() []provider.Code {
	return []provider.Code{
		{
			Code: "UNREGISTERED", HTTP: http.StatusNotFound, Class: message.InvalidToken,
			Why: "The app was removed or the token replaced. The app registers its new token when it starts.",
		},
		{
			Code: invalidArgument, HTTP: http.StatusBadRequest, Class: message.Rejected,
			Why: "A field of the message is wrong; the detail names it. When it is the token, the class is InvalidToken.",
		},
		{
			Code: senderIDMismatch, HTTP: http.StatusForbidden, Class: message.CredentialRejected,
			Why: "The token belongs to another Firebase project: compare the project of the app's google-services.json with the service account's. Once the channel has delivered to another phone, the class is InvalidToken.",
		},
		{
			Code: quotaExceeded, HTTP: http.StatusTooManyRequests, Class: message.Throttled,
			Why: "Too many messages for the project, or for the phone where the detail speaks of a device; other phones get theirs then. Ask Firebase for more quota, or lower limits.requestsPerSecond.",
		},
		{
			Code: resourceExhausted, HTTP: http.StatusTooManyRequests, Class: message.Throttled,
			Why: "Like QUOTA_EXCEEDED.",
		},
		{
			Code: "UNAVAILABLE", HTTP: http.StatusServiceUnavailable, Class: message.Transient,
			Why: "FCM is overloaded. It is tried again.",
		},
		{
			Code: "INTERNAL", HTTP: http.StatusInternalServerError, Class: message.Transient,
			Why: "FCM failed. It is tried again.",
		},
		{
			Code: "UNSPECIFIED_ERROR", Class: message.Unknown,
			Why: "FCM gives no reason. It is tried again a few times.",
		},
		{
			Code: thirdPartyAuth, HTTP: http.StatusUnauthorized, Class: message.CredentialRejected,
			Why: "The APNs key or web push key of the Firebase app is missing or wrong, which concerns iOS and web only: upload it in the Firebase console under Cloud Messaging. Once the channel has delivered to another phone, the class is Rejected.",
		},
		{
			Code: "UNAUTHENTICATED", HTTP: http.StatusUnauthorized, Class: message.AuthExpired,
			Why: "The access token ran out or was revoked. A new one is fetched and the message sent again.",
		},
		{
			Code: "PERMISSION_DENIED", HTTP: http.StatusForbidden, Class: message.CredentialRejected,
			Why: "The Firebase Cloud Messaging API is disabled in the project, or the service account lacks cloudmessaging.messages.create: enable the API and give the account the role Firebase Cloud Messaging API Admin.",
		},
		{
			Code: "NOT_FOUND", HTTP: http.StatusNotFound, Class: message.CredentialRejected,
			Why: "FCM does not know the project: compare fcm.projectID with the Firebase console.",
		},
	}
}

// grantCodes are the token endpoint's.
func grantCodes() []provider.Code {
	return []provider.Code{
		{
			Code: "invalid_grant", HTTP: http.StatusBadRequest, Class: message.CredentialRejected,
			Why: "Google does not take the key: it was deleted, the service account is disabled, or the clock of the cluster is wrong. Make a new key and put it into the Secret.",
		},
		{
			Code: "invalid_client", HTTP: http.StatusUnauthorized, Class: message.CredentialRejected,
			Why: "Google does not know the service account: it was deleted. Make a new one and put its key into the Secret.",
		},
	}
}
