package apns

import (
	"net/http"
	"slices"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// Reasons that the code decides on.
const (
	badDeviceToken          = "BadDeviceToken"
	deviceTokenNotForTopic  = "DeviceTokenNotForTopic"
	expiredProviderToken    = "ExpiredProviderToken"
	topicDisallowed         = "TopicDisallowed"
	badTopic                = "BadTopic"
	tooManyRequests         = "TooManyRequests"
	tooManyTokenUpdates     = "TooManyProviderTokenUpdates"
	retriedAsIs             = "It is tried again."
	compareKey              = "Compare apns.teamID and apns.keyID with Apple's developer account, where the key must still be there."
	limitedKey              = "The key is limited to another environment. Compare apns.environment with the key in Apple's developer account, or make a key for both."
	wrongRequest            = "The dispatcher made a wrong request; report it."
	registersWhenItStarts   = "The app registers its new token when it starts."
	notForCalls             = " For a VoIP push the class is Rejected: the certificate or key is not for calls; make one that is."
	compareCertificateTopic = "Compare apns.bundleID with the app's, and enable push notifications for it in Apple's developer account."
)

// Codes is the table of APNs's reasons.
func Codes() []provider.Code {
	return slices.Concat(tokenCodes(), credentialCodes(), waitCodes(), requestCodes())
}

// tokenCodes blame the phone's token.
func tokenCodes() []provider.Code {
	return []provider.Code{
		{
			Code: "Unregistered", HTTP: http.StatusGone, Class: message.InvalidToken,
			Why: "The app was removed or has a new token, since the time that APNs tells. " + registersWhenItStarts,
		},
		{
			Code: "ExpiredToken", HTTP: http.StatusGone, Class: message.InvalidToken,
			Why: "The token ran out. " + registersWhenItStarts,
		},
		{
			Code: badDeviceToken, HTTP: http.StatusBadRequest, Class: message.InvalidToken,
			Why: "The token is not one of this environment. The app must register the environment of its aps-environment entitlement, which is Sandbox when Xcode installed it.",
		},
		{
			Code: deviceTokenNotForTopic, HTTP: http.StatusBadRequest, Class: message.CredentialRejected,
			Why: "The token is of another app: compare apns.bundleID with the app's. Once the channel has delivered to another phone, the class is InvalidToken.",
		},
	}
}

// credentialCodes blame the channel.
func credentialCodes() []provider.Code {
	forbidden := func(code, why string) provider.Code {
		return provider.Code{Code: code, HTTP: http.StatusForbidden, Class: message.CredentialRejected, Why: why}
	}
	topic := func(code, why string) provider.Code {
		return provider.Code{Code: code, HTTP: http.StatusBadRequest, Class: message.CredentialRejected, Why: why}
	}
	return []provider.Code{
		{
			Code: expiredProviderToken, HTTP: http.StatusForbidden, Class: message.AuthExpired,
			Why: "The JWT is over an hour old. A new one is made and the push sent again; a young one is refused when the cluster's clock is wrong.",
		},
		forbidden("InvalidProviderToken", "The key, its id and the team do not fit together, or the key was revoked. "+compareKey),
		forbidden("MissingProviderToken", "APNs saw neither a JWT nor a certificate. Give the channel a key or a certificate."),
		forbidden("BadCertificate", "The certificate is not good for pushes, or was revoked. Make a new one in Apple's developer account."),
		forbidden("BadCertificateEnvironment", "The certificate is for the other environment. Compare apns.environment with it, or make one for both."),
		forbidden("BadEnvironmentKeyIdInToken", limitedKey),
		forbidden("BadEnvironmentKeyInToken", limitedKey),
		forbidden("UnrelatedKeyIdInToken", "The key is limited to other apps. Add the app to the key in Apple's developer account, or make a key for all."),
		forbidden("Forbidden", "APNs refuses the account. "+compareKey),
		topic(topicDisallowed, "The credential may not push to the app. "+compareCertificateTopic+notForCalls),
		topic(badTopic, "apns.bundleID is not an app's. "+compareCertificateTopic+notForCalls),
		topic("MissingTopic", "The certificate is for several apps and none was named. "+compareCertificateTopic),
	}
}

// waitCodes ask for patience.
func waitCodes() []provider.Code {
	return []provider.Code{
		{
			Code: tooManyRequests, HTTP: http.StatusTooManyRequests, Class: message.Throttled,
			Why: "Too many pushes to this one phone in a short time; other phones get theirs. " + retriedAsIs,
		},
		{
			Code: tooManyTokenUpdates, HTTP: http.StatusTooManyRequests, Class: message.Throttled,
			Why: "New JWTs came within 20 minutes, for instance from another server with the same key. The older one is used while it lasts.",
		},
		{
			Code: "InternalServerError", HTTP: http.StatusInternalServerError, Class: message.Transient,
			Why: "APNs failed. " + retriedAsIs,
		},
		{
			Code: "ServiceUnavailable", HTTP: http.StatusServiceUnavailable, Class: message.Transient,
			Why: "APNs is overloaded. " + retriedAsIs,
		},
		{
			Code: "Shutdown", HTTP: http.StatusServiceUnavailable, Class: message.Transient,
			Why: "The server of APNs is going away. It is tried again over a new connection.",
		},
		{
			Code: "IdleTimeout", HTTP: http.StatusBadRequest, Class: message.Transient,
			Why: "The connection was idle for too long. It is tried again over a new connection.",
		},
	}
}

// requestCodes blame the request.
func requestCodes() []provider.Code {
	rejected := func(status int, code, why string) provider.Code {
		return provider.Code{Code: code, HTTP: status, Class: message.Rejected, Why: why}
	}
	return []provider.Code{
		rejected(http.StatusBadRequest, "BadCollapseId", "The apns-collapse-id is longer than 64 bytes. "+wrongRequest),
		rejected(http.StatusBadRequest, "BadExpirationDate", "The apns-expiration is wrong. "+wrongRequest),
		rejected(http.StatusBadRequest, "BadMessageId", "The apns-id is no UUID. "+wrongRequest),
		rejected(http.StatusBadRequest, "BadPriority", "The apns-priority does not fit the push type. "+wrongRequest),
		rejected(http.StatusBadRequest, "InvalidPushType", "The apns-push-type is wrong. "+wrongRequest),
		rejected(http.StatusBadRequest, "DuplicateHeaders", "A header came twice. "+wrongRequest),
		rejected(http.StatusBadRequest, "MissingDeviceToken", "The path names no token. "+wrongRequest),
		rejected(http.StatusBadRequest, "PayloadEmpty", "The body is empty. "+wrongRequest),
		rejected(http.StatusNotFound, "BadPath", "The path is wrong. Compare endpoint.url with Apple's documents."),
		rejected(http.StatusMethodNotAllowed, "MethodNotAllowed", "APNs takes POST only. "+wrongRequest),
		rejected(http.StatusRequestEntityTooLarge, "PayloadTooLarge", "The push is longer than 4096 bytes, or 5120 with VoIP. Shorten the payload."),
	}
}
