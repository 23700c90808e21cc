// Package huawei pushes through Huawei's Push Kit v1 to phones with EMUI and
// HarmonyOS up to 4: one request for up to 1000 tokens, authorized by an access
// token for the app's id and secret.
package huawei

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/accesstoken"
	"github.com/offlinepush/operator/dispatcher/provider/pushkit"
)

const (
	// tokenURL is Huawei's token endpoint.
	tokenURL = "https://oauth-login.cloud.huawei.com/oauth2/v3/token"
	// grantWait is how long Huawei counts tokens: 1000 of an app in five minutes.
	grantWait = 5 * time.Minute
)

// Provider is an app of Push Kit v1.
type Provider struct {
	app    config.HuaweiChannel
	grant  accesstoken.ClientCredentials
	sender *pushkit.Sender
}

var _ provider.Provider = (*Provider)(nil)

// New makes the provider of a channel row with vendor Huawei.
func New(row config.Channel, deps provider.Deps) (*Provider, error) {
	if row.Huawei == nil {
		return nil, fmt.Errorf("channel %s: huawei: must be set for vendor Huawei", row.Name)
	}
	if err := checkCredential([]byte(row.Huawei.AppSecret.Reveal())); err != nil {
		return nil, fmt.Errorf("channel %s: huawei: %w", row.Name, err)
	}
	client, err := provider.NewClient(row.Endpoint, deps)
	if err != nil {
		return nil, fmt.Errorf("channel %s: %w", row.Name, err)
	}
	codes := provider.IndexCodes(Codes())
	p := &Provider{app: *row.Huawei, grant: accesstoken.ClientCredentials{
		URL: cmp.Or(row.Endpoint.AuthURL, tokenURL), ClientID: row.Huawei.AppID, Secret: row.Huawei.AppSecret,
		Client: client, Codes: codes, Now: deps.Clock(),
	}}
	p.sender = &pushkit.Sender{
		URL:    pushkit.Base(row) + "/v1/" + url.PathEscape(row.Huawei.AppID) + "/messages:send",
		Client: client,
		Codes:  codes,
		Tokens: accesstoken.New(row.Name+"/"+p.grant.Fingerprint(), p.mint, deps),
		Now:    deps.Clock(),
	}
	return p, nil
}

// checkCredential checks the shape of an app's secret. Errors name the key of the Secret and quote nothing.
func checkCredential(appSecret []byte) error {
	return provider.CheckSecret("appSecret", string(appSecret), "the App secret from AppGallery Connect")
}

// MaxTargets is the largest number of tokens of one Send.
func (*Provider) MaxTargets() int { return pushkit.MaxTargets }

// Requests is one for all targets. The rare repetition for each target alone is not counted.
func (*Provider) Requests(int) int { return 1 }

// Close releases connections.
func (p *Provider) Close() { p.sender.Client.CloseIdleConnections() }

// Probe proves the app's id and secret by a new access token. That the app may push shows with the first one.
func (p *Provider) Probe(ctx context.Context) message.Outcome {
	_, o := p.mint(ctx)
	return o
}

// mint asks for an access token. HTTP 503 means that the app asked too often.
func (p *Provider) mint(ctx context.Context) (provider.AccessToken, message.Outcome) {
	token, o := p.grant.Mint(ctx)
	if o.HTTPStatus == http.StatusServiceUnavailable {
		o.Class = message.Throttled
		if o.RetryAfter == 0 {
			o.RetryAfter = grantWait
		}
	}
	return token, o
}

// Send makes one request for all targets that can be tokens.
func (p *Provider) Send(ctx context.Context, n provider.Notification, targets []provider.Target) []message.Outcome {
	m, err := compose(n, p.app, targets)
	if err != nil {
		return pushkit.Reject(err, targets)
	}
	return p.sender.Send(ctx, m, targets)
}

// Receipts reads a callback of a channel row.
func Receipts(row config.Channel, c provider.Callback) ([]provider.Receipt, error) {
	if row.Huawei == nil {
		return nil, fmt.Errorf("channel %s: huawei: must be set for vendor Huawei", row.Name)
	}
	return pushkit.Receipts(row.Huawei.ReceiptUser, row.Huawei.ReceiptKey, c)
}
