// Package oppo pushes through OPPO Push, which reaches OPPO, realme and OnePlus phones: one request for up to 1000
// registration ids, authorized by an access token that lives a day.
package oppo

import (
	"bytes"
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
	if err := CheckCredential([]byte(secret.Reveal())); err != nil {
		return nil, fmt.Errorf("channel %s: oppo: %w", row.Name, err)
	}
	base, err := baseURL(row)
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

// baseURL is the region's host. A phone of another region is an invalid target, so there is no default.
func baseURL(row config.Channel) (string, error) {
	if row.Endpoint.URL != "" {
		return strings.TrimSuffix(row.Endpoint.URL, "/"), nil
	}
	switch row.OPPO.Region {
	case "China":
		return "https://api.push.oppomobile.com", nil
	case "Global":
		return "https://api-intl.push.oppomobile.com", nil
	}
	return "", fmt.Errorf("oppo.region: is %q, must be China or Global", row.OPPO.Region)
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

// element is a target with its message.
type element struct {
	at      int // its index among the targets
	token   string
	message json.RawMessage
}

// Send makes one request for all targets, or a few when the messages are large.
func (p *Provider) Send(ctx context.Context, n provider.Notification, targets []provider.Target) []message.Outcome {
	outcomes := make([]message.Outcome, len(targets))
	elements, note := p.compose(n, targets, func(at int, o message.Outcome) { outcomes[at] = o })
	for len(elements) > 0 {
		size := fitting(elements)
		p.deliver(ctx, elements[:size], func(at int, o message.Outcome) {
			if o.Class == message.Accepted {
				o.Detail = provider.Notes(o.Detail, note)
			}
			outcomes[at] = o
		})
		elements = elements[size:]
	}
	return outcomes
}

// compose makes the messages, and reports the targets that cannot have one.
func (p *Provider) compose(n provider.Notification, targets []provider.Target, report func(int, message.Outcome)) (elements []element, note string) {
	common, note, err := compose(n, p.receipts)
	for i, t := range targets {
		if !provider.Plausible(t.Token) {
			report(i, message.Outcome{Class: message.InvalidToken, Detail: "not a registration id of OPPO's"})
			continue
		}
		own, problem := json.RawMessage(nil), err
		if problem == nil {
			own, problem = common.message(n, t)
		}
		if problem != nil {
			report(i, message.Outcome{Class: message.Rejected, Detail: provider.Words(problem.Error())})
			continue
		}
		elements = append(elements, element{i, t.Token, own})
	}
	return elements, note
}

// fitting is how many elements make one request, at least one.
func fitting(elements []element) int {
	bytes := 0
	for i, e := range elements {
		if bytes += len(e.message); bytes > maxJSON && i > 0 {
			return i
		}
	}
	return len(elements)
}

// deliver makes one request and reports an outcome for each element. An answer that blames the phones of a request as a
// whole proves nothing about each of them.
func (p *Provider) deliver(ctx context.Context, elements []element, report func(int, message.Outcome)) {
	whole, each := p.push(ctx, elements)
	if len(elements) > 1 && (whole.Class == message.InvalidToken || whole.Code == duplicate) {
		provider.Alone(len(elements), func(i int) message.Outcome {
			o, each := p.push(ctx, elements[i:i+1])
			return single(o, each, 0)
		}, func(i int, o message.Outcome) { report(elements[i].at, o) })
		return
	}
	for i, e := range elements {
		report(e.at, single(whole, each, i))
	}
}

func single(whole message.Outcome, each []message.Outcome, i int) message.Outcome {
	if each == nil {
		return whole
	}
	return each[i]
}

// push makes one request, and once more if the access token ran out.
func (p *Provider) push(ctx context.Context, elements []element) (whole message.Outcome, each []message.Outcome) {
	tokens := make([]string, len(elements))
	messages := make([][]byte, len(elements))
	for i, e := range elements {
		tokens[i], messages[i] = e.token, e.message
	}
	path, form := unicastPath, "message="+url.QueryEscape(string(elements[0].message))
	if len(elements) > 1 {
		list := string(bytes.Join(messages, []byte(",")))
		path, form = batchPath, "messages="+url.QueryEscape("["+list+"]")
	}
	whole = p.tokens.Do(ctx, func(token string) (o message.Outcome) {
		a, err := p.caller.post(ctx, path, "auth_token="+url.QueryEscape(token)+"&"+form)
		if err != nil {
			return provider.Unanswered(err)
		}
		o, each = p.caller.outcomes(a, p.now(), tokens, token, p.receipts.Reveal())
		return o
	})
	return whole, each
}

func (c caller) post(ctx context.Context, path, form string) (provider.Answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+path, strings.NewReader(form))
	if err != nil {
		return provider.Answer{}, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded;charset=UTF-8")
	return provider.Do(c.client, req)
}
