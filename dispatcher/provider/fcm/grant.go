package fcm

import (
	"context"
	"net/http"
	"net/url"
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

// mint returns a token, or an outcome that is not Accepted.
func (g grant) mint(ctx context.Context) (provider.AccessToken, message.Outcome) {
	now := g.now()
	assertion, err := g.assertion(now)
	if err != nil {
		return provider.AccessToken{}, message.Outcome{Class: message.CredentialRejected, Detail: "signing the assertion failed"}
	}
	a, err := accesstoken.Ask(ctx, g.client, g.url, url.Values{"grant_type": {grantType}, "assertion": {assertion}})
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
	token, o := accesstoken.Granted(a, g.codes, now, g.account.PrivateKey)
	o.RetryAfter = wait(o.Class, a.RetryAfter)
	return token, o
}
