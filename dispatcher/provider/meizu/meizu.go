// Package meizu pushes through Meizu's Flyme Push: one form for up to 100 push
// ids, each request signed with the app's secret.
package meizu

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
	maxTargets = 100
	pushPath   = "/garcia/api/server/push/varnished/pushByPushId"
	// statisticsPath tells how many pushes the app had on some days.
	statisticsPath = "/garcia/api/server/push/statistics/dailyPushStatics"
	formType       = "application/x-www-form-urlencoded;charset=UTF-8"
)

// Provider is an app of Flyme Push in one region.
type Provider struct {
	base   string
	appID  string
	secret config.Secret
	// receiptURL is empty without a receipt token: the console has that once the URL is registered, and Meizu may refuse
	// pushes that name another.
	receiptURL config.Secret
	client     *http.Client
	codes      provider.CodeIndex
	now        func() time.Time
}

var _ provider.Provider = (*Provider)(nil)

// checkCredential checks the shape of an AppSecret and of a receipt token, which may be empty. Errors name the key of the Secret
// and quote nothing.
func checkCredential(appSecret, receiptToken []byte) error {
	if err := provider.CheckSecret("appSecret", string(appSecret), "the App Secret from Meizu's push console"); err != nil || len(receiptToken) == 0 {
		return err
	}
	return provider.CheckSecret("receiptToken", string(receiptToken), "the access token of receipts from Meizu's push console")
}

// New makes the provider of a channel row with vendor Meizu.
func New(row config.Channel, deps provider.Deps) (*Provider, error) {
	if row.Meizu == nil {
		return nil, fmt.Errorf("channel %s: meizu: must be set for vendor Meizu", row.Name)
	}
	if err := checkCredential([]byte(row.Meizu.AppSecret.Reveal()), []byte(row.Meizu.ReceiptToken.Reveal())); err != nil {
		return nil, fmt.Errorf("channel %s: meizu: %w", row.Name, err)
	}
	base, err := provider.BaseURL(row, "meizu.region", regions()...)
	if err != nil {
		return nil, fmt.Errorf("channel %s: %w", row.Name, err)
	}
	client, err := provider.NewClient(row.Endpoint, deps)
	if err != nil {
		return nil, fmt.Errorf("channel %s: %w", row.Name, err)
	}
	p := &Provider{
		base: base, appID: row.Meizu.AppID,
		secret: row.Meizu.AppSecret,
		client: client,
		codes:  provider.IndexCodes(Codes()),
		now:    deps.Clock(),
	}
	if row.Meizu.ReceiptToken.Reveal() != "" {
		p.receiptURL = deps.ReceiptURL
	}
	return p, nil
}

// regions are the hosts of the phones' regions.
func regions() []provider.Region {
	return []provider.Region{
		{Name: "China", URL: "https://server-api-push.meizu.com"},
		{Name: "India", URL: "https://server-api-push.in.meizu.com"},
	}
}

// MaxTargets is the largest number of push ids of one Send.
func (*Provider) MaxTargets() int { return maxTargets }

// Requests is one for all targets. The rare repetition for each target alone is not counted.
func (*Provider) Requests(int) int { return 1 }

// Close releases connections.
func (p *Provider) Close() { p.client.CloseIdleConnections() }

// Probe asks for today's statistics: Meizu checks the app id and the signature, and there is nobody to push to.
func (p *Provider) Probe(ctx context.Context) message.Outcome {
	today := p.now().In(provider.China()).Format("20060102")
	a, err := p.ask(ctx, http.MethodGet, statisticsPath, url.Values{"startTime": {today}, "endTime": {today}})
	if err != nil {
		return provider.Unanswered(err)
	}
	o, _ := p.outcome(a)
	return o
}

// Send makes one request for all targets that can be push ids.
func (p *Provider) Send(ctx context.Context, n provider.Notification, targets []provider.Target) []message.Outcome {
	m, note, err := compose(n, provider.CommonUser(targets), p.receiptURL.Reveal())
	return provider.SendBatch(ctx, targets, func(tokens []string) (message.Outcome, map[string]message.Outcome) {
		if err != nil {
			return provider.Unsent(err), nil
		}
		form := url.Values{"pushIds": {strings.Join(tokens, ",")}, "messageJson": {m}}
		a, err := p.ask(ctx, http.MethodPost, pushPath, form)
		if err != nil {
			return provider.Unanswered(err), nil
		}
		o, named := p.outcome(a, tokens...)
		if o.Class == message.Accepted {
			o.Detail = note
		}
		return o, named
	})
}

// outcome shows none of the tokens, the app's secret and the receipt URL.
func (p *Provider) outcome(a provider.Answer, tokens ...string) (message.Outcome, map[string]message.Outcome) {
	return outcome(a, p.codes, p.now(), append([]string{p.secret.Reveal(), p.receiptURL.Reveal()}, tokens...)...)
}

// ask makes a signed request, and the same once more where Meizu points to another address of its own.
func (p *Provider) ask(ctx context.Context, method, path string, form url.Values) (provider.Answer, error) {
	form.Set("appId", p.appID)
	form.Set("sign", sign(form, p.secret.Reveal()))
	a, err := p.do(ctx, method, p.base+path, form.Encode())
	if err != nil {
		return provider.Answer{}, err
	}
	if link := redirect(a, p.base); link != "" {
		return p.do(ctx, method, link, form.Encode())
	}
	return a, nil
}

func (p *Provider) do(ctx context.Context, method, link, form string) (provider.Answer, error) {
	body := form
	if method == http.MethodGet {
		link, body = link+"?"+form, ""
	}
	req, err := http.NewRequestWithContext(ctx, method, link, strings.NewReader(body))
	if err != nil {
		return provider.Answer{}, err
	}
	req.Header.Set("Content-Type", formType)
	return provider.Do(p.client, req)
}
