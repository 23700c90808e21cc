package accesstoken

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
)

func TestClientCredentials(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.PostFormValue("grant_type") != "client_credentials" || r.PostFormValue("client_id") != "42" {
			t.Errorf("form %v", r.PostForm)
		}
		if secret := r.PostFormValue("client_secret"); secret != "s&+=" {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = fmt.Fprintf(w, `{"error":1101,"sub_error":20001,"error_description":"bad secret %s"}`, secret)
			return
		}
		_, _ = fmt.Fprint(w, `{"access_token":"t","expires_in":3600,"token_type":"Bearer"}`)
	}))
	t.Cleanup(s.Close)
	grant := ClientCredentials{
		URL: s.URL, ClientID: "42", Secret: config.NewSecret("s&+="), Client: s.Client(), Now: func() time.Time { return now },
	}
	token, o := grant.Mint(t.Context())
	if token.Value.Reveal() != "t" || !token.ExpiresAt.Equal(now.Add(55*time.Minute)) || o.Class != message.Accepted {
		t.Errorf("got %+v until %s", o, token.ExpiresAt)
	}
	old := grant.Fingerprint()
	grant.Secret = config.NewSecret("wrong-secret")
	if grant.Fingerprint() == old {
		t.Error("two credentials have one fingerprint")
	}
	_, o = grant.Mint(t.Context())
	if o.Class != message.CredentialRejected || o.Code != "1101/20001" || o.Detail != "bad secret <redacted>" || o.HTTPStatus != 401 {
		t.Errorf("got %+v", o)
	}
	s.Close()
	if _, o = grant.Mint(t.Context()); o.Class != message.Transient || strings.Contains(o.Detail, "https://") {
		t.Errorf("got %+v", o)
	}
}

func TestGrantedByTheTable(t *testing.T) {
	t.Parallel()
	codes := provider.IndexCodes([]provider.Code{{Code: "busy", Class: message.Throttled}, {Code: "odd", Class: message.Rejected}})
	for body, want := range map[string]message.Class{
		`{"error":"busy"}`: message.Throttled, `{"error":"odd"}`: message.CredentialRejected, `{"error":"new"}`: message.CredentialRejected,
	} {
		if _, o := Granted(provider.Answer{Status: 400, Body: []byte(body)}, codes, time.Now()); o.Class != want {
			t.Errorf("%s: got %+v", body, o)
		}
	}
}
