package quickstart

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/simulator"
)

const (
	certificateDays = 60
	// serverName is what servers call the app.
	serverName = "chat-server." + Namespace + ".svc"
	// httpsEvery is the pace of requests while the certificate changes.
	httpsEvery = 20 * time.Millisecond
	// afterChange is how many more requests meet the new certificate.
	afterChange = 50
)

// serveTLS gives the planes a certificate, and another one while requests come: none of them fails and no pod restarts.
func (s *Story) serveTLS(ctx context.Context) error {
	first, err := s.newCertificate(ctx)
	if err != nil {
		return err
	}
	if err := s.exposeTLS(ctx, `{"secretRef":{"name":"chat-tls"}}`, "https"); err != nil {
		return err
	}
	c, err := s.secureClient(ctx)
	if err != nil {
		return err
	}
	c.trust(first)
	if err := await(ctx, "a message over https", c.send); err != nil {
		return err
	}
	if err := s.changeCertificate(ctx, c); err != nil {
		return err
	}
	if err := s.exposeTLS(ctx, "null", "http"); err != nil {
		return err
	}
	return s.recovered(ctx)
}

// changeCertificate changes the Secret under constant requests.
func (s *Story) changeCertificate(ctx context.Context, c *secureClient) error {
	before, err := s.pods(ctx)
	if err != nil {
		return err
	}
	sending, stop := context.WithCancel(ctx)
	var sender sync.WaitGroup
	sender.Go(func() { c.sendAll(sending) })
	began := time.Now()
	err = s.servesNext(ctx, c)
	took := time.Since(began)
	stop()
	sender.Wait()
	s.Say("    the new certificate is served after %.1fs: %d requests over https, %d failed", took.Seconds(), c.sent.Load(), len(c.failures))
	if err := errors.Join(err, errors.Join(c.failures...)); err != nil {
		return err
	}
	after, err := s.pods(ctx)
	if err == nil && before != after {
		err = fmt.Errorf("pods changed from %q to %q", before, after)
	}
	return err
}

// servesNext puts another certificate, of another CA, into the Secret and waits for connections that meet it.
func (s *Story) servesNext(ctx context.Context, c *secureClient) error {
	next, err := simulator.NewCertificates([]string{serverName}, certificateDays)
	if err != nil {
		return err
	}
	c.trust(next) // before it can be met
	if err := s.setCertificate(ctx, next); err != nil {
		return err
	}
	return await(ctx, "the dispatcher to serve the new certificate", func(context.Context) error {
		if met := c.next.Load(); met < afterChange {
			return fmt.Errorf("%w: %d connections met it", errNotYet, met)
		}
		return nil
	})
}

// newCertificate makes the Secret of the app's certificate.
func (s *Story) newCertificate(ctx context.Context) (simulator.Certificates, error) {
	made, err := simulator.NewCertificates([]string{serverName}, certificateDays)
	if err != nil {
		return made, err
	}
	return made, s.setCertificate(ctx, made)
}

func (s *Story) setCertificate(ctx context.Context, c simulator.Certificates) error {
	s.Say("    $ kubectl -n %s apply --server-side -f -   # Secret chat-tls", Namespace)
	encode := base64.StdEncoding.EncodeToString
	return s.apply(ctx, fmt.Sprintf(`{"apiVersion":"v1","kind":"Secret","metadata":{"name":"chat-tls","namespace":%q},`+
		`"type":"kubernetes.io/tls","data":{"tls.crt":%q,"tls.key":%q}}`, Namespace, encode(c.Cert), encode(c.Key)))
}

// exposeTLS sets or removes the app's certificate, and waits until the app is Ready with it.
func (s *Story) exposeTLS(ctx context.Context, value, scheme string) error {
	if err := s.Show(ctx, "-n", Namespace, "patch", "pushapp/chat", "--type=merge", "-p", `{"spec":{"exposure":{"tls":`+value+`}}}`); err != nil {
		return err
	}
	return await(ctx, "the app to be Ready over "+scheme, func(ctx context.Context) error {
		got, err := s.field(ctx, "pushapp/chat", `.status.endpoints[?(@.name=="server")].url} {.status.conditions[?(@.type=="Ready")].status`)
		if err == nil && (!strings.HasPrefix(got, scheme+"://") || !strings.HasSuffix(got, " True")) {
			err = fmt.Errorf("%w: endpoint and Ready are %q", errNotYet, got)
		}
		return err
	})
}

// secureClient is a server of the app's that speaks https to the Service's name and trusts the CAs that it was given.
// Each request has its own connection, so that each meets the certificate of its time.
type secureClient struct {
	story   *Story
	backend *client.Server
	sent    atomic.Int64
	// next counts connections that met a certificate of the second CA.
	next     atomic.Int64
	failures []error

	mu  sync.Mutex
	cas []*x509.CertPool
}

func (s *Story) secureClient(ctx context.Context) (*secureClient, error) {
	plain, err := s.url(ctx, "chat-server")
	if err != nil {
		return nil, err
	}
	at, err := url.Parse(plain)
	if err != nil {
		return nil, err
	}
	c := &secureClient{story: s}
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dialAgain(ctx, network, at.Host) // the node does not know the cluster's names
		},
		TLSClientConfig: &tls.Config{
			MinVersion:         tls.VersionTLS12,
			InsecureSkipVerify: true, //nolint:gosec // verify does it, with CAs that come later
			VerifyConnection:   c.verify,
		},
	}
	c.backend = client.NewServer("https://"+serverName, serverKey, &http.Client{Timeout: patience / 4, Transport: transport})
	return c, nil
}

// trust adds a CA.
func (c *secureClient) trust(made simulator.Certificates) {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(made.CA)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cas = append(c.cas, pool)
}

// verify holds a connection's certificate to the CAs and to the name, and counts those of the second CA.
func (c *secureClient) verify(state tls.ConnectionState) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var errs []error
	for i, ca := range c.cas {
		_, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: ca, DNSName: serverName})
		if err == nil {
			c.next.Add(int64(i))
			return nil
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// send sends a message to somebody who has no phone.
func (c *secureClient) send(ctx context.Context) error {
	_, err := c.backend.Send(ctx, c.story.message(c.story.user("erin"), "Over https", chat))
	return err
}

// sendAll sends one message after the other until ctx ends.
func (c *secureClient) sendAll(ctx context.Context) {
	pace := time.NewTicker(httpsEvery)
	defer pace.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-pace.C:
		}
		c.sent.Add(1)
		if err := c.send(context.WithoutCancel(ctx)); err != nil {
			c.failures = append(c.failures, err)
		}
	}
}
