// Package honor pushes through Honor Push: one JSON request for up to 1000
// tokens, authorized by an access token of the app's client credentials.
package honor

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/accesstoken"
)

const (
	baseURL    = "https://push-api.cloud.honor.com"
	tokenURL   = "https://iam.developer.honor.com/auth/token"
	maxTargets = 1000
)

// Provider is an app of Honor Push.
type Provider struct {
	url    string
	app    config.HonorChannel
	client *http.Client
	grant  accesstoken.ClientCredentials
	tokens *accesstoken.Cache
	codes  provider.CodeIndex
	now    func() time.Time
}

var _ provider.Provider = (*Provider)(nil)

// checkCredential checks the shape of a client secret. Errors name the key of the Secret and quote nothing.
func checkCredential(clientSecret []byte) error {
	return provider.CheckSecret("clientSecret", string(clientSecret), "the client secret from Honor's developer console")
}

// New makes the provider of a channel row with vendor Honor.
func New(row config.Channel, deps provider.Deps) (*Provider, error) {
	if row.Honor == nil {
		return nil, fmt.Errorf("channel %s: honor: must be set for vendor Honor", row.Name)
	}
	if err := checkCredential([]byte(row.Honor.ClientSecret.Reveal())); err != nil {
		return nil, fmt.Errorf("channel %s: honor: %w", row.Name, err)
	}
	client, err := provider.NewClient(row.Endpoint, deps)
	if err != nil {
		return nil, fmt.Errorf("channel %s: %w", row.Name, err)
	}
	base, authURL := baseURL, tokenURL
	if row.Endpoint.URL != "" {
		base = strings.TrimSuffix(row.Endpoint.URL, "/")
	}
	if row.Endpoint.AuthURL != "" {
		authURL = row.Endpoint.AuthURL
	}
	codes := provider.IndexCodes(Codes())
	grant := accesstoken.ClientCredentials{
		URL: authURL, ClientID: row.Honor.ClientID, Secret: row.Honor.ClientSecret, Client: client, Codes: codes, Now: deps.Clock(),
	}
	return &Provider{
		url:    base + "/api/v1/" + url.PathEscape(row.Honor.AppID) + "/sendMessage",
		app:    *row.Honor,
		client: client,
		grant:  grant,
		tokens: accesstoken.New(row.Name+"/"+grant.Fingerprint(), grant.Mint, deps),
		codes:  codes,
		now:    deps.Clock(),
	}, nil
}

// MaxTargets is the largest number of tokens of one Send.
func (*Provider) MaxTargets() int { return maxTargets }

// Requests is one for all targets. The rare repetition for each target alone is not counted.
func (*Provider) Requests(int) int { return 1 }

// Close releases connections.
func (p *Provider) Close() { p.client.CloseIdleConnections() }

// Probe asks for a new access token: Honor checks the client id and secret, and nothing is sent. That the app id
// is right shows with the first push.
func (p *Provider) Probe(ctx context.Context) message.Outcome {
	_, o := p.grant.Mint(ctx)
	return o
}

// Send makes one request for all targets that can be tokens.
func (p *Provider) Send(ctx context.Context, n provider.Notification, targets []provider.Target) []message.Outcome {
	b, note, err := compose(n, p.app, targets)
	return provider.SendBatch(ctx, targets, func(tokens []string) (o message.Outcome, named map[string]message.Outcome) {
		if err != nil {
			return provider.Unsent(err), nil
		}
		o = p.tokens.Do(ctx, func(accessToken string) (one message.Outcome) {
			one, named = p.push(ctx, accessToken, b, tokens)
			return one
		})
		if o.Class == message.Accepted {
			o.Detail = note
		}
		return o, named
	})
}

func (p *Provider) push(ctx context.Context, accessToken string, b body, tokens []string) (message.Outcome, map[string]message.Outcome) {
	b.Token = tokens
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, bytes.NewReader(provider.Compact(b)))
	if err != nil {
		return provider.Unanswered(err), nil
	}
	req.Header.Set("Authorization", "Bearer "+accessToken)
	req.Header.Set("Content-Type", "application/json; charset=UTF-8")
	req.Header.Set("timestamp", strconv.FormatInt(p.now().UnixMilli(), 10)) // Honor reads names of headers in any case
	a, err := provider.Do(p.client, req)
	if err != nil {
		return provider.Unanswered(err), nil
	}
	return outcome(a, p.codes, p.now(), append([]string{accessToken, p.app.ClientSecret.Reveal()}, tokens...)...)
}
