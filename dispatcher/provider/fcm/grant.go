package fcm

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/accesstoken"
)

const (
	scope         = "https://www.googleapis.com/auth/firebase.messaging"
	grantType     = "urn:ietf:params:oauth:grant-type:jwt-bearer"
	assertionLife = time.Hour
	maxTokenLife  = 24 * time.Hour
)

// grant asks the token endpoint for an access token: the JWT grant of RFC 7523.
// golang.org/x/oauth2/jwt does the same but ignores contexts and hides the kind of a failure.
type grant struct {
	account serviceAccount
	url     string
	client  *http.Client
	codes   provider.CodeIndex
	now     func() time.Time
}

// granted is the token endpoint's answer, good or bad.
type granted struct {
	AccessToken string `json:"access_token"`
	ExpiresIn   int64  `json:"expires_in"`
	Error       string `json:"error"`
	Description string `json:"error_description"`
}

// mint returns a token, or an outcome that is not Accepted.
func (g grant) mint(ctx context.Context) (provider.AccessToken, message.Outcome) {
	now := g.now()
	assertion, err := g.assertion(now)
	if err != nil {
		return provider.AccessToken{}, message.Outcome{Class: message.CredentialRejected, Detail: "signing the assertion failed"}
	}
	form := url.Values{"grant_type": {grantType}, "assertion": {assertion}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, g.url, strings.NewReader(form.Encode()))
	if err != nil {
		return provider.AccessToken{}, provider.Unanswered(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	a, err := provider.Do(g.client, req)
	if err != nil {
		return provider.AccessToken{}, provider.Unanswered(err)
	}
	return g.read(a, now)
}

func (g grant) assertion(now time.Time) (string, error) {
	t := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
		"iss":   g.account.ClientEmail,
		"scope": scope,
		"aud":   g.url,
		"iat":   now.Unix(),
		"exp":   now.Add(assertionLife).Unix(),
	})
	if g.account.PrivateKeyID != "" {
		t.Header["kid"] = g.account.PrivateKeyID
	}
	return t.SignedString(g.account.key)
}

func (g grant) read(a provider.Answer, now time.Time) (provider.AccessToken, message.Outcome) {
	var r granted
	malformed := json.Unmarshal(a.Body, &r) != nil
	if a.Status == http.StatusOK && !malformed && r.AccessToken != "" && r.ExpiresIn > 0 {
		life := time.Duration(min(r.ExpiresIn, int64(maxTokenLife/time.Second))) * time.Second
		return accesstoken.Lasting(r.AccessToken, now, life, maxTokenLife), message.Outcome{Class: message.Accepted, HTTPStatus: a.Status}
	}
	o := a.Malformed()
	if !malformed && r.Error != "" {
		o.Code = provider.Words(r.Error)
		o.Detail = provider.Words(r.Description, g.account.PrivateKey, r.AccessToken)
	}
	if row, ok := g.codes[o.Code]; ok {
		o.Class = row.Class
	}
	if o.Class != message.Transient && o.Class != message.Throttled {
		o.Class = message.CredentialRejected // no message is at fault, so deliveries are kept
	}
	o.RetryAfter = wait(o.Class, a.RetryAfter)
	return provider.AccessToken{}, o
}
