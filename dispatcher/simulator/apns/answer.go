package apns

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"

	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
)

// refusal is an error in the shape of APNs's.
type refusal struct {
	status int
	Reason string `json:"reason"`
	// Timestamp is when the token became invalid, in milliseconds.
	Timestamp  int64 `json:"timestamp,omitempty"`
	retryAfter int
}

func (f refusal) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	if f.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(f.retryAfter))
	}
	w.WriteHeader(f.status)
	b, _ := json.Marshal(f) // always encodes
	_, _ = w.Write(b)       // into memory
}

// because is the refusal with its usual status.
func because(reason string) refusal {
	return refusal{status: statusOf(reason), Reason: reason}
}

func statusOf(reason string) int {
	for status, reasons := range map[int][]string{
		http.StatusForbidden: {
			"BadCertificate", "BadCertificateEnvironment", "ExpiredProviderToken", "Forbidden", "InvalidProviderToken",
			"MissingProviderToken", "UnrelatedKeyIdInToken", "BadEnvironmentKeyIdInToken", "BadEnvironmentKeyInToken",
		},
		http.StatusNotFound:              {"BadPath"},
		http.StatusMethodNotAllowed:      {"MethodNotAllowed"},
		http.StatusGone:                  {"ExpiredToken", "Unregistered"},
		http.StatusRequestEntityTooLarge: {"PayloadTooLarge"},
		http.StatusTooManyRequests:       {"TooManyProviderTokenUpdates", "TooManyRequests"},
		http.StatusInternalServerError:   {"InternalServerError"},
		http.StatusServiceUnavailable:    {"ServiceUnavailable", "Shutdown"},
	} {
		if slices.Contains(reasons, reason) {
			return status
		}
	}
	return http.StatusBadRequest
}

// simulated is the answer that a fault asks for. APNs has no quotas.
func simulated(f traffic.Fault) refusal {
	reason := f.Code
	switch {
	case reason != "":
	case f.Throttle, f.Quota, f.Status == http.StatusTooManyRequests:
		reason = "TooManyRequests"
	case f.Status == http.StatusForbidden:
		reason = "InvalidProviderToken"
	case f.Status == http.StatusGone:
		reason = "Unregistered"
	case f.Status == http.StatusServiceUnavailable:
		reason = "ServiceUnavailable"
	default:
		reason = "InternalServerError"
	}
	answer := because(reason)
	if f.Status != 0 {
		answer.status = f.Status
	}
	answer.retryAfter = f.RetryAfterSeconds
	return answer
}
