package fcm

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
)

const (
	typeFCMError     = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
	typeBadRequest   = "type.googleapis.com/google.rpc.BadRequest"
	typeQuotaFailure = "type.googleapis.com/google.rpc.QuotaFailure"
)

// failure is an error in Google's shape.
type failure struct {
	Code    int      `json:"code"`
	Message string   `json:"message"`
	Status  string   `json:"status"`
	Details []detail `json:"details,omitempty"`

	retryAfter int
}

type detail struct {
	Type            string           `json:"@type"`
	ErrorCode       string           `json:"errorCode,omitempty"`
	FieldViolations []violation      `json:"fieldViolations,omitempty"`
	Violations      []quotaViolation `json:"violations,omitempty"`
}

type violation struct {
	Field       string `json:"field"`
	Description string `json:"description"`
}

type quotaViolation struct {
	Subject     string `json:"subject"`
	Description string `json:"description"`
}

func (f failure) write(w http.ResponseWriter) {
	if f.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(f.retryAfter))
	}
	if f.Code == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="https://accounts.google.com/", error="invalid_token"`)
	}
	writeJSON(w, f.Code, map[string]failure{"error": f})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(v) // into memory
}

func fcmError(code int, status, errorCode, message string) failure {
	return failure{Code: code, Message: message, Status: status, Details: []detail{{Type: typeFCMError, ErrorCode: errorCode}}}
}

func unregistered() failure {
	return fcmError(http.StatusNotFound, "NOT_FOUND", "UNREGISTERED", "Requested entity was not found.")
}

func malformedToken() failure {
	return fcmError(http.StatusBadRequest, "INVALID_ARGUMENT", "INVALID_ARGUMENT",
		"The registration token is not a valid FCM registration token")
}

func senderMismatch() failure {
	return fcmError(http.StatusForbidden, "PERMISSION_DENIED", "SENDER_ID_MISMATCH", "SenderId mismatch")
}

func notFound() failure {
	return failure{Code: http.StatusNotFound, Message: "Requested entity was not found.", Status: "NOT_FOUND"}
}

func unauthenticated() failure {
	return failure{
		Code: http.StatusUnauthorized, Status: "UNAUTHENTICATED",
		Message: "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other " +
			"valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.",
	}
}

func permissionDenied(project string) failure {
	return failure{
		Code: http.StatusForbidden, Status: "PERMISSION_DENIED",
		Message: fmt.Sprintf("Permission 'cloudmessaging.messages.create' denied on resource "+
			"'//cloudresourcemanager.googleapis.com/projects/%s' (or it may not exist).", project),
	}
}

func quotaExceeded(project string, retryAfter int) failure {
	f := fcmError(http.StatusTooManyRequests, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED",
		"Quota exceeded for quota metric 'Send requests' and limit 'Send requests per minute' of service 'fcm.googleapis.com'.")
	f.Details = append(f.Details, detail{Type: typeQuotaFailure, Violations: []quotaViolation{{
		Subject: "project:" + project, Description: "Send requests per minute",
	}}})
	f.retryAfter = retryAfter
	return f
}

// badRequest is about fields of the message. FCM itself, unlike the parser before it, adds an FcmError.
func badRequest(message string, violations ...violation) failure {
	return failure{
		Code: http.StatusBadRequest, Message: message, Status: "INVALID_ARGUMENT",
		Details: []detail{{Type: typeBadRequest, FieldViolations: violations}},
	}
}

func invalidArgument(field, message string) failure {
	f := badRequest(message, violation{Field: field, Description: message})
	f.Details = append([]detail{{Type: typeFCMError, ErrorCode: "INVALID_ARGUMENT"}}, f.Details...)
	return f
}

// refusal is the answer that a fault asks for.
func refusal(f traffic.Fault) failure {
	if f.Throttle || f.Quota {
		return quotaExceeded("simulated", max(f.RetryAfterSeconds, 1))
	}
	r := byCode(f.Code, f.Status)
	if f.Status != 0 {
		r.Code = f.Status
	}
	r.retryAfter = f.RetryAfterSeconds
	return r
}

func byCode(code string, status int) failure {
	switch code {
	case "UNREGISTERED":
		return unregistered()
	case "SENDER_ID_MISMATCH":
		return senderMismatch()
	case "QUOTA_EXCEEDED", "RESOURCE_EXHAUSTED":
		return quotaExceeded("simulated", 0)
	case "UNAUTHENTICATED":
		return unauthenticated()
	case "PERMISSION_DENIED":
		return permissionDenied("simulated")
	case "INVALID_ARGUMENT":
		return malformedToken()
	case "THIRD_PARTY_AUTH_ERROR":
		return fcmError(http.StatusUnauthorized, "UNAUTHENTICATED", code, "Auth error from APNS or Web Push Service")
	case "UNAVAILABLE":
		return fcmError(http.StatusServiceUnavailable, code, code, "The service is currently unavailable.")
	case "", "INTERNAL":
		return serverError(status)
	}
	return fcmError(http.StatusInternalServerError, code, code, "Simulated failure.")
}

// serverError is what the status alone says.
func serverError(status int) failure {
	switch status {
	case http.StatusUnauthorized:
		return unauthenticated()
	case http.StatusForbidden:
		return permissionDenied("simulated")
	case http.StatusNotFound:
		return notFound()
	case http.StatusTooManyRequests:
		return quotaExceeded("simulated", 0)
	case http.StatusServiceUnavailable:
		return fcmError(status, "UNAVAILABLE", "UNAVAILABLE", "The service is currently unavailable.")
	}
	return fcmError(http.StatusInternalServerError, "INTERNAL", "INTERNAL", "Internal error encountered.")
}
