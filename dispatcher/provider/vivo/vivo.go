// Package vivo pushes through vivo Push: one call for a single phone, a stored
// payload and a list for up to 1000, authorized by a signed token exchange.
package vivo

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/accesstoken"
)

const (
	baseURL    = "https://api-push.vivo.com.cn"
	singlePath = "/message/send"
	savePath   = "/message/saveListPayload"
	listPath   = "/message/pushToList"
	// maxTargets is vivo's limit of a list; the least is 2.
	maxTargets = 1000
)

// Provider is an app of vivo Push.
type Provider struct {
	base      string
	app       app
	receiptID string
	// receiptURL is zero when no receipts are asked for.
	receiptURL config.Secret
	client     *http.Client
	tokens     *accesstoken.Cache
	codes      provider.CodeIndex
	now        func() time.Time
}

var _ provider.Provider = (*Provider)(nil)

// New makes the provider of a channel row with vendor Vivo.
func New(row config.Channel, deps provider.Deps) (*Provider, error) {
	if row.Vivo == nil {
		return nil, fmt.Errorf("channel %s: vivo: must be set for vendor Vivo", row.Name)
	}
	a := app{id: row.Vivo.AppID, key: row.Vivo.AppKey, secret: row.Vivo.AppSecret}
	if err := a.check(); err != nil {
		return nil, fmt.Errorf("channel %s: vivo: %w", row.Name, err)
	}
	client, err := provider.NewClient(row.Endpoint, deps)
	if err != nil {
		return nil, fmt.Errorf("channel %s: %w", row.Name, err)
	}
	p := &Provider{
		base: baseURL, app: a,
		receiptID:  row.Vivo.ReceiptID,
		receiptURL: deps.ReceiptURL,
		client:     client,
		codes:      provider.IndexCodes(Codes()),
		now:        deps.Clock(),
	}
	if row.Endpoint.URL != "" {
		p.base = strings.TrimSuffix(row.Endpoint.URL, "/")
	}
	p.tokens = accesstoken.New(row.Name+"/"+a.fingerprint(), p.mint, deps)
	return p, nil
}

// MaxTargets is the largest number of tokens of one Send.
func (*Provider) MaxTargets() int { return maxTargets }

// Requests is one for each target: vivo's rate counts messages.
func (*Provider) Requests(targets int) int { return targets }

// Close releases connections.
func (p *Provider) Close() { p.client.CloseIdleConnections() }

// Probe proves the credential by a new access token. That pushes of the wanted class are allowed shows with the first one.
func (p *Provider) Probe(ctx context.Context) message.Outcome {
	_, o := p.mint(ctx)
	return o
}

// Send makes one request for a single target, and two for more.
func (p *Provider) Send(ctx context.Context, n provider.Notification, targets []provider.Target) []message.Outcome {
	b, notes, err := compose(n, p.app.id, provider.CommonUser(targets))
	j := job{provider: p, body: b, event: n.DedupID, messageID: n.MessageID}
	return provider.SendBatch(ctx, targets, func(tokens []string) (message.Outcome, map[string]message.Outcome) {
		if err != nil {
			return provider.Unsent(err), nil
		}
		o, named := j.push(ctx, tokens)
		if o.Class == message.Accepted {
			o.Detail = provider.Words(provider.Notes(notes, o.Detail))
		}
		return o, named
	})
}

// ask makes a call with an access token, and once more with a new one if that ran out. None of hide is shown.
func (p *Provider) ask(ctx context.Context, path string, body any, hide ...string) (r reply, o message.Outcome) {
	hide = append([]string{p.app.secret.Reveal(), p.receiptURL.Reveal()}, hide...)
	o = p.tokens.Do(ctx, func(token string) message.Outcome {
		var called message.Outcome
		r, called = p.call(ctx, path, http.Header{"Authtoken": {token}}, body, append(hide, token)...)
		return called
	})
	return r, o
}

// call makes a call as it is.
func (p *Provider) call(
	ctx context.Context, path string, header http.Header, body any, hide ...string,
) (reply, message.Outcome) {
	encoded, err := json.Marshal(body)
	if err != nil {
		return reply{}, message.Outcome{Class: message.Rejected, Detail: provider.Words(err.Error())}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.base+path, bytes.NewReader(encoded))
	if err != nil {
		return reply{}, provider.Unanswered(err)
	}
	req.Header = header
	req.Header.Set("Content-Type", "application/json;charset=UTF-8")
	a, err := provider.Do(p.client, req)
	if err != nil {
		return reply{}, provider.Unanswered(err)
	}
	return outcome(a, p.codes, p.now(), hide...)
}

// fingerprint tells credentials apart without showing them.
func (a app) fingerprint() string {
	sum := sha256.Sum256([]byte(strconv.FormatInt(a.id, 10) + "\x00" + a.key + "\x00" + a.secret.Reveal()))
	return hex.EncodeToString(sum[:8])
}
