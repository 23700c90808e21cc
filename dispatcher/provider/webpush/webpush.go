// Package webpush pushes to browsers through their own push services: one
// request to each subscription's endpoint (RFC 8030), encrypted for the browser
// (RFC 8291) and signed with the app's VAPID key (RFC 8292). Endpoints come from
// clients, so only hosts that the channel allows are called, over public addresses.
//
// The encryption is the standard library's primitives in the order of the RFC.
// github.com/SherClockHolmes/webpush-go does the same, but pads every message to
// the full record, signs a token for every message and cannot send through a gateway.
package webpush

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
)

const (
	// maxTargets is as with other vendors that take one phone a request.
	maxTargets = 500
	// maxStreams bounds the open requests of a channel row.
	maxStreams = 200
)

// Provider is a VAPID identity.
type Provider struct {
	// base comes before the host of an endpoint: nothing but the scheme, or a gateway.
	base    string
	allowed []string
	client  *http.Client
	vapid   *vapid
	hosts   hosts
	codes   provider.CodeIndex
	streams provider.Streams
	now     func() time.Time
}

var _ provider.Provider = (*Provider)(nil)

// New makes the provider of a channel row with vendor WebPush.
func New(row config.Channel, deps provider.Deps) (*Provider, error) {
	if row.WebPush == nil {
		return nil, fmt.Errorf("channel %s: webPush: must be set for vendor WebPush", row.Name)
	}
	key, public, err := parseKeys(row.WebPush.PrivateKey.Reveal(), row.WebPush.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("channel %s: %w", row.Name, err)
	}
	if err := checkSubject(row.WebPush.Subject); err != nil {
		return nil, fmt.Errorf("channel %s: %w", row.Name, err)
	}
	allowed := slices.Clone(row.WebPush.AllowedHosts)
	base := scheme
	if row.Endpoint.URL != "" {
		base = strings.TrimSuffix(row.Endpoint.URL, "/") + "/"
	} else {
		deps.Guard.Foreign = func(host string) bool { return among(host, allowed) }
	}
	client, err := provider.NewClient(row.Endpoint, deps)
	if err != nil {
		return nil, fmt.Errorf("channel %s: %w", row.Name, err)
	}
	now := deps.Clock()
	return &Provider{
		base: base, allowed: allowed, client: client,
		vapid:   &vapid{key: key, public: public, subject: row.WebPush.Subject, now: now, tokens: map[string]signed{}},
		hosts:   hosts{known: map[string]host{}},
		codes:   provider.IndexCodes(Codes()),
		streams: provider.NewStreams(maxStreams),
		now:     now,
	}, nil
}

// MaxTargets is the largest number of subscriptions of one Send.
func (*Provider) MaxTargets() int { return maxTargets }

// Requests is one for each target: Web Push has no batch call.
func (*Provider) Requests(targets int) int { return targets }

// Close releases connections.
func (p *Provider) Close() { p.client.CloseIdleConnections() }

// Probe has nobody to ask: push services know a key only by the subscriptions that were made with it. New has checked the
// key, and a probe to a service's address would prove nothing of it.
func (*Provider) Probe(context.Context) message.Outcome {
	return message.Outcome{
		Class:  message.Accepted,
		Detail: "the VAPID key was checked here; no push service can be asked about it before there is a subscription",
	}
}

// Send makes one request for each target.
func (p *Provider) Send(ctx context.Context, n provider.Notification, targets []provider.Target) []message.Outcome {
	outcomes := make([]message.Outcome, len(targets))
	all := make([]int, len(targets))
	for i := range all {
		all[i] = i
	}
	p.streams.Each(ctx, all, func(i int) { outcomes[i] = p.push(ctx, n, targets[i]) })
	return outcomes
}

// push makes one request, and one more with a new VAPID token if the first is refused.
func (p *Provider) push(ctx context.Context, n provider.Notification, t provider.Target) message.Outcome {
	s, err := parseSubscription(t.Token)
	if err != nil {
		return message.Outcome{Class: message.InvalidToken, Detail: provider.Words(err.Error())}
	}
	if !among(s.host, p.allowed) {
		return rejected(fmt.Errorf("host %s of the subscription is not in webPush.allowedHosts; add it if it is a push service", s.host))
	}
	plaintext, err := compose(n, t)
	if err != nil {
		return rejected(err)
	}
	if o, ok := p.hosts.waiting(s.host, p.now()); ok {
		return o
	}
	encrypted, err := encrypt(s, plaintext)
	if err != nil {
		return rejected(fmt.Errorf("encrypting: %w", err))
	}
	var o message.Outcome
	token := ""
	for range 2 {
		if token, err = p.vapid.token(scheme+s.host, token); err != nil {
			return message.Outcome{Class: message.CredentialRejected, Detail: "signing the VAPID token failed"}
		}
		if o = p.call(ctx, n, s, encrypted, token); o.Class != message.AuthExpired {
			break
		}
	}
	p.hosts.settle(s.host, &o, p.now())
	return o
}

func rejected(err error) message.Outcome {
	return message.Outcome{Class: message.Rejected, Detail: provider.Words(err.Error())}
}

// call takes the encrypted message to the endpoint, or to the gateway for it.
func (p *Provider) call(
	ctx context.Context, n provider.Notification, s *subscription, encrypted []byte, token string,
) message.Outcome {
	address := p.base + strings.TrimPrefix(s.Endpoint, scheme)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(encrypted))
	if err != nil {
		return rejected(fmt.Errorf("endpoint of host %s: cannot be called", s.host))
	}
	describe(req.Header, n)
	req.Header.Set("Authorization", p.vapid.authorization(token))
	a, err := provider.Do(p.client, req)
	if err != nil {
		return provider.Unanswered(err)
	}
	return outcome(a, p.codes, s.secrets(token)...)
}
