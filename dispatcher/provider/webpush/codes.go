package webpush

import (
	"net/http"
	"slices"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// keyMismatch is the code where a push service says in words only that a subscription is of another VAPID key.
const keyMismatch = "key mismatch"

// Codes is the table of the push services' codes: Mozilla's errno and Apple's reason where the answer has one, else the
// HTTP status.
func Codes() []provider.Code {
	return slices.Concat(goodStatuses(), badStatuses(), busyStatuses(), wrongStatuses(), mozillaCodes(), appleCodes(), mismatchCodes())
}

func goodStatuses() []provider.Code {
	return []provider.Code{
		{
			Code: "201", HTTP: http.StatusCreated, Class: message.Accepted,
			Why: "The push service took the message.",
		},
		{
			Code: "200", HTTP: http.StatusOK, Class: message.Accepted,
			Why: "Like 201.",
		},
		{
			Code: "202", HTTP: http.StatusAccepted, Class: message.Accepted,
			Why: "Like 201.",
		},
		{
			Code: "204", HTTP: http.StatusNoContent, Class: message.Accepted,
			Why: "Like 201.",
		},
	}
}

func badStatuses() []provider.Code {
	return []provider.Code{
		{
			Code: "404", HTTP: http.StatusNotFound, Class: message.InvalidToken,
			Why: "The subscription does not exist. The page subscribes again when it is opened.",
		},
		{
			Code: "410", HTTP: http.StatusGone, Class: message.InvalidToken,
			Why: "The subscription has ended: the user took the permission back or the browser renewed it. The page subscribes again when it is opened.",
		},
		{
			Code: "401", HTTP: http.StatusUnauthorized, Class: message.AuthExpired,
			Why: "The VAPID token is refused. A new one is signed and the message sent again; if that is refused too, the outcome is CredentialRejected: check webPush.subject and the clock of the cluster.",
		},
		{
			Code: "403", HTTP: http.StatusForbidden, Class: message.AuthExpired,
			Why: "Like 401.",
		},
	}
}

func busyStatuses() []provider.Code {
	return []provider.Code{
		{
			Code: "429", HTTP: http.StatusTooManyRequests, Class: message.Throttled,
			Why: "Too many messages for the push service or the subscription. Lower limits.requestsPerSecond.",
		},
		{
			Code: "406", HTTP: http.StatusNotAcceptable, Class: message.Throttled,
			Why: "Windows says this for too many messages. Lower limits.requestsPerSecond.",
		},
		{
			Code: "500", HTTP: http.StatusInternalServerError, Class: message.Transient,
			Why: "The push service failed. It is tried again.",
		},
		{
			Code: "502", HTTP: http.StatusBadGateway, Class: message.Transient,
			Why: "The push service failed. It is tried again.",
		},
		{
			Code: "503", HTTP: http.StatusServiceUnavailable, Class: message.Transient,
			Why: "The push service is overloaded. It is tried again.",
		},
		{
			Code: "504", HTTP: http.StatusGatewayTimeout, Class: message.Transient,
			Why: "The push service took too long. It is tried again.",
		},
	}
}

func wrongStatuses() []provider.Code {
	return []provider.Code{
		{
			Code: "400", HTTP: http.StatusBadRequest, Class: message.Rejected,
			Why: "The push service does not take a header or the encryption. Report it with the time and the host.",
		},
		{
			Code: "413", HTTP: http.StatusRequestEntityTooLarge, Class: message.Rejected,
			Why: "The message is too large for this push service. Shorten the payload.",
		},
		{
			Code: "301", HTTP: http.StatusMovedPermanently, Class: message.Unknown,
			Why: "Push services do not redirect, and redirects are not followed: compare spec.endpoint.url with the gateway's address.",
		},
	}
}

// mozillaCodes are the errnos of Mozilla's push service.
func mozillaCodes() []provider.Code {
	return []provider.Code{
		{
			Code: "errno 101", HTTP: http.StatusBadRequest, Class: message.Rejected,
			Why: "Keys of the encryption are missing. Report it with the time.",
		},
		{
			Code: "errno 102", HTTP: http.StatusNotFound, Class: message.InvalidToken,
			Why: "The endpoint is not one of Mozilla's. The page subscribes again when it is opened.",
		},
		{
			Code: "errno 103", HTTP: http.StatusGone, Class: message.InvalidToken,
			Why: "The subscription has ended. The page subscribes again when it is opened.",
		},
		{
			Code: "errno 104", HTTP: http.StatusRequestEntityTooLarge, Class: message.Rejected,
			Why: "The message is too large. Shorten the payload.",
		},
		{
			Code: "errno 105", HTTP: http.StatusGone, Class: message.InvalidToken,
			Why: "The subscription ended during the request. The page subscribes again when it is opened.",
		},
		{
			Code: "errno 106", HTTP: http.StatusGone, Class: message.InvalidToken,
			Why: "The subscription has ended. The page subscribes again when it is opened.",
		},
		{
			Code: "errno 109", HTTP: http.StatusUnauthorized, Class: message.AuthExpired,
			Why: "The VAPID token is refused. A new one is signed and the message sent again; if that is refused too, the outcome is CredentialRejected: check webPush.subject and the clock of the cluster.",
		},
		{
			Code: "errno 110", HTTP: http.StatusBadRequest, Class: message.Rejected,
			Why: "Mozilla does not take the encryption. Report it with the time.",
		},
		{
			Code: "errno 111", HTTP: http.StatusBadRequest, Class: message.Rejected,
			Why: "A header is missing. Report it with the time.",
		},
		{
			Code: "errno 201", HTTP: http.StatusServiceUnavailable, Class: message.Transient,
			Why: "Mozilla is overloaded. It is tried again.",
		},
		{
			Code: "errno 202", HTTP: http.StatusServiceUnavailable, Class: message.Transient,
			Why: "Mozilla failed for a moment. It is tried again.",
		},
		{
			Code: "errno 999", HTTP: http.StatusInternalServerError, Class: message.Transient,
			Why: "Mozilla failed. It is tried again.",
		},
	}
}

// appleCodes are the reasons of Apple's push service, which come with 400 or 403.
func appleCodes() []provider.Code {
	return []provider.Code{
		{
			Code: "BadJwtToken", HTTP: http.StatusForbidden, Class: message.AuthExpired,
			Why: "Apple refuses the VAPID token. A new one is signed and the message sent again; if that is refused too, the outcome is CredentialRejected: webPush.subject must have a domain of the internet, and the cluster's clock must be right.",
		},
		{
			Code: "VapidPkHashMismatch", HTTP: http.StatusBadRequest, Class: message.InvalidToken,
			Why: "The subscription was made with another VAPID key. The page subscribes again with the present one; if it is many, restore the former key.",
		},
	}
}

func mismatchCodes() []provider.Code {
	return []provider.Code{{
		Code: keyMismatch, HTTP: http.StatusForbidden, Class: message.InvalidToken,
		Why: "Google or Mozilla says in words that the subscription was made with another VAPID key. The page subscribes again with the present one; if it is many, restore the former key.",
	}}
}
