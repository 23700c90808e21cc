package accesstoken

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// maxLife bounds what a token endpoint may claim.
const maxLife = 24 * time.Hour

// Ask posts a form to a token endpoint.
func Ask(ctx context.Context, client *http.Client, link string, form url.Values) (provider.Answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, link, strings.NewReader(form.Encode()))
	if err != nil {
		return provider.Answer{}, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return provider.Do(client, req)
}

// granted is the answer of an OAuth 2.0 token endpoint, good or bad.
type granted struct {
	AccessToken string    `json:"access_token"`
	ExpiresIn   int64     `json:"expires_in"`
	Error       errorCode `json:"error"`
	SubError    errorCode `json:"sub_error"`
	Description string    `json:"error_description"`
}

// code is what is wrong. Huawei says it in two numbers.
func (g granted) code() string {
	if g.SubError == "" {
		return string(g.Error)
	}
	return string(g.Error) + "/" + string(g.SubError)
}

// errorCode is a word by RFC 6749, which some vendors replace by a number.
type errorCode string

// UnmarshalJSON implements json.Unmarshaler.
func (c *errorCode) UnmarshalJSON(b []byte) error {
	var word string
	if json.Unmarshal(b, &word) == nil {
		*c = errorCode(word)
		return nil
	}
	return json.Unmarshal(b, (*provider.Number)(c))
}

// Granted reads the answer of an OAuth 2.0 token endpoint (RFC 6749, section 5) to a request that was made now: a token, or an
// outcome that is not Accepted. None of hide is shown.
func Granted(a provider.Answer, codes provider.CodeIndex, now time.Time, hide ...string) (provider.AccessToken, message.Outcome) {
	var r granted
	malformed := json.Unmarshal(a.Body, &r) != nil
	if a.Status == http.StatusOK && !malformed && r.AccessToken != "" && r.ExpiresIn > 0 {
		life := time.Duration(min(r.ExpiresIn, int64(maxLife/time.Second))) * time.Second
		return Lasting(r.AccessToken, now, life, maxLife), message.Outcome{Class: message.Accepted, HTTPStatus: a.Status}
	}
	o := a.Malformed()
	if !malformed && r.Error != "" {
		hide = append(hide, r.AccessToken)
		o.Code, o.Detail = provider.Words(r.code(), hide...), provider.Words(r.Description, hide...)
	}
	if row, ok := codes[o.Code]; ok {
		o.Class = row.Class
	}
	if o.Class != message.Transient && o.Class != message.Throttled {
		o.Class = message.CredentialRejected // no message is at fault, so deliveries are kept
	}
	return provider.AccessToken{}, o
}

// ClientCredentials asks for a token with an id and a secret: the grant of RFC 6749, section 4.4.
type ClientCredentials struct {
	URL      string
	ClientID string
	Secret   config.Secret
	Client   *http.Client
	Codes    provider.CodeIndex
	Now      func() time.Time
}

// Fingerprint tells the access tokens of one credential from those of another.
func (c ClientCredentials) Fingerprint() string {
	sum := sha256.Sum256([]byte(c.ClientID + "\x00" + c.Secret.Reveal()))
	return hex.EncodeToString(sum[:8])
}

// Mint is a Mint.
func (c ClientCredentials) Mint(ctx context.Context) (provider.AccessToken, message.Outcome) {
	now := c.Now()
	a, err := Ask(ctx, c.Client, c.URL, url.Values{
		"grant_type": {"client_credentials"}, "client_id": {c.ClientID}, "client_secret": {c.Secret.Reveal()},
	})
	if err != nil {
		return provider.AccessToken{}, provider.Unanswered(err)
	}
	return Granted(a, c.Codes, now, c.Secret.Reveal())
}
