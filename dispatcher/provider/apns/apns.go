// Package apns pushes through the Apple Push Notification service: one request
// per phone over few lasting HTTP/2 connections, authorized by a JWT of a
// signing key or by a client certificate.
package apns

import (
	"bytes"
	"context"
	"errors"
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
	productionURL = "https://api.push.apple.com"
	sandboxURL    = "https://api.sandbox.push.apple.com"
	// maxTargets bounds the requests of one call; APNs has no batches.
	maxTargets = 500
	// maxStreams bounds the open requests of a channel row.
	maxStreams = 200
	// tokenDigits bound the length of a device token, which Apple leaves open.
	leastDigits, mostDigits = 64, 200
)

// nobody is a token that no phone has.
var nobody = strings.Repeat("0", leastDigits)

// Provider is an app in one environment, with its credential.
type Provider struct {
	url     string
	topic   string
	client  *http.Client
	bearer  *bearer // nil with a certificate
	expires time.Time
	codes   provider.CodeIndex
	streams provider.Streams
	proven  provider.Proven
	now     func() time.Time
}

var (
	_ provider.Provider = (*Provider)(nil)
	_ provider.Expiring = (*Provider)(nil)
)

// New makes the provider of a channel row with vendor APNs.
func New(row config.Channel, deps provider.Deps) (*Provider, error) {
	if row.APNs == nil {
		return nil, fmt.Errorf("channel %s: apns: must be set for vendor APNs", row.Name)
	}
	now := deps.Clock()
	c, err := parseCredential(row.APNs, now())
	if err != nil {
		return nil, fmt.Errorf("channel %s: %w", row.Name, named(err))
	}
	base, err := baseURL(row)
	if err != nil {
		return nil, fmt.Errorf("channel %s: %w", row.Name, err)
	}
	p := &Provider{
		url: base + "/3/device/", topic: row.APNs.BundleID, expires: c.expires,
		codes: provider.IndexCodes(Codes()), streams: provider.NewStreams(maxStreams), now: now,
	}
	options := []provider.Option{provider.HTTP2Only()}
	if c.key != nil {
		p.bearer = newBearer(c, row.APNs, deps)
	} else {
		options = append(options, provider.ClientCertificate(c.certificate))
	}
	if p.client, err = provider.NewClient(row.Endpoint, deps, options...); err != nil {
		return nil, fmt.Errorf("channel %s: %w", row.Name, err)
	}
	return p, nil
}

// named puts the member's name before the field; a mismatch has it.
func named(err error) error {
	if _, ok := errors.AsType[*provider.MismatchError](err); ok {
		return err
	}
	return fmt.Errorf("apns: %w", err)
}

// baseURL is the environment's host. A phone of the other environment has a wrong token, so there is no default.
func baseURL(row config.Channel) (string, error) {
	if row.Endpoint.URL != "" {
		return strings.TrimSuffix(row.Endpoint.URL, "/"), nil
	}
	switch row.APNs.Environment {
	case "Production":
		return productionURL, nil
	case "Sandbox":
		return sandboxURL, nil
	}
	return "", fmt.Errorf("apns.environment: is %q, must be Production or Sandbox", row.APNs.Environment)
}

// Token brings a device token into the form in which it is compared: lower-case hex. The error quotes nothing of it.
func Token(token string) (string, error) {
	token = strings.ToLower(token)
	if len(token) < leastDigits || len(token) > mostDigits || strings.Trim(token, "0123456789abcdef") != "" {
		return "", fmt.Errorf("token: must be the device token in hex, %d to %d digits without blanks", leastDigits, mostDigits)
	}
	return token, nil
}

// MaxTargets is the largest number of tokens of one Send.
func (*Provider) MaxTargets() int { return maxTargets }

// Requests is one for each target: APNs has no batch call.
func (*Provider) Requests(targets int) int { return targets }

// CredentialExpires is when the certificate runs out; zero for a key.
func (p *Provider) CredentialExpires() time.Time { return p.expires }

// Close releases connections.
func (p *Provider) Close() { p.client.CloseIdleConnections() }

// Probe pushes to a token that no phone has: APNs checks the credential before
// it complains about the token. It has no call that proves a credential and reaches nobody.
func (p *Provider) Probe(ctx context.Context) message.Outcome {
	n := provider.Notification{Setting: config.Setting{APNs: &config.APNsSetting{PushType: "Background"}}}
	o := p.Send(ctx, n, []provider.Target{{Token: nobody}})[0]
	if o.Class == message.InvalidToken && (o.Code == badDeviceToken || o.HTTPStatus == http.StatusGone) {
		return message.Outcome{Class: message.Accepted, HTTPStatus: o.HTTPStatus}
	}
	return o
}

// Send makes one request for each target. Those whose JWT ran out are sent once
// more with a new one.
func (p *Provider) Send(ctx context.Context, n provider.Notification, targets []provider.Target) []message.Outcome {
	outcomes := make([]message.Outcome, len(targets))
	send := func(token string, due []int) {
		p.streams.Each(ctx, due, func(i int) { outcomes[i] = p.push(ctx, token, n, targets[i]) })
	}
	if p.bearer != nil {
		p.bearer.cache.Each(ctx, outcomes, send)
	} else {
		due := make([]int, len(targets))
		for i := range due {
			due[i] = i
		}
		send("", due)
	}
	p.proven.Judge(outcomes, deviceTokenNotForTopic, message.InvalidToken)
	return outcomes
}

// push makes one request, with a JWT if there is one.
func (p *Provider) push(ctx context.Context, token string, n provider.Notification, t provider.Target) message.Outcome {
	body, note, err := compose(n, t)
	if err != nil {
		return message.Outcome{Class: message.Rejected, Detail: provider.Words(err.Error())}
	}
	post := func(token string) message.Outcome {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url+url.PathEscape(t.Token), bytes.NewReader(body))
		if err != nil {
			return provider.Unanswered(err)
		}
		p.head(req.Header, n, t)
		if token != "" {
			req.Header.Set("Authorization", "bearer "+token)
		}
		a, err := provider.Do(p.client, req)
		if err != nil {
			return provider.Unanswered(err)
		}
		return outcome(a, p.codes, token, t.Token)
	}
	o := message.Outcome{}
	if p.bearer != nil {
		o = p.bearer.authorize(token, post)
	} else {
		o = post("")
	}
	switch {
	case o.Class == message.Accepted:
		o.Detail = note
	case pushType(n, t) == voIP && (o.Code == topicDisallowed || o.Code == badTopic):
		// Concerns calls only: it must not hold back the alerts of the channel.
		o.Class, o.Detail = message.Rejected, o.Detail+": the certificate or key is not for calls (topic "+p.topic+".voip)"
	}
	return o
}

func (p *Provider) head(h http.Header, n provider.Notification, t provider.Target) {
	kind := pushType(n, t)
	topic, priority := p.topic, "10"
	switch kind {
	case voIP:
		topic += ".voip"
	case background:
		priority = "5"
	}
	h.Set("Content-Type", "application/json")
	h.Set("apns-topic", topic)
	h.Set("apns-push-type", kind)
	h.Set("apns-priority", priority)
	h.Set("apns-expiration", expiration(n.TTL, p.now()))
	h.Set("apns-id", messageID(n, t.Token))
	if id := collapseID(n); id != "" {
		h.Set("apns-collapse-id", id)
	}
}
