package rules

import (
	"encoding/json"
	"fmt"

	"github.com/offlinepush/operator/dispatcher/message"
)

// Stale reports whether the request's call is not a step behind the version of its id; one that is absent is at 0.
func (a *Accept) Stale(versions map[string]int64) bool {
	c := a.Also.Call
	return c != nil && versions[c.ID] != c.Version-1
}

// CallDue is when something happens to the request's call by itself, in Unix milliseconds; nil when nothing does.
func (a *Accept) CallDue() *int64 {
	at := a.Also.Call.Deadline()
	if at.IsZero() {
		return nil
	}
	return new(at.UnixMilli())
}

// CallOf reads a stored call.
func CallOf(id, data string) (message.Call, error) {
	var c message.Call
	if err := json.Unmarshal([]byte(data), &c); err != nil {
		return c, fmt.Errorf("call %s: it is damaged in the store: %w", id, err)
	}
	return c, nil
}
