package ingress_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// TestCallsOfADeviceNeedItsUser: the device's secret and the token of the user to whom it is bound.
func TestCallsOfADeviceNeedItsUser(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	anna, _ := bed.Phone(t, "FCM", "anna")
	bert, _ := bed.Phone(t, "FCM", "bert")
	unbound, _ := bed.Phone(t, "Xiaomi", "")
	const beginning = `{"clientID":"c","callID":"c","to":["bert"]}`
	for _, op := range []struct{ path, body string }{
		{"", beginning}, {"/c/invite", `{"to":["carl"]}`}, {"/c/accept", ""}, {"/c/reject", ""}, {"/c/cancel", "{}"}, {"/c/quit", "{}"}, {"/c/end", "{}"},
	} {
		for name, tt := range map[string]struct{ pushID, secret, bearer string }{
			"nothing":                {anna.PushID, "", ""},
			"no user":                {anna.PushID, anna.DeviceSecret, ""},
			"no device":              {anna.PushID, "", bed.UserToken(t, "anna")},
			"another's secret":       {anna.PushID, bert.DeviceSecret, bed.UserToken(t, "anna")},
			"another user":           {anna.PushID, anna.DeviceSecret, bed.UserToken(t, "bert")},
			"the server key":         {anna.PushID, anna.DeviceSecret, planetest.ServerKey},
			"a device without users": {unbound.PushID, unbound.DeviceSecret, bed.UserToken(t, "anna")},
		} {
			got := send(t, bed.Device, request{method: "POST", path: "/v1/devices/" + tt.pushID + "/calls" + op.path, body: op.body, header: map[string]string{
				"Authorization": "Bearer " + tt.bearer, wire.SecretHeader: tt.secret,
			}})
			if got.status != http.StatusUnauthorized || got.problem.Code != wire.CodeUnauthenticated {
				t.Errorf("%s with %s: %d %s", op.path, name, got.status, got.body)
			}
		}
	}
	good := request{method: "POST", path: "/v1/devices/" + anna.PushID + "/calls", body: beginning, header: map[string]string{
		"Authorization": "Bearer " + bed.UserToken(t, "anna"), wire.SecretHeader: anna.DeviceSecret,
	}}
	for _, want := range []int{http.StatusAccepted, http.StatusOK} {
		if got := send(t, bed.Device, good); got.status != want || !strings.Contains(got.body, `"callID":"c"`) {
			t.Errorf("a call: %d %s, want %d", got.status, got.body, want)
		}
	}
}

// TestRefusedStepsHaveCodes: every step that a call does not let happen is 409 with a code of its own.
func TestRefusedStepsHaveCodes(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	key := bearer(planetest.ServerKey)
	for _, tt := range []struct {
		path, body string
		status     int
		code       wire.Code
	}{
		{"", `{"clientID":"1","callID":"c","from":"anna","to":["bert","carl"]}`, 202, ""},
		{"", `{"clientID":"1","callID":"c","from":"anna","to":["bert","carl"]}`, 200, ""},
		{"", `{"clientID":"1","callID":"c","from":"anna","to":["carl"]}`, 409, wire.CodeIDConflict},
		{"", `{"clientID":"2","callID":"c","from":"anna","to":["carl"]}`, 409, wire.CodeCallExists},
		{"", `{"clientID":"3","from":"anna","to":["anna"]}`, 422, wire.CodeInvalidRequest},
		{"", `{"clientID":"3","from":"anna","to":["bert"],"timeoutSeconds":601}`, 422, wire.CodeInvalidRequest},
		{"/c/accept", `{"userID":"dora"}`, 409, wire.CodeNotInvited},
		{"/c/accept", `{"userID":"bert","clientID":"one"}`, 200, ""},
		{"/c/accept", `{"userID":"bert","clientID":"one"}`, 200, ""},
		{"/c/accept", `{"userID":"bert","clientID":"two"}`, 409, wire.CodeCallAnswered},
		{"/c/quit", `{"userID":"carl"}`, 409, wire.CodeNotInCall},
		{"/c/cancel", `{"userID":"bert"}`, 409, wire.CodeNotCaller},
		{"/c/invite", `{"userID":"bert","to":["carl"]}`, 409, wire.CodeInvitedAlready},
		{"/c/invite", `{"userID":"bert","to":["1","2","3","4","5","6","7","8"]}`, 409, wire.CodeCallFull},
		{"/c/invite", `{"userID":"bert","to":["dora"],"push":{"title":"t"}}`, 200, ""},
		{"/c/reject", `{"userID":"carl"}`, 200, ""},
		{"/c/cancel", `{"userID":"anna","to":["dora"],"push":{"payload":"p"}}`, 200, ""},
		{"/c/end", `{"userID":"bert"}`, 200, ""},
		{"/c/end", `{"userID":"bert"}`, 409, wire.CodeCallOver},
		{"/d/end", `{"userID":"bert"}`, 404, wire.CodeNotFound},
	} {
		got := send(t, bed.Server, request{method: "POST", path: "/v1/calls" + tt.path, body: tt.body, header: key})
		if got.status != tt.status || got.problem.Code != tt.code {
			t.Errorf("%s %s: %d %s, want %d %s", tt.path, tt.body, got.status, got.body, tt.status, tt.code)
		}
	}
}
