package simulator_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/offlinepush/operator/dispatcher/simulator"
	"github.com/offlinepush/operator/dispatcher/simulator/fcm"
)

// patience is how long a test waits for what must come.
const patience = time.Minute

// bench is a running simulator with a client for each side.
type bench struct {
	*simulator.Client
	server  *simulator.Server
	vendors *http.Client
}

func start(t *testing.T, o simulator.Options) *bench {
	t.Helper()
	server, err := simulator.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Errorf("closing: %v", err)
		}
	})
	vendors := server.HTTPClient()
	t.Cleanup(vendors.CloseIdleConnections)
	return &bench{server.Client(), server, vendors}
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// reply is what a vendor answered.
type reply struct {
	status, protocol int
	body             string
}

// post sends a request to a vendor.
func (b *bench) post(ctx context.Context, link, authorization, contentType, body string) (reply, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, link, strings.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	req.Header.Set("Authorization", authorization)
	req.Header.Set("Content-Type", contentType)
	res, err := b.vendors.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	return reply{res.StatusCode, res.ProtoMajor, string(answer)}, err
}

// grant fetches an access token as a dispatcher does, from the token_uri of the key.
func (b *bench) grant(t *testing.T, s fcm.ServiceAccount, tokenURI string) string {
	t.Helper()
	key := must(jwt.ParseRSAPrivateKeyFromPEM([]byte(s.PrivateKey)))(t)
	now := time.Now()
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
		"iss": s.ClientEmail, "aud": tokenURI, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
		"scope": "https://www.googleapis.com/auth/firebase.messaging",
	})
	token.Header["kid"] = s.PrivateKeyID
	form := url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"},
		"assertion":  {must(token.SignedString(key))(t)},
	}
	got, err := b.post(t.Context(), tokenURI, "", "application/x-www-form-urlencoded", form.Encode())
	check(t, err)
	var granted struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(got.body), &granted); err != nil || granted.AccessToken == "" {
		t.Fatalf("grant: %+v", got)
	}
	return granted.AccessToken
}

func fcmBody(token string) string {
	return `{"message":{"token":"` + token + `","notification":{"title":"Hi","body":"There"},"data":{"payload":"p"}}}`
}

func xiaomiForm(tokens ...string) string {
	return url.Values{
		"registration_id": {strings.Join(tokens, ",")}, "restricted_package_name": {"io.chat"}, "pass_through": {"0"},
		"title": {"Hi"}, "description": {"There"}, "extra.payload": {"p"}, "notify_id": {"7"},
	}.Encode()
}

func (b *bench) xiaomi(ctx context.Context, secret string, tokens ...string) (string, error) {
	got, err := b.post(ctx, "https://api.xmpush.xiaomi.com/v3/message/regid", "key="+secret,
		"application/x-www-form-urlencoded", xiaomiForm(tokens...))
	return got.body, err
}
