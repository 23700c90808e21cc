package traffic

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// WriteJSON answers with JSON, and with a status and a Retry-After in seconds where they are not 0.
func WriteJSON(w http.ResponseWriter, status, retryAfter int, v any) {
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	if retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(retryAfter))
	}
	if status != 0 {
		w.WriteHeader(status)
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(v) // into memory
}
