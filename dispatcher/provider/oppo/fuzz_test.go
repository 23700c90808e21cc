package oppo

import (
	"strings"
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// FuzzGrant: an answer is a token that lives a day at most, or an outcome without secrets that keeps deliveries.
func FuzzGrant(f *testing.F) {
	f.Add(200, []byte(`{"code":0,"data":{"auth_token":"t","create_time":1767182400000}}`))
	f.Add(200, []byte(`{"code":"16","message":"bad master-secret-1"}`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		const secret, signature = "master-secret-1", "signature-123456"
		g := grant{caller: decoder(), secret: config.NewSecret(secret)}
		token, o := g.read(provider.Answer{Status: status, Body: body}, noon(), signature)
		if (o.Class == message.Accepted) != (token.Value.Reveal() != "") {
			t.Errorf("%d %q: token and outcome %+v disagree", status, body, o)
		}
		if o.Class == message.Accepted && (token.ExpiresAt.Before(noon()) || token.ExpiresAt.After(noon().Add(24*time.Hour))) {
			t.Errorf("%d %q: lives until %s", status, body, token.ExpiresAt)
		}
		switch o.Class {
		case message.Accepted, message.CredentialRejected, message.Transient, message.Throttled:
		case message.InvalidToken, message.AuthExpired, message.QuotaExhausted, message.Rejected, message.Unknown:
			t.Errorf("%d %q: a grant is %s", status, body, o.Class)
		}
		if strings.Contains(o.Code+o.Detail, secret) || strings.Contains(o.Code+o.Detail, signature) {
			t.Errorf("%d %q: got %+v", status, body, o)
		}
	})
}
