// Package xiaomi pushes through Xiaomi's Mi Push: one form for up to 1000
// registration ids, authorized by the app's static secret.
package xiaomi

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
)

const (
	maxTargets  = 1000
	defaultPath = "/v3/message/regid"
	quotaPath   = "/v1/trace/quota/get"
)

// Provider is a Mi Push app in one region.
type Provider struct {
	base, path  string
	feedback    string // where the list of dead ids is; empty means nowhere
	packageName string
	secret      config.Secret
	receipts    config.Secret
	client      *http.Client
	codes       provider.CodeIndex
	now         func() time.Time
}

var _ provider.Provider = (*Provider)(nil)

// New makes the provider of a channel row with vendor Xiaomi.
func New(row config.Channel, deps provider.Deps) (*Provider, error) {
	if row.Xiaomi == nil {
		return nil, fmt.Errorf("channel %s: xiaomi: must be set for vendor Xiaomi", row.Name)
	}
	if err := checkCredential([]byte(row.Xiaomi.AppSecret.Reveal())); err != nil {
		return nil, fmt.Errorf("channel %s: xiaomi: %w", row.Name, err)
	}
	base, err := provider.BaseURL(row, "xiaomi.region", regions()...)
	if err != nil {
		return nil, fmt.Errorf("channel %s: %w", row.Name, err)
	}
	client, err := provider.NewClient(row.Endpoint, deps)
	if err != nil {
		return nil, fmt.Errorf("channel %s: %w", row.Name, err)
	}
	path := defaultPath
	if row.Xiaomi.Path != "" {
		path = row.Xiaomi.Path
	}
	return &Provider{
		base: base, path: path, feedback: feedbackBase(row, base),
		packageName: row.Xiaomi.PackageName,
		secret:      row.Xiaomi.AppSecret,
		receipts:    deps.ReceiptURL,
		client:      client,
		codes:       provider.IndexCodes(Codes()),
		now:         deps.Clock(),
	}, nil
}

// regions are the hosts of the phones' regions.
func regions() []provider.Region {
	return []provider.Region{
		{Name: "China", URL: "https://api.xmpush.xiaomi.com"},
		{Name: "Russia", URL: "https://ru-api.xmpush.global.xiaomi.com"},
		{Name: "India", URL: "https://idmb-api.xmpush.global.xiaomi.com"},
		{Name: "Europe", URL: "https://fr-api.xmpush.global.xiaomi.com"},
		{Name: "Global", URL: "https://sgp-api.xmpush.global.xiaomi.com"},
	}
}

// MaxTargets is the largest number of tokens of one Send.
func (*Provider) MaxTargets() int { return maxTargets }

// Requests is one for all targets. The rare repetition for each target alone is not counted.
func (*Provider) Requests(int) int { return 1 }

// Close releases connections.
func (p *Provider) Close() { p.client.CloseIdleConnections() }

// Probe asks for today's quota: Xiaomi checks the secret, nothing is sent and
// no registration id is needed. That the package name is the app's shows with the first push.
func (p *Provider) Probe(ctx context.Context) message.Outcome {
	a, err := p.do(ctx, http.MethodGet, quotaPath, "")
	if err != nil {
		return provider.Unanswered(err)
	}
	o, _ := outcome(a, p.codes, p.now(), p.secret.Reveal())
	return o
}

// Send makes one request for all targets that can be registration ids.
func (p *Provider) Send(ctx context.Context, n provider.Notification, targets []provider.Target) []message.Outcome {
	form, note, err := p.compose(n, provider.CommonUser(targets))
	return provider.SendBatch(ctx, targets, func(tokens []string) (message.Outcome, map[string]message.Outcome) {
		if err != nil {
			return provider.Unsent(err), nil
		}
		o, bad := p.push(ctx, form, tokens)
		named := make(map[string]message.Outcome, len(bad))
		for token := range bad {
			named[token] = message.Outcome{
				Class: message.InvalidToken, Code: o.Code, HTTPStatus: o.HTTPStatus, Detail: "named in data.bad_regids",
			}
		}
		if o.Class == message.Accepted {
			o.Detail = note
		}
		return o, named
	})
}

func (p *Provider) push(ctx context.Context, form url.Values, tokens []string) (message.Outcome, map[string]bool) {
	body := form.Encode() + "&registration_id=" + url.QueryEscape(strings.Join(tokens, ","))
	a, err := p.do(ctx, http.MethodPost, p.path, body)
	if err != nil {
		return provider.Unanswered(err), nil
	}
	return outcome(a, p.codes, p.now(), append([]string{p.secret.Reveal(), p.receipts.Reveal()}, tokens...)...)
}

func (p *Provider) do(ctx context.Context, method, path, body string) (provider.Answer, error) {
	return p.ask(ctx, method, p.base+path, body)
}

func (p *Provider) ask(ctx context.Context, method, address, body string) (provider.Answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		return provider.Answer{}, err
	}
	req.Header.Set("Authorization", "key="+p.secret.Reveal())
	if body != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded;charset=UTF-8")
	}
	return provider.Do(p.client, req)
}
