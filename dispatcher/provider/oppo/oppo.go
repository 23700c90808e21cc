// Package oppo pushes through OPPO Push, which reaches OPPO, realme and OnePlus phones: one request for up to 1000
// registration ids, authorized by an access token that lives a day.
package oppo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/accesstoken"
)

const (
	maxTargets = 1000
	// maxJSON bounds the messages of one request, in bytes. OPPO names no limit.
	maxJSON     = 1 << 20
	unicastPath = "/server/v1/message/notification/unicast"
	batchPath   = "/server/v1/message/notification/unicast_batch"
	// duplicate is the code of a message that was taken before.
	duplicate = "32"
)

// Provider is an app of OPPO Push in one region.
type Provider struct {
	caller   caller
	grant    grant
	tokens   *accesstoken.Cache
	receipts config.Secret
	now      func() time.Time
}

var _ provider.Provider = (*Provider)(nil)

// caller makes requests to OPPO and reads the answers.
type caller struct {
	base   string
	client *http.Client
	codes  provider.CodeIndex
}

// New makes the provider of a channel row with vendor OPPO.
func New(row config.Channel, deps provider.Deps) (*Provider, error) {
	if row.OPPO == nil {
		return nil, fmt.Errorf("channel %s: oppo: must be set for vendor OPPO", row.Name)
	}
	secret := row.OPPO.MasterSecret
	if err := checkCredential([]byte(secret.Reveal())); err != nil {
		return nil, fmt.Errorf("channel %s: oppo: %w", row.Name, err)
	}
	base, err := provider.BaseURL(row, "oppo.region", regions()...)
	if err != nil {
		return nil, fmt.Errorf("channel %s: %w", row.Name, err)
	}
	client, err := provider.NewClient(row.Endpoint, deps)
	if err != nil {
		return nil, fmt.Errorf("channel %s: %w", row.Name, err)
	}
	c := caller{base: base, client: client, codes: provider.IndexCodes(Codes())}
	g := grant{appKey: row.OPPO.AppKey, secret: secret, caller: c, now: deps.Clock()}
	return &Provider{
		caller:   c,
		grant:    g,
		tokens:   accesstoken.New(row.Name+"/"+g.fingerprint(), g.mint, deps),
		receipts: deps.ReceiptURL,
		now:      deps.Clock(),
	}, nil
}

// regions are the hosts of the phones' regions.
func regions() []provider.Region {
	return []provider.Region{
		{Name: "China", URL: "https://api.push.oppomobile.com"},
		{Name: "Global", URL: "https://api-intl.push.oppomobile.com"},
	}
}

// fingerprint tells the tokens of different credentials and regions apart.
func (g grant) fingerprint() string {
	sum := sha256.Sum256([]byte(g.caller.base + "\x00" + g.appKey + "\x00" + g.secret.Reveal()))
	return hex.EncodeToString(sum[:8])
}

// MaxTargets is the largest number of tokens of one Send.
func (*Provider) MaxTargets() int { return maxTargets }

// Requests is one for each target: OPPO limits the targets of a second.
func (*Provider) Requests(targets int) int { return targets }

// Close releases connections.
func (p *Provider) Close() { p.caller.client.CloseIdleConnections() }

// Probe proves the MasterSecret by a new access token. That the app may push shows with the first push.
func (p *Provider) Probe(ctx context.Context) message.Outcome {
	_, o := p.grant.mint(ctx)
	return o
}

// Send makes one request for all targets that can be registration ids, or a few when the messages are large.
func (p *Provider) Send(ctx context.Context, n provider.Notification, targets []provider.Target) []message.Outcome {
	messages, note, err := compose(n, p.receipts, targets)
	outcomes := make([]message.Outcome, 0, len(targets))
	for len(targets) > 0 {
		size := fitting(targets, messages)
		outcomes = append(outcomes, provider.SendBatch(ctx, targets[:size], func(tokens []string) (message.Outcome, map[string]message.Outcome) {
			if err != nil {
				return provider.Unsent(err), nil
			}
			return p.push(ctx, messages, tokens)
		})...)
		targets = targets[size:]
	}
	for i, o := range outcomes {
		if o.Class == message.Accepted {
			outcomes[i].Detail = provider.Notes(o.Detail, note)
		}
	}
	return outcomes
}

// fitting is how many targets make one request, at least one.
func fitting(targets []provider.Target, messages map[string]json.RawMessage) int {
	bytes := 0
	for i, t := range targets {
		if bytes += len(messages[t.Token]); bytes > maxJSON && i > 0 {
			return i
		}
	}
	return len(targets)
}

// push makes one request, and once more if the access token ran out.
func (p *Provider) push(ctx context.Context, messages map[string]json.RawMessage, tokens []string) (whole message.Outcome, named map[string]message.Outcome) {
	path, form := unicastPath, "message="+url.QueryEscape(string(messages[tokens[0]]))
	if len(tokens) > 1 {
		list := make([]json.RawMessage, len(tokens))
		for i, token := range tokens {
			list[i] = messages[token]
		}
		path, form = batchPath, "messages="+url.QueryEscape(string(encode(list)))
	}
	whole = p.tokens.Do(ctx, func(token string) (o message.Outcome) {
		a, err := p.caller.post(ctx, path, "auth_token="+url.QueryEscape(token)+"&"+form)
		if err != nil {
			return provider.Unanswered(err)
		}
		o, named = p.caller.outcomes(a, p.now(), tokens, token, p.receipts.Reveal())
		return o
	})
	if whole.Code == duplicate && len(tokens) > 1 {
		whole.Class = message.InvalidToken // It does not say which phones had it, so that each is asked alone.
	}
	return whole, named
}

func (c caller) post(ctx context.Context, path, form string) (provider.Answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+path, strings.NewReader(form))
	if err != nil {
		return provider.Answer{}, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded;charset=UTF-8")
	return provider.Do(c.client, req)
}
