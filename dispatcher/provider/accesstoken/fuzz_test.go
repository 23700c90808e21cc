package accesstoken

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// FuzzGranted: an answer is a token with a life of a day at most, or an outcome that is the channel's, without secrets.
func FuzzGranted(f *testing.F) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	f.Add(200, []byte(`{"access_token":"granted-token","expires_in":3600,"token_type":"Bearer"}`))
	f.Add(400, []byte(`{"error":1101,"sub_error":20001,"error_description":"bad client-secret-1"}`))
	f.Add(401, []byte(`{"error":"invalid_client","error_description":"x","access_token":"x"}`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		const secret = "client-secret-1"
		token, o := Granted(provider.Answer{Status: status, Body: body}, nil, now, secret)
		if (o.Class == message.Accepted) != (token.Value.Reveal() != "") {
			t.Errorf("%d %q: token and outcome %+v disagree", status, body, o)
		}
		if o.Class == message.Accepted && (status != 200 || token.ExpiresAt.After(now.Add(24*time.Hour))) {
			t.Errorf("%d %q: lives until %s", status, body, token.ExpiresAt)
		}
		if o.Class == "" || strings.Contains(o.Code+o.Detail, secret) || utf8.RuneCountInString(o.Detail) > 256 || utf8.RuneCountInString(o.Code) > 256 {
			t.Errorf("%d %q: got %+v", status, body, o)
		}
	})
}
